"""The Run area: what it shows of a run, and what its keys write, change and open."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TabbedContent

from tests.tui.conftest import screen_text, until
from tests.tui.recording import inspect, record
from tui_lab.runs.control import Control, read_control
from tui_lab.runs.directory import RunDirectory
from tui_lab.tui.app import LabApp
from tui_lab.tui.chart import Chart
from tui_lab.tui.dialogs import Ask, Page
from tui_lab.tui.run.screen import RunScreen

WIDE = (160, 45)
LIVE_KEYS = {"pause", "step", "scale_lr", "type_lr", "kill", "detach"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def opened(pilot: Pilot[None], run: RunDirectory) -> RunScreen:
    """The Run area, once it shows `run` with its curves."""
    app = pilot.app
    assert isinstance(app, LabApp)
    await until(pilot, lambda: run.id in app.workspace.index.entries)
    app.open_run(run.id)
    await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen._seen is not None)
    screen = app.screen
    assert isinstance(screen, RunScreen)
    await until(pilot, lambda: all(chart.is_current for chart in charts(screen) if chart.size.area))
    return screen


def charts(screen: RunScreen) -> list[Chart]:
    return [screen.query_one("#chart-loss", Chart), screen.query_one("#chart-accuracy", Chart)]


def said(app: LabApp) -> str:
    return " ".join(f"{note.title} {note.message}" for note in app._notifications)


def enabled(screen: RunScreen) -> set[str]:
    """Actions that a key does now."""
    bindings = screen.active_bindings.values()
    return {active.binding.action.partition("(")[0] for active in bindings if active.enabled}


async def command(pilot: Pilot[None], run: RunDirectory, earlier: Control) -> Control:
    return await until(pilot, lambda: read_control(run.control) != earlier and read_control(run.control))


# What it shows


async def test_curves_and_numbers_of_a_run(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        loss, accuracy = charts(screen)
        assert [series.name for series in loss.plot.series] == ["raw", "train", "test"]
        assert accuracy.plot.series[-1].y == pytest.approx([75, 100 - 50 / 3, 87.5, 90])
        text = screen_text(pilot.app)
        for part in ("◆ finished", run.id, "digits", "1,234 weights", "Loss", "Accuracy, %", "lr 0.1"):
            assert part in text
        (line,) = (line for line in text.splitlines() if "test   " in line and "0.2500" in line)
        assert "90.00" in line


async def test_a_finished_run_says_how_it_ended(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    async with make_app().run_test(size=WIDE) as pilot:
        await opened(pilot, run)
        assert "Finished in 8 s: test 90.00 %, best 90.00 % at epoch 4." in screen_text(pilot.app)


async def test_a_failed_run_says_why_and_what_to_do(make_app: Any, home: Path) -> None:
    run = record(home, "fern", epochs=1, state="failed", message="The loss is NaN.", hint="Lower lr.")
    async with make_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        assert "The loss is NaN.  Lower lr." in screen_text(pilot.app)


async def test_a_loss_that_is_not_a_number_is_seen(make_app: Any, home: Path) -> None:
    healthy, sick = record(home, "fern"), record(home, "moss", nan_from=25)
    async with make_app().run_test(size=WIDE) as pilot:
        await opened(pilot, healthy)
        assert "not finite" not in screen_text(pilot.app)
        await opened(pilot, sick)
        assert "not finite" in screen_text(pilot.app)


async def test_new_events_are_drawn_as_they_come(make_app: Any, home: Path) -> None:
    run, whole = record(home, "fern", epochs=2, state="running"), record(home / "other", "moss")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        assert "epoch 3/4" in screen_text(pilot.app)
        run.events.write_bytes(whole.events.read_bytes())
        await until(pilot, lambda: charts(screen)[0].plot.series[-1].x == [1, 2, 3, 4])


async def test_without_a_run_it_says_where_to_find_one(make_app: Any) -> None:
    async with make_app().run_test(size=(80, 24)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "No run yet." in screen_text(pilot.app))
        for key in ("space", "full_stop", "x", "u", "plus", "equals_sign", "r", "c", "i", "k", "d", "g", "z", "l", "less_than_sign"):
            await pilot.press(key)
        assert isinstance(pilot.app.screen, RunScreen) and not said(pilot.app)


async def test_a_deleted_directory_is_gone_in_place(make_app: Any, home: Path) -> None:
    run = record(home, "fern", state="running")
    async with make_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        shutil.rmtree(run.path)
        await until(pilot, lambda: f"Run {run.id} is gone." in screen_text(pilot.app))
        assert isinstance(pilot.app.screen, RunScreen)
        await pilot.press("space", "i", "g", "z")
        assert pilot.app._exception is None


async def test_garbled_lines_of_the_event_log_are_counted(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    run.events.write_bytes(b"nonsense\n\x00\xff\n[]\n" + run.events.read_bytes())
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        assert charts(screen)[0].plot.series[-1].x == [1, 2, 3, 4]
        await pilot.press("g")
        await until(pilot, lambda: "3 unreadable lines of the event log were passed over" in screen_text(pilot.app))
        assert "the worker's own words" in screen_text(pilot.app)


# Control


async def test_keys_write_what_the_worker_shall_do(make_app: Any, home: Path) -> None:
    run = record(home, "fern", epochs=2, state="running")
    async with make_app().run_test(size=WIDE) as pilot:
        await opened(pilot, run)
        before = read_control(run.control)
        await pilot.press("space")
        now = await command(pilot, run, before)
        assert now.command == "pause"
        await pilot.press("full_stop")
        stepped = await command(pilot, run, now)
        assert (stepped.command, stepped.steps) == ("step", 1)
        await pilot.press("plus")
        doubled = await command(pilot, run, stepped)
        assert doubled.lr == 0.2
        await pilot.press("minus")
        assert (await command(pilot, run, doubled)).lr == 0.05


async def test_space_lets_a_paused_run_go_on(make_app: Any, home: Path) -> None:
    run = record(home, "fern", epochs=2, state="paused")
    async with make_app().run_test(size=WIDE) as pilot:
        await opened(pilot, run)
        await pilot.press("space")
        await until(pilot, lambda: read_control(run.control).seq == 1)
        assert read_control(run.control).command == "run"


async def test_a_stop_is_asked_about(make_app: Any, home: Path) -> None:
    run = record(home, "fern", epochs=2, state="running")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert read_control(run.control).seq == 0
        await pilot.press("x")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press("y")
        await until(pilot, lambda: read_control(run.control).command == "stop")


async def test_a_typed_learning_rate_is_checked_and_asked_for(make_app: Any, home: Path) -> None:
    run = record(home, "fern", epochs=2, state="running")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        await pilot.press("equals_sign")
        field = await until(pilot, lambda: pilot.app.screen is not screen and pilot.app.screen.query(Input))
        await pilot.press(*"fast", "enter")
        await until(pilot, lambda: "A number, such as 0.01." in screen_text(pilot.app))
        field.first(Input).value = "-1"
        await pilot.press("enter")
        await until(pilot, lambda: "lr" in screen_text(pilot.app) and pilot.app.screen is not screen)
        assert read_control(run.control).lr is None
        field.first(Input).value = "0.003"
        await pilot.press("enter")
        await until(pilot, lambda: read_control(run.control).lr == 0.003)


async def test_keys_that_make_no_sense_are_not_offered(make_app: Any, home: Path) -> None:
    finished, live = record(home, "fern"), record(home, "moss", epochs=1, state="running")
    stopped = record(home, "sage", epochs=1, state="stopped")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, finished)
        await until(pilot, lambda: not LIVE_KEYS & enabled(screen))
        assert not {"stop", "resume"} & enabled(screen) and {"clone", "inspect"} <= enabled(screen)
        for key in ("space", "full_stop", "x", "plus", "u"):
            await pilot.press(key)
        assert not finished.control.exists() and not said(pilot.app)
        await opened(pilot, live)
        assert LIVE_KEYS | {"stop"} <= enabled(screen) and "resume" not in enabled(screen)
        await opened(pilot, stopped)
        assert "resume" in enabled(screen) and not LIVE_KEYS & enabled(screen)


async def test_u_lets_a_stopped_run_go_on(make_app: Any, home: Path) -> None:
    run = record(home, "fern", epochs=2, state="stopped")
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, run)
        await pilot.press("u")
        await until(pilot, lambda: app.workspace.queue.submitted == {run.id})
        await until(pilot, lambda: "○ queued" in screen_text(app))


async def test_c_takes_the_values_into_the_form(make_app: Any, home: Path) -> None:
    run = record(home, "fern", hyperparameters={"lr": 0.07, "batch_size": 32, "epochs": 4})
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot, run)
        await pilot.press("c")
        await until(pilot, lambda: app.current_mode == "labs" and getattr(app.screen, "_form", None) is not None)
        await until(pilot, lambda: "lr" in app.screen._form.fields and app.screen._form.values["lr"] == 0.07)
        assert app.screen._form.values["batch_size"] == 32
        assert run.id in screen_text(app)


async def test_the_neighbours_of_a_run_are_a_key_away(make_app: Any, home: Path) -> None:
    old, new = record(home, "fern", age_s=7200), record(home, "moss")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, new)
        await pilot.press("less_than_sign")
        await until(pilot, lambda: screen._seen and screen._seen.snapshot.run_id == old.id)
        await pilot.press("less_than_sign", "greater_than_sign")
        await until(pilot, lambda: screen._seen and screen._seen.snapshot.run_id == new.id)


# Looking


async def test_axis_log_smoothing_and_zoom_change_what_is_drawn(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        loss, accuracy = charts(screen)
        await pilot.press("s")
        assert app.settings.axis == "total_step"
        await until(pilot, lambda: loss.plot.x_label == "step" and loss.plot.series[-1].x == [10, 20, 30, 40])
        await pilot.press("t")
        assert app.settings.axis == "elapsed"
        await until(pilot, lambda: loss.plot.x_label == "seconds" and loss.plot.series[-1].x == [2, 4, 6, 8])
        await pilot.press("e", "l")
        assert app.settings.axis == "epoch" and app.settings.log_loss
        await until(pilot, lambda: loss.plot.x_label == "epoch" and loss.plot.y_log and not accuracy.plot.y_log)
        smoothed = list(loss.plot.series[1].y)
        while app.settings.smoothing:
            await pilot.press("left_square_bracket")
        await until(pilot, lambda: list(loss.plot.series[1].y) != smoothed and loss.is_current)
        assert loss.plot.series[1].y == pytest.approx([2 / (1 + step / 10) for step in range(1, 41)])
        await pilot.press("right_square_bracket")
        assert app.settings.smoothing == 0.3
        await pilot.press("z")
        await until(pilot, lambda: "(the end)" in loss.plot.title and loss.plot.series[-1].x == [4])
        assert min(loss.plot.series[1].x) > 3
        await pilot.press("z")
        await until(pilot, lambda: loss.plot.series[-1].x == [1, 2, 3, 4])


async def test_one_cursor_reads_every_curve_out_in_both_charts(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        loss, accuracy = charts(screen)
        assert loss.has_focus and loss.readout() == []
        await pilot.press("left")
        await until(pilot, lambda: accuracy.cursor is not None)
        await pilot.press("shift+left", "left")
        await until(pilot, lambda: accuracy.cursor == loss.cursor)
        for chart in (loss, accuracy):
            assert [name for name, _ in chart.readout()] == ["epoch", "train", "test"]
        assert float(loss.readout()[0][1]) < 4
        value = loss.readout()[2][1]
        assert f"test {value}" in screen_text(pilot.app).replace("  ", " ")
        await pilot.press("escape")
        await until(pilot, lambda: loss.cursor is None and accuracy.cursor is None)


async def test_inspections_become_tabs_and_a_cell_opens_its_samples(make_app: Any, home: Path) -> None:
    run = record(home, "fern", epochs=2, state="running")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        assert "Confusion" not in screen_text(pilot.app)
        inspect(run)
        tabs = screen.query_one("#inspections", TabbedContent)
        await until(pilot, lambda: tabs.active == "tab-confusion" and "one" in screen_text(pilot.app))
        screen.query_one("#show-confusion").focus()
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Page))
        await until(pilot, lambda: "one, taken for two: 2" in screen_text(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("left", "enter")
        await until(pilot, lambda: "one, taken for one: 3" in screen_text(pilot.app))
        assert "choose a cell off the diagonal" in screen_text(pilot.app)


async def test_a_garbled_inspection_is_said_in_its_tab(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    run.inspections.mkdir(exist_ok=True)
    (run.inspections / "samples.json").write_text("{")
    async with make_app().run_test(size=WIDE) as pilot:
        await opened(pilot, run)
        await until(pilot, lambda: "It cannot be read at the moment." in screen_text(pilot.app))


# Sizes


async def test_a_small_terminal_shows_one_chart_at_a_time(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        loss, accuracy = charts(screen)
        assert loss.size.area and not accuracy.size.area
        assert "90.00 %" in screen_text(pilot.app)
        await pilot.press("a")
        await until(pilot, lambda: accuracy.size.area and not loss.size.area and accuracy.is_current)
        await pilot.press("i")
        await until(pilot, lambda: not accuracy.size.area and "Rate" in screen_text(pilot.app))
        await pilot.press("i")
        await until(pilot, lambda: accuracy.size.area and accuracy.has_focus)
        await pilot.press("o")
        await until(pilot, lambda: loss.size.area and not accuracy.size.area)


async def test_resized_to_next_to_nothing_and_back(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    async with make_app().run_test(size=WIDE) as pilot:
        screen = await opened(pilot, run)
        for size in ((20, 5), (1, 1), WIDE):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await until(pilot, lambda: all(chart.size.area and chart.is_current for chart in charts(screen)))
        assert "Accuracy, %" in screen_text(pilot.app)
