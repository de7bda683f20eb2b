"""How long an epoch of a configuration takes on this machine."""

from __future__ import annotations

from pathlib import Path

from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.labs.exercise import Exercise
from tui_lab.previews.trial import tried
from tui_lab.training.timing import Timing, time_epoch

PLAIN = {"compile": False}  # compiling takes longer than the measurement


def time_configuration(exercise: Exercise, hyperparameters: GradientHyperparameters, data_dir: Path) -> Timing:
    """Take some steps as a run would that has the machine for itself, with all the threads that suit it."""
    hp = hyperparameters.model_copy(update=PLAIN)
    return tried(exercise, hp, data_dir, hp.threads or exercise.suitable_threads(), time_epoch)
