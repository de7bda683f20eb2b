"""`tui-lab questions`: the questions of the practical, each with a prediction, its answer, and what shows it live."""

from __future__ import annotations

from string import ascii_lowercase
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import AsJson
from tui_lab.cli.context import Places, places

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from tui_lab.labs.cards import Card

WIDEST_TEXT = 100


def complete_number(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Numbers of questions, with their titles."""
    from tui_lab import paths
    from tui_lab.labs.cards import load_cards

    cards = load_cards(paths.home_dir(context.find_root().params.get("home"))).cards
    return [(card.number, card.title) for card in cards if card.number.startswith(incomplete)]


def questions(
    context: typer.Context,
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help="1.12, or 12 for that of every lab.", autocompletion=complete_number),
    ] = None,
    lab: Annotated[int | None, typer.Option(help="Only those of this lab.")] = None,
    search: Annotated[str, typer.Option(metavar="TEXT", help="Only those with all these words.")] = "",
    with_answer: Annotated[
        bool, typer.Option("--answer/--no-answer", help="With the answer and what shows it, or the question only.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """The questions of the practical. With NUMBER, one of them: predict, then read on, then try it.

    Your own are Markdown files in the folder questions of your home; docs/questions.md has the format.
    """
    from tui_lab.cli.output import print_json, say
    from tui_lab.errors import UsageError
    from tui_lab.labs.cards import load_cards
    from tui_lab.labs.catalogue import LABS

    where = places(context)
    cards = load_cards(where.home)
    for problem in cards.problems:
        say(f"Left out, {problem}")
    if lab not in (None, *LABS):
        raise UsageError(f"There is no lab {lab}; there are {', '.join(map(str, LABS))}.")
    fitting = {card.number for card in cards.search(search) if lab in (None, card.lab)}
    found = [card for card in (cards.find(number) if number else cards.cards) if card.number in fitting]
    if as_json:
        print_json([as_json_of(card, where, with_answer=with_answer) for card in found])
    elif not found:
        say("No question is like that; `tui-lab questions` shows all there are.")
    elif number is None:
        _list(found)
    else:
        _print(found, where, with_answer=with_answer)


def as_json_of(card: Card, where: Places, *, with_answer: bool) -> dict[str, Any]:
    """A card as JSON; without the answer, nothing in it tells which choice is right."""
    known: dict[str, Any] = {
        "number": card.number,
        "lab": card.lab,
        "title": card.title,
        "exercises": list(card.exercises),
        "question": card.question,
        "prompt": card.prompt,
        "choices": [choice.text for choice in card.choices],
    }
    if not with_answer:
        return known
    return {
        **known,
        "right": [i for i, choice in enumerate(card.choices) if choice.is_right],
        "answer": card.answer,
        "show": [
            {"label": show.label, show.kind: show.name, "values": dict(show.values), "command": _command(show, where)}
            for show in card.shows
        ],
    }


def _command(show: Any, where: Places) -> str:
    from tui_lab.labs.showing import show_command

    return show_command(show, home=where.home, data=where.data)


def _list(found: Iterable[Card]) -> None:
    from rich.text import Text

    from tui_lab.cli.output import data_console, say, table

    made = table("question", "", "exercise")
    for card in found:
        made.add_row(Text(card.number, "bold"), Text(_shown(card.title)), Text(_shown(" ".join(card.exercises))))
    data_console().print(made)
    say("Read one: tui-lab questions NUMBER; for a class: --no-answer")


def _print(found: Iterable[Card], where: Places, *, with_answer: bool) -> None:
    from rich.rule import Rule

    from tui_lab.cli.output import data_console, is_ascii

    console = data_console()
    for i, card in enumerate(found):
        if i:
            console.print()
            console.print(Rule(characters="-" if is_ascii() else "─"), width=min(console.width, WIDEST_TEXT))
            console.print()
        _print_card(console, card, where, with_answer=with_answer)


def _print_card(console: Console, card: Card, where: Places, *, with_answer: bool) -> None:
    from rich.text import Text

    about = Text.assemble((f"{card.number}  {_shown(card.title)}", "bold"), "  ", (", ".join(card.exercises), "dim"))
    console.print(about, "", _markdown(card.question), sep="\n", **_width(console))
    console.print("\n[bold]Predict[/]\n", _markdown(card.prompt), sep="\n", **_width(console))
    letters = dict(zip(ascii_lowercase, card.choices, strict=False))
    for letter, choice in letters.items():
        console.print(_choice(letter, choice.text), **_width(console))
    if not with_answer:
        return
    right = " and ".join(letter for letter, choice in letters.items() if choice.is_right)
    console.print(f"\n[bold]Answer: {right}[/]\n", _markdown(card.answer), sep="\n", **_width(console))
    if card.shows:
        console.print("\n[bold]See it[/]")
    for show in card.shows:
        console.print()
        console.print(Text(f"  {_shown(show.label)}"))
        console.print(Text(f"  {_command(show, where)}", "cyan"), soft_wrap=True)


def _choice(letter: str, text: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    row = Table.grid(padding=(0, 1))
    row.add_row(Text(f"  {letter}", "bold"), _markdown(text))
    return row


def _markdown(text: str) -> Any:
    from rich.markdown import Markdown

    return Markdown(_shown(text), code_theme="ansi_dark")


def _shown(text: str) -> str:
    from tui_lab.charts.formulas import spelled_out
    from tui_lab.cli.output import is_ascii

    return spelled_out(text) if is_ascii() else text


def _width(console: Console) -> dict[str, Any]:
    return {"width": min(console.width, WIDEST_TEXT), "soft_wrap": False}
