"""Real workers for tests: processes forked from a server that has imported torch once."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tui_lab.hyperparameters import build
from tui_lab.labs.catalogue import find_exercise
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import Status
from tui_lab.runs.store import RunStore

DEADLINE_S = 120.0

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["torch", "torch._dynamo", "sklearn.datasets", "tui_lab.training.prepare", __name__])


def create(home: Path, exercise: str, **values: Any) -> RunDirectory:
    """A queued run of `exercise` on digits or points, on one thread in fp32."""
    settled = {"device": "cpu", "threads": 1, "precision": "fp32", "channels_last": "off", **values}
    hyperparameters = build(find_exercise(exercise).hyperparameters, settled)
    return RunStore(home).create(exercise, hyperparameters.model_dump(), data_dir=home / "data")


def _work(path: str, log: str) -> None:
    from tui_lab.worker import main

    with Path(log).open("ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(main([path]))


def start(run: RunDirectory) -> BaseProcess:
    """Its worker, started."""
    process = _context.Process(target=_work, args=(str(run.path), str(run.log)))
    process.start()
    return process


def train(run: RunDirectory) -> Status:
    """Run its worker to the end."""
    process = start(run)
    process.join(DEADLINE_S)
    assert process.exitcode is not None, "the worker did not end"
    return run.read_status()


def wait_for(run: RunDirectory, condition: Callable[[Status], bool]) -> Status:
    """The first status that fulfils the condition."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        status = run.read_status()
        if condition(status):
            return status
        assert status.state not in ("failed", "crashed"), f"{status.message}\n{run.log.read_text()}"
        time.sleep(0.005)  # between two looks at a file; what is waited for is the condition
    raise AssertionError(f"never came: {run.read_status()}")
