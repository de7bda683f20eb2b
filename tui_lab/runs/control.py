"""`control.json`: what the user wants of a running worker.

Any process may write it; the worker looks at it ten times a second. `seq` grows with every request, so that two
single steps in a row are two.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tui_lab.runs.files import write_atomically

Command = Literal["run", "pause", "step", "stop"]
COMMANDS = ("run", "pause", "step", "stop")


@dataclass(frozen=True)
class Control:
    """`lr` replaces the base learning rate from the next step on; None leaves it."""

    command: Command = "run"
    lr: float | None = None
    seq: int = 0


def read_control(path: Path) -> Control:
    """The request, or the default one when the file is missing or garbled."""
    try:
        content = json.loads(path.read_bytes())
        command, lr, seq = content["command"], content.get("lr"), content["seq"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Control()
    is_lr = isinstance(lr, int | float) and not isinstance(lr, bool) and 0 < lr < float("inf")
    if command not in COMMANDS or not isinstance(seq, int):
        return Control()
    return Control(command, float(lr) if is_lr else None, seq)


def request(path: Path, command: Command | None = None, lr: float | None = None) -> Control:
    """Ask the worker for `command`, or a new learning rate, or both; what is not given stays as it was."""
    old = read_control(path)
    new = Control(command or old.command, lr if lr is not None else old.lr, old.seq + 1)
    write_atomically(path, json.dumps(asdict(new)))
    return new


def renew(path: Path, lr: float | None = None) -> None:
    """Before a new worker starts: forget what was asked of the earlier one, and ask for `lr` if it is given."""
    write_atomically(path, json.dumps(asdict(Control("run", lr, read_control(path).seq + 1))))


class ControlWatcher:
    """Gives each request once; costs one `stat` a look.

    A "run" that is there at the start counts (it may carry a learning rate); a "stop" or "pause" was meant for an
    earlier worker.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        first = read_control(path)
        self._seq = 0 if first.command == "run" else first.seq

    def poll(self) -> Control | None:
        """The request made since the last call, or None."""
        try:
            info = self._path.stat()
        except OSError:
            return None
        stamp = (info.st_mtime_ns, info.st_ino)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        control = read_control(self._path)
        if control.seq == self._seq:
            return None
        self._seq = control.seq
        return control
