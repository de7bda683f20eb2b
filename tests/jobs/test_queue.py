"""The queue that outlives its terminal."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting import wait_until
from tui_lab.hyperparameters import build
from tui_lab.jobs import queue
from tui_lab.jobs.local import LocalExecutor
from tui_lab.jobs.queue import Orders, carry_out, main
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


# Orders


def collect(content, cuts=()):
    """The orders in what a pipe gives, written in pieces."""
    source, sink = os.pipe()
    orders, found = Orders(source), []
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        os.write(sink, content[start:end])
        found += orders.wait(0)
    os.close(sink)
    while not orders.are_over:
        found += orders.wait(None)
    os.close(source)
    return found


commands = st.dictionaries(st.sampled_from(["submit", "jobs", "standby"]), st.text() | st.integers() | st.booleans())


@given(st.lists(commands), st.data())
def test_orders_arrive_whole_however_they_are_cut(wanted, data):
    content = b"".join(json.dumps(order).encode() + b"\n" for order in wanted)
    cuts = data.draw(st.lists(st.integers(0, len(content)), max_size=3).map(sorted))
    assert collect(content, cuts) == wanted


GARBLED = [b"", b"{", b"7", b"[]", b'"jobs"', b"\xff\xfe", b"NaN", b"[" * 100_000]


def test_what_is_no_order_is_passed_over():
    first, last = {"jobs": 2}, {"standby": True}
    lines = [json.dumps(first).encode(), *GARBLED[:-1], json.dumps(last).encode(), b'{"jobs": 3}']
    assert collect(b"\n".join(lines)) == [first, last]  # what has no end was not all of it


def test_an_order_nested_without_end_is_passed_over():
    source, sink = os.pipe()
    orders, lines = Orders(source), GARBLED[-1] + b"\n"
    for start in range(0, len(lines), 50_000):
        os.write(sink, lines[start : start + 50_000])
        assert list(orders.wait(None)) == []
    os.write(sink, b'{"jobs": 2}\n')
    assert list(orders.wait(None)) == [{"jobs": 2}]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"jobs": 0},
        {"jobs": -1},
        {"jobs": "2"},
        {"jobs": True},
        {"jobs": 2.0},
        {"standby": 1},
        {"standby": None},
        {"submit": 1},
        {"submit": "/no/such/run"},
        {"submit": "a\0b"},
        {"submit": "\ud800"},
        {"fly": "away"},
    ],
)
def test_an_order_that_says_nothing_known_changes_nothing(order):
    executor = LocalExecutor(3)
    carry_out(order, executor)
    assert (executor.jobs, executor.standby, executor.waiting) == (3, False, [])


def test_orders_are_carried_out(runs):
    executor = LocalExecutor()
    for order in ({"jobs": 2, "later": "version"}, {"standby": True}, {"submit": str(runs[0].path)}):
        carry_out(order, executor)
    assert (executor.jobs, executor.standby) == (2, True)
    assert [run.id for run in executor.waiting] == [runs[0].id]


def test_what_was_ordered_before_the_end_is_still_done(runs, workers, monkeypatch):
    monkeypatch.setattr(queue, "POLL_S", 0.005)
    for run in runs:
        workers.end(run)
    source, sink = os.pipe()
    for path in paths(runs):
        os.write(sink, json.dumps({"submit": path}).encode() + b"\n")
    os.close(sink)
    main(["2"], orders_from=source)
    os.close(source)
    assert all(workers.has_started(run) for run in runs)


def test_without_runs_and_without_orders_it_ends_at_once(workers):
    source, sink = os.pipe()
    os.close(sink)
    main(["1"], orders_from=source)
    os.close(source)


# The real one


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
