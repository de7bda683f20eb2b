"""How long an epoch takes, told from a few steps. Imports no torch before it is asked to measure."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tui_lab.data.batches import Batches
    from tui_lab.training.engine import Engine
    from tui_lab.training.prepare import Prepared

GOAL_S = 1.0  # that the steps of the measurement are to take; half of it is enough
GROWTH = 20  # of their number at most, from one row of steps to the next


@dataclass(frozen=True)
class Timing:
    """What a short measurement tells.

    Attributes:
        step_s: seconds of a training step.
        steps: of an epoch.
        evaluation_s: seconds of the evaluation after an epoch.
        took_s: seconds of the measurement.
        others: cores that other programs took meanwhile, on average; where they are many, runs take less without them.
    """

    step_s: float
    steps: int
    evaluation_s: float
    took_s: float
    others: float = 0.0

    @property
    def epoch_s(self) -> float:
        """Seconds of an epoch with its evaluation."""
        return self.step_s * self.steps + self.evaluation_s

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError when `content` is no timing."""
        times = {name: float(content[name]) for name in ("step_s", "evaluation_s", "took_s", "others")}
        return cls(steps=int(content["steps"]), **times)


def time_epoch(prepared: Prepared) -> Timing:
    """Take some steps at a learning rate of 0, evaluate some batches, and extrapolate.

    Args:
        prepared: at its start, where its weights are left; its epoch and step, and what is kept of a layer of batch
            normalisation, are not.

    Raises:
        DivergedError: the loss of the untrained model is not finite.
    """
    began, busy = time.perf_counter(), _busy_elsewhere()
    engine = prepared.engine
    engine.set_lr(0.0)
    step_s = _step_seconds(engine)
    evaluation_s = sum(_evaluation_seconds(engine, batches) for batches in prepared.evaluations.values())
    took_s = time.perf_counter() - began
    others = max(0.0, _busy_elsewhere() - busy) / took_s
    return Timing(step_s, engine.steps_per_epoch, evaluation_s, took_s, others)


def _busy_elsewhere() -> float:
    """Seconds, summed over the cores, that they have worked for other processes than this."""
    import psutil

    times = psutil.cpu_times()._asdict()
    every = sum(times.get(name, 0.0) for name in ("user", "nice", "system"))
    return float(every) - time.process_time()


def _step_seconds(engine: Engine) -> float:
    """Of the last of some ever longer rows of steps. The first step, which allocates memory and chooses kernels, never
    counts: it may take a hundred times as long as another."""
    engine.begin_epoch()
    count, seconds = 1, _steps(engine, 1)
    while True:
        count = min(GROWTH * count, math.ceil(GOAL_S * count / seconds))
        seconds = _steps(engine, count)
        if seconds >= GOAL_S / 2:
            return seconds / count


def _steps(engine: Engine, count: int) -> float:
    """Take so many steps. Returns the seconds until the device has done the last of them."""
    began = time.perf_counter()
    for _ in range(count):
        if engine.step == engine.steps_per_epoch:
            engine.end_epoch()
            engine.begin_epoch()
        engine.train_step()
    engine.metered()
    return time.perf_counter() - began


def _evaluation_seconds(engine: Engine, batches: Batches) -> float:
    """Of an evaluation, told from the batches that there is time for."""
    import torch

    began, count = time.perf_counter(), 0
    draw = batches.draw(engine.epoch)
    engine.model.eval()
    with torch.inference_mode():
        while count < len(batches) and (count == 0 or time.perf_counter() - began < GOAL_S):
            x, _ = batches.batch(draw, count)
            with engine.plan.autocast():
                engine.model(x).argmax(1).tolist()  # which waits for the device
            count += 1
    engine.model.train()
    return (time.perf_counter() - began) * len(batches) / count
