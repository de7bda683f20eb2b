"""Hyperparameters: each is declared once, as a field of a pydantic model.

From a declaration come the typed flags of `tui-lab train`, the keys of a preset, the fields of a form, the columns of
the runs table and the JSON Schema. `shared.py` has what all exercises, and those trained by gradient descent, share; an
exercise adds its own fields in `tui_lab/labs/`. The inputs of tools are declared in the same way.

Names are torch's and timm's. In numbers that can be absent, 0 stands for "all", "none" or "the usual value", and the
help line says which: a preset, a flag and a form can then all write it.
"""

from tui_lab.hyperparameters.declaration import Declaration, declarations
from tui_lab.hyperparameters.declared import LARGEST, Declared, Problem, refuse_combinations, setting
from tui_lab.hyperparameters.mistakes import Mistake, build, mistakes_in, refusal, written
from tui_lab.hyperparameters.shared import (
    TOPICS,
    USERS_FILES,
    DatasetName,
    GradientHyperparameters,
    Hyperparameters,
    ImageSet,
    PointSet,
    Standardize,
    absolute_paths,
    hyperparameter,
)

__all__ = [
    "LARGEST",
    "TOPICS",
    "USERS_FILES",
    "DatasetName",
    "Declaration",
    "Declared",
    "GradientHyperparameters",
    "Hyperparameters",
    "ImageSet",
    "Mistake",
    "PointSet",
    "Problem",
    "Standardize",
    "absolute_paths",
    "build",
    "declarations",
    "hyperparameter",
    "mistakes_in",
    "refusal",
    "refuse_combinations",
    "setting",
    "written",
]
