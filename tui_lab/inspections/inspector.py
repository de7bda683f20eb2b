"""Looking inside a model while it trains: when, what, and where to write it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, partial

import torch
from torch import Tensor

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset
from tui_lab.inspections.activity import activity
from tui_lab.inspections.catalogue import read_inspection, write_inspection
from tui_lab.inspections.content import Activity, Content
from tui_lab.inspections.gradient_check import gradient_check
from tui_lab.inspections.outcomes import Outcomes, confusion, samples
from tui_lab.inspections.plane import Grid, Plane
from tui_lab.inspections.supports import supports
from tui_lab.inspections.units import CELLS, unit_maps
from tui_lab.inspections.weights import filters, words
from tui_lab.models.bow_svm import BowSVM
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_by_hand import ByHandMLP
from tui_lab.models.stepping import Reduction
from tui_lab.runs.recorder import Recorder
from tui_lab.training.engine import Engine
from tui_lab.training.failures import explain
from tui_lab.training.fit import Fitting, Subject

MOST_OF_TRAINING = 0.02  # the part of the training time that inspections may take
GLANCES_S, GLANCES_OF_TRAINING = 0.06, 0.005  # what glances between them may take in a run, and of its time as well
GLANCES = 40  # at most, evenly spread over the run
LEAST_INTERVAL_S = 1.0
CHECKED_SAMPLES = 20  # that gradients are made of


class Inspector:
    """Inspects one run, for a `Session`. Whatever goes wrong with an inspection, the run goes on.

    Nothing here draws a random number or changes the model, so a run ends with the same bits with and without it.

    Args:
        recorder: of the run; gets an event for everything that was written.
        dataset: as loaded, on the CPU.
        test: the batches of its test split.
    """

    def __init__(self, recorder: Recorder, dataset: Dataset, test: Batches) -> None:
        self._recorder = recorder
        self._dataset = dataset
        self._test = test
        self._is_of_points = len(dataset.sample_shape) == 1
        self._plane: Plane | None = None
        self._unit_grid: Grid | None = None
        self._activity: Activity | None = None  # the last one, or what an earlier worker wrote
        self._has_warned_of: set[str] = set()
        # For the budget, in seconds
        self._first_due_at: float | None = None  # of training
        self._spent = self._last_cost = 0.0
        self._last_end = 0.0
        self._glanced = self._last_glance = 0.0
        self._has_checked_gradients = False
        self._is_on_budget = False  # what is asked for while the run stands costs no training time
        with suppress(OSError):
            for half in recorder.run.inspections.glob(".*.partial"):  # of a worker that was killed while it wrote
                half.unlink(missing_ok=True)

    def is_due(self, elapsed: float) -> bool:
        """Whether it is worth looking after `elapsed` seconds of training: the first time, and then within a budget."""
        if self._first_due_at is None:
            self._first_due_at = elapsed
            self._is_on_budget = True
        else:
            budget = MOST_OF_TRAINING * (elapsed - self._first_due_at)
            has_rested = time.monotonic() - self._last_end >= LEAST_INTERVAL_S
            self._is_on_budget = has_rested and self._spent + self._last_cost <= budget
        return self._is_on_budget

    def glance(self, engine: Engine, elapsed: float) -> None:
        """Read what is followed over the training, into memory: the next inspection writes it.

        Without that, a run of a second would have a curve of two points.
        """
        if self._first_due_at is None or self._activity is None:
            return
        steps = engine.hyperparameters.epochs * engine.steps_per_epoch
        budget = GLANCES_S * engine.total_step / steps + GLANCES_OF_TRAINING * (elapsed - self._first_due_at)
        is_near = engine.total_step - self._activity.total_step < steps / GLANCES
        if is_near or self._glanced + self._last_glance > budget:
            return
        start = time.perf_counter()
        try:
            self._read_layers(engine, _position(engine))
        except Exception as error:  # as in an inspection
            self._warn("activations", error)
        self._last_glance = time.perf_counter() - start
        self._glanced += self._last_glance

    def inspect(self, engine: Subject, outputs: Tensor | None, *, may_evaluate: bool = False) -> None:
        """Make and write every inspection that suits the model and its data.

        Args:
            engine: between two steps.
            outputs: of the model as it is now on the test split, (N, classes). None = what needs them is left out,
            may_evaluate: or they are made, in one pass over the split.
        """
        start = time.perf_counter()
        for name, look in self._looks(engine, outputs, may_evaluate=may_evaluate).items():
            self._attempt(name, look, engine)
        self._last_cost = time.perf_counter() - start
        self._last_end = time.monotonic()
        if self._is_on_budget:
            self._spent += self._last_cost
            self._is_on_budget = False

    def _looks(
        self, engine: Subject, outputs: Tensor | None, *, may_evaluate: bool
    ) -> Mapping[str, Callable[[], Content | None]]:
        """What is to be done, by name; nothing is computed before it is called."""
        position = _position(engine)
        are_probabilities = bool(getattr(engine.hyperparameters, "softmax_output", False))
        looks: dict[str, Callable[[], Content | None]] = {}

        @cache
        def outcomes() -> Outcomes:
            made = outputs if outputs is not None else self._evaluate(engine)
            names = self._dataset.class_names
            test = self._dataset.test
            losses = engine.fittable.losses(made, test.y) if isinstance(engine, Fitting) else None
            return Outcomes.of(made, test, names, position, are_probabilities=are_probabilities, losses=losses)

        if outputs is not None or may_evaluate:
            looks["confusion"] = lambda: confusion(outcomes())
            looks["samples"] = lambda: samples(outcomes())
        if self._is_of_points:
            looks["boundary"] = lambda: self._boundary(engine, position, are_probabilities=are_probabilities)
        elif isinstance(engine.model, BowSVM):
            looks["words"] = partial(words, engine.model, engine.train.sample_shape, position)
        else:
            looks["filters"] = lambda: filters(engine.model, engine.train.sample_shape, position)
        if self._is_of_points and isinstance(engine.model, MLP | ByHandMLP):
            looks["units"] = partial(self._units, engine, engine.model, position)
        if isinstance(engine, Engine):
            looks["activations"] = lambda: self._read_layers(engine, position)
        if isinstance(engine, Engine) and isinstance(engine.model, MLP | ByHandMLP):
            # Formulas do not change while it trains: once is enough, and again where it comes to stand
            stands = not self._is_on_budget or engine.epoch == engine.hyperparameters.epochs
            if stands or not self._has_checked_gradients:
                looks["gradient-check"] = partial(self._check_gradients, engine.model, engine.reduction, position)
        if isinstance(engine, Fitting):
            looks["supports"] = lambda: supports(engine, self._dataset, position)
        return looks

    def _attempt(self, name: str, look: Callable[[], Content | None], engine: Subject) -> None:
        """One inspection, written and reported."""
        run = self._recorder.run
        try:
            content = look()
            if content is None:
                return
            write_inspection(run, name, content)
        except Exception as error:  # an inspection is a view of the run: no mistake in it is worth losing the run
            self._warn(name, error)
            return
        epoch, total_step = _position(engine)
        self._recorder.event("inspection", name=name, epoch=epoch, total_step=total_step)

    def _warn(self, name: str, error: Exception) -> None:
        """Say once that an inspection failed."""
        if name in self._has_warned_of:
            return
        self._has_warned_of.add(name)
        failure = explain(error)
        if not failure.is_known:
            traceback.print_exception(error)
        message = f"The inspection {name} could not be made; the run goes on. {failure.message}"
        self._recorder.event("warning", message=message)

    def _evaluate(self, engine: Subject) -> Tensor:
        kept: list[Tensor] = []
        engine.evaluate(self._test, kept)
        return torch.cat(kept)

    def _check_gradients(
        self, model: MLP | ByHandMLP, reduction: Reduction, position: tuple[float, int]
    ) -> Content | None:
        self._has_checked_gradients = True
        x, y = self._test.batch(self._test.draw(0), 0)
        return gradient_check(model, x[:CHECKED_SAMPLES], y[:CHECKED_SAMPLES], reduction=reduction, position=position)

    def _boundary(self, engine: Subject, position: tuple[float, int], *, are_probabilities: bool) -> Content:
        if self._plane is None:
            self._plane = Plane(self._dataset, engine)
        return self._plane.boundary(engine, position, are_probabilities=are_probabilities)

    def _units(self, engine: Subject, model: MLP | ByHandMLP, position: tuple[float, int]) -> Content | None:
        if self._unit_grid is None:
            self._unit_grid = Grid(self._dataset, engine, CELLS)
        return unit_maps(model, self._unit_grid, position)

    def _read_layers(self, engine: Engine, position: tuple[float, int]) -> Content | None:
        if self._activity is None:
            found = read_inspection(self._recorder.run, "activations")
            self._activity = found if isinstance(found, Activity) else None
        self._activity = activity(engine, position, self._activity)
        return self._activity


def _position(engine: Subject) -> tuple[float, int]:
    """Epochs and steps done."""
    return round(engine.epoch + engine.step / engine.steps_per_epoch, 4), engine.total_step
