"""Amounts as colours: from black for nothing, or the least, over violet and orange to pale yellow for the most."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.text import Text

from tui_lab.charts.look import Look
from tui_lab.charts.pictures import half_blocks
from tui_lab.charts.resampling import resampled
from tui_lab.charts.shading import Colour, mixed
from tui_lab.pictures import Picture

# Equal steps for every kind of eye: inferno, by Smith and van der Walt (https://bids.github.io/colormap/)
_STEPS: tuple[Colour, ...] = (
    (0, 0, 4),
    (31, 12, 72),
    (85, 15, 109),
    (136, 34, 106),
    (186, 54, 85),
    (227, 89, 51),
    (249, 140, 10),
    (249, 201, 50),
    (252, 255, 164),
)
_SCALE, _LEAST_SCALE = 16, 2  # cells
_LEAST_GREY = 52  # of a map without colours: so that it still has edges


@lru_cache(maxsize=512)
def tint(level: int, *, color: bool) -> Colour:
    """The colour of a level of 0..255; a grey where there are no colours, from which shades are made."""
    if not color:
        grey = _LEAST_GREY + level * (255 - _LEAST_GREY) // 255
        return grey, grey, grey
    place = level / 255 * (len(_STEPS) - 1)
    before = min(int(place), len(_STEPS) - 2)
    return mixed(_STEPS[before + 1], _STEPS[before], place - before)


def enlarged(levels: bytes, columns: int, *, width: int, height: int) -> list[bytes]:
    """Levels row by row, `columns` to a row, at another size in pixels."""
    rows = [levels[start : start + columns] for start in range(0, len(levels), columns)]
    return [bytes(map(round, row)) for row in resampled(rows, height, width)]


def tinted(rows: Sequence[bytes], look: Look) -> Picture:
    """A picture of levels."""
    pixels = bytes(value for row in rows for level in row for value in tint(level, color=look.has_colours))
    return Picture(len(rows[0]), len(rows), pixels)


def ramp(low: str, high: str, *, width: int, look: Look) -> Text:
    """The colours or shades in a line of at most `width` cells, between what the first and the last stand for."""
    cells = max(_LEAST_SCALE, min(_SCALE, width - len(low) - len(high) - 2))
    row = bytes(255 * i // (cells - 1) for i in range(cells))
    drawn = half_blocks(tinted([row, row], look), look=look)
    return Text(f"{low} ").append_text(drawn).append(f" {high}")
