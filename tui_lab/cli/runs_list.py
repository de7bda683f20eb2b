"""`tui-lab runs list [FILTER...]`: the runs that a filter lets through, in the order asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from tui_lab.cli.arguments import AsJson
from tui_lab.cli.context import places

if TYPE_CHECKING:
    from tui_lab.runs.fields import Field
    from tui_lab.runs.store import Listed

USUAL_LIMIT = 50
WIDE = 100  # columns from which a list shows presets and learning rates
NAME_WIDTH, CURVE_WIDTH = 20, 12
SHOWN = frozenset(  # what needs no column of its own when runs are sorted by it
    {
        "state",
        "id",
        "name",
        "preset",
        "epoch",
        "epochs",
        "test_accuracy",
        "best_test_accuracy",
        "best_epoch",
        "age",
        "created",
    }
)


class FilterCommand(TyperCommand):
    """Lets `-crashed` be a term of a filter: a dash before a word of several letters begins no option here."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with_value = {name for p in self.params for name in p.opts if not getattr(p, "is_flag", True)}
        options: list[str] = []
        terms: list[str] = []
        rest = iter(args)
        for argument in rest:
            if argument == "--":
                terms += rest
            elif re.match(r'-[^\W\d]{2}|-"', argument):
                terms.append(argument)
            else:
                options.append(argument)
                options += islice(rest, argument in with_value)
        return super().parse_args(ctx, [*options, "--", *terms] if terms else options)


def complete_filter(incomplete: str) -> list[str]:
    """Names of fields, and the values that they can have."""
    from tui_lab.labs.fields import known_fields
    from tui_lab.runs.query import suggest

    return suggest(incomplete, known_fields())


def list_runs(
    context: typer.Context,
    terms: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILTER",
            help="Terms that must all hold: 'lr<0.1' exercise=convnet 'test_accuracy>=70%' optimizer=adam'|'sgd "
            "'age<2d' -crashed, or any words. Operators: = != < <= > >= and ~ for contains.",
            autocompletion=complete_filter,
        ),
    ] = None,
    exercise: Annotated[str | None, typer.Option(help="Only runs of this exercise.")] = None,
    state: Annotated[str | None, typer.Option(help="Only runs that are queued, running, finished, ...")] = None,
    sort: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="By a column, hyperparameter or metric; -FIELD: the highest first."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="At most so many, the first; 0 = all. Default: 50, as JSON all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every run, newest first, or those that a filter lets through."""
    from tui_lab.cli.output import data_console, print_json, say

    matching = _matching(context, terms or [], exercise, state, sort)
    most = limit if limit is not None else 0 if as_json else USUAL_LIMIT
    found = list(islice(matching, most or None))
    if as_json:
        print_json([summary(entry) for entry in found])
    elif found:
        console = data_console()
        console.print(_table(found, console.width, sort))
        if next(matching, None) is not None:
            say(f"These are the {'first' if sort else 'newest'} {most}; --limit 0 lists all.")
    elif exercise or state or terms:
        say("No run is like that; `tui-lab runs list` shows all there are.")
    else:
        say("No runs yet. Start one: tui-lab run digits-convnet")


def _matching(
    context: typer.Context, terms: list[str], exercise: str | None, state: str | None, sort: str | None
) -> Any:
    """An iterator of runs. Without a filter and an order they are read as they are taken."""
    from tui_lab.errors import UsageError, nearest
    from tui_lab.labs.catalogue import find_exercise
    from tui_lab.labs.fields import known_fields
    from tui_lab.runs.fields import sorted_by
    from tui_lab.runs.query import Query
    from tui_lab.runs.status import STATES

    if exercise is not None:
        find_exercise(exercise)
    if state not in (None, *STATES):
        raise UsageError(f"There is no state {state!r}; there are {', '.join(STATES)}.", nearest(str(state), STATES))
    entries = (
        entry
        for entry in places(context).store.newest_first()
        if exercise in (None, entry.status.exercise) and state in (None, entry.state)
    )
    if not terms and sort is None:
        return entries
    every = list(entries)
    known = known_fields(every)
    query = Query.parse(" ".join(terms), known)
    found = [entry for entry in every if query.matches(entry)]
    return iter(found if sort is None else sorted_by(found, sort, known))


def summary(entry: Listed) -> dict[str, Any]:
    """A run as JSON."""
    return {
        "id": entry.run.id,
        "path": str(entry.run.path),
        **asdict(entry.label),
        **asdict(entry.status),
        "state": entry.state,
    }


def _table(found: list[Listed], width: int, sort: str | None) -> Any:
    from rich.text import Text

    from tui_lab.cli.output import table

    columns = _columns(found, width, sort)
    made = table(*columns)
    for column in made.columns:
        if column.header == "name":
            column.no_wrap, column.overflow, column.max_width = True, "ellipsis", NAME_WIDTH
    for entry in found:
        cells = [cell(entry) for cell in columns.values()]
        made.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    return made


def _columns(found: list[Listed], width: int, sort: str | None) -> dict[str, Callable[[Listed], Any]]:
    """What is shown of a run, by the title of its column, as far as there is room."""
    from tui_lab.cli.sentences import marked
    from tui_lab.runs.fields import find_field
    from tui_lab.runs.sentences import age

    has_names = any(entry.label.name for entry in found)
    is_wide = width >= WIDE
    columns: dict[str, Callable[[Listed], Any]] = {
        "state": lambda entry: marked(entry.state),
        "run": lambda entry: _id(entry, with_name=has_names and not is_wide),
    }
    if is_wide and has_names:
        columns["name"] = lambda entry: entry.label.name or "-"
    if is_wide:
        columns["preset"] = lambda entry: entry.status.preset or "-"
        columns[">lr"] = _lr
        columns[">batch"] = lambda entry: str(entry.status.hyperparameters.get("batch_size", "-"))
    field = find_field(sort.removeprefix("-")) if sort else None
    has_extra = field is not None and field.name not in SHOWN
    has_room = is_wide or not has_extra  # on 80 columns, one more takes the place of two others
    if has_room:
        columns[">epochs"] = _epochs
    columns[">best test %"] = _best
    if field and has_extra:
        columns[f">{field.name}"] = lambda entry: _value(field, entry)
    if width >= WIDE + CURVE_WIDTH + (NAME_WIDTH if has_names else 0) and any(entry.status.curve for entry in found):
        columns["curve"] = _curve
    if has_room:
        columns[">age"] = lambda entry: age(entry.status.created)
    return columns


def _id(entry: Listed, *, with_name: bool) -> Any:
    from rich.text import Text

    name = f"\n{entry.label.name}" if with_name and entry.label.name else ""
    return Text.assemble(entry.run.id, (name, "italic"))


def _lr(entry: Listed) -> str:
    """As it was asked for, and what replaced it."""
    lr, changed = entry.status.hyperparameters.get("lr"), entry.status.changed_lr
    return (f"{lr:g}" if isinstance(lr, int | float) else "-") + (f"→{changed:g}" if changed else "")


def _epochs(entry: Listed) -> str:
    done, asked = entry.status.epoch, entry.status.epochs
    return f"{done}/{asked}" if done < asked else str(asked)


def _best(entry: Listed) -> str:
    from tui_lab.runs.sentences import percent

    best = entry.status.best
    return percent(best.get("test_accuracy")) + (
        f" @{best['epoch']:g}" if "epoch" in best and not entry.status.is_fitted else ""
    )


def _curve(entry: Listed) -> str:
    """The test accuracy by epoch."""
    from tui_lab.charts.sparkline import sparkline
    from tui_lab.cli.output import is_ascii

    return sparkline(entry.status.curve, CURVE_WIDTH, is_ascii()).rstrip() or "-"


def _value(field: Field, entry: Listed) -> str:
    from tui_lab.runs.fields import text_of
    from tui_lab.runs.sentences import duration, percent

    value = field.read(entry)
    if value is None:
        return "-"
    if field.kind == "share":
        return f"{percent(value)} %"
    return duration(value) if field.kind == "duration" else text_of(value)
