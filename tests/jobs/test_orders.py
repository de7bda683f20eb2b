"""Orders to a run: who takes them, and who refuses."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.jobs.conftest import is_gone
from tui_lab.errors import RunBusyError, TuiLabError, UsageError
from tui_lab.jobs import orders
from tui_lab.jobs.executor import KILLED_BY_USER
from tui_lab.jobs.local import LocalExecutor
from tui_lab.runs import killing
from tui_lab.runs.control import Control, read_control, request
from tui_lab.runs.status import Status, process_started

HERE = socket.gethostname()


@pytest.fixture
def run(store):
    return store.create("mlp", {"epochs": 2})


@pytest.fixture
def worker():
    """A process that could be a worker."""
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def hold(run, pid, state="running", **fields):
    """Say that a process trains the run."""
    own = {"pid": pid, "pid_started": process_started(pid), "host": HERE}
    Status(**{"state": state, "heartbeat": time.time(), "epoch": 1, **own, **fields}).write(run.status)


# Asking


@pytest.mark.parametrize("command", ["run", "pause", "step", "stop"])
def test_a_worker_is_asked(run, command):
    hold(run, os.getpid())
    assert orders.ask(run, command, lr=0.5) == f"asked to {command}"
    assert (read_control(run.control).command, read_control(run.control).lr) == (command, 0.5)


def test_a_learning_rate_alone_leaves_the_command(run):
    hold(run, os.getpid(), state="paused")
    orders.ask(run, "pause")
    assert orders.ask(run, lr=0.01) == "asked to use a learning rate of 0.01"
    assert read_control(run.control) == Control("pause", 0.01, 2)


@pytest.mark.parametrize(
    ("command", "lr", "cannot"),
    [
        ("pause", None, "cannot be asked to pause"),
        ("step", None, "cannot be asked to step"),
        (None, 0.1, "has no learning rate"),
    ],
)
def test_a_fit_is_asked_only_for_what_it_can_do(store, command, lr, cannot):
    run = store.create("svm", {})
    hold(run, os.getpid(), exercise="svm")
    with pytest.raises(UsageError, match=f"svm is fitted at once, in no steps: it {cannot}") as caught:
        orders.ask(run, command, lr=lr)
    assert caught.value.hint == "It can be stopped."
    assert not run.control.exists()
    assert orders.ask(run, "stop") == "asked to stop"


def test_a_fit_is_not_resumed_with_a_learning_rate(store):
    run = store.create("svm", {})
    Status(state="stopped", exercise="svm").write(run.status)
    with pytest.raises(UsageError, match="has no learning rate"):
        orders.resume(run, lr=0.1)
    orders.resume(run)
    assert run.read_status().state == "queued"


@pytest.mark.parametrize("lr", [0.0, -1.0, float("nan"), 1e9])
def test_a_learning_rate_that_is_none_is_asked_of_nobody(run, lr):
    hold(run, os.getpid())
    for order in (lambda: orders.ask(run, "run", lr), lambda: orders.resume(run, lr)):
        with pytest.raises(UsageError, match="lr"):
            order()
    assert read_control(run.control) == Control()


@pytest.mark.parametrize("state", ["finished", "stopped", "failed", "crashed", "running", "queued"])
def test_where_no_worker_is_nobody_is_asked(run, state, worker):
    if state == "running":  # its process is gone
        hold(run, worker.pid, heartbeat=0.0)
        worker.kill()
        worker.wait()
    else:
        Status(state=state).write(run.status)
    with pytest.raises(UsageError, match=f"{run.id} is {'crashed' if state == 'running' else state}: no worker"):
        orders.ask(run, "pause")
    assert not run.control.exists()


def test_a_waiting_run_is_taken_out_of_the_queue_also_from_a_worker_that_is_just_starting(run):
    assert orders.ask(run, "stop") == "taken out of the queue"
    assert (run.read_status().state, run.read_status().message) == ("stopped", "Stopped before it began.")
    assert read_control(run.control).command == "stop"


# Killing


def test_a_killed_run_is_a_crash_by_the_user_and_can_be_resumed(run, worker):
    hold(run, worker.pid)
    assert orders.kill(run) == "killed"
    assert is_gone(worker.pid)
    status = run.read_status()
    assert (status.state, status.message, status.epoch) == ("crashed", "The worker was killed by the user.", 1)
    assert f"tui-lab runs resume {run.id}" in status.hint
    assert orders.resume(run).read_status().state == "queued"


def test_it_stays_a_crash_by_the_user_when_the_executor_sees_the_worker_end(run, workers):
    executor = LocalExecutor()
    executor.submit(run)
    executor.poll()
    workers.claim(run)
    orders.kill(run)
    while not executor.poll():
        pass
    assert run.read_status().message == "The worker was killed by the user."


def test_what_the_worker_said_last_stays(run, worker, monkeypatch):
    """It ended by itself at the very moment."""
    hold(run, worker.pid)

    def finish(process):
        os.kill(process.pid, signal.SIGKILL)
        hold(run, worker.pid, state="finished")

    monkeypatch.setattr(orders.psutil.Process, "kill", finish)
    assert orders.kill(run) == "it had finished by itself"
    assert run.read_status().state == "finished"


@pytest.mark.parametrize("state", ["finished", "stopped", "queued"])
def test_without_a_worker_there_is_nothing_to_kill(run, state):
    Status(state=state).write(run.status)
    with pytest.raises(UsageError, match=f"{run.id} is {state}: it has no worker to kill"):
        orders.kill(run)
    assert run.read_status().state == state


def test_a_worker_on_another_host_is_left_alone(run, worker):
    hold(run, worker.pid, host="gpubox")
    with pytest.raises(UsageError, match="gpubox"):
        orders.kill(run)
    assert worker.poll() is None


def test_another_process_with_the_number_of_the_worker_is_left_alone(run, worker):
    """A fresh heartbeat makes the run look alive, but the process is another one."""
    hold(run, worker.pid, pid_started=process_started(worker.pid) - 100)
    with pytest.raises(UsageError, match=f"{worker.pid} may not be the worker"):
        orders.kill(run)
    assert worker.poll() is None
    assert run.read_status().state == "running"


# Killing on a cluster: the process that holds the run here is not the worker, and stays


@pytest.fixture
def meanwhile(monkeypatch):
    """Sets what happens while somebody waits for the end of a worker."""

    def during(happens):
        monkeypatch.setattr(orders.time, "sleep", lambda _: happens())

    monkeypatch.setattr(orders, "CLUSTER_KILL_S", 0.05)
    return during


@pytest.mark.parametrize("host", [HERE, "another"])
def test_the_worker_of_a_run_on_a_cluster_is_killed_by_whoever_holds_the_run(run, worker, meanwhile, host):
    hold(run, worker.pid, node="gpubox", host=host)
    meanwhile(lambda: killing.take(run) and run.record_crash(KILLED_BY_USER))
    orders.kill(run)
    assert worker.poll() is None
    assert (run.read_status().state, run.read_status().message) == ("crashed", KILLED_BY_USER)
    orders.resume(run)
    assert (run.read_status().state, run.read_status().node) == ("queued", "")  # no worker of it was lost there


def test_an_order_that_nobody_takes_is_withdrawn(run, worker, meanwhile):
    hold(run, worker.pid, node="gpubox")
    meanwhile(lambda: None)
    with pytest.raises(TuiLabError, match=f"Nothing was killed: pid {worker.pid} on {HERE} did not take the order"):
        orders.kill(run)
    assert not killing.take(run)
    assert run.read_status().state == "running"


def test_a_node_that_does_not_answer_is_named(run, worker, meanwhile):
    hold(run, worker.pid, node="gpubox")
    meanwhile(lambda: killing.take(run))
    with pytest.raises(TuiLabError, match="on gpubox is to be killed, but its node has not answered yet"):
        orders.kill(run)


def test_a_worker_on_a_cluster_with_which_nobody_speaks_any_more_can_be_taken_over(run, worker, meanwhile):
    hold(run, worker.pid, node="gpubox")

    def die():
        worker.kill()
        worker.wait()

    meanwhile(die)
    for _ in range(2):  # it dies while it is asked; it is dead, with a young heartbeat
        with pytest.raises(UsageError, match="is gone; its worker on gpubox may still be at work") as caught:
            orders.kill(run)
        assert caught.value.hint == f"Take it over with: tui-lab runs resume {run.id} --on ray"
    status = run.read_status()
    status.heartbeat = 0.0
    status.write(run.status)
    with pytest.raises(UsageError, match="its worker on gpubox may still be at work"):
        orders.ask(run, "pause")
    assert not killing.take(run)


# Resuming


@pytest.mark.parametrize("state", ["stopped", "failed", "crashed", "queued"])
def test_what_has_ended_or_lost_its_queue_is_made_ready(run, state):
    request(run.control, "stop", 0.5)
    Status(state=state, message="Why.", hint="What to do.", exit_code=1, pid=1, epoch=3).write(run.status)
    if state == "queued":
        Status(state=state, epoch=3).write(run.status)
    assert orders.resume(run, 0.25) is run
    assert run.read_status() == Status(state="queued", epoch=3)
    assert read_control(run.control) == Control("run", 0.25, 2)


def test_a_run_whose_process_is_gone_is_made_ready(run, worker):
    hold(run, worker.pid, heartbeat=0.0)
    worker.kill()
    worker.wait()
    assert orders.resume(run).read_status().is_waiting


def test_a_finished_run_and_one_that_a_process_holds_are_refused(run):
    Status(state="finished").write(run.status)
    with pytest.raises(UsageError, match="nothing to resume"):
        orders.resume(run)
    hold(run, os.getpid())
    with pytest.raises(RunBusyError, match=f"held by pid {os.getpid()} on {HERE}"):
        orders.resume(run)
    assert run.read_status().state == "running"
    assert not run.control.exists()


def test_a_run_without_a_readable_request_is_refused(run):
    run.withdraw()
    run.request.write_text("exercise = [")
    with pytest.raises(UsageError, match=r"run\.toml"):
        orders.resume(run)
    assert run.read_status().state == "stopped"
