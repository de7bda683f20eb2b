"""A run whose model is fitted at once: inspections and numbers lead, and nothing speaks of steps."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tests.tui.conftest import screen_text, until
from tests.tui.recording import record
from tui_lab.inspections.catalogue import write_inspection
from tui_lab.inspections.content import Boundary, LabelledPoint, Supports
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import EventWriter
from tui_lab.runs.status import LIVE_STATES, Status, process_started
from tui_lab.runs.store import RunStore, listed
from tui_lab.tui.app import LabApp
from tui_lab.tui.chart import Chart
from tui_lab.tui.histories import Histories
from tui_lab.tui.labs.about import About
from tui_lab.tui.labs.screen import LabsScreen
from tui_lab.tui.run.inspecting import Inspections
from tui_lab.tui.run.screen import RunScreen
from tui_lab.tui.runs.comparing import overlay
from tui_lab.tui.runs.screen import RunsScreen

MakeApp = Callable[..., LabApp]
NAMES = ("outer", "inner")
POINT = LabelledPoint(0.0, 0.0, 1)
METRICS = {"train_loss": 0.25, "train_accuracy": 0.95, "test_loss": 0.5, "test_accuracy": 0.9375}


@pytest.fixture
def first_area() -> str:
    return "run"


def fit(home: Path, state: str = "finished") -> RunDirectory:
    """A run of the support vector machine: fitted, or being fitted by this process."""
    run = RunStore(home).create("svm", {"kernel": "rbf", "seed": 1})
    is_over = state == "finished"
    measured = {**METRICS, "support_vectors": 49}
    status: dict[str, Any] = {"exercise": "svm", "state": state, "is_fitted": True, "epochs": 1, "device": "cpu"}
    status |= {"epoch": 1, "last": measured, "best": {"epoch": 1, **measured}} if is_over else {"expected": 48.0}
    if state in LIVE_STATES:
        status |= {"pid": os.getpid(), "host": socket.gethostname(), "pid_started": process_started(os.getpid())}
    Status.of({**status, "elapsed": 12.0}).write(run.status)
    writer = EventWriter(run.events)
    writer.write("started", dataset="circles", train_samples=200)
    if is_over:
        writer.write("epoch", epoch=1, total_step=1, elapsed=12.0, **measured)
        points = (POINT,)
        write_inspection(run, "boundary", Boundary(1, 1, NAMES, -1, -1, 2, 2, bytes([255, 0] * 4), points, (), points))
        write_inspection(run, "supports", Supports(1, 1, NAMES, (26, 23), (100, 100), ()))
    writer.close()
    return run


async def shown(pilot: Pilot[None], run: RunDirectory) -> RunScreen:
    app = pilot.app
    assert isinstance(app, LabApp)
    app.open_run(run.id)
    await until(pilot, lambda: app.screen.has_class("-fitted"))
    assert isinstance(app.screen, RunScreen)
    return app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_boundary_leads_and_no_chart_is_empty(
    make_app: MakeApp, tmp_path: Path, size: tuple[int, int]
) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        screen = await shown(pilot, fit(tmp_path / "home"))
        await until(pilot, lambda: "support vector" in screen.query_one("#show-boundary", Static).render().plain)  # type: ignore[union-attr]
        assert [chart for chart in screen.query(Chart) if chart.is_on_screen and chart.size] == []
        text = screen_text(app)
        assert "Fitted in 12 s: test 93.75 %." in text
        assert "support vectors 49 of 200" in text
        assert "Boundary" in text
        for word in ("Rate", "best", "epoch", "batch", "nan", "learning"):
            assert word not in text, word


async def test_while_it_is_fitted_it_can_be_stopped_and_nothing_else(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot, fit(tmp_path / "home", "running"))
        await until(pilot, lambda: "36 s left" in screen_text(app))
        assert "fitting, 12 s" in screen_text(app)
        assert screen.check_action("stop", ())
        footer = screen_text(app).splitlines()[-1]
        assert "Stop" in footer
        assert "Pause" not in footer
        for action in ("pause", "step", "scale_lr", "type_lr", "only", "axis", "log", "smooth", "zoom"):
            assert not screen.check_action(action, ()), action
        assert screen.query_one(Inspections).tabs.active == "tab-log"


async def test_the_next_run_has_its_curves_again(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    fitted, trained = fit(tmp_path / "home"), record(tmp_path / "home", "elm")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await shown(pilot, fitted)
        app.open_run(trained.id)
        await until(pilot, lambda: not screen.has_class("-fitted"))
        await until(pilot, lambda: screen.query_one("#chart-loss", Chart).plot.series)
        assert "Rate" in screen_text(app)


async def test_a_list_of_fits_has_no_chart(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    fit(tmp_path / "home")
    async with app.run_test(size=(160, 45)) as pilot:
        app.action_area("runs")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and "93.75" in screen_text(app))
        await until(pilot, lambda: not app.screen.query_one("#curves").display)


def test_beside_curves_a_fit_is_a_level(tmp_path: Path) -> None:
    fitted, trained = listed(fit(tmp_path)), listed(record(tmp_path, "elm"))
    plot = overlay([fitted, trained], {}, Histories(), "test", "accuracy")
    assert (list(plot.series[0].x), list(plot.series[0].y)) == ([1.0, 4.0], [93.75, 93.75])
    assert list(plot.series[1].x) == [1.0, 2.0, 3.0, 4.0]
    (alone,) = overlay([fitted], {}, Histories(), "test", "accuracy").series
    assert list(alone.x) == [1.0]


async def test_the_form_says_what_a_long_fit_may_take(make_app: MakeApp) -> None:
    app = make_app("labs")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LabsScreen) and "Multilayer" in screen_text(app))
        screen = app.screen
        assert isinstance(screen, LabsScreen)
        line = screen.query_one("#labs-problem", Static)
        screen.load_values("svm", {"dataset": "mnist"})
        await until(pilot, lambda: "may take some" in line.render().plain)  # type: ignore[union-attr]
        assert line.has_class("-notice")
        about = screen.query_one(About)
        await until(pilot, lambda: not about.tabs.get_tab("schedule").display)
        assert not about.tabs.get_tab("layers").display
        screen.load_values("svm", {"dataset": "mnist", "pca": 99_999_999})
        await until(pilot, lambda: "to correct" in line.render().plain)  # type: ignore[union-attr]
        assert not line.has_class("-notice")
