"""The executor for this machine: one worker process a run, a number of them at a time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections import deque
from pathlib import Path

from tui_lab.devices import cores
from tui_lab.errors import FAILED, RunBusyError
from tui_lab.processes import THREADS_VARIABLE, module_command
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import FINAL_STATES

WORKER = module_command("tui_lab.worker")  # given the run's directory


def start_worker(run: RunDirectory, threads: int) -> subprocess.Popen[bytes]:
    """Start the worker of a run in a session of its own, so that it outlives the terminal.

    Args:
        run: queued or resumable.
        threads: the most CPU threads it may use, unless it asked for a number itself. Threads times workers should
            not exceed the cores.

    Raises RunBusyError when a live process holds the run.
    """
    holder = run.read_status().held_by()
    if holder:
        raise RunBusyError(f"Run {run.id} is held by {holder}.", f"Watch it: tui-lab runs watch {run.id}")
    environment = {**os.environ, THREADS_VARIABLE: str(threads), "PYTHONUNBUFFERED": "1"}
    environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # the order in which GPUs are listed and watched
    with run.log.open("ab") as log:
        return subprocess.Popen(
            [*WORKER, str(run.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


class LocalExecutor:
    """Runs at most `jobs` workers at a time; the cores are shared evenly among them."""

    def __init__(self, jobs: int = 1) -> None:
        self.jobs = jobs
        self._threads = max(1, cores() // jobs)
        self._queue: deque[RunDirectory] = deque()
        self._workers: dict[Path, tuple[RunDirectory, subprocess.Popen[bytes]]] = {}
        self._ended: list[RunDirectory] = []

    def submit(self, run: RunDirectory) -> None:
        if run.path not in [known.path for known in self.active + self.waiting]:
            self._queue.append(run)

    @property
    def active(self) -> list[RunDirectory]:
        return [run for run, _ in self._workers.values()]

    @property
    def waiting(self) -> list[RunDirectory]:
        return list(self._queue)

    def poll(self) -> list[RunDirectory]:
        for run, worker in list(self._workers.values()):
            if worker.poll() is not None:
                del self._workers[run.path]
                _record_death(run, _reason(worker.returncode))
                self._ended.append(run)
        while self._queue and len(self._workers) < self.jobs:
            run = self._queue.popleft()
            if run.read_status().state != "queued":  # stopped while it waited, or taken up by somebody else
                self._ended.append(run)
                continue
            self._workers[run.path] = (run, start_worker(run, self._threads))
        ended, self._ended = self._ended, []  # not sooner: a run that cannot be started raises
        return ended

    def withdraw(self) -> None:
        self._queue.clear()

    def kill(self) -> None:
        for _, worker in self._workers.values():
            worker.kill()
        for run, worker in self._workers.values():
            worker.wait()
            _record_death(run, "The worker was killed by the user.")


def _reason(code: int) -> str:
    """Why a process ended that has `code` as its return code."""
    if code >= 0:
        return f"The worker ended with exit code {code}; see log.txt."
    name = signal.Signals(-code).name
    return f"The worker was killed by {name}" + (" (out of memory?)." if name == "SIGKILL" else ".")


def _record_death(run: RunDirectory, reason: str) -> None:
    """A worker that could not say how it ended gets a named state from whoever saw it end."""
    status = run.read_status()
    if status.state in FINAL_STATES or status.held_by():
        return
    status.state, status.message, status.exit_code = "crashed", reason, FAILED
    status.hint = f"Go on from the last checkpoint: tui-lab runs resume {run.id}"
    with contextlib.suppress(OSError):  # deleted, or on a full disk: then the dead pid has to tell
        status.write(run.status)
