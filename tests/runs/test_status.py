"""status.json: read whatever is in it, never half written, and the truth about the process behind it."""

import dataclasses
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.waiting import wait_until
from tui_lab.runs.files import replacing, write_atomically
from tui_lab.runs.status import (
    CURVE_LENGTH,
    FINAL_STATES,
    FRESH_S,
    LIVE_STATES,
    RESUMABLE_STATES,
    SILENCE_S,
    STATES,
    Status,
    process_started,
)

HERE = socket.gethostname()
NAMES = [field.name for field in dataclasses.fields(Status)]

finite = st.floats(allow_nan=False, allow_infinity=False)
metrics = st.dictionaries(st.text(max_size=5), st.floats() | st.integers(0, 1000), max_size=3)
statuses = st.builds(
    Status,
    state=st.sampled_from(STATES),
    exercise=st.text(max_size=9),
    hyperparameters=st.dictionaries(st.text(max_size=5), st.integers() | finite | st.booleans() | st.text(max_size=3)),
    created=finite,
    pid=st.integers(0, 2**22),
    channels_last=st.booleans(),
    epoch=st.integers(0, 10**6),
    epochs=st.integers(0, 10**6),
    last=metrics,
    best=metrics,
    curve=st.lists(st.floats(), max_size=CURVE_LENGTH),
    message=st.text(max_size=9),
)
whatever = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**320) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
garbled_fields = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), whatever, max_size=4)


def read(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "status.json"
        path.write_bytes(content)
        return Status.read(path)


def same(a, b):
    return a == b or (isinstance(a, float) and math.isnan(a) and math.isnan(b))


def live(state="running", **fields):
    """The status of this very process."""
    own = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "host": HERE, "heartbeat": time.time()}
    return Status(state=state, **{**own, **fields})


# Reading


@given(statuses)
def test_what_is_written_is_read_also_metrics_that_are_not_finite(status):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "status.json"
        status.write(path)
        back = Status.read(path)
    for name in NAMES:
        written, found = getattr(status, name), getattr(back, name)
        if name in ("last", "best"):
            assert written.keys() == found.keys()
            assert all(same(value, found[key]) for key, value in written.items())
        elif name == "curve":
            assert len(written) == len(found) and all(map(same, written, found))
        else:
            assert found == written


@given(st.binary() | st.sampled_from([b'{"state": "run', b'{"state": "on"}', b"[]", b"7", b"null", b"{}"]))
def test_garbage_is_no_status(content):
    assert read(content) is None


def test_garbage_that_is_nested_deeply_is_no_status():
    assert read(b"[" * 100_000) is None


def test_a_missing_file_is_no_status(tmp_path):
    assert Status.read(tmp_path / "status.json") is None


@given(statuses, garbled_fields)
def test_wrong_types_and_unknown_keys_are_ignored_and_nothing_raises(status, garbled):
    content = {**dataclasses.asdict(status), "host": HERE, **garbled}
    back = read(json.dumps(content).encode())
    if back is None:
        assert content["state"] not in STATES
        return
    for field in dataclasses.fields(Status):
        value, default = getattr(back, field.name), getattr(Status(), field.name)
        assert type(value) is type(default), field.name
        if isinstance(value, int | float):
            assert math.isfinite(value)
        if field.name not in garbled and field.name not in ("last", "best", "curve", "host"):
            assert value == content[field.name]
    assert all(type(value) in (int, float) for value in [*back.last.values(), *back.best.values()])
    assert all(type(y) is float for y in back.curve) and len(back.curve) <= CURVE_LENGTH
    assert 0 <= back.progress <= 1
    assert back.seconds_left is None or back.seconds_left >= 0
    assert back.actual_state() in STATES
    assert isinstance(back.held_by(), str)


def test_a_value_of_the_wrong_type_is_its_default():
    back = read(b'{"state": "running", "epoch": "3", "epochs": true, "elapsed": "NaN", "last": [], "host": null}')
    assert back == Status(state="running")


def test_a_status_from_before_there_were_curves_has_none():
    assert read(b'{"state": "finished"}').curve == []


def test_the_states_are_what_their_names_say():
    assert set(STATES) - {"queued"} == LIVE_STATES | FINAL_STATES
    assert not LIVE_STATES & FINAL_STATES
    assert FINAL_STATES - {"finished"} == RESUMABLE_STATES


# Progress


@pytest.mark.parametrize(
    ("epoch", "step", "steps", "epochs", "progress"),
    [
        (0, 0, 0, 0, 0.0),
        (0, 0, 10, 4, 0.0),
        (1, 5, 10, 4, 0.375),
        (2, 0, 0, 4, 0.5),
        (4, 0, 10, 4, 1),
        (4, 9, 10, 4, 1),
    ],
)
def test_progress_counts_epochs_and_the_steps_within(epoch, step, steps, epochs, progress):
    assert Status(epoch=epoch, step=step, steps_per_epoch=steps, epochs=epochs).progress == progress


def test_the_time_left_follows_the_pace_so_far():
    assert Status(epoch=1, epochs=4, elapsed=30.0).seconds_left == pytest.approx(90)
    assert Status(epoch=4, epochs=4, elapsed=30.0).seconds_left == 0
    assert Status(epoch=0, epochs=4, elapsed=1.0).seconds_left is None
    assert Status(epoch=1, epochs=4, elapsed=0.0).seconds_left is None


# The process behind it


@pytest.mark.parametrize("state", sorted(LIVE_STATES | {"queued"}))
def test_a_live_process_holds_its_run(state):
    status = live(state)
    assert status.held_by() == f"pid {os.getpid()} on {HERE}"
    assert status.actual_state() == state


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_a_run_that_has_ended_is_held_by_nobody(state):
    assert live(state).held_by() == ""
    assert live(state).actual_state() == state


@pytest.mark.parametrize("state", sorted(LIVE_STATES | {"queued"}))
def test_a_dead_process_is_a_crash(state):
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    status = live(state, pid=process.pid, pid_started=process_started(process.pid))
    assert status.held_by()
    process.kill()
    process.wait()
    assert status.held_by() == ""
    assert status.actual_state() == "crashed"
    process.stdin.close()


def test_a_zombie_is_dead():
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    started = psutil.Process(process.pid).create_time()
    wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
    assert live(pid=process.pid, pid_started=started).actual_state() == "crashed"
    process.wait()


def test_a_pid_that_belongs_to_another_process_by_now_is_a_crash():
    status = live(pid_started=process_started(os.getpid()) - 3600, heartbeat=time.time() - 2 * FRESH_S)
    assert status.held_by() == ""
    assert status.actual_state() == "crashed"


def test_a_clock_that_was_set_does_not_kill_a_run_that_gives_signs_of_life():
    status = live(pid_started=process_started(os.getpid()) - 3600, heartbeat=time.time())
    assert status.actual_state() == status.state


@pytest.mark.parametrize("pid", [-1, 0, 2**31 - 1, 2**62])
def test_a_pid_that_cannot_be_is_a_crash(pid):
    status = read(json.dumps({**dataclasses.asdict(live()), "pid": pid}).encode())
    assert status.held_by() == ""
    assert status.actual_state() == "crashed"


def test_a_process_on_another_host_is_known_by_its_heartbeat():
    fresh = live(host="gpubox", heartbeat=time.time() - SILENCE_S / 2)
    assert fresh.held_by() == f"pid {os.getpid()} on gpubox"
    assert fresh.actual_state() == "running"
    silent = live(host="gpubox", heartbeat=time.time() - SILENCE_S * 2)
    assert silent.held_by() == ""
    assert silent.actual_state() == "crashed"


def test_a_run_that_was_never_started_waits():
    status = Status(state="queued")
    assert status.held_by() == ""
    assert status.actual_state() == "queued"


# Replacing


def test_a_reader_sees_the_old_status_or_the_new_one(tmp_path):
    path = tmp_path / "status.json"
    versions = [Status(state="running", message="x" * 50_000), Status(state="paused", message="y")]
    versions[0].write(path)
    is_over = threading.Event()

    def write():
        while not is_over.is_set():
            for status in versions:
                status.write(path)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = [Status.read(path) for _ in range(1000)]
    finally:
        is_over.set()
        writer.join()
    assert all(status in versions for status in seen)
    assert {status.state for status in seen} == {"running", "paused"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]


def test_threads_that_replace_one_file_do_not_meet(tmp_path):
    path, errors = tmp_path / "control.json", []

    def write(text):
        try:
            for _ in range(300):
                write_atomically(path, text)
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(letter * 9,)) for letter in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert path.read_text() in ("aaaaaaaaa", "bbbbbbbbb", "ccccccccc")


@pytest.mark.parametrize("durable", [False, True])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, durable):
    path = tmp_path / "status.json"
    write_atomically(path, "old", durable=durable)
    with pytest.raises(KeyboardInterrupt), replacing(path, durable=durable) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["status.json"]
