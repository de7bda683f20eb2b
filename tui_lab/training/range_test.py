"""The learning-rate range test: a short training whose rate grows with every step, to find one that suits.

Leslie N. Smith, "Cyclical Learning Rates for Training Neural Networks", 2015 (https://arxiv.org/abs/1506.01186); the
exponential growth, the stop at four times the least loss and the tenth of the rate at the least loss are those that
fastai (https://docs.fast.ai/callback.schedule.html) made common. Imports no torch.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import tee
from typing import TYPE_CHECKING, Any, Self

from tui_lab.errors import DivergedError

if TYPE_CHECKING:
    from tui_lab.training.engine import Engine

STEPS = 100
LOWEST, HIGHEST = 1e-6, 10.0
SMOOTHING = 0.8  # weight of what went before in the moving average: it looks back over a factor of 2 in the rate
DIVERGENCE = 4.0  # times the least loss: from there on, larger rates only do more harm
SAFETY = 10.0  # the suggestion is so many times smaller than the rate at the least loss
LEAST_SHARE = 0.01  # of the average; a batch that gives less than this by itself counts as if it gave this much
LEAST_FALL = 1e-4  # of the loss, relative to where it began; less may be rounding


@dataclass(frozen=True)
class RangeTest:
    """What a range test measured. All three have a value for each step.

    Attributes:
        rates: learning rates, rising.
        losses: of the batch of each step, before the step was taken, as in training.
        unlearned: of the same batches, with the weights that the test began with.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    unlearned: tuple[float, ...]

    @cached_property
    def corrected(self) -> tuple[float, ...]:
        """The losses without what the batches differ in by themselves.

        Some batches are harder than others, and with small ones that hides all that a hundred steps can learn. So each
        loss is divided by what its batch gives without learning, and multiplied by the average of that.
        """
        average = math.fsum(self.unlearned) / len(self.unlearned)
        least = LEAST_SHARE * average
        return tuple(loss * average / max(own, least) for loss, own in zip(self.losses, self.unlearned, strict=True))

    @cached_property
    def smoothed(self) -> tuple[float, ...]:
        """The moving average of the corrected losses."""
        return tuple(moving_average(self.corrected))

    @property
    def least(self) -> int | None:
        """The step with the least loss; None where it did not fall."""
        found = min(range(len(self.smoothed)), key=self.smoothed.__getitem__)
        fell = self.smoothed[0] - self.smoothed[found]
        return found if fell > LEAST_FALL * abs(self.smoothed[0]) else None

    @property
    def steepest(self) -> int | None:
        """The step, up to the least loss, at which the loss fell fastest; None where it did not fall."""
        if self.least is None:
            return None
        return min(range(1, self.least + 1), key=lambda i: self.smoothed[i] - self.smoothed[i - 1])

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate at the least loss, in two significant digits; None where the loss did not fall."""
        return None if self.least is None else float(f"{self.rates[self.least] / SAFETY:.1e}")

    @property
    def diverged(self) -> bool:
        """Whether it ended early, because the loss grew without limit."""
        return len(self.rates) < STEPS

    def to_json(self) -> dict[str, Any]:
        """With everything that follows from the measurements."""
        return {
            "rates": list(self.rates),
            "losses": list(self.losses),
            "unlearned": list(self.unlearned),
            "smoothed": list(self.smoothed),
            "least": self._rate(self.least),
            "steepest": self._rate(self.steepest),
            "suggestion": self.suggestion,
            "diverged": self.diverged,
        }

    def _rate(self, step: int | None) -> float | None:
        return None if step is None else self.rates[step]

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError when `content` is no range test."""
        return cls(*(tuple(map(float, content[name])) for name in ("rates", "losses", "unlearned")))


def moving_average(values: Iterable[float]) -> Iterator[float]:
    """The exponential one, with bias correction: the first is the first value, and a constant stays constant."""
    average, decay = 0.0, 1.0
    for value in values:
        decay *= SMOOTHING
        average += (value - average) * ((1 - SMOOTHING) / (1 - decay))
        yield average


def range_test(engine: Engine) -> RangeTest:
    """Train for `STEPS` steps with rates from `LOWEST` to `HIGHEST`, each the same factor above the one before.

    The steps are the engine's own, on the batches of its next epochs. It ends early when the loss is no longer finite,
    or its moving average is `DIVERGENCE` times the least one. Then the same steps are taken with a rate of 0, for the
    losses of the same batches without learning.

    Args:
        engine: at any position. Without a schedule, which would change the rates, and with a finite loss. It is left
            where it was, with the same weights, optimiser and meters, its epoch begun.

    Raises:
        DivergedError: the loss is not finite even at `LOWEST`.
    """
    state = copy.deepcopy(engine.state())
    try:
        rates = [LOWEST * (HIGHEST / LOWEST) ** (i / (STEPS - 1)) for i in range(STEPS)]
        losses = list(_until_divergence(_losses(engine, rates)))
        engine.load_state(copy.deepcopy(state))
        unlearned = list(_losses(engine, [0.0] * len(losses)))
        if len(losses) < 2 or len(unlearned) < len(losses):
            hint = "Look at the data and how they are standardised, and at the size of the initial weights."
            raise DivergedError("The loss is not finite, however small the learning rate.", hint)
    finally:
        engine.load_state(state)
        engine.begin_epoch()
    return RangeTest(tuple(rates[: len(losses)]), tuple(losses), tuple(unlearned))


def _losses(engine: Engine, rates: Sequence[float]) -> Iterator[float]:
    """The loss of each step, one with each rate; ends before one that is not finite."""
    engine.begin_epoch()
    for rate in rates:
        if engine.step == engine.steps_per_epoch:
            engine.end_epoch()
            engine.begin_epoch()
        engine.set_lr(rate)
        engine.train_step()
        try:
            losses, _ = engine.metered(engine.step - 1)
        except DivergedError:
            return
        yield losses[0]


def _until_divergence(losses: Iterator[float]) -> Iterator[float]:
    """Up to and with the first one at which the moving average is too far above its least value."""
    raw, to_average = tee(losses)
    least = math.inf
    for loss, average in zip(raw, moving_average(to_average), strict=True):
        least = min(least, average)
        yield loss
        if average > DIVERGENCE * least:
            return
