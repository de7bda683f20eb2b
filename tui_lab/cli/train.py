"""`tui-lab train EXERCISE`: train one configuration, with a flag for every hyperparameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from tui_lab.cli.completion import complete_preset
from tui_lab.cli.context import places

if TYPE_CHECKING:
    from tui_lab.labs.exercise import Exercise


class ExerciseGroup(TyperGroup):
    """One subcommand an exercise, made from the catalogue when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        from tui_lab.labs.catalogue import EXERCISES

        return list(EXERCISES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        from tui_lab.labs.catalogue import EXERCISES, find_exercise

        if ctx.resilient_parsing and cmd_name not in EXERCISES:  # completion asks about half a name
            return None
        return _command(find_exercise(cmd_name))


app = typer.Typer(
    cls=ExerciseGroup,
    help="Train an exercise; every hyperparameter is a flag.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.callback()
def _group() -> None:
    """Train an exercise; every hyperparameter is a flag."""


def _command(exercise: Exercise) -> Any:
    from tui_lab.cli.flags import with_flags

    def train(
        context: typer.Context,
        given: dict[str, Any],
        preset: Annotated[
            str | None,
            typer.Option(help="Start from a preset; typed flags win over it.", autocompletion=complete_preset),
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="One event a line on stdout.")] = False,
        detached: Annotated[bool, typer.Option("--detach", help="Start it, print its id, and leave.")] = False,
        watched: Annotated[bool, typer.Option("--watch", help="Live charts instead of a line an epoch.")] = False,
    ) -> None:
        train_exercise(context, exercise, given, preset, as_json=as_json, detached=detached, watched=watched)

    train.__doc__ = f"{exercise.title} (lab {exercise.lab})."
    single = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    single.command(exercise.name)(with_flags(train, exercise.declarations))
    return typer.main.get_command(single)


def train_exercise(
    context: typer.Context,
    exercise: Exercise,
    given: dict[str, Any],
    preset: str | None,
    *,
    as_json: bool,
    detached: bool,
    watched: bool,
) -> None:
    """Defaults < preset < typed flags, then train."""
    from tui_lab.cli.launch import check_launch, create_run, detach, follow, watch_started
    from tui_lab.errors import UsageError
    from tui_lab.hyperparameters import build
    from tui_lab.presets import find_preset

    where = places(context)
    values, name = given, ""
    if preset is not None:
        found = find_preset(preset, where.home)
        if found.exercise.name != exercise.name:
            raise UsageError(
                f"Preset {found.name!r} is for {found.exercise.name!r}, not for {exercise.name!r}.",
                f"Run it with: tui-lab train {found.exercise.name} --preset {found.name}",
            )
        values, name = {**found.hyperparameters, **given}, found.name
    hyperparameters = build(exercise.hyperparameters, values)
    check_launch(where, exercise, hyperparameters)
    run = create_run(where, exercise, hyperparameters, name)
    if detached:
        detach([run])
    elif watched:
        watch_started(run)
    else:
        follow([run], as_json=as_json)
