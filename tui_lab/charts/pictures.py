"""Pictures as text: two pixels a character cell, as the upper and the lower half of a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.resampling import mixed_rows, parts
from tui_lab.charts.shading import Colour, style
from tui_lab.charts.text import folded
from tui_lab.pictures import Picture

_UPPER_HALF = "▀"
_SHADES = " ░▒▓█"
_ASCII_SHADES = " .:-=+*#%@"
_MOST_NAME, _LEAST_SIDE = 12, 4  # cells of a name beside pictures, and of a picture there
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # weights of red, green and blue (ITU-R BT.709)


def half_blocks(picture: Picture, *, columns: int | None = None, rows: int | None = None, look: Look = DEFAULT) -> Text:
    """A picture in character cells, each as wide as one pixel and as high as two.

    Args:
        picture: what to draw.
        columns, rows: cells that it may take. It is fitted into them with its aspect kept: enlarged by the largest
            whole factor, so that every pixel stays a square, or reduced by averaging. None sets no limit; where both
            are None, a pixel stays a pixel.
        look: without colours, the picture is shades by luminance, for a dark background.

    Returns:
        Lines of equal width, joined by newlines. Empty where there is no room, or no pixel.
    """
    width, height = _fitted(picture, columns, rows)
    if not width or not height:
        return Text()
    lines = [list(line) for line in _resized(picture, width, height)]
    pairs = zip_longest(lines[::2], lines[1::2])
    if look.has_colours:
        return Text("\n").join(_coloured(upper, lower) for upper, lower in pairs)
    shades = _ASCII_SHADES if look.ascii else _SHADES
    return Text("\n".join("".join(_shades(upper, lower or upper, shades)) for upper, lower in pairs))


def mosaic(
    pictures: Sequence[Picture],
    captions: Sequence[str],
    *,
    width: int,
    columns: int | None = None,
    rows: int | None = None,
    gap: int = 2,
    look: Look = DEFAULT,
) -> Text:
    """A grid of pictures, each with its caption below, as many side by side as fit. Nothing is cut.

    Args:
        pictures, captions: as many of the one as of the other. A caption may have several lines; one without text
            takes no line where none of its row has any.
        width: cells of the whole grid, at least 1. A picture that is wider is reduced, a caption is folded.
        columns, rows: cells that each picture may take; see `half_blocks`.
        gap: cells between two neighbours.
    """
    blocks = []
    for picture in pictures:
        own = picture.width if rows is None else width
        blocks.append(half_blocks(picture, columns=min(columns or own, width), rows=rows, look=look))
    return tiled(blocks, captions, width=width, gap=gap, look=look)


def tiled(blocks: Sequence[Text], captions: Sequence[str], *, width: int, gap: int = 2, look: Look = DEFAULT) -> Text:
    """A grid of blocks of lines, as `mosaic` makes it of pictures; no block is wider than `width`."""
    tiles = []
    for block, caption in zip(blocks, captions, strict=True):
        said = [line for part in caption.split("\n") for line in folded(look.printable(part), width)]
        tiles.append((list(block.split("\n")), said if any(said) else []))
    side = max((cell_len(line) for drawn, said in tiles for line in [*(one.plain for one in drawn), *said]), default=0)
    across = max(1, (width + gap) // (side + gap)) if side else 1
    lines: list[Text] = []
    for start in range(0, len(tiles), across):
        if start:
            lines.append(Text())
        lines += _grid_row(tiles[start : start + across], side, gap)
    return Text("\n").join(lines)


def picture_rows(
    groups: Sequence[tuple[str, Sequence[Picture]]], across: int, *, width: int, look: Look = DEFAULT
) -> Text:
    """Groups one under the other, each with its name to the left of its rows of pictures.

    Args:
        groups: names, and pictures of about the same size.
        across: pictures in a row; fewer where there is no room for so many.
        width: cells of the whole, at least 10. Pictures are reduced to fit, names folded.
    """
    names = [look.printable(name) for name, _ in groups]
    beside = min(max(map(cell_len, names), default=0), _MOST_NAME, width // 4) + 1  # cells, with a blank after a name
    across = max(1, min(across, (width - beside + 1) // (_LEAST_SIDE + 1)))
    tile = (width - beside + 1) // across - 1
    drawn = [[half_blocks(one, columns=tile, look=look) for one in pictures] for _, pictures in groups]
    side = max((block.cell_len // (block.plain.count("\n") + 1) for blocks in drawn for block in blocks), default=0)
    lines: list[Text] = []
    for name, blocks in zip(names, drawn, strict=True):
        tiles: list[tuple[list[Text], list[str]]] = [(list(block.split()), []) for block in blocks]
        rows = [tiles[start : start + across] for start in range(0, len(tiles), across)]
        pictured = [line for row in rows for line in _grid_row(row, side, 1)]
        for words, line in zip_longest(folded(name, beside - 1), pictured):
            said = words or ""
            lines.append(Text(said + " " * (beside - cell_len(said))).append_text(line or Text()))
    return Text("\n").join(lines)


def _grid_row(tiles: Sequence[tuple[list[Text], list[str]]], side: int, gap: int) -> Iterator[Text]:
    """The lines of pictures side by side: all pictures end on the same line, where their captions begin."""
    highest = max(len(drawn) for drawn, _ in tiles)
    stacks = [[*[Text()] * (highest - len(drawn)), *drawn, *map(Text, said)] for drawn, said in tiles]
    for line in zip_longest(*stacks, fillvalue=Text()):
        made = Text()
        for place, part in enumerate(line):
            start = place * (side + gap)
            if part.plain:
                made.append(" " * (start - made.cell_len)).append_text(part)
        yield made


def _fitted(picture: Picture, columns: int | None, rows: int | None) -> tuple[int, int]:
    """Width and height in pixels of the picture fitted into so many cells."""
    if not picture.width or not picture.height:
        return 0, 0
    factors = []
    if columns is not None:
        factors.append(max(columns, 0) / picture.width)
    if rows is not None:
        factors.append(max(rows, 0) * 2 / picture.height)
    factor = min(factors, default=1.0)
    if factor <= 0:
        return 0, 0
    if factor >= 1:
        return int(factor) * picture.width, int(factor) * picture.height
    return max(1, round(factor * picture.width)), max(1, round(factor * picture.height))


def _resized(picture: Picture, width: int, height: int) -> Iterator[Iterator[Colour]]:
    """The lines of pixels of the picture at another size; every new pixel is the mean of what it covers."""
    size = 3 * picture.width
    lines = [picture.rgb[start : start + size] for start in range(0, len(picture.rgb), size)]
    if (width, height) == (picture.width, picture.height):
        return ((zip(line[::3], line[1::3], line[2::3], strict=True)) for line in lines)
    return (_mixed_line(mixed_rows(lines, part), width) for part in parts(picture.height, height))


def _mixed_line(line: Sequence[float], width: int) -> Iterator[Colour]:
    pixels = list(zip(line[::3], line[1::3], line[2::3], strict=True))
    for part in parts(len(pixels), width):
        red, green, blue = mixed_rows(pixels, part)
        yield round(red), round(green), round(blue)


def _coloured(upper: Sequence[Colour], lower: Sequence[Colour] | None) -> Text:
    """A line of half blocks; neighbours of the same colours share a span."""
    line = Text()
    start = 0
    cells = list(zip_longest(upper, lower or ()))
    for end in range(1, len(cells) + 1):
        if end == len(cells) or cells[end] != cells[start]:
            line.append(_UPPER_HALF * (end - start), style(*cells[start]))
            start = end
    return line


def _shades(upper: Sequence[Colour], lower: Sequence[Colour], shades: str) -> Iterator[str]:
    for one, other in zip(upper, lower, strict=True):
        light = sum(weight * (a + b) / 2 for weight, a, b in zip(_LUMINANCE, one, other, strict=True))
        yield shades[min(int(light / 256 * len(shades)), len(shades) - 1)]
