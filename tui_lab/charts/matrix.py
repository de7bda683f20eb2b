"""The confusion matrix as a table: counts that can always be read, shaded by their share of the true class."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.shading import mixed, readable_on, style
from tui_lab.charts.text import folded, shortened
from tui_lab.inspections.content import Confusion

_LAST = " right %"  # the last column: the share of the row on the diagonal
_LEAST_NAME, _MOST_NAME = 3, 14  # cells for the names of the rows
_MOST_CELL = 10
_LEAST_BAR, _MOST_BAR = 6, 40  # cells
_FAINTEST = 0.12  # of the colour, in a cell with a single sample among many


def shown_classes(confusion: Confusion, width: int) -> list[int]:
    """The classes whose rows and columns `confusion_matrix` draws: all, or the most confused ones that fit."""
    names = confusion.class_names
    fitting = (width - _LEAST_NAME - len(_LAST)) // _least_cell(confusion)
    if fitting >= len(names):
        return list(range(len(names)))
    errors = [
        sum(row) + sum(other[label] for other in confusion.counts) - 2 * row[label]
        for label, row in enumerate(confusion.counts)
    ]
    most_first = sorted(range(len(names)), key=lambda label: -errors[label])
    return sorted(most_first[: max(fitting, 0)])


def confusion_matrix(
    confusion: Confusion, *, width: int, selected: tuple[int, int] | None = None, look: Look = DEFAULT
) -> Text:
    """Draw the matrix: a row for each true class, a column for each predicted one, and the accuracy of each class.

    The style of a cell has the meta value "cell", (true class, predicted class), for whoever lets it be clicked.

    Args:
        confusion: what to draw.
        width: cells that it may take. Names are shortened to fit; where the counts of all classes do not, the classes
            that are confused most are shown, and a last line says so. Ten classes of a thousand samples take 62 cells.
        selected: a cell to mark, (true class, predicted class).
        look: right predictions in its colour of "train", wrong ones in that of "test", stronger for a larger share
            of the true class; the root of the share, so that a few in a hundred can be seen.
    """
    classes = shown_classes(confusion, width)
    least = _least_cell(confusion)
    if not classes:
        return Text(shortened(f"a matrix needs {_LEAST_NAME + len(_LAST) + least} columns", max(width, 0)))
    names = [look.printable(name) for name in confusion.class_names]
    longest = max(cell_len(names[label]) for label in classes)
    spare = width - len(_LAST) - least * len(classes)
    label_width = min(max(longest, len("true")), spare, _MOST_NAME)
    side = min((spare - label_width) // len(classes) + least, max(least + 1, min(longest + 1, _MOST_CELL)))
    heads = _abbreviated([names[label] for label in classes], classes, side - 1)
    if heads[0] == str(classes[0]):  # numbered: then the rows tell the numbers
        names = [f"{label} {name}" if name != str(label) else name for label, name in enumerate(names)]
        longest = max(len("true"), *(cell_len(names[label]) for label in classes))
        label_width = min(longest, width - len(_LAST) - side * len(classes), _MOST_NAME)

    caption = "predicted" if side * len(classes) >= len("predicted") else ""
    lines = [Text(" " * label_width + caption.center(side * len(classes)).rstrip(), look.faint)] if caption else []
    head = Text(_padded("true", label_width), look.faint)
    head.append("".join(_padded(name, side, right=True) for name in heads)).append(_LAST, look.faint)
    lines.append(head)
    for true in classes:
        line = Text(_padded(names[true], label_width))
        for predicted in classes:
            _append_cell(line, confusion, true, predicted, side, (true, predicted) == selected, look)
        accuracy = confusion.accuracies[true]
        line.append(f"{'-' if accuracy is None else f'{100 * accuracy:.1f}':>{len(_LAST)}}")
        lines.append(line)
    total = sum(map(sum, confusion.counts))
    lines.append(Text(shortened(f"{100 * confusion.accuracy:.2f} % of {total:,} right", width), look.faint))
    if len(classes) < len(names):
        note = f"{len(classes)} of {len(names)} classes: those confused most"
        lines.append(Text(shortened(note, width), look.faint))
    return Text("\n").join(lines)


def confused_pairs(confusion: Confusion, *, width: int, most: int = 5, look: Look = DEFAULT) -> Text:
    """The largest counts off the diagonal, one a line: `9, taken for 4: 23 of 1,009`. Says so where there are none."""
    pairs = confusion.most_confused(most)
    if not pairs:
        return Text("no sample is misclassified")
    names = [look.printable(name) for name in confusion.class_names]
    told = [
        f"{names[true]}, taken for {names[predicted]}: {count:,} of {sum(confusion.counts[true]):,}"
        for true, predicted, count in pairs
    ]
    return Text("\n").join(Text(shortened(line, width)) for line in told)


def class_bars(confusion: Confusion, *, width: int, look: Look = DEFAULT) -> Text:
    """A line for each class: recall and precision as bars and in percent, the lowest recall first.

    Args:
        confusion: what to draw.
        width: cells of the whole, at least 30; bars are left out where they have no room.
        look: recall has the colour of "train", precision that of "test".
    """
    names = [shortened(look.printable(name), _MOST_NAME) for name in confusion.class_names]
    name_width = max(map(cell_len, names))
    bar = min((width - name_width) // 2 - len("  100.0 %") - 1, _MOST_BAR)
    bar = bar if bar >= _LEAST_BAR else 0
    side = bar + len("  100.0 %") + (1 if bar else 0)
    head = Text(" " * name_width, look.faint).append(f"{'  recall':<{side}}{'  precision':<{side}}".rstrip())
    measured = zip(confusion.accuracies, confusion.precisions, strict=True)
    rows = sorted(zip(names, measured, strict=True), key=lambda row: 2.0 if row[1][0] is None else row[1][0])
    lines = [head]
    for name, shares in rows:
        line = Text(_padded(name, name_width))
        for share, kind in zip(shares, ("train", "test"), strict=True):
            told = "-" if share is None else f"{100 * share:.1f} %"
            filled = round(bar * (share or 0.0))
            if bar:
                line.append("  ").append(("#" if look.ascii else "━") * filled, look.kind(kind))
                line.append(("." if look.ascii else "─") * (bar - filled), look.faint)
            line.append(f"{told:>{8 if bar else 9}}")
        lines.append(line)
    note = "recall: share of a class that is seen as such. precision: share of what is taken for it that is right."
    lines += (Text(line, look.faint) for line in folded(note, width))
    for line in lines:
        line.truncate(width)
    return Text("\n").join(lines)


def _least_cell(confusion: Confusion) -> int:
    """Cells that a column needs: the longest count, and a blank before it."""
    return max((len(str(count)) for row in confusion.counts for count in row), default=1) + 1


def _append_cell(
    line: Text, confusion: Confusion, true: int, predicted: int, side: int, marked: bool, look: Look
) -> None:
    count = confusion.counts[true][predicted]
    text = f"{count or '.':>{side}}"
    if marked:
        line.append(text, "bold reverse")
    elif not look.color:
        line.append(text)
    elif not count:
        line.append(text, look.faint)
    else:
        share = count / sum(confusion.counts[true])
        full = look.palette.kinds["train" if true == predicted else "test"]
        background = mixed(full, look.palette.background, _FAINTEST + (1 - _FAINTEST) * math.sqrt(share))
        line.append(text, style(readable_on(background), background))
    line.stylize(Style(meta={"cell": (true, predicted)}), len(line) - len(text))


def _abbreviated(names: Sequence[str], labels: Sequence[int], width: int) -> list[str]:
    """The beginnings of the names, in at most `width` cells, or the numbers where these are not all different."""
    short = [shortened(name, width) for name in names]
    is_clear = len(set(short)) == len(short) and all(short)
    return short if is_clear else [shortened(str(label), width) for label in labels]


def _padded(text: str, width: int, *, right: bool = False) -> str:
    text = shortened(text, width)
    blanks = " " * (width - cell_len(text))
    return blanks + text if right else text + blanks
