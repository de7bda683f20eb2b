"""`control.json`: what the user wants of a running worker.

Any process may write it; the worker looks at it ten times a second. `seq` grows with every request, so that two
single steps in a row are two, also when both come between two looks.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from tui_lab.runs.events import number
from tui_lab.runs.files import write_atomically

Command = Literal["run", "pause", "step", "stop"]
COMMANDS = ("run", "pause", "step", "stop")


@dataclass(frozen=True)
class Control:
    """`lr` replaces the base learning rate from the next step on; None leaves it.

    `steps` is the number of single steps: in the file, of those asked for in a row, with nothing else in between; from
    a `ControlWatcher`, of those that it has not given yet.
    """

    command: Command = "run"
    lr: float | None = None
    seq: int = 0
    steps: int = 0


def read_control(path: Path) -> Control:
    """The request, or the default one when the file is missing or garbled."""
    try:
        content = json.loads(path.read_bytes())
        command, lr, seq = content["command"], content.get("lr"), content["seq"]
        steps = content.get("steps")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Control()
    if command not in COMMANDS or not isinstance(seq, int):
        return Control()
    lr = number(lr)
    if command != "step":
        steps = 0
    elif not isinstance(steps, int) or steps < 1:
        steps = 1
    return Control(command, lr if lr is not None and 0 < lr < float("inf") else None, seq, steps)


def request(path: Path, command: Command | None = None, lr: float | None = None) -> Control:
    """Ask the worker for `command`, or a new learning rate, or both; what is not given stays as it was.

    After a single step a run stands still: that is what stays of "step".
    """
    old = read_control(path)
    standing: Command = "pause" if old.command == "step" else old.command
    steps = old.steps + 1 if command == "step" else 0
    new = Control(command or standing, lr if lr is not None else old.lr, old.seq + 1, steps)
    write_atomically(path, json.dumps(asdict(new)))
    return new


def renew(path: Path, lr: float | None = None) -> None:
    """Before a new worker starts: forget what was asked of the earlier one, and ask for `lr` if it is given."""
    write_atomically(path, json.dumps(asdict(Control("run", lr, read_control(path).seq + 1))))


class ControlWatcher:
    """Gives each request once.

    `taken` is the `seq` of the last request that an earlier worker of the run has taken: a "stop" or "pause" up to it
    was meant for that one. One that is newer was asked while this worker was starting. A "run" that is there at the
    start counts in any case: it may carry a learning rate.
    """

    def __init__(self, path: Path, taken: int = 0) -> None:
        self._path = path
        self._seq = 0 if read_control(path).command == "run" else taken

    def poll(self) -> Control | None:
        """The request made since the last call, or None."""
        control = read_control(self._path)
        if control.seq in (0, self._seq):  # 0: no request is there, or none that can be read
            return None
        steps = min(control.steps, max(1, control.seq - self._seq))  # those in a row were asked for last
        self._seq = control.seq
        return replace(control, steps=steps)
