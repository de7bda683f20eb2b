"""From a configuration to a run under way; what `train`, `run` and `runs resume` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tui_lab.cli.context import Places
    from tui_lab.hyperparameters import Hyperparameters
    from tui_lab.labs.exercise import Exercise
    from tui_lab.runs.directory import RunDirectory


def check_launch(places: Places, exercise: Exercise, hyperparameters: Hyperparameters) -> None:
    """Every check that needs no torch, before anything is written.

    Raises UsageError, MissingDataError or MissingDeviceError.
    """
    from tui_lab.data.catalogue import is_present, missing_data_error
    from tui_lab.devices import check_device
    from tui_lab.errors import MissingDataError
    from tui_lab.labs.check import check_configuration

    check_configuration(exercise, hyperparameters)
    check_device(hyperparameters.device)
    folder = Path(hyperparameters.folder).expanduser()
    if hyperparameters.dataset == "folder" and not folder.is_dir():
        raise MissingDataError(
            f"There is no folder {folder}.", "Give one with --folder: your images, one folder a class."
        )
    if not is_present(hyperparameters.dataset, places.data):
        raise missing_data_error(hyperparameters.dataset, places.data)


def create_run(places: Places, exercise: Exercise, hyperparameters: Hyperparameters, preset: str = "") -> RunDirectory:
    """A queued run of a configuration that passes `check_launch`."""
    values = hyperparameters.model_dump()
    if values["folder"]:  # it must mean the same from wherever the run is resumed
        values["folder"] = str(Path(values["folder"]).expanduser().absolute())
    return places.store.create(exercise.name, values, preset=preset, data_dir=places.data)


def follow(runs: list[RunDirectory], *, jobs: int = 1, as_json: bool = False) -> None:
    """Train the runs, `jobs` at a time, and show them. Exits with their exit code."""
    from tui_lab.cli.follow import Follower
    from tui_lab.jobs.local import LocalExecutor

    executor = LocalExecutor(min(jobs, len(runs)))
    for run in runs:
        executor.submit(run)
    code = Follower(executor, runs, as_json=as_json).follow()
    if code:
        raise typer.Exit(code)


def detach(runs: list[RunDirectory], jobs: int = 1) -> None:
    """Leave the runs to a queue that goes on without this process. Prints their ids."""
    from tui_lab.jobs.queue import start_queue

    start_queue(runs, jobs)
    for run in runs:
        print(run.id)


def watch_started(run: RunDirectory) -> None:
    """Start the worker and watch it with charts; leaving the charts leaves it running."""
    from tui_lab.cli.watch import watch
    from tui_lab.errors import FAILED
    from tui_lab.jobs.queue import start_queue
    from tui_lab.runs.store import listed

    start_queue([run], jobs=1)
    watch(run)
    if (entry := listed(run)).state in ("failed", "crashed"):
        raise typer.Exit(entry.status.exit_code or FAILED)
