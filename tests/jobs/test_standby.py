"""The stand-by: a run that is given to it begins at once, and is in every other way a run like any other."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.conftest import is_gone
from tests.training.workers import create
from tests.waiting import wait_until
from tui_lab.errors import DONE, RunBusyError
from tui_lab.jobs import local
from tui_lab.jobs import workers as workers_module
from tui_lab.jobs.local import LocalExecutor
from tui_lab.jobs.workers import Standby, start_worker
from tui_lab.runs.control import request
from tui_lab.runs.events import EventReader
from tui_lab.runs.status import process_started


@pytest.fixture
def runs(store):
    return [store.create("mlp", {"epochs": 2, "seed": seed}) for seed in range(3)]


@pytest.fixture
def executor(workers):
    """An executor that keeps a stand-by, and ends it."""
    executor = LocalExecutor(standby=True)
    yield executor
    executor.standby = False
    executor.poll()


def ids(runs):
    return [run.id for run in runs]


def warm(executor):
    executor.poll()
    wait_until(lambda: executor.is_warm)


def poll_until(executor, count=1):
    """The runs whose workers end, until there are `count`."""
    ended = []
    wait_until(lambda: ended.extend(executor.poll()) or len(ended) >= count)
    return ended


def train(executor, workers, run, code=0):
    """Submit a run and let its worker end. Returns what that saw."""
    executor.submit(run)
    executor.poll()
    seen = workers.seen(run)
    workers.claim(run)
    workers.end(run, code)
    poll_until(executor)
    return seen


# Which worker a run gets


def test_a_run_is_given_to_the_stand_by_as_to_any_worker(executor, workers, runs, monkeypatch):
    monkeypatch.setattr(local, "cores", lambda: 7)
    executor.set_jobs(2)
    warm(executor)
    runs[0].log.write_text("of an earlier worker\n")
    seen = train(executor, workers, runs[0], code=3)
    assert seen["stood_by"]
    assert seen["pid"] == seen["sid"] == workers.standbys()[0]
    assert (seen["threads"], seen["stdin"], seen["cwd"]) == ("3", "", str(Path.cwd()))
    assert runs[0].log.read_text() == "of an earlier worker\nat work\n"
    status = runs[0].read_status()
    assert (status.state, status.message) == ("crashed", "The worker ended with exit code 3; see log.txt.")


def test_without_being_asked_for_there_is_none(workers, runs):
    executor = LocalExecutor()
    executor.poll()
    assert not train(executor, workers, runs[0])["stood_by"]
    assert workers.standbys() == []


def test_it_is_made_ready_only_when_there_is_nothing_to_do(executor, workers, runs):
    for run in runs[:2]:
        executor.submit(run)
    executor.poll()
    assert not workers.seen(runs[0])["stood_by"]
    workers.end(runs[0])
    poll_until(executor)  # which starts the second
    assert not workers.seen(runs[1])["stood_by"]
    assert workers.standbys() == []
    workers.end(runs[1])
    poll_until(executor)
    wait_until(lambda: executor.is_warm)
    assert train(executor, workers, runs[2])["stood_by"]


def test_only_one_of_several_runs_gets_it(executor, workers, runs):
    executor.set_jobs(3)
    warm(executor)
    for run in runs:
        executor.submit(run)
    executor.poll()
    assert [workers.seen(run)["stood_by"] for run in runs] == [True, False, False]
    assert len(workers.standbys()) == 1
    for run in runs:
        workers.claim(run)
        workers.end(run)
    poll_until(executor, 3)


def test_a_run_waits_for_one_that_is_still_importing(executor, workers, runs):
    workers.importing.touch()
    executor.poll()
    executor.submit(runs[0])
    wait_until(workers.standbys)
    executor.poll()
    assert (ids(executor.active), executor.is_warm) == ([runs[0].id], False)
    workers.importing.unlink()
    assert workers.seen(runs[0])["stood_by"]
    workers.claim(runs[0])
    workers.end(runs[0])
    assert ids(poll_until(executor)) == [runs[0].id]


def test_one_that_died_is_not_made_again_before_the_next_run_which_starts_cold(executor, workers, runs):
    warm(executor)
    [pid] = workers.standbys()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid))
    for _ in range(3):
        executor.poll()
    assert (executor.is_warm, workers.standbys()) == (False, [pid])
    assert not train(executor, workers, runs[0])["stood_by"]
    wait_until(lambda: executor.is_warm)
    assert train(executor, workers, runs[1])["stood_by"]


def test_one_that_dies_between_two_looks_costs_nothing_but_time(executor, workers, runs):
    warm(executor)
    [pid] = workers.standbys()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid))
    assert not train(executor, workers, runs[0])["stood_by"]


def test_a_run_that_it_did_not_take_is_started_cold(executor, workers, runs):
    workers.unfit.touch()
    warm(executor)
    for run in runs[:2]:
        executor.submit(run)
    executor.poll()
    wait_until(lambda: executor.poll() or workers.has_started(runs[0]))
    assert ids(executor.active) == [runs[0].id]
    assert not workers.seen(runs[0])["stood_by"]
    for run in runs[:2]:
        workers.end(run)
    assert ids(poll_until(executor, 2)) == ids(runs[:2])


def test_a_run_that_was_stopped_while_it_was_importing_is_not_started_cold(executor, workers, runs):
    workers.unfit.touch()
    workers.importing.touch()
    executor.poll()
    executor.submit(runs[0])
    executor.poll()
    runs[0].withdraw()
    workers.importing.unlink()
    assert ids(poll_until(executor)) == [runs[0].id]
    assert not workers.has_started(runs[0])
    assert runs[0].read_status().state == "stopped"


def test_a_run_that_cannot_be_started_leaves_it_ready(executor, workers, runs):
    warm(executor)
    shutil.rmtree(runs[0].path)
    executor.submit(runs[0])
    with pytest.raises(FileNotFoundError):
        executor.poll()
    own = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "host": socket.gethostname()}
    status = runs[1].read_status()
    for name, value in own.items():
        setattr(status, name, value)
    status.write(runs[1].status)
    executor.submit(runs[1])
    with pytest.raises(RunBusyError):
        executor.poll()
    assert train(executor, workers, runs[2])["stood_by"]


# Its end


def test_one_that_is_not_wanted_any_more_is_ended_and_can_be_asked_for_again(executor, workers):
    warm(executor)
    executor.standby = False
    executor.poll()
    assert is_gone(workers.standbys()[0])
    executor.standby = True
    warm(executor)
    assert len(workers.standbys()) == 2


def test_where_no_process_is_to_be_had_there_is_none(executor, monkeypatch):
    monkeypatch.setattr(workers_module, "STANDBY", ["/no/such/program"])
    executor.poll()
    assert not executor.is_warm


# The real one


@pytest.fixture
def standby():
    made = Standby()
    yield made
    made.dismiss()


def test_runs_end_with_the_same_bits_as_those_that_started_cold(tmp_path):
    digits = {"dataset": "digits", "train_size": 300, "test_size": 100, "batch_norm": True, "dropout": 0.2}
    pairs = []
    for exercise, threads, values in (("mlp", 1, {}), ("convnet", 2, digits)):
        pairs.append([create(tmp_path, exercise, epochs=2, threads=threads, **values) for _ in range(2)])
    processes = []
    for cold, warmed in pairs:
        processes += [start_worker(cold, 1), Standby().take(warmed, 1)]
    assert [process.wait() for process in processes] == [DONE] * 4
    assert [[run.read_status().threads for run in pair] for pair in pairs] == [[1, 1], [2, 2]]
    for cold, warmed in pairs:
        hashes = {hashlib.sha256(run.weights.read_bytes()).hexdigest() for run in (cold, warmed)}
        assert len(hashes) == 1, cold.id


def test_it_holds_its_run_obeys_and_is_stopped_by_a_signal_like_any_worker(tmp_path, standby):
    wait_until(lambda: standby.is_ready)
    run = create(tmp_path, "mlp", epochs=100_000)
    process = standby.take(run, 1)
    wait_until(lambda: run.read_status().epoch > 0)
    status = run.read_status()
    assert (status.state, status.pid) == ("running", process.pid), status.message
    with pytest.raises(RunBusyError), run.held():
        raise AssertionError("held twice")
    request(run.control, "pause")
    wait_until(lambda: run.read_status().state == "paused")
    process.send_signal(signal.SIGTERM)
    assert process.wait() == DONE
    status = run.read_status()
    assert (status.state, status.message) == ("stopped", "Stopped by the user.")
    kinds = [event["kind"] for event in EventReader(run.events).read()]
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert run.log.read_text() == ""


def test_it_ends_without_a_word_when_nobody_needs_it(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tui_lab.worker", "--standby"], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (DONE, b"ready\n", b"")


# One after another


def test_a_worker_goes_on_with_the_next_run_and_all_end_with_the_bits_of_cold_ones(tmp_path):
    digits = {"dataset": "digits", "train_size": 300, "test_size": 100, "batch_norm": True, "dropout": 0.2}
    asked = [("mlp", 1, {}), ("convnet", 2, digits), ("mlp", 1, {"implementation": "by-hand"})]
    cold, series = (
        [create(tmp_path, exercise, epochs=2, threads=threads, **values) for exercise, threads, values in asked]
        for _ in range(2)
    )
    for run in cold:
        assert start_worker(run, 1).wait() == DONE
    executor = LocalExecutor(series=True)
    for run in series:
        executor.submit(run)
    poll_until(executor, 3)
    assert len({run.read_status().pid for run in series}) == 1
    assert [run.read_status().state for run in series] == ["finished"] * 3
    assert [run.read_status().threads for run in series] == [1, 2, 1]
    for one, other in zip(cold, series, strict=True):
        assert one.weights.read_bytes() == other.weights.read_bytes(), one.id


def test_a_run_that_fails_or_is_killed_ends_its_worker_and_the_next_gets_another(tmp_path):
    bad = create(tmp_path, "convnet", dataset="folder", folder=str(tmp_path / "nothing"))
    killed, good = create(tmp_path, "mlp", epochs=100_000), create(tmp_path, "mlp", epochs=1)
    executor = LocalExecutor(series=True)
    for run in (bad, killed, good):
        executor.submit(run)
    ended = []
    wait_until(lambda: ended.extend(executor.poll()) or killed.read_status().epoch > 0)
    os.kill(killed.read_status().pid, signal.SIGKILL)
    wait_until(lambda: ended.extend(executor.poll()) or len(ended) == 3)
    assert [run.read_status().state for run in (bad, killed, good)] == ["failed", "crashed", "finished"]
    assert "SIGKILL" in killed.read_status().message
