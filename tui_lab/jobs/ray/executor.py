"""The executor for a cluster. The connection to Ray is held by a process of its own, see `driver.py`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from tui_lab.errors import TuiLabError
from tui_lab.jobs.ray import address
from tui_lab.jobs.ray.options import Options
from tui_lab.processes import module_command, write_line
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import FINAL_STATES

DRIVER = module_command("tui_lab.jobs.ray.driver")
RECOVER_S = 120.0  # that a lost cluster may take to be back
RETRY_S = 2.0  # between two attempts to reach it
CHUNK = 1 << 16


class ClusterLostError(TuiLabError):
    """The cluster is gone, and has not come back."""


class RayExecutor:
    """Runs what is submitted on a Ray cluster, as many at a time as have room there, or fewer.

    When the connection is lost, it is made anew: runs whose seats are still there go on, the others from their last
    checkpoints. When this process ends or is killed, what is under way is trained to its end, and written.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._environment = {**os.environ, **address.environment(options.address)}
        self._process: subprocess.Popen[bytes] | None = None
        self._talk: IO[bytes] | None = None  # what the driver writes on stderr
        self._half = b""
        self._waiting: list[RunDirectory] = []
        self._active: list[RunDirectory] = []
        self._unsent: list[RunDirectory] = []
        self._ended: list[RunDirectory] = []
        self._errors: list[TuiLabError] = []
        self._lost_at = 0.0  # 0 while all is well
        self._retry_at = 0.0
        self._was_connected = False
        self._is_killing = False

    def submit(self, run: RunDirectory) -> None:
        if run.path not in [known.path for known in self._active + self._waiting]:
            self._waiting.append(run)
            self._unsent.append(run)

    @property
    def active(self) -> list[RunDirectory]:
        return list(self._active)

    @property
    def waiting(self) -> list[RunDirectory]:
        return list(self._waiting)

    def poll(self) -> list[RunDirectory]:
        """As every executor. Raises what the driver could not do, once each; the other runs go on."""
        if self._process is None and (self._active or self._waiting) and time.monotonic() >= self._retry_at:
            self._start()
        if self._process is not None:
            for run in self._unsent:
                self._order(submit=str(run.path))
            self._unsent.clear()
            has_ended = self._process.poll() is not None  # before its last words are read
            for message in self._messages():
                self._hear(message)
            if has_ended:
                self._see_off()
        if self._errors:
            raise self._errors.pop(0)
        ended, self._ended = self._ended, []
        return ended

    def withdraw(self) -> None:
        self._order(withdraw=True)
        self._waiting.clear()
        self._unsent.clear()

    def kill(self) -> None:
        """As every executor. A second time, nothing is waited for any more."""
        if self._is_killing and self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget("The command was killed by the user; its worker may still be at work.")
        self._is_killing = True
        self._order(kill=True)

    # The driver

    def _start(self) -> None:
        self._talk = tempfile.TemporaryFile()  # noqa: SIM115  it is closed with the process
        self._process = subprocess.Popen(
            [*DRIVER, self.options.to_json()],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._talk,
            env=self._environment,
            start_new_session=True,  # ctrl-c is for this process
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)
        self._half = b""
        self._unsent = list(self._waiting)

    def _order(self, **order: Any) -> None:
        if self._process is None:
            return
        assert self._process.stdin is not None
        try:
            write_line(self._process.stdin, json.dumps(order).encode())
        except BrokenPipeError:
            return  # it has died, which the next look tells

    def _messages(self) -> Iterator[Mapping[str, Any]]:
        assert self._process is not None and self._process.stdout is not None
        while content := self._process.stdout.read(CHUNK):
            *lines, self._half = (self._half + content).split(b"\n")
            yield from map(json.loads, lines)

    def _hear(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"connected": _}:
                self._lost_at, self._was_connected = 0.0, True
            case {"error": str(sentence), "hint": str(hint), "is_final": True}:
                if not self._was_connected:
                    self._ended += self._waiting
                    self._waiting.clear()
                    self._errors.append(TuiLabError(sentence, hint))
            case {"error": str(sentence), "hint": str(hint)}:
                self._errors.append(TuiLabError(sentence, hint))
            case {"ended": str(path)}:
                run = RunDirectory(Path(path))
                for runs in (self._active, self._waiting):
                    runs[:] = [other for other in runs if other.path != run.path]
                self._ended.append(run)
            case {"active": list(active), "waiting": list(waiting)}:
                self._active = [RunDirectory(Path(path)) for path in active]
                sent = {*active, *waiting}
                self._waiting = [RunDirectory(Path(path)) for path in waiting] + [
                    run for run in self._waiting if str(run.path) not in sent
                ]

    def _see_off(self) -> None:
        """The driver has ended before its work was done: start another, for as long as there is hope."""
        assert self._process is not None and self._talk is not None
        self._talk.seek(0)
        said = self._talk.read().decode(errors="replace").split()
        for stream in (self._process.stdin, self._process.stdout, self._talk):
            assert stream is not None
            stream.close()
        self._process = None
        now = time.monotonic()
        self._lost_at = self._lost_at or now
        self._retry_at = now + RETRY_S
        for run in self._active:
            if run.read_status().state not in FINAL_STATES:
                run.requeue()
        self._waiting = self._active + self._waiting
        self._active = []
        if not self._was_connected or now - self._lost_at > RECOVER_S:
            self._forget("The cluster was lost.")
            if not self._errors:
                tail = " ".join(said)[-400:]
                self._errors.append(ClusterLostError(f"The cluster at {self.options.address} was lost.", tail))

    def _forget(self, reason: str) -> None:
        """Runs that have begun have crashed; those that have not stay queued."""
        for run in self._active + self._waiting:
            if run.read_status().state not in FINAL_STATES and (run.read_status().epoch or run.checkpoint.exists()):
                run.record_crash(reason)
            self._ended.append(run)
        self._active, self._waiting, self._unsent = [], [], []


def start_driver(runs: Sequence[RunDirectory], options: Options) -> None:
    """Train the runs on a cluster, from a process of its own that goes on when this one ends.

    Raises TuiLabError when the cluster lets nobody in, or has no room for such runs: they stay queued.
    """
    process = subprocess.Popen(
        [*DRIVER, replace(options, stays=True).to_json(), *(str(run.path) for run in runs)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **address.environment(options.address)},
        start_new_session=True,
    )
    assert process.stdout is not None
    error = None
    with process.stdout as talk:  # nobody reads what it says later
        for line in talk:
            match json.loads(line):
                case {"error": str(sentence), "hint": str(hint)}:
                    error = TuiLabError(sentence, hint)
                case {"active": list(active), "waiting": list(waiting)}:
                    if active or waiting or error is None:
                        return
                    break  # nothing is left of what it was given
    raise error or TuiLabError(f"The cluster at {options.address} cannot be used.", address.SEE)
