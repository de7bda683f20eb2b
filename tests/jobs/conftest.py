"""Workers without torch: processes that do as they are told through files in the run's directory."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.waiting import wait_until
from tui_lab.jobs import scheduler
from tui_lab.jobs import workers as workers_module
from tui_lab.runs import store as store_module
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import Status, process_started
from tui_lab.runs.store import RunStore

WORKER = """
import json, os, sys, time
home, path = os.path.dirname(sys.argv[0]), sys.argv[1]
stood_by = path == "--standby"
if stood_by:
    with open(home + "/standbys", "a") as file:
        print(os.getpid(), file=file)
    while os.path.exists(home + "/importing"):
        time.sleep(0.005)
    print("ready", flush=True)
    line = sys.stdin.readline()
    if not line or os.path.exists(home + "/unfit"):
        sys.exit(0)
    order = json.loads(line)
    path, os.environ["TUI_LAB_THREADS"] = order["run"], str(order["threads"])
    log = os.open(path + "/log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
def work(path, stdin, stood_by):
    print("at work", flush=True)
    seen = {"pid": os.getpid(), "sid": os.getsid(0), "ppid": os.getppid(), "cwd": os.getcwd(), "stdin": stdin,
            "threads": os.environ.get("TUI_LAB_THREADS"), "time": time.monotonic(), "stood_by": stood_by}
    with open(path + "/.seen", "w") as file:
        json.dump(seen, file)
    os.rename(path + "/.seen", path + "/seen")
    while not os.path.exists(path + "/exit"):
        if not os.path.isdir(path):
            sys.exit(9)
        time.sleep(0.005)
    return int(open(path + "/exit").read())
if path == "--series":
    talk, code = os.dup(1), 0
    for line in iter(sys.stdin.readline, ""):
        order = json.loads(line)
        os.environ["TUI_LAB_THREADS"] = str(order["threads"])
        os.dup2(os.open(order["run"] + "/log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT), 1)
        code = work(order["run"], "", False)
        if code:
            break
        os.write(talk, b"done\\n")
    sys.exit(code)
sys.exit(work(path, sys.stdin.read(), stood_by))
"""

QUEUE = """
import sys
from tui_lab.jobs import queue, workers
worker = [sys.executable, "-I", "-S", sys.argv[1]]
workers.WORKER, workers.STANDBY, workers.SERIES = worker, [*worker, "--standby"], [*worker, "--series"]
queue.POLL_S = 0.005
queue.main(sys.argv[2:])
"""


class FakeWorkers:
    """The workers, and the stand-by, that an executor starts in place of the real ones."""

    def __init__(self, folder: Path) -> None:
        self.script = folder / "worker.py"
        self.script.write_text(WORKER)
        self.command = [sys.executable, "-I", "-S", str(self.script)]
        self.queue_command = [sys.executable, "-c", QUEUE, str(self.script)]
        self.importing = folder / "importing"  # while it exists, a stand-by does not get ready
        self.unfit = folder / "unfit"  # while it exists, a stand-by ends when it is given a run
        self._standbys = folder / "standbys"

    def standbys(self) -> list[int]:
        """The pids of all stand-bys that were ever started."""
        return [int(line) for line in self._standbys.read_text().split()] if self._standbys.exists() else []

    def alive(self) -> list[int]:
        """The pids of all workers, stand-bys and queues that there are now."""
        script = str(self.script)
        found = psutil.process_iter(["cmdline", "status"])
        return [
            process.pid
            for process in found
            if script in (process.info["cmdline"] or ()) and process.info["status"] != psutil.STATUS_ZOMBIE
        ]

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


def is_gone(pid: int) -> bool:
    """Whether a process has ended, noticed by its parent or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    """A store whose workers do not outlive the test."""
    monkeypatch.setattr(store_module, "git_commit", lambda: "")
    store = RunStore(tmp_path)
    yield store
    for run in store.runs():
        status = Status.read(run.status)
        if status is not None and status.pid != os.getpid() and status.held_by():
            with suppress(ProcessLookupError):
                os.kill(status.pid, signal.SIGKILL)


@pytest.fixture
def workers(store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWorkers]:
    fakes = FakeWorkers(tmp_path)
    monkeypatch.setattr(workers_module, "WORKER", fakes.command)
    monkeypatch.setattr(workers_module, "STANDBY", [*fakes.command, "--standby"])
    monkeypatch.setattr(workers_module, "SERIES", [*fakes.command, "--series"])
    monkeypatch.setattr(scheduler, "QUEUE", fakes.queue_command)
    yield fakes
    for run in store.runs():
        fakes.end(run)
    gc.collect()  # an executor that a traceback still holds would hold its workers
    wait_until(lambda: not fakes.alive(), deadline_s=20)
