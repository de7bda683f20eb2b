"""How alike the first weights of a vision transformer are, as colours."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tui_lab.charts.heat import heat_blocks, heat_key
from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import mosaic
from tui_lab.charts.ramp import enlarged, ramp, tinted
from tui_lab.charts.text import folded
from tui_lab.inspections.content import PatchSimilarity, PositionSimilarity
from tui_lab.inspections.content.similarity import cosine_of

_MOST_PAIRS = 5
_WIDEST = 64  # cells of the matrix of filters
_TILE = 14  # cells of a position's tile
_GAP = 1


def patch_similarity_page(found: PatchSimilarity, *, width: int, look: Look = DEFAULT) -> Text:
    """The matrix of cosines between filters, and the filters that are most alike.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        look: as `tui_lab.charts.heat.heat_maps_text` has it.
    """
    look = look.of_pictures
    part = f"the first {found.shown} of " if found.shown < found.filters else ""
    lines = [Text(line, "bold") for line in folded(f"Cosines between {part}{found.filters} filters of patches", width)]
    lines += heat_key(1.0, width, look)
    side = found.shown * max(1, min(_WIDEST, width) // found.shown) if found.shown <= width else width
    rows = _rows(found.levels, found.shown)
    drawn = heat_blocks(rows, lines=max(1, side // 2), columns=side, largest=1.0, look=look)
    lines += [Text(), *drawn.split(allow_blank=True), Text()]
    pairs = [(found.cosine(i, j), i, j) for i in range(found.shown) for j in range(i)]
    if pairs:
        most = sorted(pairs, key=lambda pair: -abs(pair[0]))[:_MOST_PAIRS]
        said = ", ".join(f"#{j + 1} and #{i + 1} {cosine:+.2f}" for cosine, i, j in most)
        mean = sum(abs(cosine) for cosine, *_ in pairs) / len(pairs)
        note = f"The most alike: {said}. The mean size of a cosine is {mean:.2f}."
        lines += [Text(line, look.faint) for line in folded(note, width)]
    return Text("\n").join(lines)


def position_similarity_page(found: PositionSimilarity, *, width: int, look: Look = DEFAULT) -> Text:
    """A tile for each position, where the patch lies in the image: its cosines with the positions of all patches.

    As many rows and columns of tiles as there is room for, evenly spread.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
    """
    look = look.of_pictures
    kind = "learned" if found.is_learned else "sinusoidal"
    title = f"Cosines of each {kind} position with all others, {found.rows} by {found.columns} patches"
    lines = [Text(line, "bold") for line in folded(title, width)]
    low = min(map(min, found.tiles))
    lines.append(ramp(f"{cosine_of(low):.2f}", "1", width=width, look=look))
    side = min(width, found.tile_columns * max(1, _TILE // found.tile_columns))
    height = max(1, round(side * found.tile_rows / found.tile_columns))
    fitting = max(1, (width + _GAP) // (side + _GAP))
    at_columns = _spread(len(found.at_columns), fitting)
    at_rows = _spread(len(found.at_rows), max(fitting, len(at_columns)))
    stretched = bytes(255 * max(level - low, 0) // max(255 - low, 1) for level in range(256))
    drawn = []
    for row in at_rows:
        tiles = [found.tiles[row * len(found.at_columns) + column].translate(stretched) for column in at_columns]
        pictures = [tinted(enlarged(one, found.tile_columns, width=side, height=height), look) for one in tiles]
        drawn.append(mosaic(pictures, [""] * len(pictures), width=width, gap=_GAP, look=look))
    which = "All positions" if len(at_rows) * len(at_columns) == found.rows * found.columns else "Some, evenly spread"
    note = f"{which}, each tile where its patch lies in the image: in a tile, the strongest place is the patch itself."
    lines += [*(Text(line, look.faint) for line in folded(note, width)), Text()]
    return Text("\n").join([*lines, Text("\n\n").join(drawn)])


def _rows(levels: bytes, columns: int) -> list[Sequence[float]]:
    return [[cosine_of(level) for level in levels[start : start + columns]] for start in range(0, len(levels), columns)]


def _spread(count: int, most: int) -> list[int]:
    """At most so many of the numbers below `count`, the first and the last among them."""
    shown = min(count, most)
    return [round(i * (count - 1) / max(shown - 1, 1)) for i in range(shown)]
