"""The learning-rate range test of a configuration."""

from __future__ import annotations

from pathlib import Path

from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.labs.exercise import Exercise
from tui_lab.previews.trial import tried
from tui_lab.training.range_test import RangeTest, range_test

# Rates are the test's own, and compiling takes longer than the test
PLAIN = {"scheduler": "none", "warmup_epochs": 0.0, "compile": False}


def find_rates(exercise: Exercise, hyperparameters: GradientHyperparameters, data_dir: Path) -> RangeTest:
    """Load the data, build the model and train for a moment, as a run would, on the device of a run."""
    declared = type(hyperparameters).model_fields
    hp = hyperparameters.model_copy(update={name: value for name, value in PLAIN.items() if name in declared})
    # A run may be training beside it, and threads that have to share a core make both of them many times slower
    threads = hp.threads or max(1, exercise.suitable_threads() // 2)
    return tried(exercise, hp, data_dir, threads, lambda prepared: range_test(prepared.engine))
