"""stdout is data, stderr is talk: the two consoles, and how errors and JSON are printed."""

from __future__ import annotations

import codecs
import json
import locale
import os
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tui_lab.errors import TuiLabError


def data_console() -> Console:
    """stdout. Rich strips styles in a pipe, honours NO_COLOR, and does not fold lines of data there."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if not sys.stdout.isatty():
        console.width = 200
    return console


def talk_console() -> Console:
    """stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def is_ascii() -> bool:
    """Whether to draw with 7-bit characters only: $TUI_LAB_ASCII, or a locale or stdout that is not UTF-8."""
    if os.environ.get("TUI_LAB_ASCII", "0") not in ("", "0"):
        return True
    encodings = (locale.getencoding(), sys.stdout.encoding or "utf-8")
    return any(codecs.lookup(encoding).name != "utf-8" for encoding in encodings)


def say(message: str) -> None:
    """One line to the user, on stderr."""
    talk_console().print(message, markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout, non-finite numbers as strings."""
    from tui_lab.runs.events import finite

    sys.stdout.write(json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_error(error: TuiLabError) -> None:
    """`error: ` and the sentence, then the hint on a line of its own, on stderr."""
    console = talk_console()
    console.print("[bold red]error:[/] ", end="", soft_wrap=True)
    console.print(error.message, markup=False, soft_wrap=True)
    if error.hint:
        console.print(error.hint, markup=False, soft_wrap=True, style="dim")


def table(*columns: str) -> Table:
    """A borderless table; a column whose title starts with ">" is right-aligned."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        is_number = column.startswith(">")
        made.add_column(column.lstrip(">"), justify="right" if is_number else "left", no_wrap=is_number)
    return made


def percent(value: float | None) -> str:
    """A share as `67.71`, in percent; "-" when it is not known."""
    return "-" if value is None else f"{100 * value:.2f}"


def duration(seconds: float | None) -> str:
    """`42 s`, `3 min 07 s`, `2 h 05 min`; "-" when it is not known."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def age(since: float) -> str:
    """How long ago a Unix time was."""
    seconds = max(0.0, time.time() - since)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"
