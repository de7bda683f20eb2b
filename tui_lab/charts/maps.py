"""Feature maps: what each convolution makes of an image, beside the image."""

from __future__ import annotations

from itertools import zip_longest

from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import half_blocks, mosaic
from tui_lab.charts.samples import sample_line
from tui_lab.charts.series import short_number
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import FeatureMap, FeatureMaps, MapLayer
from tui_lab.pictures import Picture

_TILE = 16  # cells of a map's width
_LARGE_TILE = 32  # of the image's, where there is room for as many cells of maps again, and again
_GAP = 3  # cells between the image and the maps
_GREYS = bytes((level >> 3) * 255 // 31 for level in range(256))  # 32 of them: a terminal draws equal cells at once


def feature_map_grid(
    found: FeatureMaps, *, width: int, sample: int = 0, by_channel: bool = False, look: Look = DEFAULT
) -> Text:
    """One of the images with what the model takes it for, and its maps layer by layer.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        sample: number of the image, from 0 on; the last one where there are fewer.
        by_channel: maps in the order of the channels; else the one with the largest mean first.
    """
    number = min(max(sample, 0), len(found.samples) - 1)
    shown = found.samples[number]
    said = sample_line(shown.sample, found.class_names, look=look)
    lines = [Text(shortened(f"Image {number + 1} of {len(found.samples)}: {said}", width), "bold")]
    order = "In the order of the channels" if by_channel else "By mean, the largest first"
    note = f"{order}; greys are the same within a layer."
    lines += [*(Text(line, look.faint) for line in folded(note, width)), Text()]
    picture = shown.sample.shown
    if not isinstance(picture, Picture):
        return Text("\n").join(lines)
    side = _LARGE_TILE if width >= 3 * _LARGE_TILE + 2 * _GAP and picture.width >= _LARGE_TILE else min(_TILE, width)
    image = half_blocks(picture, columns=side, look=look)
    is_beside = width >= side + _GAP + _TILE
    room = width - side - _GAP if is_beside else width
    blocks = [_layer(layer, room, by_channel, look) for layer in shown.layers]
    maps = [line for i, block in enumerate(blocks) for line in ([Text()] if i else []) + block]
    if not is_beside:
        return Text("\n").join([*lines, *image.split(), Text(), *maps])
    for left, right in zip_longest(image.split(), maps, fillvalue=Text()):
        line = left.copy()
        if right:
            line.append(" " * (side + _GAP - line.cell_len)).append_text(right)
        lines.append(line)
    return Text("\n").join(lines)


def _layer(layer: MapLayer, width: int, by_channel: bool, look: Look) -> list[Text]:
    ordered = sorted(layer.maps, key=lambda one: one.channel) if by_channel else layer.maps
    pictures = [_picture(layer, one) for one in ordered]
    captions = [f"#{one.channel} {short_number(one.mean, 2)}" for one in ordered]
    grid = mosaic(pictures, captions, width=width, columns=_TILE, look=look)
    head = [Text(line) for line in folded(look.printable(_title(layer)), width)]
    head[0].stylize("bold", 0, len(layer.name))
    return [*head, *grid.split(allow_blank=True)]


def _title(layer: MapLayer) -> str:
    """`conv1 after relu: 16 of 32 channels, 32×32; white is 1.3; 5 give 0 everywhere`."""
    after = f" after {layer.activation}" if layer.activation else ""
    part = f"{len(layer.maps)} of " if len(layer.maps) < layer.channels else ""
    black = f"black is {short_number(layer.low, 2)}, " if layer.low else ""
    silent = f"; {layer.silent} give 0 everywhere" if layer.silent else ""
    size = f"{layer.width}×{layer.height}"
    white = f"white {short_number(layer.high, 2)}"
    channels = "channel" if layer.channels == 1 else "channels"
    return f"{layer.name}{after}: {part}{layer.channels} {channels}, {size}; {black}{white}{silent}"


def _picture(layer: MapLayer, one: FeatureMap) -> Picture:
    greys = one.levels.translate(_GREYS)
    return Picture(layer.width, layer.height, bytes(value for level in greys for value in (level,) * 3))
