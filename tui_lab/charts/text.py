"""Texts of users, made fit to stand in a chart."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, chop_cells, set_cell_size

_ASCII_TEXT = str.maketrans(
    {"×": "x", "±": "+-", "–": "-", "—": "-", "−": "-", "·": "-", "’": "'", "≤": "<=", "≥": ">="}
)


def printable(text: str, *, ascii: bool = False) -> str:
    """`text` without control characters, in one line, and as 7-bit characters where nothing else may appear."""
    text = "".join(char if char.isprintable() else " " for char in text).rstrip()
    if not ascii:
        return text
    decomposed = unicodedata.normalize("NFKD", text.translate(_ASCII_TEXT))
    return "".join(char if char.isascii() else "?" for char in decomposed if not unicodedata.combining(char))


def shortened(text: str, width: int) -> str:
    """At most `width` cells of `text`."""
    return text if cell_len(text) <= width else set_cell_size(text, width).rstrip()


def folded(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width` cells (at least 2), broken at blanks where it can be; at least one line."""
    if cell_len(text) <= width:
        return [text]
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".lstrip()
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        pieces = chop_cells(word, max(width, 2))
        lines = [*filter(None, lines), *pieces]
    return lines
