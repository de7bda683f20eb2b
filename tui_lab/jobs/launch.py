"""From a configuration to a queued run; what the commands and the app share."""

from __future__ import annotations

from pathlib import Path

from tui_lab.data.catalogue import is_present, missing_data_error
from tui_lab.devices import check_device
from tui_lab.errors import MissingDataError
from tui_lab.hyperparameters import Hyperparameters, absolute_paths
from tui_lab.labs.check import check_configuration
from tui_lab.labs.exercise import Exercise
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.store import RunStore


def check_launch(exercise: Exercise, hyperparameters: Hyperparameters, data_dir: Path) -> None:
    """Every check that needs no torch, before anything is written.

    Raises UsageError, MissingDataError or MissingDeviceError.
    """
    check_configuration(exercise, hyperparameters)
    check_device(hyperparameters.device)
    folder = Path(hyperparameters.folder).expanduser()
    if hyperparameters.dataset == "folder" and not folder.is_dir():
        raise MissingDataError(
            f"There is no folder {folder}.", "Give one with --folder: your images, one folder a class."
        )
    if not is_present(hyperparameters.dataset, data_dir):
        raise missing_data_error(hyperparameters.dataset, data_dir)
    exercise.check_files(hyperparameters)


def create_run(
    store: RunStore, exercise: Exercise, hyperparameters: Hyperparameters, data_dir: Path, preset: str = ""
) -> RunDirectory:
    """A queued run of a configuration that passes `check_launch`."""
    values = hyperparameters.model_dump()
    values |= absolute_paths(values)  # they must mean the same from wherever the run is resumed
    return store.create(exercise.name, values, preset=preset, data_dir=data_dir)
