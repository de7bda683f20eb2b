"""The filters of a first layer as a grid of pictures."""

from __future__ import annotations

from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import mosaic
from tui_lab.charts.series import short_number
from tui_lab.charts.text import folded
from tui_lab.inspections.content import Filters

_SMALL, _LARGE = 10, 16  # cells that a picture is enlarged to, and reduced to


def filter_grid(filters: Filters, *, width: int, columns: int | None = None, look: Look = DEFAULT) -> Text:
    """Every filter with the weight that is white in it, and a few words on how to read them.

    Args:
        filters: what to draw.
        width: cells of the whole.
        columns: cells that each picture may take; None = about ten, and more for larger pictures.
    """
    side = filters.pictures[0].width if filters.pictures else 0
    tile = columns or (_SMALL if side <= _SMALL else min(side, _LARGE))
    captions = [f"{'+-' if look.ascii else '±'}{short_number(largest, 2)}" for largest in filters.largest]
    grid = mosaic(filters.pictures, captions, width=width, columns=tile, look=look)
    part = "all" if len(filters.pictures) == filters.filters else f"{len(filters.pictures)} of"
    value = "weight" if filters.unit == "filter" else "value"
    reading = f"Mid-grey is 0; white and black are the {value} below, each {filters.unit}'s own."
    note = f"{filters.layer}: {part} {filters.filters:,} {filters.unit}s. {reading}"
    return Text("\n").join([*map(Text, folded(note, width)), Text(), grid])
