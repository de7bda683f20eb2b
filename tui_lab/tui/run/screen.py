"""Placeholder while the screen is being built."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.widgets import Static

from tui_lab.tui.area import Area


class RunScreen(Area):
    AREA = "run"

    def compose_area(self) -> ComposeResult:
        yield Static("run")

    def open_run(self, run_id: str) -> None: ...

    def load_values(self, exercise: str, values: dict[str, Any], source: str = "") -> None: ...
