"""The curves of a run as series to draw: loss, accuracy, learning rate and throughput of a `History`."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from tui_lab.charts.series import Series, smooth
from tui_lab.runs.history import History

Metric = Literal["loss", "accuracy"]

METRICS: tuple[Metric, ...] = ("loss", "accuracy")
TITLES = {"loss": "Loss", "accuracy": "Accuracy, %"}
SPLITS = ("train_eval", "validation", "test")  # evaluated after each epoch; later ones are drawn over earlier ones
AXES = {"epoch": "epoch", "total_step": "step", "elapsed": "time"}
TIMES = ((3600, "hours"), (60, "minutes"), (1, "seconds"))
TAIL = 0.2  # of the length of a run: what zooming to its end shows


def curves(history: History, metric: Metric, *, axis: str = "epoch", smoothing: float = 0.6) -> list[Series]:
    """Training, raw under smoothed, and every evaluation of an epoch. Accuracy in percent.

    Training is drawn from the steps, or from the epochs where these are more: epochs that last less than the tenth
    of a second between two step events.

    Args:
        history: the run's.
        metric: "loss" or "accuracy".
        axis: what x is: "epoch", "total_step", or "elapsed" in the unit of `time_unit`.
        smoothing: of the training curves, 0 to 0.99.
    """
    from_steps = len(history.steps.buckets) >= len(history.epochs.buckets)
    track, name = (history.steps, metric) if from_steps else (history.epochs, f"train_{metric}")
    scale, divisor = 100 if metric == "accuracy" else 1, _divisor(history, axis)

    def series(label: str, points: tuple[list[float], list[float]], kind: str, faint: bool = False) -> Series:
        x, y = points
        return Series(label, [value / divisor for value in x], [value * scale for value in y], kind, faint)

    x, y = track.means(name, axis)
    found = [
        series("raw", track.extremes(name, axis), "train", faint=True),
        series("train", (x, smooth(y, smoothing)), "train"),
        *(series(split.replace("_", " "), history.epochs.means(f"{split}_{metric}", axis), split) for split in SPLITS),
    ]
    return [one for one in found if one.x]


def of_steps(history: History, metric: str, label: str, *, axis: str = "epoch", kind: str = "lr") -> list[Series]:
    """A quantity that every step event carries: "lr", or "images_per_second"."""
    x, y = history.steps.means(metric, axis)
    if not x:  # epochs shorter than the time between two step events
        x, y = history.epochs.means(metric, axis)
    divisor = _divisor(history, axis)
    return [Series(label, [value / divisor for value in x], y, kind)] if x else []


def tail(series: Sequence[Series], share: float = TAIL) -> list[Series]:
    """The last `share` of the x axis of all series together; each keeps at least its last point."""
    ends = [one.x[-1] for one in series if one.x]
    starts = [one.x[0] for one in series if one.x]
    if not ends:
        return list(series)
    edge = max(ends) - share * (max(ends) - min(starts))
    kept = []
    for one in filter(lambda one: one.x, series):
        first = min(bisect_left(one.x, edge), len(one.x) - 1)
        kept.append(replace(one, x=one.x[first:], y=one.y[first:]))
    return kept


def value_at(series: Series, x: float) -> tuple[float, float] | None:
    """The point of a curve nearest to `x`, as (position, value); None where there is none."""
    if not series.x:
        return None
    after = bisect_left(series.x, x)
    i = min(range(max(0, after - 1), min(after + 1, len(series.x))), key=lambda k: abs(series.x[k] - x))
    return series.x[i], series.y[i]


def axis_label(history: History, axis: str) -> str:
    """What the x axis counts: epochs, steps, or the unit of time that suits the run."""
    return time_unit(history)[0] if axis == "elapsed" else AXES[axis]


def time_unit(history: History) -> tuple[str, int]:
    """The unit of the time axis that suits the length of a run, and the seconds in it."""
    ends = [track.buckets[-1].position[2] for track in (history.steps, history.epochs) if track.buckets]
    longest = max(ends, default=0.0)
    return next(((name, seconds) for seconds, name in TIMES if longest >= 3 * seconds), ("seconds", 1))


def stamp(history: History) -> tuple[Any, ...]:
    """Differs whenever the curves do."""
    return tuple(
        (track.width, len(track.buckets), track.open_records, track.buckets[-1].position if track.buckets else None)
        for track in (history.steps, history.epochs)
    )


def _divisor(history: History, axis: str) -> int:
    return time_unit(history)[1] if axis == "elapsed" else 1
