"""Colours between colours, and text that can be read on them."""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color
from rich.style import Style

Colour = tuple[int, int, int]

_DARK_TEXT, _LIGHT_TEXT = (0, 0, 0), (255, 255, 255)


def mixed(over: Colour, under: Colour, share: float) -> Colour:
    """`over` to a share of 0 to 1, the rest `under`."""
    r, g, b = (round(share * a + (1 - share) * b) for a, b in zip(over, under, strict=True))
    return r, g, b


def contrast(one: Colour, other: Colour) -> float:
    """How well one can be told from the other, 1 to 21, as WCAG 2 defines it: text needs 4.5."""
    low, high = sorted((_light(one), _light(other)))
    return (high + 0.05) / (low + 0.05)


def readable_on(background: Colour) -> Colour:
    """Black or white, whichever is the easier to read."""
    return max(_DARK_TEXT, _LIGHT_TEXT, key=lambda text: contrast(text, background))


@lru_cache(maxsize=4096)
def style(colour: Colour | None = None, background: Colour | None = None, *, bold: bool = False) -> Style:
    """A style of rich; what is None stays as it is in the terminal."""
    return Style(
        color=Color.from_rgb(*colour) if colour else None,
        bgcolor=Color.from_rgb(*background) if background else None,
        bold=bold or None,
    )


def _light(colour: Colour) -> float:
    """Relative luminance, 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (value / 255 for value in colour)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
