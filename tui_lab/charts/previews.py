"""Previews as text: samples, points in the plane, and the rows of a layer table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import mosaic
from tui_lab.charts.shading import style
from tui_lab.inspections.content import LabelledPoint
from tui_lab.previews.content import LayerTable, SampleGrid

LAYER_COLUMNS = ("layer", "what it is", "output", ">weights", ">share")

_GAP = 2
_LEAST_TILE, _MOST_TILE = 14, 32  # cells of a picture's width
_MOST_PLANE = 60  # columns of the plane of points
_MARGIN = 0.04  # around the points, as a part of their extent
_TRAIN, _TEST = "•", "○"


def preview_samples(
    grid: SampleGrid, *, width: int, rows: int | None = None, seen: bool = False, look: Look = DEFAULT
) -> Text:
    """The samples of a grid, each with its class below; or the plane with its points.

    Args:
        grid: what to draw.
        width: cells of the whole, at least 2.
        rows: lines that the plane of points may take; None sets no limit. Images take what they need.
        seen: images as the network sees them, after standardisation; without any, as people do.
        look: classes of points have the colours of its runs; without colours, letters stand instead of points.
    """
    if not grid.samples:
        return _plane(grid, width, rows, look)
    pictures = [sample.seen or sample.picture if seen else sample.picture for sample in grid.samples]
    captions = [grid.class_names[sample.label] for sample in grid.samples]
    across = _across(len(grid.class_names), width)
    tile = min(_MOST_TILE, max(1, (width - _GAP * (across - 1)) // across))
    side = tile // pictures[0].width * pictures[0].width or tile  # pictures are enlarged by whole factors
    side = max(side, *map(cell_len, captions))
    width = min(width, across * (side + _GAP) - _GAP)  # no more across, so that classes keep their columns
    return mosaic(pictures, captions, width=width, columns=tile, gap=_GAP, look=look)


def layer_rows(table: LayerTable) -> list[tuple[str, ...]]:
    """A row for each layer, below `LAYER_COLUMNS`: the input first, the sum last."""
    rows = [("input", "", _shape(table.input_shape), "", "")]
    for layer in table.layers:
        weights = (f"{layer.parameters:,}", _percent(table.share(layer))) if layer.parameters else ("", "")
        rows.append((layer.name, layer.kind, _shape(layer.output_shape), *weights))
    return [*rows, ("all", "", "", f"{table.parameters:,}", "")]


def _across(classes: int, width: int) -> int:
    """Pictures in a line: all classes, or an equal part of them where that leaves little room, so that each class keeps
    its column."""
    most = max(1, (width + _GAP) // (_LEAST_TILE + _GAP))
    equal = max(part for part in range(1, most + 1) if classes % part == 0)
    return equal if 2 * equal >= most or equal == classes else most


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= 0.0005 else "< 0.1 %"


def _shape(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " × ".join(map(str, shape))


def _plane(grid: SampleGrid, width: int, rows: int | None, look: Look) -> Text:
    legend = list(_legend(grid, look))
    side = min(width, _MOST_PLANE, *([] if rows is None else [2 * (rows - len(legend))])) // 2 * 2
    if side < 2:
        return Text()
    lines = [[" "] * side for _ in range(side // 2)]
    labels: dict[tuple[int, int], int] = {}
    left, bottom, extent = _frame([*grid.train, *grid.test])
    # training points last: on top
    for points, mark in ((grid.test, _TEST), (grid.train, _TRAIN)):
        for point in points:
            column = int((point.x - left) / extent * side)
            row = int((bottom + extent - point.y) / extent * side / 2)
            lines[row][column] = mark if look.has_colours else _letter(point.label, is_train=mark is _TRAIN)
            labels[row, column] = point.label
    drawn = []
    for row, line in enumerate(lines):
        text = Text("".join(line))
        for column in range(side if look.has_colours else 0):
            if (row, column) in labels:
                text.stylize(style(look.palette.run(labels[row, column])), column, column + 1)
        drawn.append(text)
    return Text("\n").join([*drawn, *legend])


def _frame(points: Sequence[LabelledPoint]) -> tuple[float, float, float]:
    """Left, bottom and side of a square with all points within it."""
    xs, ys = [point.x for point in points] or [0.0], [point.y for point in points] or [0.0]
    side = max(max(xs) - min(xs), max(ys) - min(ys)) * (1 + 2 * _MARGIN) or 1.0
    return (min(xs) + max(xs) - side) / 2, (min(ys) + max(ys) - side) / 2, side


def _letter(label: int, *, is_train: bool) -> str:
    return chr(ord("A" if is_train else "a") + label % 26)


def _legend(grid: SampleGrid, look: Look) -> Iterator[Text]:
    for label, name in enumerate(grid.class_names):
        name = look.printable(name)
        if look.has_colours:
            yield Text.assemble(("■", style(look.palette.run(label))), f" {name}")
        else:
            yield Text(f"{_letter(label, is_train=True)} {_letter(label, is_train=False)} {name}")
    yield Text(f"{_TRAIN} train  {_TEST} test" if look.has_colours else "capital: train, small: test")
