"""The executor of this machine: so many workers at a time, in order, and a named state for each that dies."""

import os
import shutil
import signal
import socket
import time

import pytest

from tests.waiting import wait_until
from tui_lab.errors import FAILED, USAGE, RunBusyError
from tui_lab.hyperparameters import build
from tui_lab.jobs import local
from tui_lab.jobs.local import LocalExecutor
from tui_lab.jobs.workers import SeriesWorker, start_worker
from tui_lab.labs.catalogue import find_exercise
from tui_lab.runs.status import Status, process_started
from tui_lab.worker import THREADS_VARIABLE, choose_threads

HERE = socket.gethostname()


def create(store, count):
    """Runs in the order in which they are to be trained."""
    return [store.create("mlp", {"epochs": 2, "seed": seed}) for seed in range(count)]


def submit(executor, runs):
    for run in runs:
        executor.submit(run)


def ids(runs):
    return [run.id for run in runs]


def poll_until(executor, count=1):
    """The runs whose workers end, until there are `count`."""
    ended = []
    wait_until(lambda: ended.extend(executor.poll()) or len(ended) >= count)
    return ended


def hold(run):
    """Let this very process hold the run, for all that its status says."""
    own = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "host": HERE}
    Status(state="running", heartbeat=time.time(), **own).write(run.status)


def test_a_run_that_goes_on_here_is_on_no_node_any_more(store, workers):
    [run] = create(store, 1)
    Status(node="gpubox").write(run.status)
    executor = LocalExecutor()
    executor.submit(run)
    executor.poll()
    assert run.read_status().node == ""


# So many at a time, in order


def test_so_many_runs_are_active_at_a_time_and_the_first_come_first(store, workers):
    runs = create(store, 5)
    executor = LocalExecutor(2)
    submit(executor, runs)
    assert (ids(executor.active), ids(executor.waiting)) == ([], ids(runs))
    assert executor.poll() == []
    assert (ids(executor.active), ids(executor.waiting)) == (ids(runs[:2]), ids(runs[2:]))
    assert executor.poll() == []

    workers.end(runs[1])
    assert ids(poll_until(executor)) == [runs[1].id]
    assert (ids(executor.active), ids(executor.waiting)) == (ids([runs[0], runs[2]]), ids(runs[3:]))
    for run in runs:
        workers.end(run)
    assert sorted(ids(poll_until(executor, 4))) == sorted(ids(runs[:1] + runs[2:]))
    assert executor.active == executor.waiting == executor.poll() == []


def test_one_job_runs_one_after_the_other(store, workers):
    runs = create(store, 4)
    executor = LocalExecutor()
    submit(executor, runs)
    for run in runs:
        executor.poll()
        assert ids(executor.active) == [run.id]
        assert [workers.has_started(other) for other in runs[runs.index(run) + 1 :]] == [False] * len(executor.waiting)
        workers.seen(run)
        workers.end(run)
        wait_until(lambda run=run: ids(executor.poll()) == [run.id])


def test_a_run_that_is_submitted_twice_is_trained_once(store, workers):
    [run] = create(store, 1)
    executor = LocalExecutor(2)
    submit(executor, [run, run])
    executor.poll()
    executor.submit(run)
    assert (ids(executor.active), executor.waiting) == ([run.id], [])
    workers.end(run)
    assert ids(poll_until(executor)) == [run.id]


def test_runs_of_two_homes_may_share_a_name(store, workers, tmp_path):
    [run] = create(store, 1)
    shutil.copytree(run.path, tmp_path / "elsewhere" / run.id)
    other = type(run)(tmp_path / "elsewhere" / run.id)
    executor = LocalExecutor(2)
    submit(executor, [run, other])
    executor.poll()
    assert [active.path for active in executor.active] == [run.path, other.path]
    for each in (run, other):
        workers.end(each)
    assert len(poll_until(executor, 2)) == 2


def test_what_is_withdrawn_is_not_started_and_what_is_active_goes_on(store, workers):
    runs = create(store, 3)
    executor = LocalExecutor()
    submit(executor, runs)
    executor.poll()
    executor.withdraw()
    assert (ids(executor.active), executor.waiting) == ([runs[0].id], [])
    workers.end(runs[0])
    assert ids(poll_until(executor)) == [runs[0].id]
    assert [run.read_status().state for run in runs[1:]] == ["queued", "queued"]


# What a worker is given


@pytest.mark.parametrize(("cores", "jobs", "threads"), [(8, 1, "8"), (8, 3, "2"), (2, 2, "1"), (2, 5, "1")])
def test_the_cores_are_shared_evenly_among_the_workers(store, workers, monkeypatch, cores, jobs, threads):
    monkeypatch.setattr(local, "cores", lambda: cores)
    [run] = create(store, 1)
    executor = LocalExecutor(jobs)
    executor.submit(run)
    executor.poll()
    assert workers.seen(run)["threads"] == threads
    workers.end(run)
    poll_until(executor)


def test_a_worker_takes_no_more_threads_than_its_share(monkeypatch):
    convnet = find_exercise("convnet")
    hyperparameters = build(convnet.hyperparameters, {})
    monkeypatch.setenv(THREADS_VARIABLE, "1")
    assert choose_threads(convnet, hyperparameters) == 1
    assert choose_threads(convnet, hyperparameters.model_copy(update={"threads": 3})) == 3
    assert choose_threads(convnet, hyperparameters, earlier=2) == 2


def test_a_worker_has_a_session_of_its_own_and_writes_into_the_log(store, workers):
    [run] = create(store, 1)
    run.log.write_text("of an earlier worker\n")
    worker = start_worker(run, 1)
    seen = workers.seen(run)
    assert seen["pid"] == seen["sid"] == worker.pid != os.getsid(0)
    assert seen["stdin"] == ""
    assert run.log.read_text() == "of an earlier worker\nat work\n"
    workers.end(run)
    assert worker.wait() == 0


# How it ended


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (signal.SIGKILL, "The worker was killed by SIGKILL (out of memory?)."),
        (signal.SIGSEGV, "The worker was killed by SIGSEGV."),
        (signal.SIGTERM, "The worker was killed by SIGTERM."),
    ],
)
def test_a_worker_that_is_killed_is_a_crash_with_the_signal_named(store, workers, number, message):
    [run] = create(store, 1)
    executor = LocalExecutor()
    executor.submit(run)
    executor.poll()
    pid = workers.claim(run, epoch=1, last={"train_loss": 0.5})
    os.kill(pid, number)
    assert ids(poll_until(executor)) == [run.id]
    status = run.read_status()
    assert (status.state, status.message, status.exit_code) == ("crashed", message, FAILED)
    assert f"tui-lab runs resume {run.id}" in status.hint
    assert (status.epoch, status.last, status.hyperparameters["epochs"]) == (1, {"train_loss": 0.5}, 2)


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_worker_that_ends_without_a_word_is_a_crash_with_its_exit_code(store, workers, has_begun):
    [run] = create(store, 1)
    executor = LocalExecutor()
    executor.submit(run)
    executor.poll()
    if has_begun:
        workers.claim(run)
    workers.end(run, 3)
    poll_until(executor)
    status = run.read_status()
    assert (status.state, status.message) == ("crashed", "The worker ended with exit code 3; see log.txt.")


def test_what_the_worker_itself_said_stays(store, workers):
    [run] = create(store, 1)
    executor = LocalExecutor()
    executor.submit(run)
    executor.poll()
    workers.claim(run, state="failed", message="The loss became NaN.", exit_code=1)
    workers.end(run, 1)
    poll_until(executor)
    assert (run.read_status().state, run.read_status().message) == ("failed", "The loss became NaN.")


def test_a_worker_that_gives_way_to_another_leaves_its_status_alone(store, workers):
    [run] = create(store, 1)
    executor = LocalExecutor()
    executor.submit(run)
    executor.poll()
    workers.seen(run)
    hold(run)
    workers.end(run, USAGE)
    poll_until(executor)
    assert run.read_status().state == "running"


def test_a_run_that_was_deleted_under_its_worker_keeps_nobody_waiting(store, workers):
    runs = create(store, 2)
    executor = LocalExecutor()
    submit(executor, runs)
    executor.poll()
    workers.seen(runs[0])
    shutil.rmtree(runs[0].path)
    assert ids(poll_until(executor)) == [runs[0].id]
    assert ids(executor.active) == [runs[1].id]
    assert not runs[0].path.exists()
    workers.end(runs[1])
    poll_until(executor)


def test_killing_ends_the_active_workers_at_once(store, workers):
    runs = create(store, 3)
    executor = LocalExecutor(2)
    submit(executor, runs)
    executor.poll()
    pids = [workers.claim(run) for run in runs[:2]]
    executor.kill()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    executor.withdraw()
    assert ids(executor.poll()) == ids(runs[:2])
    assert executor.active == []
    for run in runs[:2]:
        assert (run.read_status().state, run.read_status().message) == (
            "crashed",
            "The worker was killed by the user.",
        )
    assert runs[2].read_status().state == "queued"


# A run that cannot be started


def test_a_run_that_a_live_process_holds_is_refused(store, workers):
    [run] = create(store, 1)
    hold(run)
    with pytest.raises(RunBusyError) as refused:
        start_worker(run, 1)
    assert refused.value.message == f"Run {run.id} is held by pid {os.getpid()} on {HERE}."
    assert f"tui-lab runs watch {run.id}" in refused.value.hint
    assert not run.log.exists()


@pytest.fixture
def made(monkeypatch):
    """Every worker of a series that an executor has started."""
    found = []

    class Kept(SeriesWorker):
        def __init__(self, threads):
            super().__init__(threads)
            found.append(self)

    monkeypatch.setattr(local, "SeriesWorker", Kept)
    return found


def test_a_series_worker_whose_run_is_gone_takes_the_next(store, workers, made):
    gone, first, second = create(store, 3)
    shutil.rmtree(gone.path)
    executor = LocalExecutor(series=True)
    submit(executor, [gone, first, second])
    with pytest.raises(FileNotFoundError):
        executor.poll()
    for run in (first, second):
        executor.poll()
        assert workers.seen(run)["pid"] == made[0].process.pid
        workers.end(run)
        poll_until(executor)
    assert len(made) == 1


@pytest.mark.parametrize("is_killed", [False, True])
def test_the_pipes_of_a_series_worker_end_with_it(store, workers, made, is_killed):
    runs = create(store, 2)
    executor = LocalExecutor(series=True)
    submit(executor, runs)
    executor.poll()
    workers.seen(runs[0])
    if is_killed:
        executor.withdraw()
        executor.kill()
    else:
        workers.end(runs[0], code=FAILED)
        poll_until(executor)
    assert made[0].process.stdin.closed
    assert made[0].process.stdout.closed


def test_a_run_that_was_taken_up_elsewhere_or_stopped_while_it_waited_is_passed_over(store, workers):
    first, busy, unwanted, last = create(store, 4)
    executor = LocalExecutor()
    submit(executor, [first, busy, unwanted, last])
    executor.poll()
    workers.seen(first)
    hold(busy)
    unwanted.withdraw()
    workers.end(first)
    assert ids(poll_until(executor)) == [first.id, busy.id, unwanted.id]
    assert ids(executor.active) == [last.id]
    assert unwanted.read_status().state == "stopped"
    workers.end(last)
    assert ids(poll_until(executor)) == [last.id]


def test_a_run_that_is_requeued_is_started_again(store, workers):
    [run] = create(store, 1)
    run.withdraw()
    run.requeue()
    executor = LocalExecutor()
    submit(executor, [run])
    executor.poll()
    workers.seen(run)
    workers.end(run)
    assert ids(poll_until(executor)) == [run.id]


# The real worker


def test_a_real_worker_that_is_killed_is_a_crash_from_which_the_run_can_be_resumed(store):
    values = {"epochs": 100_000, "device": "cpu", "precision": "fp32"}
    run = store.create("mlp", build(find_exercise("mlp").hyperparameters, values).model_dump())
    executor = LocalExecutor()
    executor.submit(run)
    executor.poll()
    wait_until(lambda: run.read_status().state == "running")
    status = run.read_status()
    assert status.held_by() == f"pid {status.pid} on {HERE}"
    with pytest.raises(RunBusyError), run.held():
        raise AssertionError("held twice")
    os.kill(status.pid, signal.SIGKILL)
    poll_until(executor)
    status = run.read_status()
    assert (status.actual_state(), status.held_by()) == ("crashed", "")
    assert "SIGKILL" in status.message
    with run.held():
        pass
