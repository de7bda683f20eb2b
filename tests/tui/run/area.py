"""The Run area in tests: what is written into its runs, and how it is opened and read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot

from tests.tui.conftest import screen_text, until
from tui_lab.inspections.content import Confusion, Filters, Guess, Sample
from tui_lab.pictures import Picture
from tui_lab.runs.directory import RunDirectory
from tui_lab.tui.app import LabApp
from tui_lab.tui.chart import Chart
from tui_lab.tui.run.screen import RunScreen

MakeApp = Callable[..., LabApp]
Record = Callable[..., RunDirectory]
STEPS = 10  # an epoch
EPOCHS = 5
VALUES = {"lr": 0.1, "batch_size": 128, "epochs": EPOCHS, "seed": 3, "dataset": "mnist", "early_stopping": 4}
WRONG = Sample(7, Picture(2, 2, bytes(12)), 0, (Guess(1, 0.75), Guess(0, 0.25)), 1.386)
CONFUSION = Confusion(2.0, 20, ("cat", "dog", "owl"), ((5, 3, 0), (1, 4, 0), (0, 0, 6)), {(0, 1): (WRONG,)})
FILTERS = Filters(1.0, 20, "features.0, Conv2d", (Picture(2, 2, bytes(12)),), (0.25,), 32)


def write_status(run: RunDirectory, **changes: Any) -> None:
    status = run.read_status()
    for name, value in changes.items():
        setattr(status, name, value)
    status.write(run.status)


def write_events(run: RunDirectory, *events: dict[str, Any]) -> None:
    with run.events.open("a") as file:
        for event in events:
            file.write(json.dumps({"seq": 1, "t": 0.0, **event}) + "\n")


def step(total: int, loss: float | str = 0.5) -> dict[str, Any]:
    """An event after `total` steps of half a second."""
    numbers = {"loss": loss, "accuracy": 0.75, "lr": 0.1, "images_per_second": 1000.0 + total}
    return {"kind": "step", "epoch": total / STEPS, "total_step": total, "elapsed": total / 2, "steps": 1, **numbers}


def epoch(number: int) -> dict[str, Any]:
    metrics = {"train_loss": 1 / number, "train_accuracy": 0.9, "test_loss": 1.5 / number, "test_accuracy": 0.8}
    return {"kind": "epoch", "epoch": number, "total_step": number * STEPS, "elapsed": number * STEPS / 2, **metrics}


async def ready(pilot: Pilot[None]) -> LabApp:
    """The app, once it has opened its first area and has looked at the runs."""
    app = pilot.app
    assert isinstance(app, LabApp)
    await until(pilot, lambda: all(worker.is_finished for worker in app.workers))
    await app.refresh_runs()
    return app


async def open_run(pilot: Pilot[None], run: RunDirectory) -> RunScreen:
    """The Run area, once it shows the run."""
    app = await ready(pilot)
    app.open_run(run.id)
    await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen._seen is not None)
    assert isinstance(app.screen, RunScreen)
    await pilot.pause()
    return app.screen


def said(app: LabApp) -> str:
    return " ".join(f"{note.title} {note.message}" for note in app._notifications)


def line_with(app: LabApp, text: str) -> str:
    return next((line for line in screen_text(app).splitlines() if text in line), "")


async def current(pilot: Pilot[None], screen: RunScreen, *names: str) -> list[Chart]:
    """Charts once they show what was asked for last."""
    charts = [screen.query_one(f"#{name}", Chart) for name in names]
    await until(pilot, lambda: all(chart.is_current and chart.plot.series for chart in charts))
    return charts
