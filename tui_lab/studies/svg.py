"""Line charts as SVG: curves with a band around them, and single marks. Plain text, no dependency.

Colours are classes, and both sets of them, for a light and a dark page, stand in `STYLE`: a page has it once, a chart
that is a file of its own carries it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 34
MOST_POINTS = 240  # of one line: more than pixels would show
LOG_FROM = 30.0  # a loss over a larger range than this is drawn on a logarithmic axis

# Okabe and Ito's colours, told apart with every common colour blindness; after seven lines they come again, dashed
LIGHT = ("#0072b2", "#d55e00", "#009e73", "#aa4488", "#806000", "#3399cc", "#503ca0")
DARK = ("#56b4e9", "#e69f00", "#2bc094", "#d98bb8", "#f0e442", "#ff7f4d", "#a79ef0")
DASHES = ("", "6 3", "2 3")


def _colours(colours: Sequence[str]) -> str:
    return " ".join(f"--c{i}: {colour};" for i, colour in enumerate(colours))


STYLE = f"""
:root {{ --ink: #1d2125; --dim: #626b75; --rule: #d9dee3; --page: #ffffff; {_colours(LIGHT)} }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ink: #e4e7ea; --dim: #9aa4ae; --rule: #3a424b; --page: #14181c; {_colours(DARK)} }}
}}
svg.chart text {{ font: 12px system-ui, sans-serif; fill: var(--dim); }}
svg.chart text.title {{ font-weight: 600; fill: var(--ink); }}
svg.chart .grid {{ stroke: var(--rule); stroke-width: 1; }}
svg.chart .line {{ fill: none; stroke-width: 2; stroke-linejoin: round; }}
svg.chart .band {{ stroke: none; opacity: 0.18; }}
svg.chart .mark {{ fill: var(--page); stroke-width: 2; }}
""" + "\n".join(f".stroke{i} {{ stroke: var(--c{i}); }} .fill{i} {{ fill: var(--c{i}); }}" for i in range(len(LIGHT)))


@dataclass(frozen=True)
class Mark:
    """A single value: what was published."""

    x: float
    y: float


@dataclass(frozen=True)
class Line:
    """A curve with what lies around it.

    Attributes:
        name: for the legend.
        index: which of the colours and dashes it has.
        x: positions, rising; mean, low, high: as many values, NaN where there is a gap.
        marks: drawn in its colour.
    """

    name: str
    index: int
    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    marks: tuple[Mark, ...] = ()

    @property
    def dash(self) -> str:
        """As `stroke-dasharray` has it; empty for a whole line."""
        return DASHES[self.index // len(LIGHT) % len(DASHES)]

    @property
    def colour(self) -> int:
        return self.index % len(LIGHT)


@dataclass(frozen=True)
class Chart:
    """Curves over epochs under one title; `may_be_log`: on a logarithmic axis where they span decades."""

    title: str
    lines: tuple[Line, ...]
    may_be_log: bool = False


@dataclass(frozen=True)
class _Axis:
    """From values to pixels."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (math.log10(v) if self.is_log else v for v in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def ticks(self) -> list[float]:
        if not self.is_log:
            return round_steps(self.low, self.high)
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1,) if len(powers) > 4 else (1, 3)
        found = [m * 10.0**power for power in powers for m in steps if self.low <= m * 10.0**power <= self.high]
        return found[:: math.ceil(len(found) / 8)] if found else [self.low, self.high]


def to_svg(chart: Chart, *, standalone: bool = False) -> str:
    """The chart as an `<svg>`.

    Args:
        chart: what is drawn; without any finite value it is an empty frame.
        standalone: for a file of its own, with its style and a legend; in a page both stand there once.
    """
    entries = [line for line in chart.lines if line.x or line.marks] if standalone else []
    height = HEIGHT + 18 * math.ceil(len(entries) / 3)
    body = "".join(_body(chart))
    legend = "".join(_legend(entries))
    style = f"<style>{STYLE}</style>" if standalone else ""
    label = escape(f"{chart.title} by epoch: " + ", ".join(line.name for line in chart.lines), quote=True)
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{_clean(label)}">{style}{body}{legend}</svg>'
    )


def swatch(line: Line) -> str:
    """A piece of the line, for a legend in a page."""
    return (
        '<svg class="chart" viewBox="0 0 28 10" width="28" height="10" aria-hidden="true">'
        f'<path class="line stroke{line.colour}" d="M1 5H27"{_dashed(line)}/></svg>'
    )


def round_steps(low: float, high: float, count: int = 6) -> list[float]:
    """About `count` multiples of 1, 2 or 5 times a power of ten between two limits, low < high."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1, 2, 5) if m * power >= rough * (1 - 1e-9)), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _body(chart: Chart) -> Iterable[str]:
    lines = [_thinned(line) for line in chart.lines]
    xs = [x for line in lines for x in (*line.x, *(mark.x for mark in line.marks))]
    ys = [
        y
        for line in lines
        for y in (*line.mean, *line.low, *line.high, *(mark.y for mark in line.marks))
        if math.isfinite(y)
    ]
    yield f'<text class="title" x="{LEFT}" y="16">{_text(chart.title)}</text>'
    if not xs or not ys:
        return
    x_axis = _Axis(*_limits(xs), LEFT, WIDTH - RIGHT)
    is_log = chart.may_be_log and min(ys) > 0 and max(ys) / min(ys) > LOG_FROM
    low, high = (min(ys), max(ys)) if is_log else _limits(ys)
    y_axis = _Axis(low, high, HEIGHT - BOTTOM, TOP, is_log)
    yield from _frame(x_axis, y_axis)
    for line in lines:
        for part in _segments(line):
            if any(top > bottom for _, _, bottom, top in part):
                upper = [(x_axis(x), y_axis(top)) for x, _, _, top in part]
                lower = [(x_axis(x), y_axis(bottom)) for x, _, bottom, _ in reversed(part)]
                yield f'<path class="band fill{line.colour}" d="{_path([*upper, *lower])}Z"/>'
    for line in lines:
        name = f"<title>{_text(line.name)}</title>"
        for part in _segments(line):
            points = [(x_axis(x), y_axis(y)) for x, y, _, _ in part]
            if len(points) == 1:
                yield f'<circle class="fill{line.colour}" cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="2.5"/>'
            else:
                yield f'<path class="line stroke{line.colour}"{_dashed(line)} d="{_path(points)}">{name}</path>'
    for line in lines:
        for mark in line.marks:
            yield (
                f'<circle class="mark stroke{line.colour}" cx="{x_axis(mark.x):.1f}" cy="{y_axis(mark.y):.1f}" r="4.5">'
                f"<title>{_text(line.name)}, published: {mark.y:.4g}</title></circle>"
            )


def _frame(x_axis: _Axis, y_axis: _Axis) -> Iterable[str]:
    for y in y_axis.ticks():
        at = f"{y_axis(y):.1f}"
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
        yield f'<text x="{LEFT - 6}" y="{at}" text-anchor="end" dominant-baseline="middle">{y:.4g}</text>'
    for x in x_axis.ticks():
        if x == round(x):
            yield f'<text x="{x_axis(x):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{x:.0f}</text>'
    yield f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">epoch</text>'


def _legend(lines: Sequence[Line]) -> Iterable[str]:
    width = (WIDTH - LEFT - RIGHT) / 3
    for i, line in enumerate(lines):
        x, y = LEFT + width * (i % 3), HEIGHT + 18 * (i // 3) + 8
        name = line.name if len(line.name) <= 24 else f"{line.name[:23]}…"
        yield f'<path class="line stroke{line.colour}"{_dashed(line)} d="M{x:.0f} {y - 4}h22"/>'
        yield f'<text x="{x + 28:.0f}" y="{y}">{_text(name)}</text>'


def _limits(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    return low - room if low - room > 0 or low < 0 else min(low, 0.0), high + room


def _thinned(line: Line) -> Line:
    """Every k-th point, and the last."""
    step = math.ceil(len(line.x) / MOST_POINTS)
    if step <= 1:
        return line
    kept = sorted({*range(0, len(line.x), step), len(line.x) - 1})
    x, mean, low, high = ([values[i] for i in kept] for values in (line.x, line.mean, line.low, line.high))
    return Line(line.name, line.index, x, mean, low, high, line.marks)


def _segments(line: Line) -> list[list[tuple[float, float, float, float]]]:
    """The line without its gaps."""
    parts: list[list[tuple[float, float, float, float]]] = [[]]
    for point in zip(line.x, line.mean, line.low, line.high, strict=True):
        if all(map(math.isfinite, point)):
            parts[-1].append(point)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _dashed(line: Line) -> str:
    return f' stroke-dasharray="{line.dash}"' if line.dash else ""


def _text(text: str) -> str:
    return _clean(escape(text))


def _clean(text: str) -> str:
    """Without what XML does not allow at all."""
    return "".join(c if c.isprintable() else " " for c in text)
