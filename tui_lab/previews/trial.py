"""A configuration prepared as for a run, to try something on it for a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tui_lab import paths
from tui_lab.data.load import load_dataset
from tui_lab.errors import TuiLabError
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.labs.exercise import Exercise
from tui_lab.training.failures import explain
from tui_lab.training.prepare import Prepared, prepare
from tui_lab.worker import settle_process

T = TypeVar("T")


def tried(
    exercise: Exercise,
    hyperparameters: GradientHyperparameters,
    data_dir: Path,
    threads: int,
    work: Callable[[Prepared], T],
) -> T:
    """Load the data, build the model, and do `work` on it, on the device of a run.

    Raises TuiLabError with a sentence for the user, also where torch has no memory left.
    """
    settle_process(threads)
    try:
        prepared = prepare(
            hyperparameters,
            load_dataset(hyperparameters, data_dir),
            lambda shape, classes: exercise.build_model(hyperparameters, shape, classes),
            cache=paths.cache_dir(),
            threads=threads,
        )
        return work(prepared)
    except (RuntimeError, MemoryError) as error:  # torch's, of which running out of memory is the usual one
        failure = explain(error)
        raise TuiLabError(failure.message, failure.hint if failure.is_known else "") from error
