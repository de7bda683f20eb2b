"""What shows the answer to a question live, as a command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tui_lab.hyperparameters import Declaration
from tui_lab.labs.cards import Show
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.command import command_line
from tui_lab.tools import rates
from tui_lab.tools.catalogue import TOOLS


def show_command(show: Show, *, home: Path | None = None, data: Path | None = None) -> str:
    """The command that does what `show` asks for; an inspection is that of the newest run.

    Names that nothing has go into it as they are, for the command to say so.
    """
    return command_line(*_arguments(show), home=home, data=data)


def _arguments(show: Show) -> list[str]:
    match show.kind:
        case "preset":
            return ["run", show.name]
        case "inspection":
            return ["inspect", "last", show.name]
        case "tool" if show.name == rates.NAME:
            exercise_name, values = rate_search(show)
            return ["tools", show.name, *_exercise(exercise_name, values)]
        case "tool":
            tool = TOOLS.get(show.name)
            return ["tools", show.name, *_flags(show.values, tool.declarations if tool else {})]
        case "exercise":
            return ["train", *_exercise(show.name, show.values)]


def rate_search(show: Show) -> tuple[str, dict[str, Any]]:
    """The exercise and the hyperparameters of the tool `lr-find`: `inputs = {exercise = "mlp", batch_size = 50}`."""
    values = dict(show.values)
    return str(values.pop("exercise", "")), values


def _exercise(name: str, values: Mapping[str, Any]) -> list[str]:
    exercise = EXERCISES.get(name)
    return [name, *_flags(values, exercise.declarations if exercise else {})]


def _flags(values: Mapping[str, Any], declarations: Mapping[str, Declaration]) -> list[str]:
    flags: list[str] = []
    for name, value in values.items():
        declared = declarations.get(name)
        if declared is not None and (declared.type is list) == isinstance(value, list):
            flags += declared.arguments(value)
        else:
            flags += [f"--{name.replace('_', '-')}", str(value)]
    return flags
