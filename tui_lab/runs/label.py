"""`label.json`: the name and the note that a user gives a run. Whoever looks after runs writes it, never a worker."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tui_lab.errors import UsageError
from tui_lab.runs.files import write_atomically

LONGEST_NAME, LONGEST_NOTE = 60, 2000
TAKEN = "last"  # what the newest run is called in every command


@dataclass(frozen=True)
class Label:
    """Both are empty where none was given. A name is one line; a note may have several."""

    name: str = ""
    note: str = ""

    @classmethod
    def read(cls, path: Path) -> Label:
        """The label; an empty one when the file is missing or garbled."""
        if not path.exists():  # most runs have none, and asking costs less than a failed open
            return cls()
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return cls()
        if not isinstance(content, dict):
            return cls()
        return cls(_cleaned(content.get("name"), LONGEST_NAME), _cleaned(content.get("note"), LONGEST_NOTE, "\n"))

    def write(self, path: Path) -> None:
        write_atomically(path, json.dumps(asdict(self)))

    def renamed(self, name: str) -> Label:
        """The label with another name; an empty one takes it away.

        Raises UsageError when it is too long or means something else already.
        """
        cleaned = " ".join(name.split())
        if len(cleaned) > LONGEST_NAME:
            raise UsageError(
                f"A name has at most {LONGEST_NAME} characters, and this one {len(cleaned)}.", "Write more in a note."
            )
        if cleaned == TAKEN:
            raise UsageError(f"{TAKEN!r} always means the newest run.", "Choose another name.")
        return replace(self, name=_cleaned(cleaned, LONGEST_NAME))

    def noted(self, note: str) -> Label:
        """The label with another note; an empty one takes it away. Raises UsageError when it is too long."""
        cleaned = _cleaned(note, len(note), "\n")
        if len(cleaned) > LONGEST_NOTE:
            raise UsageError(f"A note has at most {LONGEST_NOTE:,} characters, and this one {len(cleaned):,}.")
        return replace(self, note=cleaned)


def _cleaned(value: Any, most: int, kept: str = "") -> str:
    """The text without what would move a terminal's cursor; empty when `value` is none."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() or c in kept else " " for c in value[:most]).strip()
