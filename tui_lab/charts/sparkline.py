"""A curve in one line of text, for the cells of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII_LEVELS = ".:-=+*#@"
_MIDDLE = 3


def sparkline(values: Sequence[float], width: int, ascii: bool = False) -> str:
    """Values as bars of eight heights, the lowest value at the lowest and the highest at the highest.

    Args:
        values: in order. Fewer than `width` take a cell each, and blanks follow; more are averaged, except that the
            cells of the highest and the lowest value show just these.
        width: cells; none below 1.
        ascii: characters of rising weight, 7-bit, instead of blocks.

    Returns:
        Exactly `width` cells: a blank where there is no finite value, the middle level throughout for a constant.
    """
    if width < 1:
        return ""
    levels = _ASCII_LEVELS if ascii else _BLOCKS
    cells = list(values) if len(values) <= width else _averaged(values, width)
    finite = [cell for cell in cells if math.isfinite(cell)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    scale = 1.0 if math.isfinite(high - low) else 0.5  # halves where a difference would overflow
    span = high * scale - low * scale

    def bar(value: float) -> str:
        if not math.isfinite(value):
            return " "
        if not span:
            return levels[_MIDDLE]
        return levels[min(int((value * scale - low * scale) / span * len(levels)), len(levels) - 1)]

    return "".join(map(bar, cells)).ljust(width)


def _averaged(values: Sequence[float], width: int) -> list[float]:
    """`width` means of finite values, NaN where there are none; the extremes stand instead of their cell's mean."""
    edges = [i * len(values) // width for i in range(width + 1)]
    cells = []
    for start, end in pairwise(edges):
        finite = [value for value in values[start:end] if math.isfinite(value)]
        mean = sum(value / len(finite) for value in finite)
        # Within their range, so that rounding cannot make a constant vary.
        cells.append(max(min(mean, max(finite)), min(finite)) if finite else math.nan)
    places = [i for i, value in enumerate(values) if math.isfinite(value)]
    if places:
        # The highest last: where both share a cell, it is the one to see.
        for extreme in (min(places, key=values.__getitem__), max(places, key=values.__getitem__)):
            cell = next(i for i in range(width) if edges[i] <= extreme < edges[i + 1])
            cells[cell] = values[extreme]
    return cells
