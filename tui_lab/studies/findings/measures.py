"""What findings measure of a run: one number each, with its unit and the spread assumed where no seeds tell it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Literal

from tui_lab.studies.curves import Curve, Trained

Unit = Literal["share", "points", "nats", "epochs", "factor", "rate"]

ASSUMED = "assumed"
TEST = "test_accuracy"
Ends = tuple[float | None, float | None]  # from the first to the second
TITLES = {
    "train_accuracy": "train accuracy",
    TEST: "test accuracy",
    "train_loss": "train loss",
    "test_loss": "test loss",
    "lr": "learning rate",
}


def _no_accuracies(_: Trained) -> Sequence[float]:
    return ()


@dataclass(frozen=True)
class Measure:
    """One number of a run.

    Attributes:
        name: in a sentence, without an article.
        unit: "share" (0 to 1, written in percent), "points" (a difference of two shares), "nats", "epochs", "rate", or
            "factor" (its logarithm to base 2, so that differences are ratios).
        deviation: standard deviation over seeds where no arm has several runs.
        why: where that comes from.
        read: the number; None when the run has none.
        accuracies: the test accuracies, of samples that were counted, that the number is a sum or a difference of.
        is_test_loss: it is made of losses of the test samples.
    """

    name: str
    unit: Unit
    deviation: float
    read: Callable[[Trained], float | None]
    why: str = ASSUMED
    accuracies: Callable[[Trained], Sequence[float]] = _no_accuracies
    is_test_loss: bool = False

    def assuming(self, deviation: float, why: str) -> Measure:
        """The same with a spread that is known; what has none is as exact on few samples as on many."""
        if not deviation:
            return replace(self, deviation=0.0, why=why, accuracies=_no_accuracies, is_test_loss=False)
        return replace(self, deviation=deviation, why=why)

    def text(self, value: float) -> str:
        """A value: `67.7 %`, `1.033`, `epoch 42`."""
        if self.unit == "share":
            return f"{100 * value:.1f} %"
        if self.unit == "epochs":
            return f"epoch {value:.0f}" if value == round(value) else f"epoch {value:.1f}"
        if self.unit == "factor":
            return f"{factor:,.0f}" if (factor := 2**value) >= 1000 else f"{factor:.3g}"
        if self.unit == "points":
            return self.distance(value)
        return f"{value:.3f}" if self.unit == "nats" else f"{value:.3g}"

    def distance(self, value: float, margin: float = 0.0) -> str:
        """A difference of two values, with its error if there is one: `2.1 ± 0.4 points`, `a factor of 1.9`."""
        if self.unit == "factor":
            return f"a factor of {2**value:.2f}"
        scale, digits, word = {
            "share": (100, ".1f", " points"),
            "points": (100, ".1f", " points"),
            "epochs": (1, ".1f", " epochs"),
            "nats": (1, ".3f", ""),
            "rate": (1, ".3g", ""),
        }[self.unit]
        error = f" ± {scale * margin:{digits}}" if margin else ""
        return f"{scale * value + 0.0:{digits}}{error}{word}".replace("-", "−")


def final(metric: str) -> Measure:
    """After the last epoch."""
    return _value(f"final {_title(metric)}", metric, lambda run: run.last.get(metric))


def lowest(metric: str) -> Measure:
    """The smallest value of an epoch."""
    return _value(f"lowest {_title(metric)}", metric, lambda run: _second(_curve(run, metric).lowest()))


def epoch_of_lowest(metric: str) -> Measure:
    return Measure(
        f"epoch of the lowest {_title(metric)}",
        "epochs",
        3.0,
        lambda run: _first(_curve(run, metric).lowest()),
    )


def reaches(metric: str, level: float) -> Measure:
    """The first epoch with at least `level` of an accuracy."""
    return Measure(
        f"first epoch with {100 * level:.0f} % of {_title(metric)}",
        "epochs",
        2.0,
        lambda run: _curve(run, metric).first(level),
    )


def after(epoch: int, metric: str) -> Measure:
    """The value after an epoch."""
    return _value(f"{_title(metric)} after epoch {epoch}", metric, lambda run: _curve(run, metric).at(epoch))


def rise(metric: str, epoch: int) -> Measure:
    """From the end of `epoch` to the last one."""

    def ends(run: Trained) -> Ends:
        return _curve(run, metric).at(epoch), run.last.get(metric)

    return _change(f"rise of the {_title(metric)} after epoch {epoch}", metric, ends)


def drop(metric: str) -> Measure:
    """From the highest value of an epoch down to the last."""

    def ends(run: Trained) -> Ends:
        return run.last.get(metric), _curve(run, metric).highest()

    return _change(f"fall of the {_title(metric)} from its peak", metric, ends)


def setback(metric: str) -> Measure:
    """The largest fall from one epoch to the next; below zero where every epoch rises."""

    def ends(run: Trained) -> Ends:
        steps = [(b, a) for a, b in pairwise(_curve(run, metric).values) if math.isfinite(a - b)]
        return max(steps, key=lambda step: step[1] - step[0], default=(None, None))

    return _change(f"largest fall of the {_title(metric)} from one epoch to the next", metric, ends)


def overshoot(metric: str) -> Measure:
    """How far a loss ends above its lowest value."""

    def ends(run: Trained) -> Ends:
        return _second(_curve(run, metric).lowest()), run.last.get(metric)

    return _change(f"rise of the {_title(metric)} from its lowest", metric, ends)


def gap() -> Measure:
    """Train accuracy above test accuracy at the end."""

    def read(run: Trained) -> float | None:
        return _difference((run.last.get(TEST), run.last.get("train_accuracy")))

    return _points("lead of train over test accuracy", read, lambda run: _known(run.last.get(TEST)))


def lead_of_test(epoch: int) -> Measure:
    """Test accuracy above train accuracy after an epoch."""

    def read(run: Trained) -> float | None:
        return _difference((_curve(run, "train_accuracy").at(epoch), _curve(run, TEST).at(epoch)))

    name = f"lead of test over train accuracy after epoch {epoch}"
    return _points(name, read, lambda run: _known(_curve(run, TEST).at(epoch)))


def roughness(metric: str) -> Measure:
    """How much a curve zigzags: the median size of its second difference, on a scale of factors."""

    def read(run: Trained) -> float | None:
        steps = [b - a for a, b in pairwise(_curve(run, metric).values)]
        bends = [abs(b - a) for a, b in pairwise(steps) if math.isfinite(a) and math.isfinite(b)]
        typical = median(bends) if len(bends) >= 3 else 0.0
        return math.log2(typical) if typical > 0 else None

    return Measure(f"zigzag of the {_title(metric)}", "factor", 0.3, read)


def training_time() -> Measure:
    """Seconds of training, on a scale of factors: to be compared between runs of one machine."""

    def read(run: Trained) -> float | None:
        return math.log2(run.elapsed) if run.elapsed > 0 else None

    return Measure("training time in s", "factor", 0.15, read)


def _value(name: str, metric: str, read: Callable[[Trained], float | None]) -> Measure:
    if metric == "lr":
        return Measure(name, "rate", 0.0, read, "exact")
    if not metric.endswith("accuracy"):
        return Measure(name, "nats", 0.03, read, is_test_loss=metric == "test_loss")
    counted = (lambda run: _known(read(run))) if metric == TEST else _no_accuracies
    return Measure(name, "share", 0.01, read, accuracies=counted)


def _change(name: str, metric: str, ends: Callable[[Trained], Ends]) -> Measure:
    """Within a run: of accuracies in points."""

    def read(run: Trained) -> float | None:
        return _difference(ends(run))

    if metric.endswith("accuracy"):
        return _points(name, read, (lambda run: _known(*ends(run))) if metric == TEST else _no_accuracies)
    return _value(name, metric, read)


def _points(
    name: str, read: Callable[[Trained], float | None], accuracies: Callable[[Trained], Sequence[float]]
) -> Measure:
    return Measure(name, "points", 0.01, read, accuracies=accuracies)


def _difference(ends: Ends) -> float | None:
    start, end = ends
    return None if start is None or end is None else end - start


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


def _title(metric: str) -> str:
    return TITLES.get(metric, metric.replace("_", " "))


def _curve(run: Trained, metric: str) -> Curve:
    return run.curves.get(metric, Curve((), ()))


def _first(pair: tuple[float, float] | None) -> float | None:
    return pair[0] if pair else None


def _second(pair: tuple[float, float] | None) -> float | None:
    return pair[1] if pair else None
