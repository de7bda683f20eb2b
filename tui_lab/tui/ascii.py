"""The whole screen in 7-bit characters, for terminals and fonts that have no others."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_STAND_INS = {
    **dict.fromkeys("─━═╌┄┈▔▁⎯╍╼╾╸╺", "-"),
    **dict.fromkeys("│┃║╎┆┊▏▕▎▍┇", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╰╯┏┓┗┛┠┨╔╗╚╝╞╡┡┩", "+"),
    **dict.fromkeys("▼▾▽⌄", "v"),
    **dict.fromkeys("▲▴△", "^"),
    **dict.fromkeys("▶▸▷❯›⏵", ">"),
    **dict.fromkeys("◀◂‹", "<"),
    **dict.fromkeys("●◉•∙", "*"),
    **dict.fromkeys("○◦◌", "o"),
    **dict.fromkeys("◆◇", "+"),
    **dict.fromkeys("■▪▮█▉▊▋▌▐▀▄", "#"),
    **dict.fromkeys("□", "."),
    **dict.fromkeys("✕×✗", "x"),
    **dict.fromkeys("−–—", "-"),
    "◐": "=",
    "✓": "v",
    "…": ".",
    "·": "-",
    "≤": "<",
    "≥": ">",
    "±": "~",
    "→": ">",
    "←": "<",
    "↑": "^",
    "↓": "v",
    "↵": "<",
    "⏎": "<",
    "’": "'",
    "“": '"',
    "”": '"',
    "░": ".",
    "▒": ":",
    "▓": "%",
    **dict.fromkeys("▂▃", "."),
    **dict.fromkeys("▅▆", "="),
    "▇": "#",
}


@lru_cache(maxsize=4096)
def ascii_text(text: str) -> str:
    """`text` in 7-bit characters, as many cells wide."""
    return text if text.isascii() else "".join(map(_stand_in, text))


def _stand_in(char: str) -> str:
    if char.isascii():
        return char
    if char in _STAND_INS:
        return _STAND_INS[char]
    width = cell_len(char)
    plain = "".join(c for c in unicodedata.normalize("NFKD", char) if c.isascii())
    return plain[:width].ljust(width, "?") if plain else "?" * width


class AsciiFilter(LineFilter):
    """Replaces what is not 7-bit on its way to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if segment.text.isascii() else Segment(ascii_text(segment.text), segment.style, segment.control)
            for segment in segments
        ]
