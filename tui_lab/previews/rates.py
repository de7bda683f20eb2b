"""The learning-rate range test of a configuration."""

from __future__ import annotations

from pathlib import Path

from tui_lab import paths
from tui_lab.data.load import load_dataset
from tui_lab.errors import TuiLabError
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.labs.exercise import Exercise
from tui_lab.training.failures import explain
from tui_lab.training.prepare import prepare
from tui_lab.training.range_test import RangeTest, range_test
from tui_lab.worker import settle_process

PLAIN = {"scheduler": "none", "compile": False}  # rates are the test's own, and compiling takes longer than the test


def find_rates(exercise: Exercise, hyperparameters: GradientHyperparameters, data_dir: Path) -> RangeTest:
    """Load the data, build the model and train for a moment, as a run would, on the device of a run."""
    hp = hyperparameters.model_copy(update=PLAIN)
    # A run may be training beside it, and threads that have to share a core make both of them many times slower
    threads = hp.threads or max(1, exercise.suitable_threads() // 2)
    settle_process(threads)
    try:
        prepared = prepare(
            hp,
            load_dataset(hp, data_dir),
            lambda shape, classes: exercise.build_model(hp, shape, classes),
            cache=paths.cache_dir(),
            threads=threads,
        )
        return range_test(prepared.engine)
    except (RuntimeError, MemoryError) as error:  # torch's, of which running out of memory is the usual one
        failure = explain(error)
        raise TuiLabError(failure.message, failure.hint if failure.is_known else "") from error
