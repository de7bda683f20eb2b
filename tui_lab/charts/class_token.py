"""What a vision transformer would say after each of its blocks: its accuracy there, and image by image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.pictures import half_blocks
from tui_lab.charts.samples import bar, probability_bars, sample_line
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import PathStep, TokenPath
from tui_lab.pictures import Picture

_TILE = 28  # cells of the image
_GAP = 3
_MOST_BAR, _LEAST_BAR = 30, 4
_WIDEST_BARS = 50
_LEAST_BESIDE = 76  # cells, from which the image stands beside its lines


def class_token_page(found: TokenPath, *, width: int, sample: int = 0, look: Look = DEFAULT) -> Text:
    """The accuracy after each block, and one of the images with its probable classes after each block.

    Args:
        found: what to draw.
        width: cells of the whole, at least 20.
        sample: number of the image, from 0 on; the last one where there are fewer.
        look: accuracies have its colour of "test", true classes that of "train".
    """
    look = look.of_pictures
    what = "the class token" if found.of_class_token else "the mean of the tokens"
    title = f"What the head says of {what} after each block, {found.judged:,} test samples"
    lines = [Text(line, "bold") for line in folded(title, width)]
    lines += _accuracies(found, width, look)
    note = "moved: how far it is from what it was a block before, 1 - cosine: 0 = not at all, 1 = at a right angle."
    lines += [*(Text(line, look.faint) for line in folded(note, width)), Text()]
    number = min(max(sample, 0), len(found.samples) - 1)
    shown = found.samples[number]
    said = sample_line(shown.sample, found.class_names, look=look)
    lines.append(Text(shortened(f"Image {number + 1} of {len(found.samples)}: {said}", width), "bold"))
    picture = shown.sample.shown
    is_beside = width >= _LEAST_BESIDE and isinstance(picture, Picture)
    image = half_blocks(picture, columns=min(_TILE, width), look=look) if isinstance(picture, Picture) else Text()
    start = _TILE + _GAP if is_beside else 0
    room = min(width - start, _WIDEST_BARS)
    steps: list[Text] = []
    for i, step in enumerate(shown.steps):
        told = _told(i, step, shown.sample.label, found.class_names, look)
        steps.append(Text(shortened(told, room), look.faint))
        seen = replace(shown.sample, guesses=step.guesses)
        bars = probability_bars(seen, found.class_names, width=room, look=look)
        steps += bars.split(allow_blank=True)
    if not is_beside:
        return Text("\n").join([*lines, *image.split(), Text(), *steps])
    for left, right in zip_longest(image.split(), steps, fillvalue=Text()):
        line = left.copy()
        line.append(" " * (start - line.cell_len)).append_text(right)
        lines.append(line)
    return Text("\n").join(lines)


def _accuracies(found: TokenPath, width: int, look: Look) -> list[Text]:
    """One line a stop: its name, the accuracy there, a bar of it, and how far the token has moved."""
    names = [_name(i) for i in range(len(found.accuracies))]
    side = max(map(len, names))
    room = max(_LEAST_BAR, min(_MOST_BAR, width - side - 20))
    lines = [Text(shortened(f"{'':{side}}  accuracy  {'':{room}}  moved", width), look.faint)]
    for name, accuracy, cosine in zip(names, found.accuracies, found.cosines, strict=True):
        line = Text(f"{name:{side}}  {100 * accuracy:>6.1f} %  ").append(bar(accuracy, room, look), look.kind("test"))
        line.append(f"  {1 - cosine:.2f}" if math.isfinite(cosine) else "")
        line.truncate(width)
        lines.append(line)
    return lines


def _told(number: int, step: PathStep, label: int, class_names: Sequence[str], look: Look) -> str:
    """Where an image is, and the probability of its true class where that is none of the guesses."""
    moved = f", moved {1 - step.cosine:.2f}" if math.isfinite(step.cosine) else ""
    if any(guess.label == label for guess in step.guesses):
        return f"{_name(number)}{moved}"
    return f"{_name(number)}{moved}; {look.printable(class_names[label])} has {100 * step.truth:.0f} %"


def _name(number: int) -> str:
    return f"after block {number}" if number else "before block 1"
