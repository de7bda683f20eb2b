"""Questions as cards: the practical's own, a teacher's, and files that are none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tui_lab.errors import UsageError
from tui_lab.hyperparameters import mistakes_in
from tui_lab.inspections.catalogue import INSPECTIONS
from tui_lab.labs.cards import Card, Cards, Choice, Show, load_card, load_cards, parse_card, shipped_dir
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.showing import rate_search, show_command
from tui_lab.presets import list_presets
from tui_lab.tools import rates
from tui_lab.tools.catalogue import TOOLS

CARD = """\
+++
title = "A title"
exercises = ["mlp", "svm"]

[[show]]
label = "Try it"
exercise = "mlp"
hyperparameters = {hidden = [], lr = 0.1}

[[show]]
label = "Calculate it"
tool = "losses"
inputs = {p = 0.5}
+++

## Question

What?

## Predict

Choose:
- [ ] this
- [x] that, which takes
  two lines

## Answer

Because.

### More

```
## no heading
```
"""
SHIPPED = load_cards(Path("/nowhere"))
NUMBERS = [card.number for card in SHIPPED.cards]


def refused(text: str, stem: str = "1.18") -> str:
    with pytest.raises(UsageError) as caught:
        parse_card(text, stem)
    return str(caught.value)


def without(text: str, part: str, instead: str = "") -> str:
    assert part in text
    return text.replace(part, instead)


# The practical's own


@pytest.mark.parametrize(("lab", "questions"), [(1, 17), (2, 34), (3, 22)])
def test_a_lab_has_all_its_questions(lab: int, questions: int) -> None:
    assert SHIPPED.problems == ()
    assert [card.number for card in SHIPPED.cards if card.lab == lab] == [f"{lab}.{i + 1}" for i in range(questions)]


@pytest.mark.parametrize("card", SHIPPED.cards, ids=NUMBERS)
def test_every_card_can_be_predicted_answered_and_seen(card: Card) -> None:
    assert 2 <= len(card.choices) <= 4
    assert sum(choice.is_right for choice in card.choices) == 1
    assert len(set(card.choices)) == len(card.choices)
    assert len(card.answer) > 300
    assert card.shows


@pytest.mark.parametrize("card", SHIPPED.cards, ids=NUMBERS)
def test_symbols_are_no_emphasis_and_formulas_fit_a_narrow_terminal(card: Card) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(f"{card.question}\n\n{card.prompt}\n\n{card.answer}")
    inline = [child for token in tokens for child in token.children or ()]
    assert [token.markup for token in inline if token.type in ("em_open", "strong_open") and "_" in token.markup] == []
    formulas = [line for token in tokens if token.type == "fence" for line in token.content.splitlines()]
    assert [line for line in formulas if len(line) > 68] == []


@pytest.mark.parametrize("card", SHIPPED.cards, ids=NUMBERS)
def test_no_word_of_a_table_is_cut_in_a_narrow_terminal(card: Card) -> None:
    for table in re.findall(r"(?:^\|.*\n?)+", card.answer, re.MULTILINE):
        rows = [line.strip("|").split("|") for line in table.splitlines() if set(line) > set("|-")]
        longest = [
            max(len(word) for cell in column for word in [*cell.split(), ""]) for column in zip(*rows, strict=True)
        ]
        assert sum(longest) + 3 * len(longest) + 1 <= 74, table  # each with a blank on both sides, and a rule


@pytest.mark.parametrize("card", SHIPPED.cards, ids=NUMBERS)
def test_everything_that_a_card_shows_exists(card: Card) -> None:
    presets = {listed.name for listed in list_presets(Path("/nowhere"))}
    known = {"preset": presets, "tool": [*TOOLS, rates.NAME], "exercise": EXERCISES, "inspection": INSPECTIONS}
    assert [name for name in card.exercises if name not in EXERCISES] == []
    assert [show.name for show in card.shows if show.name not in known[show.kind]] == []
    for show in card.shows:
        if show.name == rates.NAME:
            name, values = rate_search(show)
            assert mistakes_in(EXERCISES[name].hyperparameters, values) == []
        elif show.kind == "tool":
            assert mistakes_in(TOOLS[show.name].inputs, show.values) == []
        elif show.kind == "exercise":
            assert mistakes_in(EXERCISES[show.name].hyperparameters, show.values) == []


@pytest.mark.parametrize("lab", [1, 2, 3])
def test_every_question_that_a_hyperparameter_names_is_there(lab: int) -> None:
    declared = [d for exercise in EXERCISES.values() for d in exercise.declarations.values()]
    declared += [d for tool in TOOLS.values() for d in tool.declarations.values()]
    named = {d.question for d in declared if d.question.startswith(f"{lab}.")}
    assert named
    assert named <= set(NUMBERS)


# A file


def test_a_card_is_read_whole() -> None:
    card = parse_card(CARD, "1.07")
    assert (card.number, card.lab, card.title, card.exercises) == ("1.7", 1, "A title", ("mlp", "svm"))
    assert (card.question, card.prompt) == ("What?", "Choose:")
    assert card.choices == (Choice("this", False), Choice("that, which takes two lines", True))
    assert card.answer == "Because.\n\n### More\n\n```\n## no heading\n```"
    assert card.shows == (
        Show("Try it", "exercise", "mlp", {"hidden": [], "lr": 0.1}),
        Show("Calculate it", "tool", "losses", {"p": 0.5}),
    )


@pytest.mark.parametrize(
    ("part", "instead", "sentence"),
    [
        ("+++\n", "", "Must begin with a header between two lines of +++."),
        ('title = "A title"', "title = 3", "title = 3: must be text."),
        ('title = "A title"\n', "", "title: must be one line of text."),
        ('title = "A title"', 'titel = "A title"', "Did you mean 'title'?"),
        ('["mlp", "svm"]', '"mlp"', 'exercises = "mlp": must be a list.'),
        ('["mlp", "svm"]', "[1]", "must be names of exercises"),
        ('title = "A title"', 'title = "A', "The header is not valid TOML"),
        ('exercise = "mlp"\n', "", "show.1: must have exactly one of preset, tool, exercise, inspection"),
        ('tool = "losses"', 'tool = "losses"\npreset = "x"', "show.2: must have exactly one of"),
        ('label = "Try it"\n', "", "show.1.label: is missing."),
        ("inputs =", "hyperparameters =", "show.2.hyperparameters = {...}: must be a table of values, beside exercise"),
        ("## Predict", "## Prediction", "Did you mean 'Predict'?"),
        ("## Answer\n", "## Answer\n## Answer\n", "Has two sections Answer."),
        ("What?", "", "Has nothing below ## Question."),
        ("## Question", "First.\n## Question", "Has text before its first section"),
        ("Choose:\n", "", "Asks for no prediction"),
        ("- [ ] this\n", "", "Has 1 choices"),
        ("[x]", "[ ]", "Has no right choice"),
        ("- [ ] this", "- [ ] ", "Has a choice without words"),
        ("  two lines\n", "two lines\n", "Has text after the choices"),
    ],
)
def test_what_is_no_card_is_told_in_a_sentence(part: str, instead: str, sentence: str) -> None:
    assert sentence in refused(without(CARD, part, instead))


def test_the_number_comes_from_the_header_or_the_name() -> None:
    named = without(CARD, 'title = "', 'number = "2.018"\ntitle = "')
    assert parse_card(named, "about convolutions").number == "2.18"
    assert "the file's name is none" in refused(CARD, "about convolutions")
    assert "chapter and question" in refused(without(named, "2.018", "2"), "1.1")


def pieces() -> st.SearchStrategy[str]:
    return st.sampled_from([*CARD.splitlines(keepends=True), "- [x] \n", "number = 1\n", "[[show]]\n", "```\n", "\0"])


@given(st.one_of(st.text(), st.lists(pieces(), max_size=40).map("".join)))
def test_no_text_raises_anything_but_a_sentence(text: str) -> None:
    try:
        card = parse_card(text, "1.18")
    except UsageError as error:
        assert error.message
    else:
        assert card.question and card.answer and any(choice.is_right for choice in card.choices)


@given(st.integers(0, len(CARD) - 1), st.characters())
def test_one_wrong_character_raises_nothing_but_a_sentence(position: int, character: str) -> None:
    try:
        parse_card(CARD[:position] + character + CARD[position + 1 :], "1.18")
    except UsageError as error:
        assert error.message


# A folder of the user's


@given(st.dictionaries(st.sampled_from(["1.1.md", "1.99.md", "x.md", ".md"]), st.binary(max_size=200)))
def test_whatever_lies_in_the_folder_is_told_and_the_shipped_cards_stay(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("home") / "questions"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    found = load_cards(folder.parent)
    assert set(NUMBERS) <= {card.number for card in found.cards}
    told = {problem.file.name for problem in found.problems}
    assert told == {name for name in files if Path(name).suffix == ".md"}
    assert all(problem.sentence.endswith((".", "?")) for problem in found.problems)


def test_a_teachers_own_are_added_and_take_the_place_of_others(tmp_path: Path) -> None:
    folder = tmp_path / "questions"
    folder.mkdir()
    (folder / "1.03.md").write_text(without(CARD, "A title", "Mine"))
    (folder / "extra.md").write_text(without(CARD, 'title = "', 'number = "1.18"\ntitle = "'))
    (folder / "extra2.md").write_text(without(CARD, 'title = "', 'number = "1.18"\ntitle = "'))
    (folder / "notes.txt").write_text("no card")
    (folder / "1.20.md").mkdir()
    found = load_cards(tmp_path)
    assert [card.number for card in found.cards if card.lab == 1][-2:] == ["1.17", "1.18"]
    assert found.find("1.3")[0].title == "Mine"
    (problem,) = found.problems
    assert str(problem) == f"{folder / 'extra2.md'}: Has the number 1.18 as extra.md has."


def test_a_folder_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "questions").write_text("in the way")
    found = load_cards(tmp_path)
    assert [card.number for card in found.cards] == NUMBERS
    assert "Cannot be read: Not a directory." in str(found.problems[0])


def test_text_that_is_not_utf8_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "1.1.md"
    path.write_bytes(CARD.encode() + b"\nBecause \xff.\n")
    with pytest.raises(UsageError, match=r"line \d+ has a byte"):
        load_card(path)


# Finding


def cards(*numbers: str) -> Cards:
    return Cards(tuple(replace(parse_card(CARD, number), title=f"of {number}") for number in numbers))


def test_numbers_are_in_their_natural_order() -> None:
    assert NUMBERS.index("1.2") < NUMBERS.index("1.12")


@pytest.mark.parametrize(
    ("number", "expected"),
    [("1.2", ["1.2"]), ("1.02", ["1.2"]), ("1.12", ["1.12"]), (" 2.12 ", ["2.12"]), ("12", ["1.12", "2.12"])],
)
def test_a_question_is_found_by_its_number(number: str, expected: list[str]) -> None:
    found = cards("1.2", "1.12", "1.20", "2.12").find(number)
    assert [card.number for card in found] == expected


@pytest.mark.parametrize(
    ("number", "hint"),
    [("1.18", "'1.12'"), ("2.1", "'2.3'"), ("99", "'1.12'"), ("1,12", "'1.12'"), ("spam", "tui-lab questions")],
)
def test_a_number_that_nothing_has_leads_to_the_nearest(number: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        cards("1.2", "1.12", "2.3").find(number)
    assert hint in caught.value.hint


@given(st.text(max_size=20))
def test_finding_and_searching_take_any_text(text: str) -> None:
    assert set(SHIPPED.search(text)) <= set(SHIPPED.cards)
    try:
        assert SHIPPED.find(text)
    except UsageError as error:
        assert repr(text) in error.message


def test_a_search_looks_at_everything_for_every_word() -> None:
    assert [card.number for card in SHIPPED.search("BACKPROP-cost")] == ["1.12"]  # a tool that is shown
    assert "1.9" in [card.number for card in SHIPPED.search("regression cross")]
    assert SHIPPED.search("regression zebra") == ()
    assert SHIPPED.search("  ") == SHIPPED.cards


def test_an_exercise_has_the_questions_that_name_it() -> None:
    assert [card.number for card in SHIPPED.of_exercise("svm")] == ["1.1", "1.2"]


# What shows it


@pytest.mark.parametrize(
    ("show", "command"),
    [
        (Show("", "preset", "fig-2.05"), "tui-lab run fig-2.05"),
        (Show("", "inspection", "boundary"), "tui-lab inspect last boundary"),
        (Show("", "tool", "losses", {"p": 0.5}), "tui-lab tools losses --p 0.5"),
        (
            Show("", "exercise", "mlp", {"hidden": [], "softmax_output": True, "batch_size": 200}),
            "tui-lab train mlp --hidden '' --softmax-output --batch-size 200",
        ),
        (Show("", "tool", "lr-find", {"exercise": "mlp", "epochs": 9}), "tui-lab tools lr-find mlp --epochs 9"),
        (Show("", "tool", "no such", {"of_it": [1]}), "tui-lab tools 'no such' --of-it '[1]'"),
        (Show("", "exercise", "mlp", {"hidden": 3}), "tui-lab train mlp --hidden 3"),
    ],
)
def test_what_shows_an_answer_is_a_command(show: Show, command: str) -> None:
    assert show_command(show) == command


def test_shipped_cards_are_named_by_two_digits() -> None:
    names = [path.name for path in shipped_dir().iterdir()]
    assert [name for name in names if not re.fullmatch(r"[123]\.[0-9]{2}\.md", name)] == []
