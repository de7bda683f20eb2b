"""The worker's pen: everything that a worker writes into its run directory goes through here.

A background thread keeps the heartbeat going and records what the machine is doing, also while the training thread
is busy with an evaluation or a whitening matrix.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Any

import psutil

from tui_lab.devices import gpu_usage
from tui_lab.runs.control import Control, ControlWatcher
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import Event, EventWriter
from tui_lab.runs.history import read_history, thinned
from tui_lab.runs.status import CURVE_LENGTH, FINAL_STATES, process_started

STEP_INTERVAL_S = 0.1  # at most ten step events a second
HEARTBEAT_S = 1.0
SYSTEM_INTERVAL_S = 2.0
RESERVE_BYTES = 256 * 1024
CURVE_DIGITS = 4


class Recorder:
    """Writes events, status and history of one run. Use as a context manager, inside `RunDirectory.held()`.

    A file of RESERVE_BYTES is kept while the run lasts and given back before the last words are written: on a full
    disk there is still room to say that the disk is full. Its bytes are random, because some file systems keep no
    room for zeros.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.status = run.read_status()
        self._writer = EventWriter(run.events)
        self.history = read_history(run)  # also of a worker that fails before it has done anything: it saves it
        self._control = ControlWatcher(run.control, self.status.control_seq)
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._process = psutil.Process()
        self._next_step_event = 0.0
        self._reserve = run.path / ".reserve"

    def __enter__(self) -> Recorder:
        for half in self.run.path.glob(".*.partial"):  # of a worker that was killed while it wrote; see `replacing`
            if not half.name.startswith(f".{self.run.control.name}."):  # that one belongs to whoever is asking
                half.unlink(missing_ok=True)
        try:
            self._reserve.write_bytes(os.urandom(RESERVE_BYTES))
        except OSError:
            self._reserve.unlink(missing_ok=True)
            raise
        self._process.cpu_percent()  # the first call only sets the reference point
        self.update(
            state="running",
            pid=os.getpid(),
            pid_started=process_started(os.getpid()),
            host=socket.gethostname(),
            message="",
            hint="",
            exit_code=0,
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._writer.close()
        self._reserve.unlink(missing_ok=True)

    def event(self, kind: str, **fields: Any) -> Event:
        """Append an event to the log and to the history."""
        with self._lock:
            event = self._writer.write(kind, **fields)
            self.history.add(event)
            return event

    def is_step_due(self) -> bool:
        """Whether enough time has passed for another step event. Asked at every step."""
        now = time.monotonic()
        if now < self._next_step_event:
            return False
        self._next_step_event = now + STEP_INTERVAL_S
        return True

    def poll_control(self) -> Control | None:
        """What the user has asked since the last call."""
        control = self._control.poll()
        if control is not None:
            self.note(control_seq=control.seq)
        return control

    def update(self, **fields: Any) -> None:
        """Change the status and write it now."""
        with self._lock:
            self.note(**fields)
            self.status.curve = self._curve()
            self.status.heartbeat = time.time()
            self.status.write(self.run.status)

    def note(self, **fields: Any) -> None:
        """Change the status; the next heartbeat writes it."""
        with self._lock:  # so that no heartbeat writes a new epoch with an old step
            for name, value in fields.items():
                setattr(self.status, name, value)

    def save_history(self) -> None:
        """Keep the curves beside the log, so that opening a long run parses only what comes after."""
        with self._lock:
            self._writer.sync()
            self.history.save(self.run, self.run.events.stat().st_size)

    def finish(self, state: str, message: str = "", hint: str = "", exit_code: int = 0) -> None:
        """Write the last record, then the final status. Nothing is written after it."""
        if state not in FINAL_STATES:
            raise ValueError(f"{state!r} is not the end of a run")
        self._stop.set()
        self._reserve.unlink(missing_ok=True)
        with self._lock:
            said = {"message": message, "hint": hint} if message else {}
            self.event("finished", state=state, **said)
            with contextlib.suppress(OSError):  # a long history may not fit into the reserve; the log has it all
                self.save_history()
            self.update(state=state, message=message, hint=hint, exit_code=exit_code)

    def _beat(self) -> None:
        next_system = 0.0
        while not self._stop.wait(HEARTBEAT_S):
            try:
                with self._lock:
                    if self._stop.is_set():
                        return
                    if time.monotonic() >= next_system:
                        next_system = time.monotonic() + SYSTEM_INTERVAL_S
                        self.event("system", **self._machine())
                    self.update()
            except OSError:
                continue  # a full disk: the training thread meets it too, and says so

    def _curve(self) -> list[float]:
        """The test accuracy by epoch, as the status carries it."""
        _, accuracies = self.history.epochs.means("test_accuracy", "epoch")
        return [round(y, CURVE_DIGITS) for y in thinned(accuracies, CURVE_LENGTH)]

    def _machine(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        own = {
            "cpu_percent": self._process.cpu_percent(),
            "memory_bytes": self._process.memory_info().rss,
            "memory_free_bytes": memory.available,
        }
        return own | gpu_usage(self.status.device)
