"""The catalogue: every exercise, in the order of the practical.

To add one, write its hyperparameters and its `Exercise` in a module beside this one, its model in `tui_lab/models/`,
and name it in `EXERCISES`. The command line, presets and completion follow.
"""

from __future__ import annotations

from tui_lab.errors import UsageError, nearest
from tui_lab.labs.bow_svm import BOW_SVM
from tui_lab.labs.convnet import CONVNET
from tui_lab.labs.exercise import Exercise
from tui_lab.labs.mlp import MLP
from tui_lab.labs.svm import SVM
from tui_lab.labs.timm import TIMM
from tui_lab.labs.vit import VIT

EXERCISES = {exercise.name: exercise for exercise in (MLP, SVM, CONVNET, BOW_SVM, VIT, TIMM)}

LABS = {1: "Networks by hand", 2: "Convolutional networks", 3: "Transformers"}


def find_exercise(name: str) -> Exercise:
    """The exercise called `name`; a `UsageError` with the nearest name otherwise."""
    if name not in EXERCISES:
        known = ", ".join(EXERCISES)
        raise UsageError(f"There is no exercise {name!r}; there are {known}.", nearest(name, EXERCISES))
    return EXERCISES[name]
