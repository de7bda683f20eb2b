"""The app's hold on a queue process: it hands runs over, and may let go at any time."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from typing import Any

from tui_lab.processes import module_command
from tui_lab.runs.directory import RunDirectory

# A write to a queue that has died is an error here, whatever this program does on SIGPIPE. macOS has no such flag.
_NO_SIGNAL = getattr(socket, "MSG_NOSIGNAL", 0)


QUEUE = module_command("tui_lab.jobs.queue")  # given how many runs at a time


class QueueProcess:
    """A process that works through the runs submitted to it, and goes on when this one lets go, ends or is killed.

    Nothing is started before `start` or `submit`. Every method may be called from any thread.

    Args:
        jobs: runs at a time; they share the cores.
        standby: keep a worker with everything imported ready while there is nothing to do.
    """

    def __init__(self, jobs: int = 1, standby: bool = True) -> None:
        self._jobs = jobs
        self._standby = standby
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._submitted: list[RunDirectory] = []

    @property
    def jobs(self) -> int:
        """Runs at a time."""
        return self._jobs

    @property
    def submitted(self) -> frozenset[str]:
        """The ids of the runs submitted since the start, but for those seen to have begun."""
        with self._lock:
            return frozenset(run.id for run in self._submitted)

    @property
    def is_alive(self) -> bool:
        """Whether the process is there. One that died is replaced by `start` or the next `submit`."""
        with self._lock:
            return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process unless it is there. In place of one that died, with the runs that still wait for it."""
        with self._lock:
            if self.is_alive:
                return
            self._disconnect()
            self._orders, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [*QUEUE, str(self._jobs)],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            self._order(standby=self._standby)
            self._submitted = [run for run in self._submitted if _is_waiting(run)]
            for run in self._submitted:
                self._order(submit=str(run.path))

    def submit(self, run: RunDirectory) -> None:
        """Put a queued run at the end of the queue."""
        with self._lock:
            self._submitted = [other for other in self._submitted if _is_waiting(other) and other.path != run.path]
            self._submitted.append(run)
            if not self.is_alive:
                self.start()
            elif not self._order(submit=str(run.path)):
                self._end()
                self.start()

    def set_jobs(self, jobs: int) -> None:
        """Change how many runs are trained at a time. Those under way go on."""
        with self._lock:
            self._jobs = jobs
            self._order(jobs=jobs)

    def close(self) -> None:
        """Let go: the process works through what it has, and ends. A later `submit` starts another one."""
        with self._lock:
            self._disconnect()
            self._submitted = []

    def _end(self) -> None:
        """End a process that no longer listens: it is dying, or of no use. Its workers go on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _disconnect(self) -> None:
        if self._orders is not None:
            self._orders.close()
        self._orders = self._process = None

    def _order(self, **order: Any) -> bool:
        """Send an order. Returns False when nobody is there to read it."""
        if self._orders is None:
            return False
        try:
            self._orders.sendall(json.dumps(order).encode() + b"\n", _NO_SIGNAL)
        except OSError:
            return False
        return True


def _is_waiting(run: RunDirectory) -> bool:
    return run.path.is_dir() and run.read_status().is_waiting
