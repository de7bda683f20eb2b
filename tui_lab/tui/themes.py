"""The app's own themes, and the colours of charts that belong to a theme.

Colours never stand alone: states have marks, curves have marks, errors have words. The safe theme uses Okabe and Ito's
colours throughout, which are told apart with every common colour blindness (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.color import Color
from textual.theme import Theme

if TYPE_CHECKING:
    from tui_lab.charts.look import Palette


def _variables(surface: str, accent: str) -> dict[str, str]:
    return {"footer-background": surface, "footer-key-foreground": accent, "block-cursor-text-style": "none"}


THEMES = (
    Theme(
        name="tui-lab-dark",
        primary="#5aa9e6",
        secondary="#8d99ae",
        accent="#f2b134",
        warning="#f2b134",
        error="#ef6f6c",
        success="#5fbf8f",
        foreground="#d8dee6",
        background="#12161c",
        surface="#1a2029",
        panel="#242c38",
        variables={
            "footer-background": "#1a2029",
            "footer-key-foreground": "#f2b134",
            "block-cursor-text-style": "none",
        },
    ),
    Theme(
        name="tui-lab-light",
        primary="#0b6cab",
        secondary="#5c6778",
        accent="#a85a00",
        warning="#a85a00",
        error="#b3261e",
        success="#1b7a4b",
        foreground="#1d2530",
        background="#fafaf7",
        surface="#f0f0ea",
        panel="#e2e4de",
        dark=False,
        variables={
            "footer-background": "#f0f0ea",
            "footer-key-foreground": "#a85a00",
            "block-cursor-text-style": "none",
        },
    ),
    Theme(
        name="tui-lab-safe",
        primary="#56b4e9",
        secondary="#999999",
        accent="#e69f00",
        warning="#f0e442",
        error="#d55e00",
        success="#0072b2",
        foreground="#f2f2f2",
        background="#000000",
        surface="#121212",
        panel="#262626",
        variables={
            "footer-background": "#121212",
            "footer-key-foreground": "#e69f00",
            "block-cursor-text-style": "none",
        },
    ),
)


def palette_of(theme: Theme) -> Palette:
    """The colours of charts on a theme's background."""
    from tui_lab.charts.look import DARK, LIGHT  # the first paint draws no chart

    palette = DARK if theme.dark else LIGHT
    if theme.background is None:
        return palette
    background = Color.parse(theme.background)
    return replace(palette, background=background.rgb)
