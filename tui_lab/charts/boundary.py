"""A decision boundary as text: the plane, coloured by the class predicted there, and the points on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from tui_lab.charts.look import DEFAULT, Look, Palette
from tui_lab.charts.shading import Colour, mixed, style
from tui_lab.charts.text import shortened
from tui_lab.inspections.content import Boundary

_FAINTEST, _STRONGEST = 0.08, 0.4  # of a class's colour in the plane, where the model guesses and where it is sure
_TRAIN, _TEST, _SUPPORT = ("•", "○", "◆")
_LETTERS = {_TRAIN: "A", _TEST: "a", _SUPPORT: "1"}  # of the first class, without colours
_COLOURED_MARKS = {_TRAIN: f"{_TRAIN} train", _TEST: f"{_TEST} test", _SUPPORT: f"{_SUPPORT} support vector"}
_LETTERED_MARKS = {_TRAIN: "capital: train", _TEST: "small: test", _SUPPORT: "digit: support vector"}
_TEXTURES, _ASCII_TEXTURES = " ░▒▓", " .:-"
_SEPARATION = "   "


def decision_boundary(
    boundary: Boundary, *, columns: int | None = None, rows: int | None = None, look: Look = DEFAULT
) -> Text:
    """Draw the plane and the points, and below them what the marks mean.

    In colours, every place has the colour of the class predicted there, the stronger the surer the model is; so the
    boundary is where the colours fade. Training points are dots, test points rings and support vectors diamonds, in the
    colour of their true class. Without colours, classes are textures, and points are letters: capitals for training
    points, digits for support vectors.

    Args:
        boundary: what to draw.
        columns, rows: cells that the whole may take; the square that it covers stays a square. None sets no limit;
            where both are None, a cell of its grid is half a character cell.
        look: classes have the colours of its runs.
    """
    entries = _legend(boundary, look)
    legend = _in_lines(entries, columns or boundary.cells)
    limits = [boundary.cells] if columns is None and rows is None else []
    if columns is not None:
        limits.append(columns)
    if rows is not None:
        limits.append(2 * (rows - len(legend)))
    side = min(limits) // 2 * 2
    if side < 2:
        return Text()
    plane = (_coloured if look.has_colours else _textured)(boundary, side, look)
    return Text("\n").join([*plane, *legend])


def _coloured(boundary: Boundary, side: int, look: Look) -> Iterator[Text]:
    marks = {cell: (label, mark) for cell, label, mark in _points(boundary, side)}
    plane = [[_tint(boundary.at(*cell), look.palette) for cell in line] for line in _cells(boundary, side)]
    for row, (upper, lower) in enumerate(zip(plane[::2], plane[1::2], strict=True)):
        line = Text()
        for column, (above, below) in enumerate(zip(upper, lower, strict=True)):
            if (column, row) in marks:
                label, mark = marks[column, row]
                line.append(mark, style(look.palette.run(label), mixed(above, below, 0.5), bold=True))
            else:
                line.append("▀", style(above, below))
        yield line


def _textured(boundary: Boundary, side: int, look: Look) -> Iterator[Text]:
    textures = _ASCII_TEXTURES if look.ascii else _TEXTURES
    marks = {cell: _letter(label, mark) for cell, label, mark in _points(boundary, side)}
    for row, cells in enumerate(list(_cells(boundary, side))[::2]):
        probabilities = [boundary.at(*cell) for cell in cells]
        textured = [textures[one.index(max(one)) % len(textures)] for one in probabilities]
        yield Text("".join(marks.get((column, row), texture) for column, texture in enumerate(textured)))


def _cells(boundary: Boundary, side: int) -> Iterator[list[tuple[int, int]]]:
    """Which cell of the grid each of `side` by `side` places shows, line by line."""
    nearest = [(2 * i + 1) * boundary.cells // (2 * side) for i in range(side)]
    return ([(column, row) for column in nearest] for row in nearest)


def _tint(probabilities: bytes, palette: Palette) -> Colour:
    label = probabilities.index(max(probabilities))
    guessing = 1 / len(probabilities)
    certainty = (probabilities[label] / 255 - guessing) / (1 - guessing) if guessing < 1 else 1.0
    return mixed(palette.run(label), palette.background, _FAINTEST + (_STRONGEST - _FAINTEST) * max(0.0, certainty))


def _points(boundary: Boundary, side: int) -> Iterator[tuple[tuple[int, int], int, str]]:
    """The character cell of each point, its class, and its mark; what comes later lies on top."""
    for points, mark in ((boundary.test, _TEST), (boundary.train, _TRAIN), (boundary.supports, _SUPPORT)):
        for point in points:
            across = (point.x - boundary.left) / boundary.side
            down = 1 - (point.y - boundary.bottom) / boundary.side
            if 0 <= across < 1 and 0 <= down < 1:
                yield (int(across * side), int(down * side / 2)), point.label, mark


def _letter(label: int, mark: str) -> str:
    return chr(ord(_LETTERS[mark]) + label % (9 if mark == _SUPPORT else 26))


def _legend(boundary: Boundary, look: Look) -> list[Text]:
    names = [look.printable(name) for name in boundary.class_names]
    marks = [_TRAIN, _TEST, *([_SUPPORT] if boundary.supports else [])]
    entries = []
    for label, name in enumerate(names):
        if look.has_colours:
            entries.append(Text.assemble(("■", style(look.palette.run(label))), f" {name}"))
        else:
            textures = _ASCII_TEXTURES if look.ascii else _TEXTURES
            texture = textures[label % len(textures)]
            letters = " ".join(_letter(label, mark) for mark in marks)
            entries.append(Text(f"{letters} '{texture}' {name}"))
    meanings = _COLOURED_MARKS if look.has_colours else _LETTERED_MARKS
    entries.append(Text("  ".join(meanings[mark] for mark in (_TRAIN, _TEST))))
    if boundary.supports:
        entries.append(Text(meanings[_SUPPORT]))
    right, top = boundary.left + boundary.side, boundary.bottom + boundary.side
    entries.append(Text(f"x {boundary.left:.2f} to {right:.2f}, y {boundary.bottom:.2f} to {top:.2f}"))
    return entries


def _in_lines(entries: Sequence[Text], width: int) -> list[Text]:
    """The entries in as few lines of `width` cells as they fit into, in order."""
    lines: list[Text] = []
    for entry in entries:
        if lines and lines[-1].cell_len + len(_SEPARATION) + entry.cell_len <= width:
            lines[-1].append(_SEPARATION).append_text(entry)
        else:
            entry = entry.copy()
            if entry.cell_len > width:
                entry.right_crop(len(entry) - len(shortened(entry.plain, width)))
            lines.append(entry)
    return lines
