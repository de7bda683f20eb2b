"""Looking inside a model while it trains: when, what, and where to write it."""

from __future__ import annotations

import time
import traceback
from contextlib import suppress

from torch import Tensor

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset
from tui_lab.inspections.catalogue import write_inspection
from tui_lab.inspections.first_epoch import FirstEpochFollower
from tui_lab.inspections.looks import LayersLook, Look, Moment, all_looks
from tui_lab.runs.recorder import Recorder
from tui_lab.training.engine import Engine
from tui_lab.training.failures import explain
from tui_lab.training.fit import Subject

MOST_OF_TRAINING = 0.02  # the part of the training time that inspections may take
GLANCES_S, GLANCES_OF_TRAINING = 0.06, 0.005  # what glances between them may take in a run, and of its time as well
GLANCES = 40  # at most, evenly spread over the run
LEAST_INTERVAL_S = 1.0


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
        self._layers = LayersLook(recorder.run)
        self._first_epoch = FirstEpochFollower(recorder.run, test)
        self._looks = all_looks(recorder.run, self._layers, self._first_epoch)
        self._has_warned_of: set[str] = set()
        # For the budget, in seconds
        self._first_due_at: float | None = None  # of training
        self._spent = self._last_cost = 0.0
        self._last_end = 0.0
        self._glanced = self._last_glance = 0.0
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

    def follow(self, engine: Engine) -> int | None:
        """Measure within the first epoch; returns the step after which to be called again, or None. See
        `tui_lab.inspections.first_epoch`, which keeps to a budget of its own."""
        try:
            step = self._first_epoch.follow(engine)
        except Exception as error:  # as in an inspection
            self._warn("first-epoch", error)
            return None
        if step is None and self._first_epoch.reason:
            self._recorder.event("log", message=self._first_epoch.reason, total_step=engine.total_step)
        return step

    def glance(self, engine: Engine, elapsed: float) -> None:
        """Read what is followed over the training, into memory: the next inspection writes it.

        Without that, a run of a second would have a curve of two points.
        """
        if self._first_due_at is None or self._layers.last is None:
            return
        steps = engine.hyperparameters.epochs * engine.steps_per_epoch
        budget = GLANCES_S * engine.total_step / steps + GLANCES_OF_TRAINING * (elapsed - self._first_due_at)
        is_near = engine.total_step - self._layers.last.total_step < steps / GLANCES
        if is_near or self._glanced + self._last_glance > budget:
            return
        start = time.perf_counter()
        try:
            self._layers(Moment(engine, self._dataset, self._test))
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
        stands = not self._is_on_budget or (
            isinstance(engine, Engine) and engine.epoch == engine.hyperparameters.epochs
        )
        now = Moment(engine, self._dataset, self._test, outputs, may_evaluate, stands)
        for name, look in self._looks.items():
            self._attempt(name, look, now)
        self._last_cost = time.perf_counter() - start
        self._last_end = time.monotonic()
        if self._is_on_budget:
            self._spent += self._last_cost
            self._is_on_budget = False

    def _attempt(self, name: str, look: Look, now: Moment) -> None:
        """One inspection, written and reported."""
        try:
            content = look(now)
            if content is None:
                return
            write_inspection(self._recorder.run, name, content)
        except Exception as error:  # an inspection is a view of the run: no mistake in it is worth losing the run
            self._warn(name, error)
            return
        epoch, total_step = now.position
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
