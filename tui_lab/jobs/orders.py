"""Orders to a run, as every front end gives them: stop, pause, step, go on, kill, resume."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import psutil

from tui_lab.errors import TuiLabError, UsageError
from tui_lab.hyperparameters import GradientHyperparameters, mistakes_in, refusal
from tui_lab.jobs.executor import KILLED_BY_USER
from tui_lab.jobs.workers import check_free
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.runs import killing
from tui_lab.runs.control import Command, renew, request
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import FINAL_STATES, Status, process_started

CLOCK_S = 1.0  # how far apart two readings of the start of one process may be
KILL_S = 5.0  # how long a killed process may take to be gone
KILL_POLL_S = 0.01
CLUSTER_KILL_S = 15.0  # the same of one on a cluster, until that is known here
CLUSTER_POLL_S = 0.05


def check_lr(lr: float | None) -> None:
    """Raises UsageError for a learning rate that the hyperparameter would not take; None is no learning rate."""
    if lr is not None and (mistakes := mistakes_in(GradientHyperparameters, {"lr": lr})):
        raise refusal(mistakes)


def ask(run: RunDirectory, command: Command | None = None, lr: float | None = None) -> str:
    """Ask the worker of a run for `command`, or a new learning rate from the next step on, or both.

    A run that waits for a worker can be stopped, and nothing else.

    Returns:
        What was done, to follow the run's name: "asked to pause".

    Raises:
        UsageError: no worker is there to listen, the learning rate is none, or the run has no steps to take.
    """
    check_lr(lr)
    status = run.read_status()
    _check_steps(status, command, lr)
    if command == "stop" and status.is_waiting:
        request(run.control, "stop")  # for a worker that is just starting
        run.withdraw()
        return "taken out of the queue"
    if not status.held_by():
        raise _alone(run, status) or UsageError(
            f"Run {run.id} is {status.actual_state()}: no worker is there to listen."
        )
    request(run.control, command, lr)
    return f"asked to {command}" if command else f"asked to use a learning rate of {lr:g}"


def kill(run: RunDirectory) -> str:
    """End the worker of a run at once. The run is "crashed" then, and can be resumed from its last checkpoint.

    Returns what came of it, as `ask` does: "killed", or that it had ended by itself.

    Raises:
        UsageError: it has no live worker, one on another host, or one on a cluster with which nobody here speaks.
        TuiLabError: the process may not be killed by this user, or does not end.
        OSError: a run on a cluster whose directory cannot be written.
    """
    status = run.read_status()
    if not status.held_by():
        hint = f"Take it out of the queue with: tui-lab runs stop {run.id}" if status.is_waiting else ""
        raise _alone(run, status) or UsageError(
            f"Run {run.id} is {status.actual_state()}: it has no worker to kill.", hint
        )
    if status.node:
        _have_it_killed(run)
        return _how_it_ended(run)
    if status.host != socket.gethostname():
        raise UsageError(f"The worker of {run.id} is on {status.host}.", "Kill it there, or stop the run.")
    try:
        worker = psutil.Process(status.pid)
        if abs(worker.create_time() - status.pid_started) >= CLOCK_S:
            raise UsageError(f"Process {status.pid} may not be the worker of {run.id} any more.", "Stop the run.")
        worker.kill()
    except psutil.NoSuchProcess:
        pass  # it was faster
    except psutil.AccessDenied as error:
        raise TuiLabError(f"The worker of {run.id}, process {status.pid}, belongs to another user.") from error
    else:
        _wait_for_end(worker)
    if run.read_status().state not in FINAL_STATES - {"crashed"}:  # it may have ended by itself meanwhile
        run.record_crash(KILLED_BY_USER)
    return _how_it_ended(run)


def _how_it_ended(run: RunDirectory) -> str:
    state = run.read_status().state
    return "killed" if state == "crashed" else f"it had {state} by itself"


def _have_it_killed(run: RunDirectory) -> None:
    """Wish it of the process that holds the run for its worker on a cluster, and wait until it has recorded the end."""
    deadline = time.monotonic() + CLUSTER_KILL_S
    with killing.wished(run) as wish:
        while (status := run.read_status()).state not in FINAL_STATES:
            if gone := _alone(run, status):
                raise gone
            if status.is_waiting:
                hint = f"Take it out of the queue with: tui-lab runs stop {run.id}"
                raise UsageError(f"Run {run.id} has lost its worker, and waits for another.", hint)
            if time.monotonic() > deadline:
                if wish.exists():
                    raise TuiLabError(f"Nothing was killed: {status.held_by() or 'nobody'} did not take the order.")
                raise TuiLabError(
                    f"The worker of {run.id} on {status.node} is to be killed, but its node has not answered yet.",
                    "The run ends when it does, or when it is given up.",
                )
            time.sleep(CLUSTER_POLL_S)


def check_resumable(run: RunDirectory) -> None:
    """Whether `resume` would take the run: one that was stopped, failed or crashed, or waits for a worker.

    A waiting run may have lost its queue. If it has not, whoever starts it first trains it.

    Raises:
        RunBusyError: a live process holds it.
        UsageError: it is finished, or its request cannot be read.
    """
    check_free(run)
    if run.read_status().state == "finished":
        raise UsageError(f"Run {run.id} is finished; there is nothing to resume.")
    run.read_request()


def resume(run: RunDirectory, lr: float | None = None) -> RunDirectory:
    """Make a run ready to go on where it was last saved, with a new learning rate if one is given.

    Returns:
        The run, queued: submit it.

    Raises:
        RunBusyError, UsageError: as `check_resumable` and `check_lr`.
    """
    check_lr(lr)
    _check_steps(run.read_status(), "run", lr)
    check_resumable(run)
    renew(run.control, lr)
    status = run.read_status()
    if status.node and status.message == KILLED_BY_USER:  # nothing of it is left there, and that worker was not lost
        status.node = ""
        status.write(run.status)
    run.requeue()
    return run


def _check_steps(status: Status, command: Command | None, lr: float | None) -> None:
    """A model that is fitted at once can be stopped, and nothing else."""
    exercise = EXERCISES.get(status.exercise)
    if exercise is None or not exercise.is_fitted:
        return
    if command in ("pause", "step") or lr is not None:
        cannot = "has no learning rate" if lr is not None else f"cannot be asked to {command}"
        raise UsageError(f"{exercise.name} is fitted at once, in no steps: it {cannot}.", "It can be stopped.")


def _alone(run: RunDirectory, status: Status) -> UsageError | None:
    """What there is to say of a run on a cluster whose process here is gone; None where that is not so."""
    if not (status.node and status.pid) or status.state in FINAL_STATES:
        return None
    if status.host == socket.gethostname():  # a young heartbeat is the worker's, and says nothing of the process here
        with suppress(psutil.NoSuchProcess):
            if abs(process_started(status.pid) - status.pid_started) < CLOCK_S:
                return None
    elif status.held_by():
        return None
    return UsageError(
        f"The command that trained {run.id} on the cluster is gone; its worker on {status.node} may still be at work.",
        f"Take it over with: tui-lab runs resume {run.id} --on ray",
    )


def _wait_for_end(process: psutil.Process) -> None:
    """Until the process is gone, or only its parent has not noticed yet."""
    deadline = time.monotonic() + KILL_S
    with suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                raise TuiLabError(f"Process {process.pid} was killed, and does not end.")
            time.sleep(KILL_POLL_S)
