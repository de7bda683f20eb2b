"""Which inspections there are, and reading what they left in a run directory. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tui_lab.inspections.content import (
    Activity,
    AttentionMaps,
    Boundary,
    Confusion,
    Content,
    FeatureMaps,
    Filters,
    FirstEpoch,
    GradientCheck,
    PatchSimilarity,
    PositionSimilarity,
    Rollout,
    Samples,
    Standardization,
    Supports,
    TokenPath,
    TopLoss,
    UnitMaps,
)
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import finite
from tui_lab.runs.files import write_atomically


@dataclass(frozen=True)
class Inspection:
    """One kind of look inside a model.

    Attributes:
        name: of its file and on the command line.
        title: a few words.
        help: one line on what it shows.
        content: the class of what it finds.
        is_of_weights: False of what does not depend on them, and is looked at once.
    """

    name: str
    title: str
    help: str
    content: type[Content]
    is_of_weights: bool = True


INSPECTIONS: Mapping[str, Inspection] = {
    inspection.name: inspection
    for inspection in (
        Inspection(
            "confusion",
            "Confusion matrix",
            "Which class is taken for which on the test split, and recall and precision of each.",
            Confusion,
        ),
        Inspection("samples", "Samples", "What the model makes of the same dozen test samples all along.", Samples),
        Inspection("top-loss", "Top losses", "The test samples with the highest loss, and the worst errors.", TopLoss),
        Inspection("filters", "Filters", "The weights of the first layer, as pictures.", Filters),
        Inspection("feature-maps", "Feature maps", "What each convolution makes of a dozen test images.", FeatureMaps),
        Inspection("words", "Visual words", "The words of a bag of visual words, as patches.", Filters),
        Inspection(
            "boundary", "Decision boundary", "Which class is predicted where, for points in the plane.", Boundary
        ),
        Inspection("units", "Hidden units", "What each hidden unit responds to, for points in the plane.", UnitMaps),
        Inspection("attention", "Attention", "Where each block of a vision transformer looks, by head.", AttentionMaps),
        Inspection(
            "rollout", "Attention rollout", "Attention followed through the blocks, back to the patches.", Rollout
        ),
        Inspection("class-token", "Class token", "What a vision transformer would say after each block.", TokenPath),
        Inspection(
            "patch-similarity", "Patch filters", "How alike the filters of a patch embedding are.", PatchSimilarity
        ),
        Inspection(
            "position-similarity",
            "Positions",
            "How alike the positions of patches are, as they lie in the image.",
            PositionSimilarity,
        ),
        Inspection(
            "activations",
            "Layers",
            "Activations, gradients and the size of a step, layer by layer over the training.",
            Activity,
        ),
        Inspection(
            "first-epoch",
            "First epoch",
            "Accuracy and loss while the weights change, and of the weights of the moment.",
            FirstEpoch,
        ),
        Inspection(
            "standardize",
            "Standardisation",
            "What the inputs are scaled by, and what comes of it.",
            Standardization,
            is_of_weights=False,
        ),
        Inspection(
            "gradient-check",
            "Gradient check",
            "The gradients of an MLP by hand, against autograd and central differences.",
            GradientCheck,
        ),
        Inspection(
            "supports", "Support vectors", "The training samples that the boundary of an SVM rests on.", Supports
        ),
    )
}


def inspection_file(run: RunDirectory, name: str) -> Path:
    return run.inspections / f"{name}.json"


def write_inspection(run: RunDirectory, name: str, content: Content) -> None:
    """Replace what the inspection found before. Raises OSError when it cannot be written."""
    run.inspections.mkdir(exist_ok=True)
    text = json.dumps(finite({"name": name, **content.to_json()}), separators=(",", ":"), allow_nan=False)
    write_atomically(inspection_file(run, name), text)


def read_inspection(run: RunDirectory, name: str) -> Content | None:
    """What the inspection called `name`, one of `INSPECTIONS`, has found; None when its file is missing or garbled."""
    try:
        content = json.loads(inspection_file(run, name).read_bytes())
        return INSPECTIONS[name].content.from_json(content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def read_inspections(run: RunDirectory) -> dict[str, Content]:
    """Everything that inspections have found in the run, by name, in the order of `INSPECTIONS`."""
    found = {name: read_inspection(run, name) for name in INSPECTIONS}
    return {name: content for name, content in found.items() if content is not None}
