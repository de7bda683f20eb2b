"""`status.json`: where a run stands, replaced atomically by the worker.

It also carries a copy of what was asked (exercise, preset, hyperparameters) and a thumbnail of the test curve, so that
a list of thousands of runs reads one small file a run.
"""

from __future__ import annotations

import dataclasses
import json
import math
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psutil

from tui_lab.runs.events import encode, number
from tui_lab.runs.files import write_atomically

STATES = ("queued", "running", "paused", "finished", "stopped", "failed", "crashed")
LIVE_STATES = frozenset({"running", "paused"})
FINAL_STATES = frozenset({"finished", "stopped", "failed", "crashed"})
RESUMABLE_STATES = frozenset({"stopped", "failed", "crashed"})
CURVE_LENGTH = 24
NEARLY = 0.99  # as far as an expectation can tell
LARGEST = 2**31 - 1  # of a pid, and more than any count here
FRESH_S = 5.0  # a heartbeat younger than this is a sign of life whatever the pid says
SILENCE_S = 60.0  # a heartbeat older than this, on a host that cannot be asked for the pid, means crashed


@dataclass
class Status:
    """Times are Unix seconds; `elapsed` is seconds of training, pauses left out."""

    state: str = "queued"
    exercise: str = ""
    preset: str = ""
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    created: float = 0.0
    heartbeat: float = 0.0
    pid: int = 0
    pid_started: float = 0.0
    host: str = ""  # of the process that writes this directory
    node: str = ""  # of the cluster whose worker it is; empty for one on `host`
    attempts: int = 0  # workers on a cluster that were lost
    device: str = ""
    threads: int = 0
    precision: str = ""
    channels_last: bool = False
    epoch: int = 0  # whole epochs done
    epochs: int = 0
    step: int = 0  # steps done in the epoch under way
    steps_per_epoch: int = 0
    elapsed: float = 0.0
    is_fitted: bool = False  # at once, by an algorithm of its own: one epoch, no steps
    doing: str = ""  # what a worker does before it trains, and how far it is with it
    expected: float = 0.0  # seconds that a fit may take; 0 = unknown
    images_per_second: float = 0.0
    last: dict[str, float] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)  # the metrics of the best epoch, and which it is
    curve: list[float] = field(default_factory=list)  # test accuracy by epoch, thinned to CURVE_LENGTH values
    message: str = ""
    hint: str = ""
    exit_code: int = 0
    changed_lr: float = 0.0  # the base learning rate that replaced the one asked for; 0 = none
    control_seq: int = 0  # the last request of control.json that a worker has taken

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """The status, or None when the file is missing or garbled."""
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        return cls.of(content) if isinstance(content, dict) and content.get("state") in STATES else None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """The status that `content` describes. Unknown keys and wrong types are ignored."""
        kept = {f.name: _like(getattr(_DEFAULT, f.name), content.get(f.name)) for f in dataclasses.fields(cls)}
        status = cls(**{name: value for name, value in kept.items() if value is not None})
        status.last, status.best = _metrics(status.last), _metrics(status.best)
        status.curve = [y for y in map(number, status.curve[:CURVE_LENGTH]) if y is not None]
        return status

    def write(self, path: Path) -> None:
        write_atomically(path, encode(dataclasses.asdict(self)))

    @property
    def progress(self) -> float:
        """Share of the run that is done, 0 to 1."""
        if not self.epochs:
            return 0.0
        if self.is_fitted:
            return 1.0 if self.epoch else min(self.elapsed / self.expected, NEARLY) if self.expected else 0.0
        within = self.step / self.steps_per_epoch if self.steps_per_epoch else 0.0
        return min(1.0, (self.epoch + within) / self.epochs)

    @property
    def seconds_left(self) -> float | None:
        """Time to the last epoch at the pace so far; None before there is a pace."""
        done = self.progress
        return self.elapsed * (1 - done) / done if done > 0 and self.elapsed > 0 else None

    @property
    def is_waiting(self) -> bool:
        """Whether the run is queued and no worker has taken it."""
        return self.state == "queued" and not self.pid

    def held_by(self) -> str:
        """`pid 42 on gpubox` while a live process holds the run, else an empty string."""
        if self.pid and self.state not in FINAL_STATES and self._is_alive():
            return f"pid {self.pid} on {self.host}"
        return ""

    def actual_state(self) -> str:
        """`state`, or "crashed" when the process that should be running is gone or silent."""
        is_started = self.state in LIVE_STATES or (self.state == "queued" and self.pid)
        return "crashed" if is_started and not self._is_alive() else self.state

    def _is_alive(self) -> bool:
        silence = time.time() - self.heartbeat
        if self.host != socket.gethostname():
            return silence < SILENCE_S
        try:  # a pid alone may belong to another process by now, after a restart for one
            is_same = abs(process_started(self.pid) - self.pid_started) < 1.0
        except psutil.Error:
            return False
        return is_same or silence < FRESH_S  # a clock that was set moves the start of every process


_DEFAULT = Status()


def process_started(pid: int) -> float:
    """When the process began (Unix seconds). psutil.NoSuchProcess when it is gone or a zombie."""
    process = psutil.Process(pid)
    if process.status() == psutil.STATUS_ZOMBIE:
        raise psutil.NoSuchProcess(pid)
    return float(process.create_time())


def _like(default: Any, value: Any) -> Any:
    """`value` if it has the type of `default` and a size that can be, with numbers converted; None otherwise."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else None
    if isinstance(default, float):
        found = number(value)
        return found if found is not None and math.isfinite(found) else None
    if isinstance(default, int):
        return value if type(value) is int and 0 <= value <= LARGEST else None
    return value if isinstance(value, type(default)) else None


def _metrics(content: dict[str, Any]) -> dict[str, float]:
    """The numbers of `content`: what is not finite was written as its name."""
    found = {name: value if type(value) is int else number(value) for name, value in content.items()}
    return {name: value for name, value in found.items() if value is not None}
