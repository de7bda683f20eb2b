"""`tui-lab train EXERCISE`: train one configuration, with a flag for every hyperparameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import CpusPerRun, GpusPerRun, On
from tui_lab.cli.configuration import FromPreset, settle
from tui_lab.cli.context import places
from tui_lab.cli.groups import exercise_group

if TYPE_CHECKING:
    from tui_lab.jobs.choosing import Placement
    from tui_lab.labs.exercise import Exercise


def _command(exercise: Exercise) -> Callable[..., None]:
    def train(
        context: typer.Context,
        given: dict[str, Any],
        preset: FromPreset = None,
        as_json: Annotated[bool, typer.Option("--json", help="One event a line on stdout.")] = False,
        detached: Annotated[bool, typer.Option("--detach", help="Start it, print its id, and leave.")] = False,
        watched: Annotated[bool, typer.Option("--watch", help="Live charts instead of a line an epoch.")] = False,
        on: On = "local",
        cpus_per_run: CpusPerRun = None,
        gpus_per_run: GpusPerRun = None,
    ) -> None:
        from tui_lab.jobs.choosing import choose

        placement = choose(on, 1, cpus_per_run, gpus_per_run)
        train_exercise(context, exercise, given, preset, placement, as_json=as_json, detached=detached, watched=watched)

    return train


app = exercise_group("Train an exercise; every hyperparameter is a flag.", _command)


def train_exercise(
    context: typer.Context,
    exercise: Exercise,
    given: dict[str, Any],
    preset: str | None,
    placement: Placement,
    *,
    as_json: bool,
    detached: bool,
    watched: bool,
) -> None:
    """Settle the hyperparameters, then train."""
    from tui_lab.cli.launch import detach, exit_with, follow, watch_started
    from tui_lab.jobs.launch import check_launch, create_run

    where = places(context)
    hyperparameters, preset_name = settle("train", exercise, given, preset, where.home)
    check_launch(exercise, hyperparameters, where.data)
    run = create_run(where.store, exercise, hyperparameters, where.data, preset_name)
    if detached:
        detach([run], placement)
    elif watched:
        watch_started(run, placement)
    else:
        exit_with(follow([run], placement, as_json=as_json))
