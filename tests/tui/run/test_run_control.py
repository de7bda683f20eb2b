"""The Run area: what its keys ask of workers and of the rest of the app."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Input

from tests.tui.conftest import screen_text, until
from tests.tui.run.area import MakeApp, Record, open_run, said
from tui_lab.runs.control import read_control
from tui_lab.tui.dialogs import Ask, AskText
from tui_lab.tui.form import HyperparameterForm
from tui_lab.tui.labs.screen import LabsScreen
from tui_lab.tui.run import screen as screen_module
from tui_lab.tui.runs.screen import RunsScreen


@pytest.mark.parametrize(("key", "command"), [("space", "pause"), ("full_stop", "step")])
async def test_a_key_asks_the_worker(make_app: MakeApp, record: Record, key: str, command: str) -> None:
    run = record()
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press(key)
        assert read_control(run.control).command == command
        assert f"Asked to {command}." in said(pilot.app)


async def test_space_continues_a_paused_run(make_app: MakeApp, record: Record) -> None:
    run = record("paused")
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        assert "◐ paused" in screen_text(pilot.app)
        await pilot.press("space")
        assert read_control(run.control).command == "run" and read_control(run.control).seq == 1


async def test_stopping_asks_first(make_app: MakeApp, record: Record) -> None:
    run = record()
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("x")
        await until(pilot, lambda: "keeps everything" in screen_text(pilot.app))
        await pilot.press("escape")
        assert not run.control.exists()
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: read_control(run.control).command == "stop")


async def test_a_waiting_run_is_taken_out_of_the_queue(make_app: MakeApp, record: Record) -> None:
    run = record("queued", epochs=0)
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("x")
        await until(pilot, lambda: "taken out of the queue" in screen_text(pilot.app))
        await pilot.press("y")
        await until(pilot, lambda: "■ stopped" in screen_text(pilot.app))


@pytest.mark.parametrize("state", ["crashed", "queued"])
async def test_an_ended_run_goes_on(make_app: MakeApp, record: Record, state: str) -> None:
    run = record(state)
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("u")
        await until(pilot, lambda: run.id in app.workspace.queue.submitted)
        assert run.read_status().is_waiting
        await until(pilot, lambda: "○ queued" in screen_text(app))


async def test_the_learning_rate_is_doubled_halved_and_typed(make_app: MakeApp, record: Record) -> None:
    run = record()
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("plus", "plus")
        assert read_control(run.control).lr == pytest.approx(0.4)  # though no worker has taken the first one yet
        await pilot.press("minus")
        assert read_control(run.control).lr == pytest.approx(0.2) and read_control(run.control).command == "run"
        assert "Base learning rate 0.2 from the next step on." in said(pilot.app)
        await pilot.press("equals_sign")
        await until(pilot, lambda: isinstance(pilot.app.screen, AskText))
        await pilot.press(*"fast", "enter")
        assert "A number, such as 0.01." in screen_text(pilot.app)
        pilot.app.screen.query_one(Input).value = "0.003"
        await pilot.press("enter")
        await until(pilot, lambda: read_control(run.control).lr == 0.003)


async def test_a_learning_rate_out_of_range_is_refused(make_app: MakeApp, record: Record) -> None:
    run = record(changed_lr=90.0)
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        for _ in range(12):
            await pilot.press("plus")
        assert "lr" in said(pilot.app) and (read_control(run.control).lr or 90) <= 1000
        seq = read_control(run.control).seq
        await pilot.press("plus")
        assert read_control(run.control).seq == seq


async def test_a_full_disk_is_a_message(make_app: MakeApp, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "control.json")

    run = record()
    monkeypatch.setattr(screen_module, "ask", full)
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("space")
        assert "No space left on device" in said(pilot.app) and not run.control.exists()


async def test_killing_asks_first(make_app: MakeApp, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    run, killed = record(), []
    monkeypatch.setattr(screen_module, "kill", lambda run: killed.append(run.id))
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("k")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press("n")
        await pilot.press("k")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        assert not killed
        await pilot.press("y")
        await until(pilot, lambda: killed == [run.id])


async def test_detaching_leaves_the_run_alone(make_app: MakeApp, record: Record) -> None:
    run = record()
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        assert not run.control.exists() and "It goes on." in said(pilot.app)


async def test_a_clone_stands_in_the_form(make_app: MakeApp, record: Record) -> None:
    run = record("finished")
    async with make_app().run_test(size=(120, 40)) as pilot:
        await open_run(pilot, run)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, LabsScreen))
        await until(pilot, lambda: f"Taken from run {run.id}." in said(pilot.app))
        assert pilot.app.screen.query_one(HyperparameterForm).values["seed"] == 3


async def test_older_and_newer_runs_are_a_key_away(make_app: MakeApp, record: Record) -> None:
    older, newer = sorted((record("finished"), record("stopped")), key=lambda run: run.id)
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, newer)
        await pilot.press("less_than_sign")
        await until(pilot, lambda: older.id in screen_text(pilot.app))
        await pilot.press("less_than_sign", "greater_than_sign")
        await until(pilot, lambda: newer.id in screen_text(pilot.app))
