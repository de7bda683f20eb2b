"""What the layers do over the training: a table of the newest numbers, and a curve for each layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.plot import draw
from tui_lab.charts.series import Series, run_kind, short_number
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import Activity, LayerActivity

USUAL_UPDATE = 1e-3  # https://cs231n.github.io/neural-networks-3/#ratio
_GAP = "  "
_CHART_ROWS = 10
_LEAST_CHART = 34  # cells: where all or two have room for as many, they stand side by side
_WIDEST_CHART = 80


@dataclass(frozen=True)
class _Measure:
    """One quantity of a layer: its head in the table, the title of its chart, and how it is drawn."""

    head: str
    title: str
    of: str  # attribute of `LayerActivity`
    scale: float = 1.0
    is_log: bool = False


_SIZE = _Measure("mean |a|", "Mean |a|", "size")
_DEAD = _Measure("dead", "Dead units, %", "stuck", 100)
_SATURATED = _Measure("saturated", "Saturated values, %", "stuck", 100)
_GRADIENT = _Measure("gradient", "Norm of the gradient", "gradient", is_log=True)
_UPDATE = _Measure("update", "Update / weights", "update", is_log=True)


def layer_activity(found: Activity, *, width: int, look: Look = DEFAULT) -> Text:
    """The table, then a chart for each of its columns, and what the columns are.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        look: layers have the colours of its runs.
    """
    measures = _measures(found)
    lines = [*_table(found, measures, width, look), Text()]
    across = next((count for count in (4, 2) if count * (_LEAST_CHART + len(_GAP)) - len(_GAP) <= width), 1)
    room = min((width + len(_GAP)) // across - len(_GAP), _WIDEST_CHART)
    charts = [
        Text.from_ansi(
            draw(
                _curves(found, measure),
                width=room,
                height=_CHART_ROWS,
                title=measure.title,
                x_label="epoch",
                y_log=measure.is_log,
                look=look,
            ).text
        )
        for measure in measures
    ]
    lines += [*side_by_side(charts, across, room), Text()]
    note = (
        f"Of {found.samples:,} training samples, always the same. a is what comes out of a layer, gradient the norm of "
        f"that of its weights. update is what one step on {found.batch_size:,} of the samples changes in the weights, "
        "relative to their size: usually about 1e-3."
    )
    return Text("\n").join([*lines, *(Text(line, look.faint) for line in folded(note, width))])


def _measures(found: Activity) -> list[_Measure]:
    """What is told; a network without activations has nothing that could be stuck."""
    activation = next((layer.activation for layer in found.layers if layer.activation), "")
    stuck = [_DEAD if activation == "relu" else _SATURATED] if activation else []
    return [_SIZE, *stuck, _GRADIENT, _UPDATE]


def _table(found: Activity, measures: Sequence[_Measure], width: int, look: Look) -> list[Text]:
    rows = [["layer", "units", *(measure.head for measure in measures)]]
    for layer in found.layers:
        told = (_told(layer, measure) for measure in measures)
        rows.append([look.printable(layer.name), f"{layer.units:,}", *told])
    sizes = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        blanks = [" " * (size - cell_len(cell)) for cell, size in zip(row, sizes, strict=True)]
        cells = [row[0] + blanks[0], *(blank + cell for blank, cell in zip(blanks[1:], row[1:], strict=True))]
        lines.append(Text(shortened(_GAP.join(cells), width), look.faint if row is rows[0] else ""))
    return lines


def _told(layer: LayerActivity, measure: _Measure) -> str:
    value = _values(layer, measure)[-1]
    if measure in (_DEAD, _SATURATED):
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
        if measure not in (_DEAD, _SATURATED) or layer.activation
    ]
    if measure is _UPDATE:
        ends = (found.epochs[0], found.epochs[-1])
        curves.append(Series("usual", ends, (USUAL_UPDATE, USUAL_UPDATE), "published"))
    return curves


def side_by_side(blocks: Sequence[Text], across: int, width: int) -> list[Text]:
    """Blocks of lines of `width` cells, `across` in a row, and a blank line between two rows."""
    lines: list[Text] = []
    for start in range(0, len(blocks), across):
        if lines:
            lines.append(Text())
        for parts in zip(*(block.split(allow_blank=True) for block in blocks[start : start + across]), strict=True):
            line = Text()
            for place, part in enumerate(parts):
                line.append(" " * (place * (width + len(_GAP)) - line.cell_len)).append_text(part)
            lines.append(line)
    return lines
