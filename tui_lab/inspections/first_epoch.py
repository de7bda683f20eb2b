"""How a network learns in its first epoch: the running mean of its batches, and what its weights can do in between.

The training accuracy of an epoch is the mean over its batches, each measured before the step that it was used for. In
the first epoch most of them were asked of a network that knew much less than at the end, when the test split is asked.
Here the weights of the moment answer for training samples too: so what comes of other weights can be told from what
comes of other samples.
"""

from __future__ import annotations

import math
import time

import torch

from tui_lab.data.batches import Batches
from tui_lab.errors import DivergedError
from tui_lab.inspections.catalogue import read_inspection
from tui_lab.inspections.content import EpochMoment, FirstEpoch, Measured
from tui_lab.runs.directory import RunDirectory
from tui_lab.training.engine import Engine, Score

MOMENTS = (12, 6)  # after the start, evenly over the steps of the epoch; the second where the first costs too much
MOST_SAMPLES, LEAST_SAMPLES = 1000, 50  # of each split
MOST_VALUES = 2**23  # of a split's samples as the model sees them: 32 MB
TRIAL_SAMPLES, FEW_SAMPLES = 50, 4  # that are timed; the fewer where already these take
SLOW_S = 0.2
COST_S, COST_OF_TRAINING = 0.5, 0.02  # what all moments together may take: whichever is more,
MOST_COST_S = 30.0  # but no more than this: somebody waits for the first step
NOT_FOLLOWED = "What the weights can do within the first epoch is not measured"
STEP_COST = 3  # times a forward pass: what training on a sample takes


class FirstEpochFollower:
    """Follows the first epoch of one run. Draws nothing, and asks the model in eval mode: the run's bits stay the same.

    How many samples are asked about is decided before the first step, by how long a forward pass takes: all moments
    together take about half a second, or 2 % of what the run will take where that is more, but never more than half a
    minute. Where this leaves fewer than 50 samples of a split that has more, the epoch is not followed.

    Args:
        run: an earlier worker of it may have left a part of the epoch.
        test: the batches of the test split.

    Attributes:
        reason: why the epoch is not followed, in a sentence; empty where it is, or where that is not known yet.
    """

    def __init__(self, run: RunDirectory, test: Batches) -> None:
        self.reason = ""
        self._run = run
        self._test = test
        self._moments_planned = MOMENTS[0]
        self._parts: tuple[Batches, Batches] | None = None  # of train and test
        self._moments: list[EpochMoment] = []
        self._steps_per_epoch = 0
        self._is_new = False

    def follow(self, engine: Engine) -> int | None:
        """Measure, and return the step after which to be called again; None = not any more.

        Args:
            engine: before the first step of a run, where the worker takes it up within the first epoch, or after the
                step that was returned.
        """
        if engine.epoch > 0:
            return None
        if self._parts is None:
            self._parts = self._begin(engine)
            if self._parts is None:
                return None
        try:
            self._measure(engine, *self._parts)
        except DivergedError:  # the session finds it too, and says so
            return None
        planned = _planned(engine.steps_per_epoch, self._moments_planned)
        return next((step for step in planned if step > engine.step), None)

    def content(self) -> FirstEpoch | None:
        """What was found; None where that is no more than at the last call."""
        if not self._is_new or self._parts is None:
            return None
        self._is_new = False
        train, test = self._parts
        return FirstEpoch(self._steps_per_epoch, train.samples, test.samples, tuple(self._moments))

    def _begin(self, engine: Engine) -> tuple[Batches, Batches] | None:
        """The samples of train and test that will be asked about; None = the epoch is not followed."""
        self._steps_per_epoch = engine.steps_per_epoch
        if engine.hyperparameters.compile:
            self.reason = f"{NOT_FOLLOWED}: a compiled model would be compiled anew for it."
            return None
        if engine.step:
            found = read_inspection(self._run, "first-epoch")
            if not isinstance(found, FirstEpoch) or found.steps_per_epoch != engine.steps_per_epoch:
                return None
            self._moments = [moment for moment in found.moments if moment.step <= engine.step]
            known = {moment.step for moment in found.moments if moment.step}
            plans = {count: set(_planned(engine.steps_per_epoch, count)) for count in reversed(MOMENTS)}
            self._moments_planned = next((count for count, steps in plans.items() if known <= steps), MOMENTS[0])
            return _part(engine.train, found.train_samples), _part(self._test, found.test_samples)
        needed = min(LEAST_SAMPLES, max(engine.train.samples, self._test.samples))
        passes = _affordable_passes(engine)
        for moments in MOMENTS:
            affordable = int(passes / (2 * (moments + 1)))
            most = min(MOST_SAMPLES, MOST_VALUES // math.prod(engine.train.sample_shape), affordable)
            if most >= needed:
                self._moments_planned = moments
                return _part(engine.train, most), _part(self._test, most)
        self.reason = f"{NOT_FOLLOWED}: it would take too long beside the training."
        return None

    def _measure(self, engine: Engine, train: Batches, test: Batches) -> None:
        if self._moments and self._moments[-1].step == engine.step:
            return
        losses, accuracies = engine.metered()
        asked = (_measured(engine.evaluate(part)) for part in (train, test))
        self._moments.append(EpochMoment(engine.step, Measured(_mean(accuracies), _mean(losses)), *asked))
        self._is_new = True


def _planned(steps: int, moments: int) -> list[int]:
    """After which of so many steps the weights are asked; the start is not among them."""
    return [round(i * steps / moments) for i in range(1, moments + 1)]


def _affordable_passes(engine: Engine) -> float:
    """How many samples the model can be asked about in all."""
    few = _part(engine.train, FEW_SAMPLES)
    seconds = _seconds(engine, few)
    if seconds * few.samples < SLOW_S:
        seconds = _seconds(engine, _part(engine.train, TRIAL_SAMPLES))
    whole_run = STEP_COST * seconds * engine.train.samples * engine.hyperparameters.epochs
    return min(max(COST_S, COST_OF_TRAINING * whole_run), MOST_COST_S) / seconds


def _seconds(engine: Engine, samples: Batches) -> float:
    """That a forward pass takes, per sample."""
    engine.evaluate(samples)  # the first pass of so many also prepares what later ones use
    start = time.perf_counter()
    engine.evaluate(samples)
    return (time.perf_counter() - start) / samples.samples


def _part(batches: Batches, most: int) -> Batches:
    """At most so many of the samples, evenly spread."""
    count = min(most, batches.samples)
    return batches.part(torch.arange(count) * batches.samples // max(count, 1))


def _measured(score: Score) -> Measured:
    return Measured(_short(score.accuracy), _short(score.loss))


def _mean(values: list[float]) -> float:
    return _short(math.fsum(values) / len(values)) if values else math.nan


def _short(value: float) -> float:
    return float(f"{value:.6g}")
