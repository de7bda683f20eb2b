"""Matrices as colours: one for what is positive, another for what is negative, the stronger the larger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import half_blocks, tiled
from tui_lab.charts.resampling import resampled
from tui_lab.charts.series import short_number
from tui_lab.charts.shading import style
from tui_lab.charts.text import folded
from tui_lab.pictures import Picture
from tui_lab.tools.tool import HeatMap

_SIGNS = "Oo=- +*#@"  # from far below 0 to far above
_LIMITS = (0.1, 0.4, 0.7, 0.9)  # of the largest value, from one sign to the next
_WIDEST = 100  # cells of a map
_MOST_ROWS = 40  # pixels that a map is high, two of them in a line
_FEW_ROWS = 24  # up to so many, rows are enlarged
_LEAST_SIDE = 18  # cells of a plan, where two of them stand side by side
_GAP = 2


def heat_maps_text(maps: Sequence[HeatMap], *, width: int, look: Look = DEFAULT) -> Text:
    """Each map under its title and a key to the colours, with its axes; plans side by side where there is room.

    Args:
        maps: what to draw.
        width: cells of the whole, at least 10.
        look: positive values have the colour of the second run, negative ones that of the first; without colours they
            are signs.
    """
    look = look.of_pictures
    drawn: list[Text] = []
    for is_plan, group in groupby(maps, lambda one: one.is_plan):
        alike = list(group)
        room = _room_of_plan(alike, width) if is_plan else width
        blocks = [_framed(one, room, look) for one in alike]
        drawn += [tiled(_as_high(blocks), [""] * len(blocks), width=width, gap=_GAP)] if is_plan else blocks
    return Text("\n\n").join(drawn)


def heat_blocks(
    values: Sequence[Sequence[float]], *, lines: int, columns: int, largest: float, look: Look = DEFAULT
) -> Text:
    """The matrix alone, in so many lines of so many cells; what lies within a cell, or half of one, is its mean.

    Args:
        values: rows from the top, all as long, at least one value each.
        lines, columns: cells, at least 1 each. With colours, every line shows two rows.
        largest: the value with the strongest colour; positive.
        look: as `heat_maps_text` has it.
    """
    if not look.has_colours:
        rows = resampled(values, lines, columns)
        return Text("\n".join("".join(_sign(value / largest) for value in row) for row in rows))
    rows = resampled(values, 2 * lines, columns)
    pixels = bytes(part for row in rows for value in row for part in look.palette.signed(value / largest))
    return half_blocks(Picture(columns, 2 * lines, pixels))


def _as_high(blocks: Sequence[Text]) -> list[Text]:
    """The blocks, each with as many lines as the highest: so that titles stand side by side."""
    lines = [block.plain.count("\n") for block in blocks]
    blank = Text(" ")  # an empty last line would get lost
    return [Text("\n").join([block, *[blank] * (max(lines) - own)]) for block, own in zip(blocks, lines, strict=True)]


def _framed(one: HeatMap, width: int, look: Look) -> Text:
    """A map with title, key, numbers along its axes and their labels."""
    gutter = len(str(one.rows - 1)) + 1
    room = max(1, min(width - gutter, _WIDEST))
    columns, lines = _plan_size(one, room) if one.is_plan else _size(one, room, has_colours=look.has_colours)
    drawn = heat_blocks(one.values, lines=lines, columns=columns, largest=one.largest, look=look)
    made = [Text(line, "bold") for line in folded(look.printable(one.title), max(width, 2))]
    made += heat_key(one.largest, width, look)
    for number, line in enumerate(drawn.split(allow_blank=True)):
        said = {0: "0", lines - 1: str(one.rows - 1)}.get(number, "") if lines > 1 else ""
        made.append(Text(f"{said:>{gutter - 1}} ", look.faint).append_text(line))
    made.append(Text(" " * gutter + _numbers(one.columns, columns), look.faint))
    labels = f"{one.x_label} across, {one.y_label} down"
    made += [Text(line, look.faint) for line in folded(look.printable(labels), max(width, 2))]
    return Text("\n").join(made)


def _size(one: HeatMap, room: int, *, has_colours: bool) -> tuple[int, int]:
    """Columns and lines of a map that is as wide as the room: columns and rows stay whole where they can."""
    own = len(one.values[0])
    columns = room // own * own or room
    if not has_colours:
        return columns, _even_part(one.rows, _FEW_ROWS)
    enlarged = max(1, _FEW_ROWS // one.rows) * one.rows
    return columns, max(1, _even_part(enlarged, _MOST_ROWS) // 2)


def _even_part(size: int, most: int) -> int:
    """At most `most`, so that about as many of `size` share each."""
    return math.ceil(size / math.ceil(size / most))


def _plan_size(one: HeatMap, room: int) -> tuple[int, int]:
    """Columns and lines of a square."""
    own = len(one.values[0])
    side = min(room, _MOST_ROWS)
    if own <= side:
        side = own * max(1, min(side, _FEW_ROWS) // own)
    return side, max(1, (side + 1) // 2)


def _room_of_plan(plans: Sequence[HeatMap], width: int) -> int:
    """Cells that each plan may take: half of the width where that is enough."""
    half = (width - _GAP) // 2
    gutter = max(len(str(one.rows - 1)) for one in plans) + 1
    return half if len(plans) > 1 and half - gutter >= _LEAST_SIDE else width


def heat_key(largest: float, width: int, look: Look) -> list[Text]:
    """What the colours or signs of `heat_blocks` stand for, in lines of at most `width` cells."""
    most = short_number(largest, 2)
    if not look.has_colours:
        said = f"O o = - from -{most} on, blank near 0, + * # @ to {most}"
        return [Text(line) for line in folded(said, max(width, 2))]
    line = Text()
    for value, said in ((-1, f"-{most}"), (0, "0"), (1, most)):
        line.append("■", style(look.palette.signed(value))).append(f" {said}   ")
    line.rstrip()
    line.truncate(width)
    return [line]


def _numbers(count: int, columns: int) -> str:
    """The first and the last number under the ends of an axis, and one in its middle where there is room."""
    last = str(count - 1)
    if columns < len(last) + 2:
        return "0"
    line = "0" + " " * (columns - 1 - len(last)) + last
    middle = count // 2
    at = (2 * middle + 1) * columns // (2 * count) - len(str(middle)) // 2
    is_clear = at > 2 and at + len(str(middle)) + 2 <= columns - len(last)
    return line[:at] + str(middle) + line[at + len(str(middle)) :] if is_clear else line


def _sign(share: float) -> str:
    strength = sum(abs(share) > limit for limit in _LIMITS)
    return _SIGNS[len(_LIMITS) + (strength if share > 0 else -strength)]
