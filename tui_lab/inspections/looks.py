"""What can be looked at, by name: the one place where each inspection is told how it is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset
from tui_lab.inspections.activity import activity
from tui_lab.inspections.attention import PathLook, Walk, attention_maps, rollout, walk
from tui_lab.inspections.catalogue import read_inspection
from tui_lab.inspections.content import Activity, Boundary, Content, GradientCheck, Standardization, UnitMaps
from tui_lab.inspections.first_epoch import FirstEpochFollower
from tui_lab.inspections.gradient_check import gradient_check
from tui_lab.inspections.inputs import standardization
from tui_lab.inspections.maps import feature_maps
from tui_lab.inspections.outcomes import Outcomes, confusion, samples, top_loss
from tui_lab.inspections.plane import Grid, Plane
from tui_lab.inspections.similarity import patch_similarity, position_similarity
from tui_lab.inspections.supports import supports
from tui_lab.inspections.transformers import transformer_of
from tui_lab.inspections.units import CELLS, unit_maps
from tui_lab.inspections.weights import filters, words
from tui_lab.models.bow_svm import BowSVM
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_by_hand import ByHandMLP
from tui_lab.runs.directory import RunDirectory
from tui_lab.training.engine import Engine
from tui_lab.training.fit import Fitting, Subject

CHECKED_SAMPLES = 20  # that gradients are made of


@dataclass(frozen=True)
class Moment:
    """The model as it is now, between two steps, and what it learns from.

    Attributes:
        engine: stays as it is, and so does its model.
        dataset: as loaded, on the CPU.
        test: the batches of its test split.
        outputs: of the model on the test split, (N, classes); None = not known,
        may_evaluate: and may be made, in one pass over the split.
        stands: the run does, or has come to its last epoch: what is found now is what will be seen for long.
    """

    engine: Subject
    dataset: Dataset
    test: Batches
    outputs: Tensor | None = None
    may_evaluate: bool = False
    stands: bool = False

    @property
    def position(self) -> tuple[float, int]:
        """Epochs and steps done."""
        engine = self.engine
        return round(engine.epoch + engine.step / engine.steps_per_epoch, 4), engine.total_step

    @property
    def are_probabilities(self) -> bool:
        """Of the outputs, where the model ends with a softmax."""
        return bool(getattr(self.engine.hyperparameters, "softmax_output", False))

    @property
    def is_of_points(self) -> bool:
        return len(self.dataset.sample_shape) == 1

    @cached_property
    def outcomes(self) -> Outcomes | None:
        """The test split as the model sees it; None where there are no outputs of it, and none may be made."""
        if self.outputs is None and not self.may_evaluate:
            return None
        made = self.outputs if self.outputs is not None else self._evaluated()
        test, names = self.dataset.test, self.dataset.class_names
        losses = self.engine.fittable.losses(made, test.y) if isinstance(self.engine, Fitting) else None
        probable = self.are_probabilities
        return Outcomes.of(made, test, names, self.position, are_probabilities=probable, losses=losses)

    def _evaluated(self) -> Tensor:
        kept: list[Tensor] = []
        self.engine.evaluate(self.test, kept)
        return torch.cat(kept)


Look = Callable[[Moment], Content | None]  # None where there is nothing to be seen, or nothing new


def all_looks(run: RunDirectory, layers: LayersLook, first_epoch: FirstEpochFollower) -> Mapping[str, Look]:
    """Every look at a run by the name of its inspection, in the order in which they are taken.

    Args:
        run: whose earlier worker may have looked before.
        layers, first_epoch: which also follow the run between inspections.
    """
    transformer = TransformerLooks()
    return {
        "confusion": lambda now: confusion(now.outcomes) if now.outcomes else None,
        "samples": lambda now: samples(now.outcomes) if now.outcomes else None,
        "top-loss": lambda now: top_loss(now.outcomes) if now.outcomes else None,
        "boundary": BoundaryLook(),
        "words": _words,
        "filters": _filters,
        "feature-maps": _feature_maps,
        "attention": transformer.attention,
        "rollout": transformer.rollout,
        "class-token": transformer.path,
        "patch-similarity": _patch_similarity,
        "position-similarity": _position_similarity,
        "units": UnitsLook(),
        "activations": layers,
        "first-epoch": lambda now: first_epoch.content(),
        "standardize": StandardizationLook(run),
        "gradient-check": GradientsLook(),
        "supports": lambda now: (
            supports(now.engine, now.dataset, now.position) if isinstance(now.engine, Fitting) else None
        ),
    }


def _words(now: Moment) -> Content | None:
    model = now.engine.model
    return words(model, now.engine.train.sample_shape, now.position) if isinstance(model, BowSVM) else None


def _filters(now: Moment) -> Content | None:
    if now.is_of_points or isinstance(now.engine.model, BowSVM):
        return None
    return filters(now.engine.model, now.engine.train.sample_shape, now.position)


def _feature_maps(now: Moment) -> Content | None:
    return feature_maps(now.engine, now.dataset, now.test, now.position, are_probabilities=now.are_probabilities)


def _patch_similarity(now: Moment) -> Content | None:
    transformer = transformer_of(now.engine.model)
    return patch_similarity(transformer, now.position) if transformer else None


def _position_similarity(now: Moment) -> Content | None:
    transformer = transformer_of(now.engine.model)
    return position_similarity(transformer, now.position) if transformer else None


class TransformerLooks:
    """Of a vision transformer: several looks at one walk of a few images through its blocks."""

    def __init__(self) -> None:
        self._walked: tuple[tuple[float, int], Walk | None] | None = None
        self._path = PathLook()

    def attention(self, now: Moment) -> Content | None:
        found = self._walk(now)
        return attention_maps(found, now.dataset.class_names, now.position) if found else None

    def rollout(self, now: Moment) -> Content | None:
        found = self._walk(now)
        return rollout(found, now.dataset.class_names, now.position) if found else None

    def path(self, now: Moment) -> Content | None:
        found = self._walk(now)
        return self._path(found, now.engine, now.dataset, now.test, now.position) if found else None

    def _walk(self, now: Moment) -> Walk | None:
        """At one position the weights are the same."""
        if self._walked is None or self._walked[0] != now.position:
            self._walked = now.position, walk(now.engine, now.dataset, now.test, now.position)
        return self._walked[1]


class BoundaryLook:
    """Of points; what does not change of the plane is made once."""

    def __init__(self) -> None:
        self._plane: Plane | None = None

    def __call__(self, now: Moment) -> Boundary | None:
        if not now.is_of_points:
            return None
        if self._plane is None:
            self._plane = Plane(now.dataset, now.engine)
        return self._plane.boundary(now.engine, now.position, are_probabilities=now.are_probabilities)


class UnitsLook:
    """Of points, and an MLP."""

    def __init__(self) -> None:
        self._grid: Grid | None = None

    def __call__(self, now: Moment) -> UnitMaps | None:
        model = now.engine.model
        if not now.is_of_points or not isinstance(model, MLP | ByHandMLP):
            return None
        if self._grid is None:
            self._grid = Grid(now.dataset, now.engine, CELLS)
        return unit_maps(model, self._grid, now.position)


class LayersLook:
    """Adds a moment to the curves of all layers, those that an earlier worker of `run` wrote among them."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self.last: Activity | None = None

    def __call__(self, now: Moment) -> Activity | None:
        return self.read(now.engine, now.position) if isinstance(now.engine, Engine) else None

    def read(self, engine: Engine, position: tuple[float, int]) -> Activity | None:
        if self.last is None:
            found = read_inspection(self._run, "activations")
            self.last = found if isinstance(found, Activity) else None
        self.last = activity(engine, position, self.last)
        return self.last


class StandardizationLook:
    """It does not depend on the weights: once in a run is enough."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._is_done = False

    def __call__(self, now: Moment) -> Standardization | None:
        if self._is_done:
            return None
        self._is_done = True
        is_there = read_inspection(self._run, "standardize") is not None
        return None if is_there else standardization(now.engine, now.dataset, now.position)


class GradientsLook:
    """Of an MLP. Formulas do not change while it trains: once is enough, and again where it comes to stand."""

    def __init__(self) -> None:
        self._is_done = False

    def __call__(self, now: Moment) -> GradientCheck | None:
        engine = now.engine
        if not isinstance(engine, Engine) or not isinstance(engine.model, MLP | ByHandMLP):
            return None
        if self._is_done and not now.stands:
            return None
        self._is_done = True
        x, y = now.test.batch(now.test.draw(0), 0)
        x, y = x[:CHECKED_SAMPLES], y[:CHECKED_SAMPLES]
        return gradient_check(engine.model, x, y, reduction=engine.reduction, position=now.position)
