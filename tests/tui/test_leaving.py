"""Leaving the app: what becomes of the runs that are under way."""

from __future__ import annotations

import os
import socket

import pytest

from tests.tui.conftest import screen_text, until
from tui_lab.runs.control import read_control
from tui_lab.runs.status import process_started


def live_run(app):
    """A run whose worker is this very process."""
    run = app.workspace.store.create("mlp", {"epochs": 3})
    status = run.read_status()
    status.state, status.pid, status.host = "running", os.getpid(), socket.gethostname()
    status.pid_started = process_started(os.getpid())
    status.write(run.status)
    return run


async def test_without_runs_it_leaves_at_once(make_app):
    app = make_app("runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+q")
        await until(pilot, lambda: not app.is_running)


@pytest.mark.parametrize(("key", "command", "leaves"), [("k", "run", True), ("s", "stop", True), ("n", "run", False)])
async def test_with_a_run_under_way_it_asks(make_app, key, command, leaves):
    app = make_app("runs")
    run = live_run(app)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: run.id in app.workspace.index.entries)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: "1 run is under way" in screen_text(app))
        assert "stay" in screen_text(app)  # the last button is not cut
        await pilot.press(key)
        await until(pilot, lambda: app.is_running is not leaves)
    assert read_control(run.control).command == command
    assert app.workspace.queue.is_closed
