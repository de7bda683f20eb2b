"""stdout is data, stderr is talk: the two consoles, and how errors and JSON are printed."""

from __future__ import annotations

import codecs
import json
import locale
import os
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from tui_lab.errors import TuiLabError


COMMAND = re.compile(r"(?<![\w./'-])tui-lab(?= [a-z]+)")
_beginning = "tui-lab"


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


def begin_commands_with(beginning: str) -> None:
    """What a command that a hint names begins with, instead of a mere `tui-lab`: the folders given to this one."""
    global _beginning
    _beginning = beginning


def with_folders(text: str) -> str:
    """`text` with the folders of this command in every `tui-lab ...` that it names, so that these work as they are.

    Whoever writes a hint, a worker for one, need not know with which folders its reader works.
    """
    return COMMAND.sub(lambda _: _beginning, text)


def say(message: str) -> None:
    """One line to the user, on stderr, with the folders of this command in those that it names."""
    talk_console().print(with_folders(message), markup=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout, non-finite numbers as strings."""
    from tui_lab.runs.events import finite

    sys.stdout.write(json.dumps(finite(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_error(error: TuiLabError) -> None:
    """`error: ` and the sentence, then the hint on a line of its own, on stderr."""
    console = talk_console()
    console.print("[bold red]error:[/] ", end="", soft_wrap=True)
    console.print(with_folders(error.message), markup=False, soft_wrap=True)
    if error.hint:
        console.print(with_folders(error.hint), markup=False, soft_wrap=True, style="dim")


def table(*columns: str) -> Table:
    """A borderless table; a column whose title starts with ">" is right-aligned."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        is_number = column.startswith(">")
        made.add_column(column.lstrip(">"), justify="right" if is_number else "left", no_wrap=is_number)
    return made
