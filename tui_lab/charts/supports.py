"""Support vectors as text: how many of each class, and the hardest of them."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.samples import sample_grid
from tui_lab.charts.text import shortened
from tui_lab.inspections.content import Supports

_MOST_NAME = 16  # cells of a class name
_MOST_BAR = 40


def support_vectors(found: Supports, *, width: int, look: Look = DEFAULT) -> Text:
    """A line with a bar for each class, then the hardest support vectors, in at most `width` cells.

    Args:
        found: what to draw.
        width: cells of the whole, at least 30.
        look: bars have the colour of "train".
    """
    names = [shortened(look.printable(name), _MOST_NAME) for name in found.class_names]
    name_width = max(map(cell_len, names))
    told = [f"{count:,} of {total:,}" for count, total in zip(found.counts, found.samples, strict=True)]
    told_width = max(map(len, told))
    room = max(0, min(_MOST_BAR, width - name_width - told_width - 2))
    total, samples = sum(found.counts), sum(found.samples)
    share = f" ({100 * total / samples:.0f} %)" if samples else ""
    lines = [Text(f"The boundary rests on {total:,} of {samples:,} training samples{share}."), Text()]
    for name, count, all_of_it, text in zip(names, found.counts, found.samples, told, strict=True):
        filled = round(room * count / all_of_it) if all_of_it else 0
        line = Text(f"{name}{' ' * (name_width - cell_len(name))} {text:>{told_width}} ")
        line.append(("#" if look.ascii else "━") * filled, look.kind("train"))
        lines.append(line.append(("." if look.ascii else "─") * (room - filled), "dim" if look.color else ""))
    for line in lines:
        line.truncate(width)
    if found.hardest:
        grid = sample_grid(found.hardest, found.class_names, width=width, look=look)
        lines += [Text(), Text("The hardest of them"), Text(), *grid.split(allow_blank=True)]
    return Text("\n").join(lines)
