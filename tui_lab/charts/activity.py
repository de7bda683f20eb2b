"""What the layers do over the training: a table of the newest numbers, and a curve for each layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tui_lab.charts.plot import DARK, MIN_WIDTH, Marker, Palette, draw
from tui_lab.charts.series import Series, run_kind, short_number
from tui_lab.charts.shading import style
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import Activity, LayerActivity

USUAL_UPDATE = 1e-3  # https://cs231n.github.io/neural-networks-3/#ratio
_GAP = "  "
_CHART_ROWS = 11
_LEAST_CHART = 44  # cells: where two have room for as many, they stand side by side
_WIDEST_CHART = 80


@dataclass(frozen=True)
class _Measure:
    """One quantity of a layer: its name in the table, what its chart is called, and how it is told."""

    head: str
    title: str
    of: str  # attribute of `LayerActivity`
    scale: float = 1.0
    is_log: bool = False


def layer_activity(
    found: Activity,
    *,
    width: int,
    palette: Palette = DARK,
    marker: Marker = "braille",
    color: bool = True,
    ascii: bool = False,
) -> Text:
    """The table, then a chart for each of its columns, and what the columns are.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        palette: layers have the colours of its runs.
        marker: of the curves; see `tui_lab.charts.plot.draw`.
        color: False for no colours.
        ascii: 7-bit characters only.
    """
    measures = _measures(found, ascii=ascii)
    faint = style(palette.axis) if color else ""
    lines = _table(found, measures, width, faint, ascii=ascii)
    note = (
        f"Of {found.samples} training samples, always the same. Gradient and update are norms over the weights of a "
        f"layer; update is what a step on {found.batch_size} of the samples changes in them, relative to their size: "
        "usually about 1e-3."
    )
    lines += [Text(), *(Text(line, faint) for line in folded(note, width))]
    lines.append(Text())
    is_paired = width >= 2 * _LEAST_CHART + len(_GAP)
    room = min((width - len(_GAP)) // 2 if is_paired else width, _WIDEST_CHART)
    if room >= MIN_WIDTH:
        charts = [
            Text.from_ansi(
                draw(
                    _curves(found, measure),
                    width=room,
                    height=_CHART_ROWS,
                    title=measure.title,
                    x_label="epoch",
                    y_log=measure.is_log,
                    palette=palette,
                    marker="ascii" if ascii else marker,
                    color=color,
                ).text
            )
            for measure in measures
        ]
        lines += _in_pairs(charts, room) if is_paired else Text("\n\n").join(charts).split(allow_blank=True)
    return Text("\n").join(lines)


def _measures(found: Activity, *, ascii: bool) -> list[_Measure]:
    activation = next((layer.activation for layer in found.layers if layer.activation), "")
    size = _Measure("size", "Mean size of what a layer gives", "size")
    stuck = {
        "relu": _Measure("dead", "Dead units, %", "stuck", 100),
        "": None,
    }.get(activation, _Measure("saturated", "Saturated values, %", "stuck", 100))
    gradient = _Measure("gradient", "Norm of the gradient", "gradient", is_log=True)
    update = _Measure("update", f"Update {'/' if ascii else '÷'} weights of one step", "update", is_log=True)
    return [size, *([stuck] if stuck else []), gradient, update]


def _table(found: Activity, measures: Sequence[_Measure], width: int, faint: str | Style, *, ascii: bool) -> list[Text]:
    rows = [("layer", "units", *(measure.head for measure in measures))]
    rows += [
        (layer.name, f"{layer.units:,}", *(_told(layer, measure) for measure in measures)) for layer in found.layers
    ]
    sizes = [max(cell_len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        first, *others = (
            f"{cell:<{size}}" if not i else f"{cell:>{size}}"
            for i, (cell, size) in enumerate(zip(row, sizes, strict=True))
        )
        lines.append(Text(shortened(_GAP.join([first, *others]), width), faint if not number else ""))
    return lines


def _told(layer: LayerActivity, measure: _Measure) -> str:
    value = _values(layer, measure)[-1]
    if measure.of == "stuck":
        return "-" if math.isnan(value) else f"{value:.1f} %"
    return short_number(value, 3) if math.isfinite(value) else str(value)


def _values(layer: LayerActivity, measure: _Measure) -> list[float]:
    values: tuple[float, ...] = getattr(layer, measure.of)
    return [value * measure.scale for value in values]


def _curves(found: Activity, measure: _Measure) -> list[Series]:
    """One a layer; beside updates the usual size of one."""
    curves = [
        Series(layer.name, found.epochs, _values(layer, measure), run_kind(i))
        for i, layer in enumerate(found.layers)
        if measure.of != "stuck" or layer.activation
    ]
    if measure.of == "update":
        ends = (found.epochs[0], found.epochs[-1])
        curves.append(Series("usual", ends, (USUAL_UPDATE, USUAL_UPDATE), "published"))
    return curves


def _in_pairs(blocks: Sequence[Text], width: int) -> list[Text]:
    """Blocks of lines of `width` cells, two by two."""
    lines: list[Text] = []
    for first, second in zip_longest(blocks[::2], blocks[1::2], fillvalue=Text()):
        if lines:
            lines.append(Text())
        for left, right in zip_longest(first.split(), second.split(), fillvalue=Text()):
            lines.append(Text.assemble(left, " " * (width - left.cell_len), _GAP, right))
    return lines
