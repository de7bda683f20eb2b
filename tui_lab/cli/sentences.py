"""A run's state on the terminal."""

from __future__ import annotations

from rich.text import Text

from tui_lab.cli.output import is_ascii
from tui_lab.runs.sentences import MARKS

STYLES = {
    "queued": "dim",
    "running": "cyan",
    "paused": "yellow",
    "stopped": "yellow",
    "failed": "red",
    "crashed": "red",
}


def marked(state: str) -> Text:
    """A run's state behind its mark, which tells states apart without colour."""
    mark, ascii_mark = MARKS[state]
    return Text.assemble((ascii_mark if is_ascii() else mark, STYLES.get(state, "")), f" {state}")
