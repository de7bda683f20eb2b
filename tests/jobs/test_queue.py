"""The queue that outlives its terminal."""

import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from tests.waiting import wait_until
from tui_lab.hyperparameters import build
from tui_lab.jobs import queue
from tui_lab.jobs.queue import main
from tui_lab.labs.catalogue import find_exercise
from tui_lab.runs.control import request
from tui_lab.runs.events import EventReader
from tui_lab.runs.status import Status, process_started

START = """
import os, sys
from pathlib import Path
from tui_lab.jobs.queue import start_queue
from tui_lab.runs.directory import RunDirectory
start_queue([RunDirectory(Path(path)) for path in sys.argv[2:]], int(sys.argv[1]))
"""


@pytest.fixture
def runs(store):
    return [store.create("mlp", {"epochs": 2, "seed": seed}) for seed in range(4)]


def paths(runs):
    return [str(run.path) for run in runs]


def test_the_queue_works_through_its_runs_in_order(runs, workers, monkeypatch):
    monkeypatch.setattr(queue, "POLL_S", 0.005)
    for run in runs:
        workers.end(run)  # each as soon as it has started
    main(["1", *paths(runs)])
    times = [workers.seen(run)["time"] for run in runs]
    assert times == sorted(times)
    assert [run.read_status().state for run in runs] == ["crashed"] * 4  # these workers end without a word


def test_a_run_that_cannot_be_started_keeps_no_other_waiting(runs, workers, monkeypatch):
    monkeypatch.setattr(queue, "POLL_S", 0.005)
    held, gone, *others = runs
    own = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "host": socket.gethostname()}
    Status(state="running", heartbeat=time.time(), **own).write(held.status)
    shutil.rmtree(gone.path)
    for run in others:
        workers.end(run)
    main(["2", *paths(runs)])
    assert [workers.has_started(run) for run in runs] == [False, False, True, True]
    assert held.read_status().state == "running"
    assert not gone.path.exists()


def test_a_queue_trains_real_runs_after_the_process_that_started_it_has_ended(store):
    """One of them is told to stop before its worker is up: that counts."""
    values = {"device": "cpu", "precision": "fp32", "evaluate_train": True}
    exercise = find_exercise("mlp")
    short, long = (
        store.create("mlp", build(exercise.hyperparameters, {**values, "epochs": epochs}).model_dump())
        for epochs in (2, 100_000)
    )
    request(long.control, "stop")
    subprocess.run([sys.executable, "-c", START, "2", *paths([short, long])], check=True, timeout=60)
    wait_until(lambda: {run.read_status().state for run in (short, long)} == {"finished", "stopped"})
    assert short.read_status().state == "finished"
    status = short.read_status()
    assert (status.epoch, status.epochs, status.threads, status.device) == (2, 2, 1, "cpu")
    events = list(EventReader(short.events).read())
    assert [event["epoch"] for event in events if event["kind"] == "epoch"] == [1, 2]
    assert (events[-1]["kind"], events[-1]["state"]) == ("finished", "finished")
    assert {"train_loss", "test_accuracy", "train_eval_accuracy"} <= set(status.last)
    assert short.weights.exists()
    assert long.read_status().epoch < 2
    assert long.checkpoint.exists()
    assert not (short.path / ".reserve").exists()
