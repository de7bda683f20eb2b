"""The app's hold on its queue: runs are handed over, and nothing is lost whoever dies."""

import os
import signal
import subprocess
import sys

import pytest

from tests.jobs.conftest import is_gone
from tests.waiting import wait_until
from tui_lab.jobs import scheduler
from tui_lab.jobs.scheduler import QueueProcess

APP = """
import os, signal, sys
from pathlib import Path
from tui_lab.jobs import scheduler
from tui_lab.runs.directory import RunDirectory
runs, scheduler.QUEUE = [RunDirectory(Path(path)) for path in sys.argv[1:3]], sys.argv[3:]
queue = scheduler.QueueProcess(standby=False)
for run in runs:
    queue.submit(run)
while not (runs[0].path / "seen").exists():
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""

DEAF = "import os, sys, time; os.close(0); print('deaf', flush=True); time.sleep(600)"


@pytest.fixture
def runs(store):
    return [store.create("mlp", {"epochs": 2, "seed": seed}) for seed in range(4)]


@pytest.fixture
def queue(workers):
    """A queue without a stand-by that is let go in the end."""
    queue = QueueProcess(standby=False)
    yield queue
    queue.close()


def pid_of_queue(workers, run):
    return workers.seen(run)["ppid"]


def finish(workers, run):
    """Let the worker of a run say that it is done, and end."""
    workers.claim(run, state="finished")
    workers.end(run)


def test_nothing_is_started_before_it_is_asked_for(queue):
    assert (queue.jobs, queue.is_alive, queue.submitted) == (1, False, frozenset())
    queue.start()
    assert queue.is_alive


def test_runs_are_trained_in_order_by_a_process_with_a_session_of_its_own(queue, workers, runs):
    for run in runs[:3]:
        queue.submit(run)
    assert queue.submitted == {run.id for run in runs[:3]}
    pid = pid_of_queue(workers, runs[0])
    assert os.getsid(pid) == pid
    assert not workers.has_started(runs[1])
    for run in runs[:3]:
        workers.seen(run)
        finish(workers, run)
    queue.submit(runs[3])
    assert queue.submitted == {runs[3].id}
    times = [workers.seen(run)["time"] for run in runs]
    assert times == sorted(times)
    assert pid_of_queue(workers, runs[3]) == pid


def test_the_number_of_runs_at_a_time_can_be_changed(queue, workers, runs):
    for run in runs:
        queue.submit(run)
    workers.seen(runs[0])
    queue.set_jobs(3)
    assert queue.jobs == 3
    for run in runs[:3]:
        workers.seen(run)
    assert not workers.has_started(runs[3])


def test_a_number_given_before_the_start_counts(workers, runs):
    queue = QueueProcess(standby=False)
    queue.set_jobs(2)
    for run in runs:
        queue.submit(run)
    for run in runs[:2]:
        workers.seen(run)
    queue.close()


def test_the_stand_by_takes_the_first_run_and_ends_with_the_queue(workers, runs):
    queue = QueueProcess()
    queue.start()
    wait_until(workers.standbys)
    queue.submit(runs[0])
    assert workers.seen(runs[0])["stood_by"]
    finish(workers, runs[0])
    wait_until(lambda: len(workers.standbys()) == 2)
    queue.close()
    wait_until(lambda: is_gone(workers.standbys()[1]))


def test_a_stand_by_ends_when_its_queue_is_killed(workers):
    queue = QueueProcess()
    queue.start()
    [standby] = wait_until(workers.standbys)
    queue._process.kill()
    wait_until(lambda: is_gone(standby))
    queue.close()


# Letting go


def test_a_queue_that_is_let_go_finishes_what_it_has_and_ends(queue, workers, runs):
    for run in runs[:2]:
        queue.submit(run)
    pid = pid_of_queue(workers, runs[0])
    queue.close()
    assert (queue.is_alive, queue.submitted) == (False, frozenset())
    for run in runs[:2]:
        assert pid_of_queue(workers, run) == pid
        finish(workers, run)
    wait_until(lambda: is_gone(pid))


def test_a_queue_that_has_nothing_to_do_ends_when_it_is_let_go(queue, workers, runs):
    queue.submit(runs[0])
    pid = pid_of_queue(workers, runs[0])
    finish(workers, runs[0])
    queue.close()
    wait_until(lambda: is_gone(pid))


def test_after_it_was_let_go_another_one_is_started(queue, workers, runs):
    queue.submit(runs[0])
    first = pid_of_queue(workers, runs[0])
    queue.close()
    queue.submit(runs[1])
    assert pid_of_queue(workers, runs[1]) != first


def test_an_app_that_is_killed_loses_no_run(workers, runs):
    killed = subprocess.run(
        [sys.executable, "-c", APP, *(str(run.path) for run in runs[:2]), *workers.queue_command], timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    pid = pid_of_queue(workers, runs[0])
    for run in runs[:2]:
        workers.seen(run)
        finish(workers, run)
    wait_until(lambda: is_gone(pid))


# A queue that dies


def test_the_runs_that_wait_for_a_queue_that_was_killed_are_submitted_again_with_the_next(queue, workers, runs):
    first, deleted, stopped, waiting = runs
    for run in runs[:3]:
        queue.submit(run)
    workers.claim(first)
    stopped.withdraw()
    os.kill(pid_of_queue(workers, first), signal.SIGKILL)
    wait_until(lambda: not queue.is_alive)
    (deleted.path / "run.toml").unlink()
    (deleted.path / "status.json").unlink()
    deleted.path.rmdir()
    queue.submit(waiting)
    assert queue.is_alive
    assert queue.submitted == {waiting.id}
    workers.seen(waiting)
    assert not workers.has_started(stopped)


def test_starting_again_is_enough(queue, workers, runs):
    for run in runs[:2]:
        queue.submit(run)
    workers.claim(runs[0])
    os.kill(pid_of_queue(workers, runs[0]), signal.SIGKILL)
    wait_until(lambda: not queue.is_alive)
    queue.start()
    assert workers.seen(runs[1])


def test_a_queue_that_no_longer_listens_is_replaced_whatever_becomes_of_a_broken_pipe(
    queue, workers, runs, monkeypatch
):
    """The command line lets SIGPIPE end it, as other tools do; that must not end the app."""
    monkeypatch.setattr(scheduler, "QUEUE", [sys.executable, "-c", DEAF])
    queue.start()
    deaf = queue._process
    earlier = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        wait_until(lambda: not queue._order(jobs=1))
        monkeypatch.setattr(scheduler, "QUEUE", workers.queue_command)
        queue.submit(runs[0])
    finally:
        signal.signal(signal.SIGPIPE, earlier)
    assert workers.seen(runs[0])
    assert deaf.returncode == -signal.SIGKILL
