"""`tui-lab exercises` and `tui-lab describe`."""

from __future__ import annotations

import json

import pytest
from rich.text import Text
from typer.testing import CliRunner

from tests.cli.terminal import Terminal
from tui_lab.cli.main import app
from tui_lab.errors import USAGE, UsageError
from tui_lab.hyperparameters import TOPICS
from tui_lab.labs.catalogue import EXERCISES


def output(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_exercise_is_listed() -> None:
    rows = [line.split() for line in output("exercises").splitlines()[2:]]
    assert [row[0] for row in rows] == list(EXERCISES)
    assert json.loads(output("exercises", "--json")) == [
        {"name": exercise.name, "lab": exercise.lab, "title": exercise.title} for exercise in EXERCISES.values()
    ]


@pytest.mark.parametrize("name", EXERCISES)
def test_every_hyperparameter_is_described_once_below_its_topic(name: str) -> None:
    lines = output("describe", name).splitlines()
    declared = EXERCISES[name].declarations
    flags = [line.split()[0] for line in lines if line.startswith("--")]
    assert flags == [declaration.flag for declaration in declared.values()]
    headings = [line.split()[0] for line in lines if line.split()[1:3] == ["default", "allowed"]]
    assert headings == [topic for topic in TOPICS if any(d.topic == topic for d in declared.values())]


def test_a_row_has_default_range_help_condition_and_question() -> None:
    rows = {line.split()[0]: " ".join(line.split()) for line in output("describe", "convnet").splitlines() if line}
    assert rows["--lr"] == "--lr 0.01 0 < lr <= 100 learning rate; question 1.11"
    assert rows["--momentum"] == "--momentum 0 0 <= momentum < 1 momentum; only if optimizer is sgd or rmsprop"
    assert rows["--crop"].endswith("side of a random crop [test: centre crop]; 0 = none; question 2.22")
    assert rows["--folder"].startswith("--folder - text")


@pytest.mark.parametrize("name", EXERCISES)
def test_json_says_all_that_is_declared(name: str) -> None:
    described = json.loads(output("describe", name, "--json"))
    assert described["name"] == name
    for entry, declaration in zip(described["hyperparameters"], EXERCISES[name].declarations.values(), strict=True):
        assert entry["flag"] == declaration.flag
        assert entry["default"] == declaration.default
        assert tuple(entry["choices"]) == declaration.choices
        assert (entry["help"], entry["allowed"]) == (declaration.help, declaration.allowed)
        assert entry["only_if"].keys() == declaration.only_if.keys()


def test_an_unknown_exercise_names_the_nearest() -> None:
    result = CliRunner().invoke(app, ["describe", "convnt"])
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == USAGE
    assert result.exception.hint == "Did you mean 'convnet'?"


@pytest.mark.parametrize("command", ["describe", "train", "preview"])
def test_whoever_names_a_preset_is_told_what_to_do_with_it(command: str) -> None:
    result = CliRunner().invoke(app, [command, "2.5"])
    assert isinstance(result.exception, UsageError)
    assert result.exception.message == "2.5 is a preset, not an exercise."
    assert result.exception.hint.endswith("`tui-lab run 2.5` trains it.")


@pytest.mark.parametrize("part", ["conv", "convne"])
def test_a_part_of_a_presets_name_is_no_preset(part: str) -> None:
    result = CliRunner().invoke(app, ["train", part])
    assert isinstance(result.exception, UsageError)
    assert "no exercise" in result.exception.message


@pytest.mark.parametrize("columns", [80, 160])
def test_the_description_fits_the_terminal_and_its_tables_line_up(columns: int) -> None:
    with Terminal("describe", "convnet", columns=columns) as terminal:
        terminal.wait()
    text = Text.from_ansi(terminal.output.replace("\r", "")).plain
    lines = text.splitlines()
    assert max(map(len, lines)) <= columns
    starts = {line.index("default") for line in lines if line.split()[1:2] == ["default"]}
    assert len(starts) == 1
    assert any("only if scheduler is step" in line for line in lines)
    assert ("allowed" in text) == (columns == 160)
