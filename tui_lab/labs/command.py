"""The command line that does the same: what a screen shows and a user copies into a shell or a script."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_lab.paths import data_dir, home_dir

if TYPE_CHECKING:
    from tui_lab.labs.exercise import Exercise


def command_line(*arguments: str, home: Path | None = None, data: Path | None = None) -> str:
    """`tui-lab` with these arguments, quoted for a shell.

    `--home` and `--data` come first where they are not what a command of this environment would take anyway.
    """
    places = []
    if home is not None and home_dir(home) != home_dir():
        places += ["--home", str(home_dir(home))]
    if data is not None and data_dir(data) != data_dir():
        places += ["--data", str(data_dir(data))]
    return shlex.join(["tui-lab", *places, *arguments])


def train_command(
    exercise: Exercise, values: Mapping[str, Any], *, home: Path | None = None, data: Path | None = None
) -> str:
    """The command that trains `exercise` with exactly these hyperparameters; only what is no default is spelled out.

    Args:
        exercise: the exercise.
        values: hyperparameters by name. Those left out have their defaults; names that it does not have are ignored.
        home: where the run is to be kept.
        data: where the data sets lie.
    """
    flags = [
        part
        for name, declared in exercise.declarations.items()
        if name in values and values[name] != declared.default
        for part in declared.arguments(values[name])
    ]
    return command_line("train", exercise.name, *flags, home=home, data=data)
