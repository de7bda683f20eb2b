"""What hidden units respond to, as small maps of the plane."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look, Palette
from tui_lab.charts.pictures import half_blocks, tiled
from tui_lab.charts.series import short_number
from tui_lab.charts.shading import style
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import UnitLayer, UnitMap, UnitMaps
from tui_lab.pictures import Picture

_SIDES = (24, 20, 16, 12)  # cells that a map may be wide, and twice what it is high
_MOST_ROWS = 2  # of maps in a layer, if smaller ones can achieve it
_GAP = 2
_MIDDLE = 128  # the level of a unit that gives the middle of its activation
_TEXTURES = "=- +#"  # far below the middle, below, near it, above, far above
_NEAR, _FAR = 13, 64  # levels from the middle


def unit_grid(found: UnitMaps, *, width: int, rows: int | None = None, look: Look = DEFAULT) -> Text:
    """A map for each unit with its number below, layer by layer, after a few words on how to read them.

    In colours, where the unit gives more than the middle of its activation the map has the colour of the second run,
    where it gives less that of the first: the further, the stronger. The line between them is where the weighted sum of
    its inputs is 0. Without colours, signs stand for the colours.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        rows: lines that are seen at once. Maps become smaller, to a limit, so that all of them are. None = so that
            no layer takes more than two rows of maps.
    """
    palette = look.palette
    lines = _legend(found, palette, width) if look.has_colours else list(map(Text, folded(_signs(found), width)))
    side = _side(found, width, None if rows is None else rows - len(lines))
    for layer in found.layers:
        levels = [_sampled(one, found.cells, side) for one in layer.maps]
        blocks = [_coloured(one, side, palette) if look.has_colours else _textured(one) for one in levels]
        captions = [_caption(one, found.activation) for one in layer.maps]
        grid = tiled(blocks, captions, width=width, gap=_GAP, look=look)
        lines += [
            Text(),
            Text(shortened(look.printable(_title(layer)), width), "bold"),
            *grid.split(allow_blank=True),
        ]
    return Text("\n").join(lines)


def _side(found: UnitMaps, width: int, rows: int | None) -> int:
    """The largest maps that have room, or the smallest ones."""

    def fits(side: int) -> bool:
        across = max(1, (width + _GAP) // (side + _GAP))
        deep = [-(-len(layer.maps) // across) for layer in found.layers]
        if rows is None:
            return max(deep) <= _MOST_ROWS
        return sum(2 + count * (side // 2 + 2) - 1 for count in deep) <= rows

    return min(next(filter(fits, _SIDES), _SIDES[-1]), width)


def _sampled(one: UnitMap, cells: int, side: int) -> list[bytes]:
    """The levels of the map at another size, row by row."""
    nearest = [(2 * i + 1) * cells // (2 * side) for i in range(side)]
    return [bytes(one.levels[row * cells + column] for column in nearest) for row in nearest]


def _coloured(rows: Sequence[bytes], side: int, palette: Palette) -> Text:
    tints = [palette.signed((level - _MIDDLE) / (_MIDDLE - 1)) for level in range(256)]
    pixels = bytes(
        value
        for levels, is_line in zip(rows, _lines(rows), strict=True)
        for level, on_line in zip(levels, is_line, strict=True)
        for value in (palette.axis if on_line else tints[level])
    )
    return half_blocks(Picture(side, len(rows), pixels))


def _lines(rows: Sequence[bytes]) -> Iterator[list[bool]]:
    """Where the middle is passed: the cells whose neighbour to the right or below is on its other side."""
    for row, levels in enumerate(rows):
        under = rows[min(row + 1, len(rows) - 1)]
        beside = [*levels[1:], levels[-1]]
        yield [
            len({level > _MIDDLE, right > _MIDDLE, down > _MIDDLE}) == 2
            for level, right, down in zip(levels, beside, under, strict=True)
        ]


def _textured(rows: Sequence[bytes]) -> Text:
    """Every second row of the levels, which are two to a line."""
    return Text("\n").join(Text("".join(map(_texture, levels))) for levels in rows[::2])


def _texture(level: int) -> str:
    distance = level - _MIDDLE
    strength = (abs(distance) > _NEAR) + (abs(distance) > _FAR)
    return _TEXTURES[2 + (strength if distance > 0 else -strength)]


def _title(layer: UnitLayer) -> str:
    part = "" if len(layer.maps) == layer.units else f"{len(layer.maps)} of "
    return f"{layer.name}: {part}{layer.units} unit{'' if layer.units == 1 else 's'}"


def _caption(one: UnitMap, activation: str) -> str:
    if activation != "relu":
        return str(one.number)
    return f"{one.number} to {short_number(one.largest, 2)}" if one.largest else f"{one.number} off"


def _limits(found: UnitMaps) -> tuple[str, str, str]:
    """Least, middle and most that a unit can give."""
    return {"tanh": ("-1", "0", "1"), "sigmoid": ("0", "0.5", "1")}.get(found.activation, ("0", "0", "its most"))


def _legend(found: UnitMaps, palette: Palette, width: int) -> list[Text]:
    least, middle, most = _limits(found)
    below, above = palette.runs[:2]
    is_relu = found.activation == "relu"
    marks = [] if is_relu else [(below, f"to {least}")]
    marks += [(palette.axis, "where it turns on" if is_relu else middle), (above, f"to {most}")]
    line = Text(f"{found.activation}: ")
    for colour, meaning in marks:
        line.append("■", style(colour)).append(f" {meaning}   ")
    square = _square(found)
    if line.cell_len + len(square) <= width:
        return [line.append(square)]
    line.truncate(width)
    return [line, *map(Text, folded(square, width))]


def _signs(found: UnitMaps) -> str:
    least, middle, most = _limits(found)
    below = "" if found.activation == "relu" else f"- and = below, to {least}; "
    return f"{found.activation}: {below}blank near {middle}; + and # above, to {most}. {_square(found)}"


def _square(found: UnitMaps) -> str:
    right, top = found.left + found.side, found.bottom + found.side
    return f"x {found.left:.2f} to {right:.2f}, y {found.bottom:.2f} to {top:.2f}"
