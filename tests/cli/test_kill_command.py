"""`tui-lab runs kill`, on a process that stands in for a worker."""

import socket
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from tui_lab.cli.main import app
from tui_lab.errors import UsageError
from tui_lab.runs.status import Status, process_started
from tui_lab.runs.store import RunStore


@pytest.fixture
def runs(tmp_path):
    return [RunStore(tmp_path).create("mlp", {"epochs": 2}) for _ in range(2)]


def kill(home, *runs):
    return CliRunner().invoke(app, ["--home", str(home), "runs", "kill", *(run.id for run in runs)])


def test_workers_are_killed(tmp_path, runs):
    workers = []
    for run in runs:
        worker = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
        workers.append(worker)
        own = {"pid": worker.pid, "pid_started": process_started(worker.pid), "host": socket.gethostname()}
        Status(state="running", heartbeat=time.time(), **own).write(run.status)
    done = kill(tmp_path, *runs)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines() == [f"{run.id}: killed" for run in runs]
    for run, worker in zip(runs, workers, strict=True):
        worker.communicate()
        assert run.read_status().state == "crashed"


def test_a_run_without_a_worker_is_refused(tmp_path, runs):
    done = kill(tmp_path, runs[0])
    assert isinstance(done.exception, UsageError)
    assert "is queued: it has no worker to kill" in str(done.exception)
