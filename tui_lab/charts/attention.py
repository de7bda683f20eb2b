"""Attention over the patches of an image: heat maps beside the image and over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import half_blocks, tiled
from tui_lab.charts.ramp import enlarged, ramp, tint, tinted
from tui_lab.charts.resampling import resampled
from tui_lab.charts.samples import sample_line
from tui_lab.charts.series import short_number
from tui_lab.charts.shading import mixed
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import AttentionMaps, Grid, PatchMap, Rollout, Sample
from tui_lab.pictures import Picture

_LARGE = 28  # pixels of the image's width, or somewhat more where patches and pixels stay whole so
_MOST_LARGE = 32
_TILE, _TILE_GAP = 14, 2  # at least, of a small map
_GAP = 3  # cells between the large pictures
_WIDE = 110  # cells, from which the small maps stand beside the large ones
_FEW_BLOCKS = 3  # up to so many, the heads of each are shown; of more blocks the mean, and the heads of one
_LEAST_SHARE = 1e-4  # what is less is told as such
_OVER = 0.6  # of the heat's colour, over the image
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # weights of red, green and blue (ITU-R BT.709)


@dataclass(frozen=True)
class _Tile:
    """A small map with its caption; `is_chosen`: the large one is the same."""

    shares: PatchMap
    caption: str
    is_chosen: bool


@dataclass(frozen=True)
class _Page:
    """What is drawn of one image: the chosen map large, all maps small, each group under its title."""

    heading: str
    title: str
    note: str
    sample: Sample
    grid: Grid
    of_class_token: bool
    chosen: PatchMap
    groups: tuple[tuple[str, tuple[_Tile, ...]], ...]


def attention_page(
    found: AttentionMaps,
    *,
    width: int,
    rows: int | None = None,
    sample: int = 0,
    block: int | None = None,
    head: int = 0,
    look: Look = DEFAULT,
) -> Text:
    """One of the images with where a block looks in it, large, and the maps of other blocks and heads, small.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        rows: lines that are seen at once: the large pictures become smaller, to a limit, so that all of them is.
        sample: number of the image, from 0 on; the last one where there are fewer.
        block: which of the blocks in `found`, from 0 on; None, or one that is not there, is the last.
        head: of that block, from 1 on; 0, or one that has no map, is the mean of all.
        look: without colours, the map is beside the image only, not over it.
    """
    number = min(max(sample, 0), len(found.samples) - 1)
    shown = found.samples[number]
    at = block if block is not None and 0 <= block < len(found.blocks) else len(found.blocks) - 1
    head = head if 0 <= head <= found.shown_heads else 0
    which = f"head {head} of {found.heads}" if head else f"the mean of {_count(found.heads, 'head')}"
    where = "the class token looks" if found.of_class_token else "the tokens look, in the mean"
    rest = f", the first {found.shown_heads} of {found.heads} heads" if found.shown_heads < found.heads else ""
    groups = []
    for place, (name, maps) in enumerate(zip(found.blocks, shown.blocks, strict=True)):
        if len(found.blocks) > _FEW_BLOCKS and place != at:
            continue
        drawn = [_Tile(maps.mean, "mean", place == at and not head)] if found.heads > 1 else []
        drawn += [
            _Tile(one, f"head {i}", place == at and (i == head or found.heads == 1))
            for i, one in enumerate(maps.heads, start=1)
        ]
        groups.append((f"Block {name} of {found.depth}{rest}", tuple(drawn)))
    if len(found.blocks) > _FEW_BLOCKS:
        means = (
            _Tile(maps.mean, f"block {name}", place == at and not head)
            for place, (name, maps) in enumerate(zip(found.blocks, shown.blocks, strict=True))
        )
        groups.append(("Every block, the mean of its heads", tuple(means)))
    maps = shown.blocks[at]
    page = _Page(
        f"Image {number + 1} of {len(found.samples)}: {sample_line(shown.sample, found.class_names, look=look)}",
        f"Where {where} in block {found.blocks[at]} of {found.depth}, {which}",
        "",
        shown.sample,
        found.grid,
        found.of_class_token,
        maps.heads[head - 1] if head else maps.mean,
        tuple(groups),
    )
    return _drawn(page, width, rows, look.of_pictures)


def rollout_page(
    found: Rollout,
    *,
    width: int,
    rows: int | None = None,
    sample: int = 0,
    block: int | None = None,
    look: Look = DEFAULT,
) -> Text:
    """One of the images with what attention has gathered of it up to a block, large, and after every block, small.

    Args: as `attention_page` has them.
    """
    number = min(max(sample, 0), len(found.samples) - 1)
    shown = found.samples[number]
    at = block if block is not None and 0 <= block < len(found.blocks) else len(found.blocks) - 1
    whose = "the class token" if found.of_class_token else "the mean of the tokens"
    drawn = (
        _Tile(one, f"block {name}", place == at)
        for place, (name, one) in enumerate(zip(found.blocks, shown.blocks, strict=True))
    )
    page = _Page(
        f"Image {number + 1} of {len(found.samples)}: {sample_line(shown.sample, found.class_names, look=look)}",
        f"Rollout: what {whose} is made of after block {found.blocks[at]} of {found.depth}",
        "In each block a token becomes half itself and half what it looks at, in the mean of the heads. "
        "The product of the blocks says how much of each patch arrives (Abnar and Zuidema, 2020).",
        shown.sample,
        found.grid,
        found.of_class_token,
        shown.blocks[at],
        (("After each block", tuple(drawn)),),
    )
    return _drawn(page, width, rows, look.of_pictures)


def _drawn(page: _Page, width: int, rows: int | None, look: Look) -> Text:
    lines = [Text(shortened(page.heading, width), "bold")]
    lines += [Text(line) for line in folded(page.title, width)]
    lines += [Text(line, look.faint) for line in folded(page.note, width) if page.note]
    lines += _scale(page, width, look)
    seen = _MOST_LARGE if rows is None else max(_TILE, 2 * (rows - len(lines) - 1))
    large = _large(page, min(width, seen), look)
    if width >= _WIDE and large:
        high = large[0].plain.count("\n") + 1
        side = large[0].cell_len // high
        is_stacked = rows is None or 2 * high + 2 + len(lines) <= rows
        taken = side if is_stacked else 2 * side + _GAP
        left = list(tiled(large, [""] * len(large), width=taken, gap=_GAP).split(allow_blank=True))
        right = _small(page, width - taken - _GAP, look)
        return Text("\n").join([*lines, Text(), *_side_by_side(left, right, taken + _GAP)])
    pictures = tiled(large, [""] * len(large), width=width, gap=_GAP)
    small = _small(page, width, look)
    return Text("\n").join([*lines, Text(), *pictures.split(allow_blank=True), Text(), *small])


def _scale(page: _Page, width: int, look: Look) -> list[Text]:
    """The scale of the large map, and what else there is to know of its numbers."""
    line = ramp("0", _share(page.chosen.largest), width=width, look=look)
    said = f"even: {_share(page.grid.even)}"
    if page.of_class_token:
        said += f"; {_share(page.chosen.beside)} stays with the class token"
    if line.cell_len + 3 + len(said) <= width:
        return [line.append(f"   {said}", look.faint)]
    return [line, *(Text(part, look.faint) for part in folded(said, width))]


def _large(page: _Page, most: int, look: Look) -> list[Text]:
    """The image, and the map: with colours over the image, else by itself. Each at most so many cells wide."""
    picture = page.sample.shown
    if not isinstance(picture, Picture):
        return []
    across = _across(page.grid, picture, min(_MOST_LARGE, most))
    down = max(1, round(across * page.grid.rows / page.grid.columns))
    image = _resized(picture, across, down)
    levels = enlarged(page.chosen.levels, page.grid.columns, width=across, height=down)
    heat = _over(image, levels) if look.color else tinted(levels, look)
    return [half_blocks(one, look=look) for one in (image, heat)]


def _small(page: _Page, width: int, look: Look) -> list[Text]:
    """Every group of maps, each with its largest share."""
    columns, rows = page.grid.columns, page.grid.rows
    mark = ">" if look.ascii else "▸"
    lines: list[Text] = []
    for title, tiles in page.groups:
        room = min(max((width + _TILE_GAP) // len(tiles) - _TILE_GAP, _TILE), _LARGE)
        across = min(columns * max(1, room // columns), width)
        down = max(1, round(across * rows / columns))
        maps = (tinted(enlarged(one.shares.levels, columns, width=across, height=down), look) for one in tiles)
        blocks = [half_blocks(one, look=look) for one in maps]
        captions = [f"{mark if one.is_chosen else ''}{one.caption} {_share(one.shares.largest)}" for one in tiles]
        lines += [Text()] if lines else []
        lines += [Text(line, "bold") for line in folded(look.printable(title), width)]
        grid = tiled(blocks, captions, width=width, gap=_TILE_GAP, look=look)
        lines += grid.split(allow_blank=True)
    return lines


def _across(grid: Grid, picture: Picture, most: int) -> int:
    """Width in pixels: whole ones of image and patches where it can be."""
    both = math.lcm(grid.columns, picture.width)
    unit = both if both <= min(_LARGE, most) else grid.columns
    if unit > most:
        return most
    return unit * max(1, min(_LARGE, most) // unit)


def _resized(picture: Picture, across: int, down: int) -> Picture:
    size = 3 * picture.width
    lines = [picture.rgb[start : start + size] for start in range(0, len(picture.rgb), size)]
    channels = [resampled([line[channel::3] for line in lines], down, across) for channel in range(3)]
    pixels = (zip(*row, strict=True) for row in zip(*channels, strict=True))
    return Picture(across, down, bytes(round(value) for row in pixels for pixel in row for value in pixel))


def _over(image: Picture, rows: Sequence[bytes]) -> Picture:
    """The image in greys under the colours of the levels."""
    found = bytearray()
    for y, row in enumerate(rows):
        for x, level in enumerate(row):
            grey = round(sum(weight * value for weight, value in zip(_LUMINANCE, image.pixel(x, y), strict=True)))
            found.extend(mixed(tint(level, color=True), (grey, grey, grey), _OVER))
    return Picture(image.width, image.height, bytes(found))


def _side_by_side(left: Sequence[Text], right: Sequence[Text], start: int) -> list[Text]:
    """Two columns of lines, the second from the cell `start` on."""
    lines = []
    for one, other in zip_longest(left, right, fillvalue=Text()):
        line = one.copy()
        if other:
            line.append(" " * (start - line.cell_len)).append_text(other)
        lines.append(line)
    return lines


def _share(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return f"{short_number(100 * value, 2)} %" if value >= _LEAST_SHARE or not value else "under 0.01 %"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
