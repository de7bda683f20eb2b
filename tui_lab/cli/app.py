"""`tui-lab` alone: the terminal app. Imports little: the first paint waits for it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

FOLDERS = ("--home", "--data")


def app_arguments(arguments: Sequence[str]) -> tuple[Path, Path] | None:
    """The home and the data folder of a command line that asks for the app and nothing else; None for any other."""
    from tui_lab.paths import data_dir, home_dir

    given: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name not in FOLDERS or not (equals or rest):
            return None
        given[name] = value if equals else rest.pop(0)
    return home_dir(given.get("--home")), data_dir(given.get("--data"))


def can_open() -> bool:
    """Whether there is a screen to draw on: a terminal, or a driver of Textual's, such as the one for browsers."""
    return bool(os.environ.get("TEXTUAL_DRIVER")) or (sys.stdin.isatty() and sys.stdout.isatty())


def open_app(home: Path, data: Path) -> int:
    """Run the app until the user leaves it. Returns the exit code."""
    from tui_lab.cli.output import is_ascii
    from tui_lab.tui.app import LabApp

    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a queue that was killed must not take the screen along
    app = LabApp(home, data, ascii=is_ascii())
    app.run()
    return app.return_code or 0
