"""`tui-lab questions`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tui_lab.cli.main import app
from tui_lab.errors import USAGE, UsageError
from tui_lab.labs.cards import load_cards

SHIPPED = load_cards(Path("/nowhere")).cards


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own."""
    monkeypatch.setenv("TUI_LAB_HOME", str(tmp_path))
    (tmp_path / "questions").mkdir()
    return tmp_path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["questions", *arguments])
    assert result.exit_code == 0, result.output
    return result


def listed(*arguments: str) -> list[str]:
    return [line.split()[0] for line in run(*arguments).stdout.splitlines()[2:]]


def test_every_question_is_listed(home: Path) -> None:
    assert listed() == [card.number for card in SHIPPED]
    assert [entry["number"] for entry in json.loads(run("--json").stdout)] == listed()


def test_a_list_is_narrowed_by_lab_and_words(home: Path) -> None:
    assert listed("--lab", "1", "--search", "double softmax") == [
        card.number
        for card in SHIPPED
        if card.lab == 1 and "double" in card.text.casefold() and "softmax" in card.text.casefold()
    ]
    assert listed("--lab", "3") == [card.number for card in SHIPPED if card.lab == 3]
    assert "No question is like that" in run("--lab", "3", "--search", "zebra").stderr
    assert "No question is like that" in run("12", "--search", "zebra").stderr


def test_a_question_is_printed_with_choices_answer_and_commands(home: Path) -> None:
    text = run("1.12").stdout
    card = next(card for card in SHIPPED if card.number == "1.12")
    assert text.startswith(f"1.12  {card.title}  mlp\n")
    assert all(choice.text in text for choice in card.choices)
    order = [text.index(part) for part in ("Predict", "  c 80 s", "Answer: c", "Back-propagation", "See it")]
    assert order == sorted(order)
    assert "  tui-lab tools backprop-cost\n" in text
    assert "**" not in text and "\x1b" not in text


def test_without_the_answer_nothing_gives_it_away(home: Path) -> None:
    card = next(card for card in SHIPPED if card.number == "1.12")
    text = run("1.12", "--no-answer").stdout
    assert card.choices[0].text in text
    assert "Answer" not in text and "See it" not in text and "Back-propagation:" not in text
    (found,) = json.loads(run("1.12", "--no-answer", "--json").stdout)
    assert set(found) == {"number", "lab", "title", "exercises", "question", "prompt", "choices"}


def test_json_has_the_right_choices_and_complete_commands(home: Path) -> None:
    (found,) = json.loads(run("1.10", "--json").stdout)
    assert found["right"] == [0]
    assert {"label", "command", "values"} <= set(found["show"][2])
    assert found["show"][2]["command"] == "tui-lab train mlp --batch-size 200 --lr 0.5 --epochs 500"


def test_folders_given_to_the_command_are_in_those_it_names(home: Path) -> None:
    result = CliRunner().invoke(app, ["--home", "/elsewhere", "questions", "1.2"])
    assert "tui-lab --home /elsewhere run digits-mlp" in result.stdout


def test_a_question_number_alone_is_that_of_every_lab(home: Path) -> None:
    own = (Path(__file__).parents[2] / "tui_lab/labs/questions/1.05.md").read_text()
    (home / "questions" / "2.05.md").write_text(own.replace("What y and ŷ are", "Mine"))
    text = run("5").stdout
    assert "1.5  What y and ŷ are" in text
    assert "2.5  Mine" in text
    assert "1.5  What" not in run("5", "--lab", "2").stdout


def test_a_file_that_is_no_card_is_told_and_the_others_are_listed(home: Path) -> None:
    (home / "questions" / "1.18.md").write_text("nothing")
    result = run()
    assert len(result.stdout.splitlines()) == len(SHIPPED) + 2
    assert "1.18.md: Must begin with a header" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence", "hint"),
    [
        (["1.18"], "There is no question '1.18'.", "Did you mean '1.17'?"),
        (["--lab", "4"], "There is no lab 4; there are 1, 2, 3.", ""),
    ],
)
def test_mistakes_are_told_in_a_sentence(home: Path, arguments: list[str], sentence: str, hint: str) -> None:
    error = CliRunner().invoke(app, ["questions", *arguments]).exception
    assert isinstance(error, UsageError) and error.exit_code == USAGE
    assert (error.message, error.hint) == (sentence, hint)


def test_seven_bits_where_nothing_else_may_appear(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_LAB_ASCII", "1")
    for card in SHIPPED:
        # rich draws bullets and rules of tables itself
        lines = [
            line.replace("•", "").replace("━", "").replace("─", "") for line in run(card.number).stdout.split("\n")
        ]
        assert [line for line in lines if not line.isascii() or "?" in line.replace("? ", "").rstrip("? ")] == []
    assert "y^ = softmax(y~)" in run("1.7").stdout


def test_the_command_imports_neither_torch_nor_textual(home: Path) -> None:
    code = (
        "import sys\n"
        "from tui_lab.cli.main import app\n"
        "from typer.testing import CliRunner\n"
        "for rest in ([], ['1.3']):\n"
        "    assert CliRunner().invoke(app, ['questions', *rest]).exit_code == 0\n"
        "sys.exit(bool({'torch', 'textual'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
