"""The gradient check as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look
from tui_lab.charts.text import folded
from tui_lab.inspections.content import GradientCheck, TensorCheck

_GAP = "  "
_HEADS = ("", "tensor", "shape", "autograd", "differences", "entries")
_LEFT_OUT = (5, 1, 2)  # columns, in this order, where there is no room
_LEFT_ALIGNED = (0, 1)


def gradient_table(check: GradientCheck, *, width: int, look: Look = DEFAULT) -> Text:
    """The verdict, then a line for each tensor with its relative errors, and how they were made.

    Args:
        check: what to draw.
        width: cells of the whole. Where they are few, columns that explain the others are left out.
        look: what is wrong has the colour of "test".
    """
    wrong = look.kind("test", bold=True)
    rows = [_HEADS, *(_row(check, tensor, look) for tensor in check.tensors)]
    sizes = [max(cell_len(row[i]) for row in rows) for i in range(len(_HEADS))]
    shown = _fitting(sizes, width)
    lines = [Text(line, wrong if check.wrong else "") for line in folded(check.sentence, width)]
    lines.append(Text())
    for row in rows:
        line = Text()
        for i in shown:
            blanks = " " * (sizes[i] - cell_len(row[i]))
            before, after = ("", blanks) if i in _LEFT_ALIGNED else (blanks, "")
            style = look.faint if row is _HEADS else wrong if row[i].endswith("FAIL") else ""
            line.append(f"{_GAP if line else ''}{before}").append(row[i], style).append(after)
        line.rstrip()
        line.truncate(width)
        lines.append(line)
    lines.append(Text())
    lines += [Text(line, look.faint) for line in folded(_note(check), width)]
    return Text("\n").join(lines)


def _row(check: GradientCheck, tensor: TensorCheck, look: Look) -> tuple[str, ...]:
    cross = "x" if look.ascii else "×"
    autograd, differences = (
        _error(error, check.passes(error), look) for error in (tensor.autograd, tensor.differences)
    )
    entries = f"{tensor.entries} of {math.prod(tensor.shape):,}"
    return tensor.symbol, tensor.title, cross.join(map(str, tensor.shape)), autograd, differences, entries


def _error(error: float | None, passes: bool, look: Look) -> str:
    if error is None:
        return "-"
    mark = "+x" if look.ascii else "✓✗"
    return f"{error:.0e} {f'{mark[0]} pass' if passes else f'{mark[1]} FAIL'}"


def _fitting(sizes: Sequence[int], width: int) -> list[int]:
    """The columns that `width` has room for."""
    shown = list(range(len(sizes)))
    for column in _LEFT_OUT:
        if sum(sizes[i] for i in shown) + len(_GAP) * (len(shown) - 1) > width:
            shown.remove(column)
    return shown


def _note(check: GradientCheck) -> str:
    reduced = {"sum": "added up", "mean": "averaged"}.get(check.reduction, check.reduction)
    return (
        "Relative errors of the gradients by hand against autograd's and against central differences, in float64, "
        f"{reduced} over {check.samples} test samples. A right one is within {check.tolerance:.0e}."
    )
