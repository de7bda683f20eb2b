"""Curves as data: smoothing, thinning, gaps, logarithms and ticks, before anything is drawn.

Everything here is plain Python on sequences of floats, so that the screen imports it in no time. Non-finite values are
kept all the way: a NaN in a loss curve is often the most important point of it.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

from tui_lab.errors import UsageError

KINDS = ("train", "test", "validation", "train_eval", "lr", "published")
MAX_SMOOTHING = 0.99


def run_kind(index: int) -> str:
    """The kind of the `index`-th (from 0) of several overlaid runs or arms."""
    return f"run {index}"


@dataclass(frozen=True)
class Series:
    """One curve.

    Attributes:
        name: what the legend says; empty for no entry.
        x: positions (steps, epochs or seconds), in rising order.
        y: values, as many as `x`; NaN and infinity are allowed and become visible gaps.
        kind: what the curve is, which decides its colour and line: one of `KINDS`, or `run_kind(i)`.
        faint: drawn under the others in a paler colour, as the raw values under their smoothed line are.

    Raises:
        ValueError: `x` and `y` differ in length, or `kind` is unknown.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: str = "train"
    faint: bool = False

    def __post_init__(self) -> None:
        if len(self.x) != len(self.y):
            raise ValueError(f"Series {self.name!r} has {len(self.x)} positions for {len(self.y)} values.")
        if self.kind not in KINDS and self.run_index is None:
            raise ValueError(f"Series {self.name!r} is of unknown kind {self.kind!r}.")

    @property
    def run_index(self) -> int | None:
        """The number of the run when the kind is "run 0", "run 1", ..., else None."""
        word, _, number = self.kind.partition(" ")
        return int(number) if word == "run" and number.isdecimal() else None


def smooth(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average with bias correction, as Adam's (https://arxiv.org/abs/1412.6980, section 3).

    With m_k = weight * m_{k-1} + (1 - weight) * v_k and m_0 = 0, the k-th result is m_k / (1 - weight**k): the first
    is v_1, and a constant stays that constant. Non-finite values stand in the result where they stood and are left out
    of the average.

    Args:
        values: raw values.
        weight: from 0 (the values unchanged) to 0.99.

    Raises:
        UsageError: `weight` is outside that range.
    """
    if not 0 <= weight <= MAX_SMOOTHING:
        raise UsageError(f"Smoothing {weight:g} is out of range.", f"It must lie between 0 and {MAX_SMOOTHING}.")
    if weight == 0:
        return list(values)
    smoothed = []
    average, decay = 0.0, 1.0
    for value in values:
        if not math.isfinite(value):
            smoothed.append(value)
            continue
        decay *= weight
        # The same average, written as a step towards the value: exact for a constant.
        average += (value - average) * ((1 - weight) / (1 - decay))
        smoothed.append(average)
    return smoothed


def with_smoothing(series: Series, weight: float) -> tuple[Series, ...]:
    """What to draw for a curve smoothed by `weight`: its raw values, faint, under the smoothed line."""
    if weight == 0:
        return (series,)
    return (
        replace(series, name="raw", faint=True),
        replace(series, y=smooth(series.y, weight)),
    )


def thin(x: Sequence[float], y: Sequence[float], columns: int) -> tuple[list[float], list[float]]:
    """Of each of `columns` equal columns, the lowest, the highest and the first non-finite point; and both ends.

    A spike of a single point, and a single NaN, therefore survive any length. Cost is linear in the points, and the
    result never exceeds 3 * columns + 2 of them. Thinning what is already thinned keeps the extremes too, so a reader
    that follows a run can bound its memory by thinning what it holds.

    Args:
        x: positions; those out of order are sorted, those that are not finite are left out.
        y: values, as many as `x`.
        columns: columns to fill, at least 1; two per character of a braille plot.

    Returns:
        Positions and values, in the order of the positions. Short curves come back whole.
    """
    xs, ys = _in_order(x, y)
    if len(xs) <= 2 * columns:
        return xs, ys
    kept = {0, len(xs) - 1}
    start, half_span = 0, xs[-1] / 2 - xs[0] / 2  # halves, so that the difference cannot overflow
    for column in range(1, columns + 1):
        edge = 2 * (xs[0] / 2 + half_span * column / columns)
        end = bisect_right(xs, edge, start) if column < columns else len(xs)
        kept |= _landmarks(ys, start, end)
        start = end
    return [xs[i] for i in sorted(kept)], [ys[i] for i in sorted(kept)]


def _in_order(x: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    """Points by rising position, without those that have no finite one."""
    if len(x) != len(y):
        raise ValueError(f"There are {len(x)} positions for {len(y)} values.")
    xs, ys = list(x), list(y)
    # Comparing with NaN is false, so rising positions between finite ends are all finite.
    if xs and math.isfinite(xs[0]) and math.isfinite(xs[-1]) and all(map(operator.le, xs, islice(xs, 1, None))):
        return xs, ys
    points = [(position, value) for position, value in zip(xs, ys, strict=True) if math.isfinite(position)]
    points.sort(key=operator.itemgetter(0))
    return [position for position, _ in points], [value for _, value in points]


def _landmarks(y: Sequence[float], start: int, end: int) -> set[int]:
    """Indices of the lowest, the highest and the first non-finite value of y[start:end]."""
    values = y[start:end]
    found = set()
    if not all(map(math.isfinite, values)):
        found.add(start + next(i for i, value in enumerate(values) if not math.isfinite(value)))
        values = [value for value in values if math.isfinite(value)]
    for extreme in {min(values), max(values)} if values else ():
        found.add(y.index(extreme, start, end))
    return found


Segment = tuple[list[float], list[float]]


def split_at_gaps(x: Sequence[float], y: Sequence[float]) -> tuple[list[Segment], list[float]]:
    """The unbroken stretches of a curve as (positions, values), and the positions of its non-finite values."""
    segments: list[Segment] = []
    gaps = []
    unbroken = False
    for position, value in zip(x, y, strict=True):
        if not math.isfinite(value):
            gaps.append(position)
            unbroken = False
            continue
        if not unbroken:
            segments.append(([], []))
            unbroken = True
        segments[-1][0].append(position)
        segments[-1][1].append(value)
    return segments, gaps


def clip_for_log(y: Sequence[float], floor: float | None = None) -> list[float]:
    """Values for a logarithmic axis: those below the smallest positive one are raised to it.

    Args:
        y: values; non-finite ones are kept as they are.
        floor: the positive value to raise to; by default the smallest of `y`. Where `y` holds none, nothing of it can
            be shown on a logarithmic axis, and every value becomes NaN.
    """
    if floor is None:
        positive = [value for value in y if 0 < value < math.inf]
        if not positive:
            return [math.nan] * len(y)
        floor = min(positive)
    return [floor if -math.inf < value < floor else value for value in y]


def axis_ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """About `count` round positions between two finite limits: multiples of 1, 2 or 5 times a power of ten.

    Args:
        low, high: the limits, low < high.
        count: how many to aim at, at least 1. There are never more than `count` + 1, and at least two where the limits
            hold two round numbers of that size.
        whole: integers only, for axes that count.
    """
    ticks: list[float] = []
    for divisions in range(count, count + 4):
        ticks = _multiples(low, high, _round_step(high / divisions - low / divisions, whole))
        if len(ticks) >= 2:
            break
    return ticks


def _round_step(least: float, whole: bool) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `least`."""
    if whole and least <= 1:
        return 1.0
    power = math.floor(math.log10(least))
    return next(step for m in (1, 2, 5, 10) if (step := float(f"{m}e{power}")) >= least * (1 - 1e-9))


def _multiples(low: float, high: float, step: float) -> list[float]:
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int) -> list[float]:
    """At most about `count` round positions for a logarithmic axis from `low` to `high`, 0 < low < high.

    Powers of ten, with 2, 3 and 5 times them where there is room; round linear positions where the limits are so close
    that fewer than two of those lie between them.
    """
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for multiples in ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        ticks = [tick for power in powers for m in multiples if low <= (tick := float(f"{m}e{power}")) <= high]
        if len(ticks) <= count:
            break
    if len(ticks) < 2:
        return axis_ticks(low, high, count)
    return ticks[:: math.ceil(len(ticks) / count)]


def short_number(value: float, digits: int = 4) -> str:
    """A number in few characters, to `digits` significant digits: 0.5, 2e-4, 10k, 1.2M, 3e15."""
    size = abs(value)
    if size >= 1e15 or 0 < size <= 1e-3:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"
    for unit, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if size >= unit and size >= 1e4:
            return f"{value / unit:.{digits}g}{suffix}"
    return f"{value:.{digits}g}"


def tick_labels(ticks: Sequence[float], *, log: bool = False) -> list[str]:
    """Short labels for the ticks of one axis, all different unless that takes more than nine digits.

    On a linear axis, ordinary numbers get the same number of decimals, just enough to tell neighbours apart.
    """
    largest = max(map(abs, ticks), default=0.0)
    if not log and len(ticks) >= 2 and 1e-2 <= largest < 1e4:
        step = min(after - before for before, after in pairwise(ticks))
        decimals = math.ceil(-math.log10(step) - 1e-9) if step > 0 else 0
        return [f"{tick:.{min(max(decimals, 0), 8)}f}" for tick in ticks]
    for digits in range(4, 10):
        labels = [short_number(tick, digits) for tick in ticks]
        if len(set(labels)) == len(labels):
            break
    return labels
