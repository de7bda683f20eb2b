"""Line charts as text: the one module that calls plotext.

plotext draws the lines, the axes and the tick labels. What it gets is already thinned, free of non-finite values and
scaled to 0..1, so its cost is bounded by the size of the chart and no value can upset its arithmetic. Title and legend
are put around its canvas here, where they cannot cover a curve.

Every kind of series has its own mark besides its own colour, so a chart can be read without colours: in a pipe, under
NO_COLOR, and by colour-blind people.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len, set_cell_size

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.series import (
    Segment,
    Series,
    axis_ticks,
    clip_for_log,
    log_ticks,
    split_at_gaps,
    thin,
    tick_labels,
)
from tui_lab.charts.shading import Colour

MIN_WIDTH, MIN_HEIGHT = 20, 5
_AXIS_ROWS = 2  # the x axis and its labels
_MIN_CANVAS_ROWS = 3
_MARK_SPACING = 12  # columns between the marks of one line
_SEPARATION = 2  # cells between two entries of the legend
_LARGEST, _SMALLEST = 1e300, 1e-300  # beyond these, differences and quotients of values overflow
_LARGEST_EXPONENT = 250  # of positions on a log axis, whose limits may lie a tenth beyond
_FLAT = 1e-6  # a curve that varies less than this part of its size is float32 noise, and drawn as a constant

_MARKS = {"train": "", "test": "•", "validation": "◆", "train_eval": "○", "lr": "", "published": "+"}
_RUN_MARKS = ("", "•", "▲", "■", "◆", "○", "△", "□", "◇")
_LONE_POINT = "─"  # of a line without marks, as its legend shows it; a single braille dot is easily missed
_ASCII_MARKS = {"train": "*", "test": "o", "validation": "v", "train_eval": "#", "lr": "*", "published": "+"}
_ASCII_RUN_MARKS = ("*", "o", "+", "#", "@", "%", "&", "$", "=")
_ASCII_AXES = str.maketrans("│─┤┬└", "|-+++")
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
_plotext_lock = threading.Lock()  # plotext is one figure for the whole process


@dataclass(frozen=True)
class Drawing:
    """A drawn chart, and where its values lie in it: what a cursor needs.

    Attributes:
        text: lines joined by newlines.
        left, right: the first column of the canvas, and the first one after it; equal where there is only a message.
        low, high: the positions on the x axis at these two edges.
        x_log: whether that axis is logarithmic; both are above 0 then.
    """

    text: str
    left: int = 0
    right: int = 0
    low: float = 0.0
    high: float = 0.0
    x_log: bool = False

    def position(self, column: int) -> float:
        """The place on the x axis that a column of the block shows."""
        share = min(1.0, max(0.0, (column - self.left) / max(1, self.right - 1 - self.left)))
        if self.x_log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share

    def column(self, position: float) -> int:
        """The column of the block that shows a place on the x axis."""
        share = 0.0
        if self.high > self.low:
            if not self.x_log:
                share = (position - self.low) / (self.high - self.low)
            elif position > 0:
                share = math.log(position / self.low) / math.log(self.high / self.low)
        return self.left + round(min(1.0, max(0.0, share)) * max(0, self.right - 1 - self.left))


@dataclass(frozen=True)
class _Curve:
    """A series ready to be drawn: bounded in length and in size."""

    series: Series
    segments: list[Segment]
    gaps: list[float]


@dataclass(frozen=True)
class _Axis:
    """Limits, ticks and scale of one axis."""

    low: float
    high: float
    ticks: list[float]
    log: bool = False

    def place(self, values: Iterable[float]) -> list[float]:
        """Where values lie between the limits: 0 to 1."""
        scale = math.log10 if self.log else float
        low = scale(self.low)
        span = scale(self.high) - low
        return [(scale(value) - low) / span for value in values]

    def labelled_on(self, rows: int) -> _Axis:
        """The same with one tick a row: of two on a row, plotext would draw now the one and now the other."""
        by_row: dict[int, float] = {}
        for tick, place in zip(self.ticks, self.place(self.ticks), strict=True):
            by_row.setdefault(round(place * (rows - 1)), tick)
        return replace(self, ticks=list(by_row.values()))


@dataclass(frozen=True)
class _Entry:
    """One curve in the legend: its text with colours, and how many cells that takes."""

    painted: str
    width: int


@dataclass(frozen=True)
class _Signal:
    """What plotext is asked to draw: points from 0 to 1, joined by a line or not."""

    x: list[float]
    y: list[float]
    marker: str
    colour: Colour
    joined: bool


def draw(
    series: Sequence[Series],
    *,
    width: int,
    height: int,
    title: str = "",
    x_label: str = "",
    x_log: bool = False,
    y_log: bool = False,
    look: Look = DEFAULT,
) -> Drawing:
    """Draw curves into a block of text.

    Args:
        series: the curves; later ones lie over earlier ones, published and faint ones under all.
        width, height: size of the whole block in character cells. Below 20x5 there is only a message.
        title: first line, where there is room for it.
        x_label: what the x axis counts, at the end of the legend.
        x_log: logarithmic x axis; what lies at zero or below has no place on it and is left out.
        y_log: logarithmic y axis; values of zero and below are drawn at the smallest positive one.
        look: colours and characters; without colours there are no escape codes at all.

    Returns:
        The block, and where the values lie in it: `height` lines of `width` cells each, joined by newlines, with 24-bit
        ANSI colours (as `rich.text.Text.from_ansi` reads them). Where nothing can be drawn, it holds a sentence that
        says why.
    """
    if width < 1 or height < 1:
        return Drawing("")
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return Drawing(_message(f"a chart needs {MIN_WIDTH}x{MIN_HEIGHT} cells", "", width, height, look))
    curves, trouble = _prepare(series, columns=2 * width, x_log=x_log, y_log=y_log)
    if trouble:
        return Drawing(_message(trouble, title, width, height, look))
    notes = [x_label, "log x" if x_log else "", "log y" if y_log else ""]
    spare = height - _AXIS_ROWS - _MIN_CANVAS_ROWS
    legend = _legend(curves, ", ".join(filter(None, notes)), width, min(spare, max(1, height // 5)), look)
    header = [_title(title, width, look)] if title and spare > len(legend) else []
    rows = height - len(header) - len(legend)
    canvas, x_axis = _canvas(curves, width, rows, x_log=x_log, y_log=y_log, look=look)
    corner = max(_ESCAPES.sub("", line).find("+" if look.ascii else "└") for line in canvas[-_AXIS_ROWS:])
    ends = (10**x_axis.low, 10**x_axis.high) if x_log else (x_axis.low, x_axis.high)
    return Drawing("\n".join([*header, *canvas, *legend]), corner + 1, width, *ends, x_log)


def _prepare(series: Sequence[Series], *, columns: int, x_log: bool, y_log: bool) -> tuple[list[_Curve], str]:
    """Curves bounded in length and size, and why they cannot be drawn ("" if they can).

    Where `x_log`, the positions are exponents of ten from here on.
    """
    positive = (v for one in series for v in one.y if 0 < v < math.inf)
    floor = min(positive, default=None) if y_log else None
    curves = []
    for one in series:
        # Faint curves get half the columns: a lighter texture, and half the work.
        y = one.y if floor is None else clip_for_log(one.y, max(floor, _SMALLEST))
        x, y = thin(_exponents(one.x) if x_log else one.x, y, columns // (2 if one.faint else 1))
        segments, gaps = split_at_gaps([_bounded(value) for value in x], [_bounded(value) for value in y])
        curves.append(_Curve(one, segments, gaps))
    if not any(curve.segments for curve in curves):
        return [], "every value is NaN or infinite" if any(curve.gaps for curve in curves) else "no data yet"
    if y_log and floor is None:
        return [], "no positive value for a log axis"
    return curves, ""


def _bounded(value: float) -> float:
    if abs(value) < _SMALLEST:
        return 0.0
    return math.copysign(_LARGEST, value) if _LARGEST < abs(value) < math.inf else float(value)


def _exponents(positions: Iterable[float]) -> list[float]:
    """Of ten, within what can be turned back; NaN for positions that have none."""
    return [
        min(max(math.log10(place), -_LARGEST_EXPONENT), _LARGEST_EXPONENT) if place > 0 else math.nan
        for place in positions
    ]


def _axes(curves: Iterable[_Curve], columns: int, rows: int, *, x_log: bool, y_log: bool) -> tuple[_Axis, _Axis]:
    """The x and the y axis that hold all curves, with at most about ten ticks each, and room for their labels."""
    xs = [x for curve in curves for part in (curve.gaps, *(segment[0] for segment in curve.segments)) for x in part]
    ys = [y for curve in curves for segment in curve.segments for y in segment[1]]
    count = min(max(2, columns // 9), 10)
    x_axis = _axis(xs, count, whole=not x_log and all(x.is_integer() for x in xs))
    if x_log:
        x_axis = replace(x_axis, ticks=[math.log10(tick) for tick in log_ticks(10**x_axis.low, 10**x_axis.high, count)])
    return x_axis, _axis(ys, min(max(2, rows * 2 // 5), 10), log=y_log)


def _axis(values: Sequence[float], count: int, *, whole: bool = False, log: bool = False) -> _Axis:
    low, high = min(values), max(values)
    size = max(abs(low), abs(high))
    if high - low <= _FLAT * size:
        margin = 0.1 * size or 1.0
        return _Axis(low - margin, high + margin, [low], log)
    ticks = log_ticks(low, high, count) if log else axis_ticks(low, high, count, whole=whole)
    return _Axis(low, high, ticks, log)


def _signals(curves: Iterable[_Curve], x_axis: _Axis, y_axis: _Axis, columns: int, look: Look) -> list[_Signal]:
    """Lines, marks and gaps of all curves; what comes later lies over what came before."""
    dots = "hd" if look.marker == "blocks" else "braille"  # as plotext calls them
    signals = []
    lowest_first = sorted(curves, key=lambda curve: (not curve.series.faint, curve.series.kind != "published"))
    for index, curve in enumerate(lowest_first):
        faint, mark, colour = curve.series.faint, _mark(curve.series, look), look.palette.colour(curve.series)
        # Without colours a faint line cannot be told from the others, and becomes a cloud of dots.
        joined = not faint or (look.color and not look.ascii)
        line = ("." if faint else mark) if look.ascii else dots
        segments = [(x_axis.place(x), y_axis.place(y)) for x, y in curve.segments]
        signals += [_Signal(x, y, line, colour, joined) for x, y in segments]
        if not faint and not look.ascii:
            stagger = index * _MARK_SPACING / 3 % _MARK_SPACING  # so that the marks of two curves do not meet
            points = _marked(segments, columns, stagger, spaced=bool(mark))
            signals.append(_Signal([x for x, _ in points], [y for _, y in points], mark or _LONE_POINT, colour, False))
        signals.append(_Signal(x_axis.place(curve.gaps), [1.0] * len(curve.gaps), _gap(look), colour, False))
    return [signal for signal in signals if signal.x]


def _marked(segments: Sequence[Segment], columns: int, first: float, *, spaced: bool) -> list[tuple[float, float]]:
    """The points that get a mark: those without neighbours and, if `spaced`, one for every dozen columns or so.

    The first of the latter stands at column `first` or after it; a curve that ends before has one at its end.
    """
    chosen = []
    for x, y in segments:
        for place, value in zip(x, y, strict=True):
            if len(x) == 1 or (spaced and place * columns >= first):
                chosen.append((place, value))
                first = place * columns + _MARK_SPACING
    if spaced and segments and not chosen:
        chosen.append((segments[-1][0][-1], segments[-1][1][-1]))
    return chosen


def _canvas(
    curves: Sequence[_Curve], width: int, height: int, *, x_log: bool, y_log: bool, look: Look
) -> tuple[list[str], _Axis]:
    """The axes and the curves, drawn by plotext in `height` lines of `width` cells; and the x axis."""
    import plotext  # takes a tenth of a second, which only drawing should cost

    x_axis, y_axis = _axes(curves, width, height - _AXIS_ROWS, x_log=x_log, y_log=y_log)
    y_axis = y_axis.labelled_on(height - _AXIS_ROWS)
    x_ticks = [10**tick for tick in x_axis.ticks] if x_log else x_axis.ticks
    with _plotext_lock:
        plotext.clear_figure()
        plotext.limit_size(False, False)
        plotext.plot_size(width, height)
        plotext.theme("clear")
        if look.color:
            plotext.ticks_color(look.palette.axis)
        plotext.xaxes(True, False)
        plotext.yaxes(True, False)
        plotext.xlim(0, 1)
        plotext.ylim(0, 1)
        plotext.xticks(x_axis.place(x_axis.ticks), tick_labels(x_ticks, log=x_log))
        plotext.yticks(y_axis.place(y_axis.ticks), tick_labels(y_axis.ticks, log=y_log))
        for signal in _signals(curves, x_axis, y_axis, width, look):
            plot = plotext.plot if signal.joined else plotext.scatter
            plot(signal.x, signal.y, marker=signal.marker, color=signal.colour if look.color else "default")
        text = plotext.build()
    if not look.color:
        text = _ESCAPES.sub("", text)
    if look.ascii:
        text = text.translate(_ASCII_AXES)
    lines: list[str] = text.split("\n")
    return lines[:height], x_axis


def _legend(curves: Sequence[_Curve], note: str, width: int, lines: int, look: Look) -> list[str]:
    """At most `lines` lines that name the curves, the note at the right end of the last one where it fits."""
    entries: dict[tuple[str, str], _Entry] = {}
    for series in sorted((curve.series for curve in curves if curve.series.name), key=lambda one: one.faint):
        # One entry for all raw values: their colours are those of the lines above them.
        key = (series.name, "faint" if series.faint else series.kind)
        entries.setdefault(key, _entry(_sample(series, look), look.palette.colour(series), series.name, width, look))
    if any(curve.gaps for curve in curves):
        entries["", "gap"] = _entry(_gap(look), look.palette.axis, "not finite", width, look)
    note = _fitted(note, width, look)
    if not lines or not (entries or note):
        return []
    end = _Entry(_painted(note, look.palette.axis, look), cell_len(note))
    rows = _fold(list(entries.values()), width, lines)
    if note and len(rows) < lines and _row_width([*rows[-1], end]) > width:
        rows.append([])
    return [_spread(row, end if row is rows[-1] else _Entry("", 0), width) for row in rows]


def _entry(sample: str, colour: Colour, name: str, width: int, look: Look) -> _Entry:
    name = _fitted(name, width - cell_len(sample) - 1, look)
    return _Entry(f"{_painted(sample, colour, look)} {name}", cell_len(f"{sample} {name}"))


def _fold(entries: Sequence[_Entry], width: int, lines: int) -> list[list[_Entry]]:
    """Entries in rows of at most `width` cells; what `lines` rows cannot hold is counted at their end."""
    rows: list[list[_Entry]] = [[]]
    for entry in entries:
        if rows[-1] and _row_width([*rows[-1], entry]) > width:
            rows.append([])
        rows[-1].append(entry)
    hidden = sum(map(len, rows[lines:]))
    del rows[lines:]
    while hidden:
        more = _Entry(f"+{hidden} more", len(f"+{hidden} more"))
        if _row_width([*rows[-1], more]) <= width:
            rows[-1].append(more)
            break
        rows[-1].pop()
        hidden += 1
    return rows


def _row_width(row: Sequence[_Entry]) -> int:
    return sum(entry.width for entry in row) + _SEPARATION * max(len(row) - 1, 0)


def _spread(row: Sequence[_Entry], end: _Entry, width: int) -> str:
    """A row filled up to `width` cells, with `end` at its right end if there is room."""
    text = (" " * _SEPARATION).join(entry.painted for entry in row)
    blanks = width - _row_width(row)
    if not end.width or _row_width([*row, end]) > width:
        return text + " " * blanks
    return text + " " * (blanks - end.width) + end.painted


def _title(text: str, width: int, look: Look) -> str:
    text = _fitted(text, width, look)
    blank = " " * (width - cell_len(text))
    return (f"\x1b[1m{text}\x1b[0m" if look.color else text) + blank


def _message(sentence: str, title: str, width: int, height: int, look: Look) -> str:
    """A block that says why there is no chart."""
    sentence = _fitted(sentence, width, look)
    left = (width - cell_len(sentence)) // 2
    right = width - cell_len(sentence) - left
    lines = [" " * width for _ in range(height)]
    if height > 1 and title:
        lines[0] = _title(title, width, look)
    lines[height // 2] = " " * left + _painted(sentence, look.palette.axis, look) + " " * right
    return "\n".join(lines)


def _mark(series: Series, look: Look) -> str:
    """The character that tells a series apart without colour; empty for the plain line."""
    index = series.run_index
    if index is None:
        return (_ASCII_MARKS if look.ascii else _MARKS)[series.kind]
    run_marks = _ASCII_RUN_MARKS if look.ascii else _RUN_MARKS
    return run_marks[index % len(run_marks)]


def _sample(series: Series, look: Look) -> str:
    """A piece of the line, for the legend."""
    if series.faint:
        return ".." if look.ascii else "⠒⠒"
    mark = _mark(series, look)
    return 2 * mark if look.ascii else f"─{mark}─"


def _gap(look: Look) -> str:
    """What stands where a value is not finite."""
    return "x" if look.ascii else "×"


def _painted(text: str, colour: Colour, look: Look) -> str:
    """Text in a colour, where there are colours."""
    return f"\x1b[38;2;{colour[0]};{colour[1]};{colour[2]}m{text}\x1b[0m" if look.color else text


def _fitted(text: str, width: int, look: Look) -> str:
    """A user's text as printable characters of at most `width` cells."""
    text = look.printable(text)
    return text if cell_len(text) <= width else set_cell_size(text, width)
