"""Recorded runs for the Run area."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from tests.tui.run.area import EPOCHS, STEPS, VALUES, Record, epoch, step, write_events, write_status
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import process_started
from tui_lab.runs.store import RunStore


@pytest.fixture
def first_area() -> str:
    return "run"


@pytest.fixture
def record(store: RunStore) -> Record:
    """Records a run of `epochs` whole epochs and a step; a live one belongs to this process."""

    def record(state: str = "running", epochs: int = 2, preset: str = "", **changes: Any) -> RunDirectory:
        run = store.create("mlp", VALUES, preset=preset)
        owner = {}
        if state in ("running", "paused"):
            owner = {"pid": os.getpid(), "host": socket.gethostname(), "pid_started": process_started(os.getpid())}
        last = {name: value for name, value in epoch(epochs or 1).items() if name[-4:] in ("loss", "racy")}
        write_status(
            run,
            **owner,
            state=state,
            device="cpu",
            epoch=epochs,
            epochs=EPOCHS,
            step=1,
            steps_per_epoch=STEPS,
            elapsed=epochs * STEPS / 2,
            images_per_second=1234.0,
            last=last if epochs else {},
            best={"epoch": 1, "test_accuracy": 0.8125} if epochs else {},
            **changes,
        )
        write_events(run, {"kind": "started", "dataset": "mnist", "parameters": 50890})
        for number in range(1, epochs + 1):
            write_events(run, *(step((number - 1) * STEPS + i) for i in range(1, STEPS + 1)), epoch(number))
        write_events(run, step(epochs * STEPS + 1))
        return run

    return record
