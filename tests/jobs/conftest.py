"""Workers without torch: processes that do as they are told through files in the run's directory."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until
from tui_lab.jobs import local
from tui_lab.runs import store as store_module
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import Status, process_started
from tui_lab.runs.store import RunStore

SCRIPT = """
import json, os, sys, time
path = sys.argv[1]
print("at work", flush=True)
seen = {"pid": os.getpid(), "sid": os.getsid(0), "cwd": os.getcwd(), "threads": os.environ.get("TUI_LAB_THREADS"),
        "stdin": sys.stdin.read(), "time": time.monotonic()}
with open(path + "/.seen", "w") as file:
    json.dump(seen, file)
os.rename(path + "/.seen", path + "/seen")
while not os.path.exists(path + "/exit"):
    if not os.path.isdir(path):
        sys.exit(9)
    time.sleep(0.005)
sys.exit(int(open(path + "/exit").read()))
"""


class FakeWorkers:
    """The workers that an executor starts in place of the real ones."""

    def seen(self, run: RunDirectory) -> dict[str, Any]:
        """What the worker of `run` saw of the world, once it is there."""
        wait_until((run.path / "seen").exists)
        return json.loads((run.path / "seen").read_text())

    def has_started(self, run: RunDirectory) -> bool:
        return (run.path / "seen").exists()

    def end(self, run: RunDirectory, code: int = 0) -> None:
        """Let the worker of `run` end."""
        (run.path / ".exit").write_text(str(code))
        (run.path / ".exit").rename(run.path / "exit")

    def claim(self, run: RunDirectory, **fields: Any) -> int:
        """Say for the worker that it is running, as a real one does. Returns its pid."""
        pid = self.seen(run)["pid"]
        status = run.read_status()
        own = {"state": "running", "pid": pid, "pid_started": process_started(pid), "host": socket.gethostname()}
        for name, value in {**own, **fields}.items():
            setattr(status, name, value)
        status.write(run.status)
        return pid


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """A store whose workers do not outlive the test."""
    monkeypatch.setattr(store_module, "git_commit", lambda: "")
    store = RunStore(tmp_path)
    yield store
    for run in store.runs():
        status = Status.read(run.status)
        if status is not None and status.pid != os.getpid() and status.held_by():
            os.kill(status.pid, signal.SIGKILL)


@pytest.fixture
def workers(store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorkers]:
    script = tmp_path / "worker.py"
    script.write_text(SCRIPT)
    monkeypatch.setattr(local, "WORKER", (sys.executable, "-I", "-S", str(script)))
    fakes = FakeWorkers()
    yield fakes
    for run in store.runs():
        fakes.end(run)
