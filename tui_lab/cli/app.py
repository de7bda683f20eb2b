"""`tui-lab` alone: the terminal app."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_lab.cli.context import Places


def can_open() -> bool:
    """Whether there is a screen to draw on: a terminal, or a driver of Textual's, such as the one for browsers."""
    return bool(os.environ.get("TEXTUAL_DRIVER")) or (sys.stdin.isatty() and sys.stdout.isatty())


def open_app(places: Places) -> int:
    """Run the app until the user leaves it. Returns the exit code."""
    from tui_lab.cli.output import is_ascii
    from tui_lab.tui.app import LabApp

    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a queue that was killed must not take the screen along
    app = LabApp(places.home, places.data, ascii=is_ascii())
    app.run()
    return app.return_code or 0
