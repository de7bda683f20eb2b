"""The worker's pen: the last word is written last, and also when there is hardly room for it."""

import errno
import itertools
import json
import math
import os
import socket
import threading
import time

import pytest

from tests.runs.conftest import DISK_BYTES, make_run
from tests.waiting import wait_until
from tui_lab.runs import recorder as module
from tui_lab.runs.control import Control, renew, request
from tui_lab.runs.events import EventReader
from tui_lab.runs.export import events_as_trained
from tui_lab.runs.history import HistoryReader, read_history
from tui_lab.runs.recorder import RESERVE_BYTES, Recorder
from tui_lab.runs.status import CURVE_LENGTH, Status, process_started


@pytest.fixture
def quick(monkeypatch):
    """Heartbeats that come as fast as they can."""
    monkeypatch.setattr(module, "HEARTBEAT_S", 0.002)
    monkeypatch.setattr(module, "SYSTEM_INTERVAL_S", 0.004)


def kinds(run):
    return [event["kind"] for event in EventReader(run.events).read()]


def beats(run, count=3):
    """Waits for that many heartbeats from now on."""
    for _ in range(count):
        before = run.read_status().heartbeat
        wait_until(lambda before=before: run.read_status().heartbeat > before)


def recorded(run, steps, *, first=1, at=None, state="failed"):
    """A worker's part of a run, recorded."""
    with Recorder(run) as recorder:
        recorder.event("started", resumed_from=at and {"total_step": at})
        for i in range(first, first + steps):
            recorder.event("step", total_step=i, loss=1 / i)
        recorder.finish(state)


# A run's life


def test_a_recorder_says_who_is_at_work(run):
    started = time.time()
    with Recorder(run):
        status = run.read_status()
        assert status.state == status.actual_state() == "running"
        assert status.held_by() == f"pid {os.getpid()} on {socket.gethostname()}"
        assert status.pid_started == process_started(os.getpid())
        assert started <= status.heartbeat <= time.time()
        assert (status.exercise, status.hyperparameters) == ("mlp", {"epochs": 3, "lr": 0.1})


def test_the_old_message_is_gone_and_the_old_metrics_stay(run):
    Status(state="failed", message="The disk is full.", hint="Free some.", exit_code=1, best={"epoch": 2}).write(
        run.status
    )
    with Recorder(run):
        status = run.read_status()
        assert (status.message, status.hint, status.exit_code) == ("", "", 0)
        assert status.best == {"epoch": 2}


def test_the_heartbeat_goes_on_while_the_training_thread_is_busy(run, quick):
    with Recorder(run) as recorder:
        recorder.note(epoch=2, last={"train_loss": 0.5})
        beats(run)
        assert (run.read_status().epoch, run.read_status().last) == (2, {"train_loss": 0.5})
        wait_until(lambda: kinds(run).count("system") >= 2)
        system = read_history(run).system
        assert {"cpu_percent", "memory_bytes", "memory_free_bytes"} <= set(system)
        assert 2**20 < system["memory_bytes"] < 2**40


def test_a_worker_that_leaves_without_a_last_word_leaves_a_running_state(run):
    """Then its process is gone, which is what makes it a crash."""
    with pytest.raises(KeyboardInterrupt), Recorder(run) as recorder:
        recorder.event("step", total_step=1, loss=1.0)
        raise KeyboardInterrupt
    assert run.read_status().state == "running"
    assert not [thread for thread in threading.enumerate() if thread.name == "heartbeat"]
    assert not (run.path / ".reserve").exists()


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "crashed"])
def test_the_finished_event_is_the_last_and_the_status_comes_after_it(run, quick, monkeypatch, state):
    order = []
    write, save, status = Recorder.event, Recorder.save_history, Status.write

    def spy(name, real):
        def called(*arguments, **fields):
            result = real(*arguments, **fields)
            order.append((name, kinds(run)[-1], Status.read(run.status).state))
            return result

        return called

    with Recorder(run) as recorder:
        recorder.event("step", total_step=1, loss=1.0)
        beats(run)
        monkeypatch.setattr(Recorder, "event", spy("event", write))
        monkeypatch.setattr(Recorder, "save_history", spy("history", save))
        monkeypatch.setattr(Status, "write", spy("status", status))
        recorder.finish(state, "Because.", "Do this.", 3)
        last = run.status.read_bytes(), run.events.read_bytes()
        assert order[-3:] == [
            ("event", "finished", "running"),
            ("history", "finished", "running"),
            ("status", "finished", state),
        ]
    assert (run.status.read_bytes(), run.events.read_bytes()) == last
    *_, event = EventReader(run.events).read()
    assert (event["kind"], event["state"], event["message"], event["hint"]) == (
        "finished",
        state,
        "Because.",
        "Do this.",
    )
    found = run.read_status()
    assert (found.state, found.message, found.hint, found.exit_code) == (state, "Because.", "Do this.", 3)
    assert read_history(run).finished["state"] == state


def test_a_heartbeat_that_comes_late_is_not_written_after_the_last_word(run, quick):
    came, may_go_on = threading.Event(), threading.Event()

    class Door:
        """The recorder's lock, at which the heartbeat has to wait."""

        lock = threading.RLock()

        def __enter__(self):
            if threading.current_thread().name == "heartbeat":
                came.set()
                may_go_on.wait(60)
            self.lock.acquire()

        def __exit__(self, *_):
            self.lock.release()

    recorder = Recorder(run)
    recorder._lock = Door()
    with recorder:
        assert came.wait(60)
        recorder.finish("finished")
        last = run.status.read_bytes(), run.events.read_bytes()
        may_go_on.set()
    assert (run.status.read_bytes(), run.events.read_bytes()) == last
    assert kinds(run)[-1] == "finished"


@pytest.mark.parametrize("state", ["running", "paused", "queued", "done"])
def test_only_an_end_can_be_the_end(run, state):
    with Recorder(run) as recorder, pytest.raises(ValueError, match="not the end"):
        recorder.finish(state)


def test_a_message_that_utf_8_cannot_carry_ends_the_run_all_the_same(run):
    path = os.fsdecode(b"/data/caf\xe9")
    with Recorder(run) as recorder:
        recorder.finish("failed", f"There is no folder {path}.")
    assert run.read_status().state == "failed"
    assert run.read_status().message.startswith("There is no folder /data/caf")
    assert kinds(run)[-1] == "finished"


def test_step_events_are_at_most_ten_a_second(run, monkeypatch):
    clock = itertools.count(1000, 0.01)
    recorder = Recorder(run)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    assert 90 <= sum(recorder.is_step_due() for _ in range(1000)) <= 101


# The curve in the status


def test_the_status_has_the_test_curve_of_every_epoch_so_far(run, quick):
    with Recorder(run) as recorder:
        assert run.read_status().curve == []
        for epoch in (1, 2, 3):
            recorder.event("epoch", epoch=epoch, total_step=epoch, test_accuracy=epoch / 7)
        beats(run)
        assert run.read_status().curve == [0.1429, 0.2857, 0.4286]
        recorder.event("epoch", epoch=4, total_step=4, test_accuracy=0.5)
        recorder.event("epoch", epoch=5, total_step=5, train_accuracy=0.5)
        recorder.finish("stopped")
    assert run.read_status().curve == [0.1429, 0.2857, 0.4286, 0.5]
    with Recorder(run) as recorder:
        recorder.event("started", resumed_from={"total_step": 2})
        recorder.event("epoch", epoch=3, total_step=3, test_accuracy=0.25)
        recorder.finish("finished")
    assert run.read_status().curve == [0.1429, 0.2857, 0.25]


def test_an_epoch_itself_writes_no_status(run):
    with Recorder(run) as recorder:
        before = run.status.read_bytes()
        recorder.event("epoch", epoch=1, total_step=1, test_accuracy=0.5)
        recorder.note(epoch=1)
        assert run.status.read_bytes() == before


@pytest.mark.parametrize("epochs", [25, 1000, 5000])
def test_a_long_curve_is_thinned_and_keeps_its_course(run, epochs):
    with Recorder(run) as recorder:
        for i in range(1, epochs + 1):
            accuracy = math.nan if i <= epochs // 4 else i / epochs
            recorder.history.add({"kind": "epoch", "epoch": i, "total_step": i, "test_accuracy": accuracy})
        recorder.finish("finished")
    curve = run.read_status().curve
    assert len(curve) == CURVE_LENGTH
    assert math.isnan(curve[0]) and not math.isnan(curve[8])
    known = [y for y in curve if not math.isnan(y)]
    assert known == sorted(known)
    assert curve[-1] == pytest.approx(1, abs=1e-3)
    assert all(y == pytest.approx(i / (CURVE_LENGTH - 1), abs=0.06) for i, y in enumerate(curve) if i > 8)


# Control


def test_each_request_is_taken_once_also_across_workers(run):
    request(run.control, "pause")
    with Recorder(run) as recorder:
        assert recorder.poll_control() == Control("pause", None, 1)
        request(run.control, "stop")
        assert recorder.poll_control() == Control("stop", None, 2)
        assert recorder.poll_control() is None
        recorder.finish("stopped")
    with Recorder(run) as recorder:  # started without `renew`
        assert recorder.poll_control() is None
        recorder.finish("stopped")
    renew(run.control, 0.5)
    with Recorder(run) as recorder:
        assert recorder.poll_control() == Control("run", 0.5, 3)


# Going on


def test_a_resumed_run_goes_on_with_its_curves(run):
    recorded(run, 10)
    recorded(run, 5, first=8, at=7, state="finished")
    history = read_history(run)
    assert history.steps.means("loss")[0] == list(range(1, 13))
    assert [event["total_step"] for event in events_as_trained(run) if event["kind"] == "step"] == list(range(1, 13))


def test_a_worker_that_fails_before_its_first_step_costs_no_curves(run):
    """A data set that is gone, a checkpoint that is damaged: the history that it saves is the run's all the same."""
    recorded(run, 10)
    with Recorder(run) as recorder:
        recorder.finish("failed", "There is no data set.")
    assert HistoryReader(run).history.steps.means("loss")[0] == list(range(1, 11))
    recorded(run, 5, first=11, at=10, state="finished")
    assert read_history(run).steps.means("loss")[0] == list(range(1, 16))


def test_what_a_killed_worker_had_half_written_is_cleared_away(run):
    halves = [run.path / f".{name}.77-88.partial" for name in ("checkpoint.pt", "status.json", "control.json")]
    for half in halves:
        half.write_bytes(b"half")
    with Recorder(run) as recorder:
        recorder.finish("finished")
    assert [half.exists() for half in halves] == [False, False, True]  # the last is another process's, at this moment


def test_seq_goes_on_after_a_crash(run):
    recorded(run, 3)
    with run.events.open("ab") as log:
        log.write(b'{"kind":"st')
    recorded(run, 3)
    reader = EventReader(run.events)
    seqs = [event["seq"] for event in reader.read() if event["kind"] != "system"]
    assert seqs == sorted(set(seqs))
    assert reader.skipped == 1


def test_a_saved_history_spares_the_reader_the_log(run):
    recorded(run, 50)
    reader = HistoryReader(run)
    assert reader.update() == []
    assert len(reader.history.steps.buckets) == 50


# A disk that is full


def test_a_heartbeat_that_cannot_be_written_does_not_end_the_run(run, quick, monkeypatch):
    is_full, refused, write = threading.Event(), [], Status.write

    def sometimes(status, path):
        if is_full.is_set():
            refused.append(threading.current_thread().name)
            raise OSError(errno.ENOSPC, "No space left on device")
        write(status, path)

    monkeypatch.setattr(Status, "write", sometimes)
    with Recorder(run) as recorder:
        beats(run)
        is_full.set()
        wait_until(lambda: len(refused) > 3)
        recorder.event("step", total_step=1, loss=1.0)
        is_full.clear()
        beats(run)
        recorder.finish("finished")
    assert set(refused) == {"heartbeat"}
    assert run.read_status().state == "finished"


@pytest.mark.parametrize("curve", [0, 3000], ids=["short", "long"])
def test_on_a_full_disk_there_is_room_for_the_last_word(tiny_disk, fill, quick, curve):
    """With a long curve even the history has no room: the log says it all."""
    run = make_run(tiny_disk)
    with Recorder(run) as recorder:
        for i in range(1, curve + 1):
            recorder.event("step", total_step=i, **{f"metric {m}": 1 / (i + m) for m in range(5)})
        filler = fill()
        with pytest.raises(OSError, match="No space left") as refused:
            for i in itertools.count(curve + 1):
                recorder.event("step", total_step=i, loss=1 / i)
        assert refused.value.errno == errno.ENOSPC
        recorder.finish("failed", "The disk is full.", "Free some space and resume the run.", 1)
    status = Status.read(run.status)
    assert (status.state, status.message, status.exit_code) == ("failed", "The disk is full.", 1)
    reader = EventReader(run.events)
    *steps, finished = [event for event in reader.read() if event["kind"] != "system"]
    assert (finished["kind"], finished["message"]) == ("finished", "The disk is full.")
    assert [event["total_step"] for event in steps] == list(range(1, i))
    assert reader.skipped == 0
    assert [bucket.position[0] for bucket in read_history(run).steps.buckets][-1:] == [i - 1][: i - 1]
    assert not list(run.path.glob(".*"))  # neither the reserve nor a half-written file

    filler.unlink()  # and with some space it can be resumed
    recorded(run, 5, first=i, at=i - 1, state="finished")
    assert run.read_status().state == "finished"
    assert [e["total_step"] for e in events_as_trained(run) if e["kind"] == "step"] == list(range(1, i + 5))


def test_the_reserve_takes_real_room_and_gives_it_back(tiny_disk):
    def free():
        info = os.statvfs(tiny_disk)
        return info.f_bavail * info.f_frsize

    run = make_run(tiny_disk)
    before = free()
    with Recorder(run) as recorder:
        assert free() <= before - RESERVE_BYTES
        recorder.finish("finished")
        assert free() > before - RESERVE_BYTES
    assert free() <= before <= DISK_BYTES


def test_a_worker_that_finds_the_disk_full_leaves_no_litter_there(tiny_disk, fill):
    """What room there was is free again: for the executor, which says that the worker did not start."""
    run = make_run(tiny_disk)
    Status(state="stopped", message="Stopped by the user.").write(run.status)
    run.events.touch()
    filler = fill()
    os.truncate(filler, filler.stat().st_size - RESERVE_BYTES // 2)
    with pytest.raises(OSError, match="No space left"), Recorder(run):
        raise AssertionError("there was no room")
    assert not (run.path / ".reserve").exists()
    assert run.read_status().state == "stopped"
    Status(state="crashed", message="x" * 1000).write(run.status)


def test_the_files_of_a_run_are_json(run):
    recorded(run, 3)
    for path in (run.status, run.history):
        assert isinstance(json.loads(path.read_text()), dict)
