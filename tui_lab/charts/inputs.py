"""What standardisation does to the inputs: what it was fitted to, and values before and after."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.series import short_number
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import Histogram, Spread, Standardization

_WAYS = {
    "none": "nothing is done before the model",
    "raw": "pixels from 0 to 255, as they are stored",
    "channel": "(x − mean) / std of each channel",
    "channel-published": "(x − mean) / the mean of each image's std, of each channel",
    "gcn": "(x − mean) / std of each sample by itself",
    "l1": "each sample divided by the sum of its absolute values",
    "l2": "each sample divided by its Euclidean norm",
    "minmax": "each sample from its least to its largest value",
    "zca": "whitened and turned back, with the covariance of whole samples",
    "pca": "whitened, with the covariance of whole samples",
    "pca-published": "each sample whitened by itself, three neighbours at a time",
}
_HEIGHT = 5  # lines of a histogram
_GAP = "  "
_BLOCKS = " ▁▂▃▄▅▆▇█"


def standardization_table(found: Standardization, *, width: int, look: Look = DEFAULT) -> Text:
    """What was fitted, a table of each channel before and after, and how often each value occurs.

    Args:
        found: what to draw.
        width: cells of the whole, at least 30.
        look: bars have the colour of "train".
    """
    way = _WAYS.get(found.method, "")
    told = [f"{found.method}: {way}" if way else found.method]
    if found.fitted_on:
        told.append(f"fitted on {found.fitted_on:,} training samples")
    lines = [Text(line, "bold") for line in _folded(", ".join(told) + ".", width, look)]
    if found.fitted_means:
        fitted = zip(found.channels, found.fitted_means, found.fitted_stds, strict=True)
        parts = [f"{one.name} {short_number(mean, 4)} and {short_number(std, 4)}" for one, mean, std in fitted]
        lines += map(Text, _folded(f"Mean and std: {', '.join(parts)}.", width, look))
    lines += [Text(), *_table(found, width, look), Text()]
    before, after = (
        [Text(title, "bold"), *_histogram(histogram, min(width, len(histogram.counts)), look)]
        for title, histogram in (("Values before", found.before), ("Values after", found.after))
    )
    cells = len(found.before.counts)
    is_beside = cells + 2 * len(_GAP) + len(found.after.counts) <= width
    lines += _beside(before, after, cells) if is_beside else [*before, Text(), *after]
    note = f"Of {found.measured:,} training samples, as they are stored: before augmentation."
    return Text("\n").join([*lines, Text(), *(Text(line, look.faint) for line in folded(note, width))])


def _folded(text: str, width: int, look: Look) -> list[str]:
    return folded(look.printable(text), width)


def _table(found: Standardization, width: int, look: Look) -> list[Text]:
    rows = [["", "mean", "std", "least", "largest", "mean", "std", "least", "largest"]]
    rows += [
        [look.printable(one.name), *map(_told, _numbers(one.before)), *map(_told, _numbers(one.after))]
        for one in found.channels
    ]
    sizes = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    before = sum(sizes[1:5]) + 3 * len(_GAP)
    if sum(sizes) + 8 * len(_GAP) > width:  # one below the other
        halves = [[row[0], *row[1:5]] for row in rows], [[row[0], *row[5:]] for row in rows]
        return [
            line
            for title, half in zip(("before", "after"), halves, strict=True)
            for line in _rows([[title, *half[0][1:]], *half[1:]], width, look)
        ]
    head = Text(f"{' ' * sizes[0]}{_GAP}{'before':<{before}}{_GAP}after")
    return [head, *_rows(rows, width, look)]


def _rows(rows: Sequence[Sequence[str]], width: int, look: Look) -> Iterator[Text]:
    sizes = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        blanks = [" " * (size - cell_len(cell)) for cell, size in zip(row, sizes, strict=True)]
        cells = [row[0] + blanks[0], *(blank + cell for blank, cell in zip(blanks[1:], row[1:], strict=True))]
        yield Text(shortened(_GAP.join(cells), width), look.faint if row is rows[0] else "")


def _numbers(spread: Spread) -> tuple[float, ...]:
    return spread.mean, spread.std, spread.low, spread.high


def _told(value: float) -> str:
    return short_number(value, 3)


def _histogram(found: Histogram, width: int, look: Look) -> list[Text]:
    """Bars standing side by side, a cell each, over the least and the largest value."""
    counts = _merged(found.counts, width)
    largest = max(max(counts), 1)
    steps = 1 if look.ascii else len(_BLOCKS) - 1
    heights = [-(-count * _HEIGHT * steps // largest) for count in counts]  # what occurs is seen
    lines = []
    for row in range(_HEIGHT - 1, -1, -1):
        filled = [min(max(height - row * steps, 0), steps) for height in heights]
        bars = "".join((" #" if look.ascii else _BLOCKS)[level] for level in filled)
        lines.append(Text(bars, look.kind("train")))
    low, high = short_number(found.low, 3), short_number(found.high, 3)
    return [*lines, Text(shortened(low + high.rjust(max(len(counts) - len(low), len(high) + 1)), width), look.faint)]


def _merged(counts: Sequence[int], most: int) -> list[int]:
    """At most so many counts, neighbours added up."""
    together = -(-len(counts) // max(most, 1))
    return [sum(counts[i : i + together]) for i in range(0, len(counts), together)]


def _beside(left: Sequence[Text], right: Sequence[Text], width: int) -> Iterator[Text]:
    for one, other in zip(left, right, strict=True):
        line = one.copy()
        yield line.append(" " * (width + 2 * len(_GAP) - line.cell_len)).append_text(other)
