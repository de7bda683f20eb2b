"""The configuration that a command means: defaults < preset < typed flags."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.completion import complete_preset

if TYPE_CHECKING:
    from tui_lab.hyperparameters import Hyperparameters
    from tui_lab.labs.exercise import Exercise

FromPreset = Annotated[
    str | None, typer.Option(help="Start from a preset; typed flags win over it.", autocompletion=complete_preset)
]


def settle(
    command: str, exercise: Exercise, given: dict[str, Any], preset: str | None, home: Path
) -> tuple[Hyperparameters, str]:
    """The hyperparameters, and the full name of the preset they start from ("" without one).

    Args:
        command: that the user typed, for a hint: `train`.
        exercise: of the command.
        given: values of the typed flags.
        preset: its name, a unique part of it, or a path.
        home: the folder with the user's own presets.

    Raises:
        UsageError: there is no such preset, it is for another exercise, or a value is not allowed.
    """
    from tui_lab.errors import UsageError
    from tui_lab.hyperparameters import build
    from tui_lab.presets import find_preset

    if preset is None:
        return build(exercise.hyperparameters, given), ""
    found = find_preset(preset, home)
    if found.exercise.name != exercise.name:
        raise UsageError(
            f"Preset {found.name!r} is for {found.exercise.name!r}, not for {exercise.name!r}.",
            f"Write: tui-lab {command} {found.exercise.name} --preset {found.name}",
        )
    return build(exercise.hyperparameters, {**found.hyperparameters, **given}), found.name
