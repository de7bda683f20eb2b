"""What is painted first, while the rest is imported."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Static

from tui_lab.tui.topbar import TopBar


class Opening(Screen[None]):
    """The first line of the app and nothing else."""

    DEFAULT_CSS = "Opening Static { padding: 1 2; color: $text-muted; }"

    def compose(self) -> ComposeResult:
        yield TopBar("")
        yield Static("opening the practical ...")
