"""The command line that does the same: read back, it gives the same hyperparameters."""

import shlex
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tui_lab.cli.flags import with_flags
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import build, mistakes_in
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.command import command_line, train_command
from tui_lab.paths import DATA_VARIABLE, HOME_VARIABLE, data_dir, home_dir


@pytest.fixture
def places(monkeypatch, tmp_path):
    """The folders of an environment of its own."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    return tmp_path


def parsed(exercise, arguments):
    """The values that the command line of an exercise makes of these flags."""
    found = []
    app = typer.Typer(add_completion=False)
    app.command()(with_flags(lambda given: found.append(given), exercise.declarations))
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return found[0]


def value_of(declaration):
    """Any value that a hyperparameter can be asked to have."""
    bounds = declaration.bounds
    if declaration.choices:
        return st.sampled_from(declaration.choices)
    if declaration.type is bool:
        return st.booleans()
    if declaration.type is int:
        upper = bounds["lt"] - 1 if "lt" in bounds else bounds.get("le")
        return st.integers(bounds.get("ge", 0), upper)
    if declaration.type is float:
        lower, upper = bounds.get("ge", bounds.get("gt")), bounds.get("le", bounds.get("lt"))
        return st.floats(
            lower, upper, exclude_min="gt" in bounds, exclude_max="lt" in bounds, allow_nan=False, allow_infinity=False
        )
    if declaration.type is list:
        return st.lists(st.integers(1, 65536), max_size=4)
    if declaration.name == "device":
        return st.sampled_from(["auto", "cpu", "cuda:1"])
    return st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)


@st.composite
def configurations(draw):
    exercise = draw(st.sampled_from(list(EXERCISES.values())))
    values = draw(st.fixed_dictionaries({}, optional={d.name: value_of(d) for d in exercise.declarations.values()}))
    wrong = {mistake.key for mistake in mistakes_in(exercise.hyperparameters, values)}
    return exercise, {name: value for name, value in values.items() if name not in wrong}


@settings(max_examples=60, deadline=None)
@given(configurations())
def test_the_command_gives_the_same_hyperparameters_back(configuration):
    exercise, values = configuration
    try:
        asked = build(exercise.hyperparameters, values)
    except UsageError:
        return
    for given_values in (values, asked.model_dump()):
        program, command, name, *flags = shlex.split(train_command(exercise, given_values))
        assert (program, command, name) == ("tui-lab", "train", exercise.name)
        assert build(exercise.hyperparameters, parsed(exercise, flags)) == asked


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_defaults_are_not_spelled_out(exercise):
    for values in ({}, exercise.hyperparameters().model_dump()):
        assert train_command(exercise, values) == f"tui-lab train {exercise.name}"


def test_what_differs_is_spelled_out_and_quoted_for_a_shell():
    values = {"hidden": [128, 64], "lr": 0.1, "dataset": "folder", "folder": "/my cats", "evaluate_train": True}
    assert train_command(EXERCISES["mlp"], {**values, "of_another_version": 1}) == (
        "tui-lab train mlp --dataset folder --folder '/my cats' --hidden 128,64 --lr 0.1 --evaluate-train"
    )


def test_folders_come_first_where_they_are_not_the_usual_ones(places):
    assert command_line("runs", "list", home=home_dir(), data=data_dir()) == "tui-lab runs list"
    assert command_line("runs", "list", home=places / "home", data=Path(places / "data")) == "tui-lab runs list"
    assert (
        train_command(EXERCISES["mlp"], {"lr": 0.1}, home=Path("/a b"), data=Path("/c"))
        == "tui-lab --home '/a b' --data /c train mlp --lr 0.1"
    )
    assert command_line("doctor", home=places / "home", data=Path("/c")) == "tui-lab --data /c doctor"
