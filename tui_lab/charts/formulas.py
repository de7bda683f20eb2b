"""Formulas written with Unicode, spelled out where only 7-bit characters may appear."""

from __future__ import annotations

import unicodedata

_ACCENTS = {"\N{COMBINING CIRCUMFLEX ACCENT}": "^", "\N{COMBINING TILDE}": "~"}  # ŷ and ỹ must stay two things
_SPELLED = str.maketrans(
    {
        "∇": "grad ",
        "∂": "d",
        "Σ": "sum",
        "√": "sqrt",
        "∞": "infinity",
        "⊙": ".*",
        "ᵀ": "^T",
        "²": "^2",
        "β": "beta",
        "γ": "gamma",
        "η": "eta",
        "λ": "lambda",
        "δ": "delta",
        "Δ": "Delta",
        "σ": "sigma",
        "ε": "epsilon",
        "½": "1/2",
        "¼": "1/4",
        "°": " degrees",
        "×": "x",
        "·": "*",
        "−": "-",
        "–": "-",
        "—": "-",
        "±": "+-",
        "≤": "<=",
        "≥": ">=",
        "≈": "~",
        "→": "->",
        "←": "<-",
        "′": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "…": "...",
    }
)


def spelled_out(text: str) -> str:
    """`∇_ỹ ℓ = ŷ − y` as `grad_y~ l = y^ - y`; lines stay lines, and what has no stand-in is a `?`."""
    if text.isascii():
        return text
    spelled = text.replace("∇_", "grad_").translate(_SPELLED)
    return "".join(map(_stand_in, unicodedata.normalize("NFKD", spelled)))


def _stand_in(char: str) -> str:
    if char.isascii():
        return char
    return _ACCENTS.get(char, "" if unicodedata.combining(char) else "?")
