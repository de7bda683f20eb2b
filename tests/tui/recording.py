"""Runs as a worker would have left them, the same every time."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from tui_lab.inspections.catalogue import write_inspection
from tui_lab.inspections.content import Confusion, Guess, Sample
from tui_lab.pictures import Picture
from tui_lab.runs.directory import Request, RunDirectory
from tui_lab.runs.events import EventWriter
from tui_lab.runs.status import LIVE_STATES, Status, process_started

STEPS = 10  # of an epoch
CREATED = 1_789_000_000.0  # a Unix time
VALUES = {"lr": 0.1, "batch_size": 16, "epochs": 4, "seed": 1, "dataset": "digits"}


def record(
    home: Path,
    word: str,
    *,
    epochs: int = 4,
    state: str = "finished",
    nan_from: int | None = None,
    age_s: float = 3600.0,
    **status_fields: Any,
) -> RunDirectory:
    """A run of the multilayer perceptron with `epochs` whole epochs of curves.

    Args:
        home: the home folder.
        word: last part of the run's id, which begins with a number that grows with `age_s` shrinking.
        epochs: that it trained.
        state: as in the status; one of a live run makes this process its worker.
        nan_from: the step (from 1) from which on the training loss is NaN.
        age_s: seconds between its creation and `CREATED`.
        status_fields: of the status, in place of those here.
    """
    run = RunDirectory(home / "runs" / f"{20_000_000 - int(age_s):08}-120000-mlp-{word}")
    run.path.mkdir(parents=True)
    _write_request(run, CREATED - age_s)
    run.log.write_text("the worker's own words\n")
    if epochs:
        _write_events(run, epochs, nan_from)
    status = Status(
        state=state,
        exercise="mlp",
        hyperparameters=dict(VALUES),
        created=CREATED - age_s,
        device="cpu",
        threads=1,
        precision="fp32",
        epoch=epochs,
        epochs=VALUES["epochs"],
        steps_per_epoch=STEPS,
        elapsed=2.0 * epochs,
        images_per_second=1000.0,
    )
    if epochs:
        status.last = _epoch(epochs)
        status.best = {"epoch": float(epochs), **_epoch(epochs)}
        status.curve = [_epoch(epoch)["test_accuracy"] for epoch in range(1, epochs + 1)]
    if state in LIVE_STATES:
        status.pid, status.host, status.pid_started = os.getpid(), socket.gethostname(), process_started(os.getpid())
    for name, value in status_fields.items():
        setattr(status, name, value)
    status.write(run.status)
    return run


def _write_request(run: RunDirectory, created: float) -> None:
    run.write_request(Request("mlp", dict(VALUES), "", created, "", {}, ""))


def _write_events(run: RunDirectory, epochs: int, nan_from: int | None) -> None:
    writer = EventWriter(run.events)
    writer.write("started", dataset="digits", parameters=1234)
    for epoch in range(1, epochs + 1):
        for step in range((epoch - 1) * STEPS + 1, epoch * STEPS + 1):
            loss = float("nan") if nan_from is not None and step >= nan_from else 2.0 / (1 + step / STEPS)
            measured = {"loss": loss, "accuracy": 1 - 0.5 / step, "lr": 0.1, "images_per_second": 1000.0}
            writer.write("step", total_step=step, epoch=step / STEPS, elapsed=0.2 * step, steps=1, **measured)
        writer.write("epoch", total_step=epoch * STEPS, epoch=epoch, elapsed=2.0 * epoch, lr=0.1, **_epoch(epoch))
    writer.close()


def _epoch(epoch: int) -> dict[str, float]:
    """What is measured after an epoch."""
    test = {"test_loss": 1.0 / epoch, "test_accuracy": 1 - 0.5 / (epoch + 1)}
    return {"train_loss": 0.5 / epoch, "train_accuracy": 1 - 0.25 / (epoch + 1), **test}


def inspect(run: RunDirectory) -> None:
    """What a confusion matrix of three classes leaves: two samples of "one" were taken for "two"."""
    mistakes = tuple(Sample(i, Picture(4, 4, bytes(48)), 1, (Guess(2, 0.75), Guess(1, 0.25)), 1.5) for i in range(2))
    counts = ((5, 0, 0), (0, 3, 2), (0, 1, 4))
    names = ("zero", "one", "two")
    write_inspection(run, "confusion", Confusion(4.0, 40, names, counts, {(1, 2): mistakes}))
