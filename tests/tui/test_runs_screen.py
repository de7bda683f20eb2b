"""The Runs area: what it shows of recorded runs, and what its keys do to them."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.tui.conftest import screen_text, until
from tui_lab.runs.control import read_control
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.label import Label
from tui_lab.runs.query import Query
from tui_lab.runs.status import Status, process_started
from tui_lab.runs.store import Listed, RunStore, listed
from tui_lab.tui.app import LabApp
from tui_lab.tui.chart import Chart
from tui_lab.tui.dialogs import Ask
from tui_lab.tui.histories import Histories
from tui_lab.tui.runs import table as table_module
from tui_lab.tui.runs.columns import GAP, columns_for, run_text
from tui_lab.tui.runs.comparing import MOST, overlay
from tui_lab.tui.runs.filter import RunFilter
from tui_lab.tui.runs.listing import Listing
from tui_lab.tui.runs.screen import RunsScreen
from tui_lab.tui.runs.table import RunTable

MakeApp = Callable[..., LabApp]
Record = Callable[..., RunDirectory]
VALUES: Mapping[str, Any] = {"lr": 0.1, "batch_size": 128, "epochs": 3, "seed": 0, "dataset": "mnist"}


@pytest.fixture
def first_area() -> str:
    return "runs"


@pytest.fixture
def record(store: RunStore) -> Record:
    """Records a run: `accuracies` after each epoch, an age in hours, a state, and hyperparameters."""

    def record(*accuracies: float, hours: float = 1, state: str = "finished", **changed: Any) -> RunDirectory:
        values = {**VALUES, **changed}
        run = store.create("mlp", values)
        status = Status.read(run.status)
        assert status
        status.state, status.created = state, status.created - 3600 * hours
        status.epoch, status.curve = len(accuracies), list(accuracies)
        if accuracies:
            best = max(accuracies)
            status.best = {"epoch": accuracies.index(best) + 1, "test_accuracy": best}
            status.last = {"test_accuracy": accuracies[-1]}
        if state in ("running", "paused"):
            status.pid, status.host, status.pid_started = (
                os.getpid(),
                socket.gethostname(),
                process_started(os.getpid()),
            )
        status.write(run.status)
        events = [
            {"seq": i, "t": 0.0, "kind": "epoch", "epoch": i, "total_step": 10 * i, "elapsed": 1.0 * i}
            | {"test_accuracy": accuracy, "test_loss": 1 - accuracy, "train_accuracy": 0.5, "train_loss": 0.25}
            for i, accuracy in enumerate(accuracies, start=1)
        ]
        run.events.write_text("".join(json.dumps(event) + "\n" for event in events))
        return run

    return record


async def opened(pilot: Pilot[None]) -> RunsScreen:
    """The Runs area, once it shows what the index knows."""
    app = pilot.app
    assert isinstance(app, LabApp)
    app.action_area("runs")
    await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen.query("#differences-text"))
    assert isinstance(app.screen, RunsScreen)
    return app.screen


async def look(pilot: Pilot[None]) -> None:
    """What the app does every second."""
    assert isinstance(pilot.app, LabApp)
    await pilot.app.refresh_runs()
    await pilot.pause()


def shown(screen: RunsScreen) -> list[str]:
    return [entry.run.id for entry in screen.query_one(RunTable)._rows]


def said(app: LabApp) -> str:
    return " ".join(f"{note.title} {note.message}" for note in app._notifications)


# The table


async def test_every_run_stands_in_the_table_newest_first(make_app: MakeApp, record: Record) -> None:
    old, new = record(0.25, 0.5, 0.4, hours=30), record(0.75, state="stopped")
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen) == [new.id, old.id])
        lines = screen_text(pilot.app).splitlines()
        (line,) = (line for line in lines if old.id in line)
        for text in ("◆ finished", "mlp", "0.1", "128", "50.00 @2", "40.00", "1 d"):
            assert text in line
        (line,) = (line for line in lines if new.id in line and "■" in line and "1/3" in line)
        assert "75.00 @1" in line and "2 runs" in screen_text(pilot.app)


async def test_a_small_terminal_shows_what_matters(make_app: MakeApp, record: Record) -> None:
    run = record(0.25, 0.5, hours=2, state="crashed")
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        (line,) = (line for line in screen_text(pilot.app).splitlines() if run.id in line)
        assert line.split()[1:] == ["✕", "crashed", run.id, "2/3", "50.00", "@2", "2", "h", "│"]


@given(st.integers(1, 220), st.sampled_from(["age", "-test_accuracy", "optimizer", "state", "-batch_size"]))
def test_columns_fit_and_show_what_is_sorted_by(width: int, order: str) -> None:
    columns = columns_for(width, order)
    needed = sum(column.width for column in columns) + GAP * (len(columns) - 1)
    assert needed <= max(width, 70)
    assert order.removeprefix("-") in [column.field for column in columns]
    assert [column.title for column in columns if column.field == "id"] == ["run"]


async def test_an_empty_home_says_what_to_press(make_app: MakeApp) -> None:
    async with make_app().run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        await until(pilot, lambda: "No runs yet." in screen_text(pilot.app))
        assert "press r to train" in screen_text(pilot.app)
        for key in ("enter", "space", "a", "u", "x", "p", "c", "r", "n", "e", "y", "delete", "v", "v", "t", "l"):
            await pilot.press(key)
        assert not said(pilot.app) and not isinstance(pilot.app.screen, Ask)


async def test_a_garbled_run_is_shown_with_what_can_be_read(make_app: MakeApp, record: Record) -> None:
    run = record(0.5)
    run.status.write_text("{")
    run.request.write_text("nonsense")
    run.events.write_text("\x00\n[]\n")
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen) == [run.id])
        assert "✕ crashed" in screen_text(pilot.app)
        await pilot.press("c")
        assert "cannot be read" in said(pilot.app)


async def test_only_lines_on_the_screen_are_drawn(
    make_app: MakeApp, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    line = RunTable._line
    monkeypatch.setattr(RunTable, "_line", lambda self, entry: drawn.append(entry.run.id) or line(self, entry))
    first = listed(record(0.5))
    app = make_app()
    entries = {f"run-{i:04}": Listed(RunDirectory(Path(f"run-{i:04}")), first.status, "finished") for i in range(2000)}
    monkeypatch.setattr(type(app.workspace.index), "entries", property(lambda _: entries))
    async with app.run_test(size=(100, 30)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 2000)
        assert "2,000 runs" in screen_text(app)
        await pilot.press("end")
        assert "run-1999" in screen_text(app) or "run-0000" in screen_text(app)
        assert len(set(drawn)) < 100
        drawn.clear()
        await pilot.press("up")
        assert len(set(drawn)) == 2  # where the cursor was, and where it is


async def test_a_run_that_moves_redraws_its_line_alone(
    make_app: MakeApp, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [record(0.5, hours=i + 1) for i in range(6)]
    async with make_app().run_test(size=(100, 30)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 6)
        drawn: list[str] = []
        line = RunTable._line
        monkeypatch.setattr(RunTable, "_line", lambda self, entry: drawn.append(entry.run.id) or line(self, entry))
        status = runs[3].read_status()
        status.epoch, status.best = 2, {"epoch": 2, "test_accuracy": 0.875}
        status.write(runs[3].status)
        await look(pilot)
        await until(pilot, lambda: "87.50 @2" in screen_text(pilot.app))
        assert set(drawn) == {runs[3].id, runs[0].id}  # and that of the cursor


async def test_runs_appear_and_vanish_under_a_cursor_that_stays(make_app: MakeApp, record: Record) -> None:
    runs = [record(0.5, hours=i + 2) for i in range(40)]
    async with make_app().run_test(size=(100, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 40)
        table = screen.query_one(RunTable)
        await pilot.press("end", "up", "up")
        before = table.cursor - table.scroll_offset.y
        record(0.5, hours=1)
        await look(pilot)
        assert len(shown(screen)) == 41 and table.entry and table.entry.run.id == runs[37].id
        assert table.cursor - table.scroll_offset.y == before
        shutil.rmtree(runs[37].path)
        await look(pilot)
        assert len(shown(screen)) == 40 and table.entry and table.entry.run.id == runs[38].id


# Filter, order, marks


async def test_a_filter_narrows_the_table_and_errors_leave_the_last_good_one(make_app: MakeApp, record: Record) -> None:
    high, low = record(0.5, lr=0.5), record(0.5, lr=0.01, hours=2)
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 2)
        await pilot.press("f", *"lr<0.1")
        await until(pilot, lambda: shown(screen) == [low.id])
        assert "2 runs, 1 shown" in screen_text(pilot.app)
        await pilot.press("space", *"bach_size=3")
        await until(pilot, lambda: "Did you mean 'batch_size'?" in screen.query_one(RunFilter).complaint)
        assert "bach_size" in screen_text(pilot.app).splitlines()[3]
        assert shown(screen) in ([], [low.id])
        await pilot.press("escape")
        assert screen.query_one(RunTable).has_focus
        await pilot.press("escape")
        await until(pilot, lambda: shown(screen) == [high.id, low.id])
        assert screen.query_one("#filter Input", Input).value == ""


async def test_a_suggestion_completes_the_name_of_a_field(make_app: MakeApp, record: Record) -> None:
    run, _ = record(0.5, optimizer="adam"), record(0.5, optimizer="sgd")
    async with make_app().run_test(size=(100, 30)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 2)
        field = screen.query_one("#filter Input", Input)
        await pilot.press("slash", *"optim")
        await until(pilot, lambda: field._suggestion == "optimizer=")
        await pilot.press("right", *"adam", "enter")
        await until(pilot, lambda: shown(screen) == [run.id])
        assert field.value == "optimizer=adam" and screen.query_one(RunTable).has_focus


async def test_nothing_that_fits_the_filter_is_said(make_app: MakeApp, record: Record) -> None:
    record(0.5)
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        await pilot.press("f", *"state=failed")
        await until(pilot, lambda: "No run is like that." in screen_text(pilot.app))


async def test_runs_are_sorted_by_a_chosen_column_and_again_the_other_way(make_app: MakeApp, record: Record) -> None:
    middle, low, high = (record(accuracy, hours=i + 1) for i, accuracy in enumerate((0.5, 0.25, 0.75)))
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 3)
        for expected in ([high, middle, low], [low, middle, high]):
            await pilot.press("o", *"best test", "enter")
            await until(pilot, lambda expected=expected: shown(screen) == [run.id for run in expected])
        assert "best test % ▴" in screen_text(pilot.app) or "best test ▴" in screen_text(pilot.app)
        await pilot.press("o", "escape")
        assert shown(screen) == [low.id, middle.id, high.id]


async def test_a_click_on_a_head_sorts(make_app: MakeApp, record: Record) -> None:
    worse, better = record(0.5, hours=1), record(0.75, hours=2)
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen) == [worse.id, better.id])
        x = len(table_module.MARK)
        for column in screen.query_one(RunTable).columns:
            if column.field == "test_accuracy":
                break
            x += column.width + GAP
        await pilot.click(RunTable, offset=(x + 1, 0))
        await until(pilot, lambda: shown(screen) == [better.id, worse.id])


RUN_IDS = [f"2026010{i}-120000-mlp-{word}" for i, word in enumerate(("fern", "fox", "moss", "reed", "wolf"))]
STEPS = st.one_of(
    st.tuples(st.just("toggle"), st.sampled_from(RUN_IDS)),
    st.tuples(st.just("toggle_all"), st.just("")),
    st.tuples(st.just("filter"), st.sampled_from(["", "lr<0.3", "lr>=0.3", "fox|moss"])),
    st.tuples(st.just("sort"), st.sampled_from(["lr", "-lr", "id", "age"])),
    st.tuples(st.just("update"), st.sets(st.sampled_from(RUN_IDS))),
)


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=60)
def test_marks_keep_their_numbers_and_rows_are_what_the_filter_lets_through(steps: list[tuple[str, Any]]) -> None:
    every = {
        run_id: Listed(
            RunDirectory(Path(run_id)), Status(hyperparameters={"lr": i / 10}, created=float(i + 1)), "finished"
        )
        for i, run_id in enumerate(RUN_IDS)
    }
    listing = Listing()
    listing.update(every)
    for name, argument in steps:
        before = dict(listing.marks)
        if name == "toggle" and argument not in listing.entries:
            continue
        if name == "filter":
            listing.filter(Query.parse(argument))
        elif name == "update":
            listing.update({run_id: every[run_id] for run_id in RUN_IDS if run_id in argument})
        elif name == "toggle_all":
            listing.toggle_all()
        else:
            getattr(listing, name)(argument)
        assert len(set(listing.marks.values())) == len(listing.marks)
        assert all(listing.marks[run_id] == number for run_id, number in before.items() if run_id in listing.marks)
        assert set(listing.marks) <= set(listing.entries)
        expected = {run_id for run_id, entry in listing.entries.items() if listing.query.matches(entry)}
        assert {entry.run.id for entry in listing.rows} == expected


# Comparing


async def test_marked_runs_are_overlaid_with_only_what_differs(make_app: MakeApp, record: Record) -> None:
    runs = [record(0.25, 0.5, 0.45, hours=i + 1, lr=lr, seed=i) for i, lr in enumerate((0.5, 0.05, 0.05))]
    async with make_app().run_test(size=(160, 60)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 3)
        await pilot.press("a")
        chart = screen.query_one("#overlay", Chart)
        await until(pilot, lambda: len(chart.plot.series) == 3)
        assert [series.kind for series in chart.plot.series] == ["run 0", "run 1", "run 2"]
        assert list(chart.plot.series[0].y) == [25, 50, 45]
        text = screen_text(pilot.app)
        assert "3 runs, 3 marked" in text and "Only what differs" in text
        differences = text[text.index("Only what differs") :]
        assert "0.05" in differences and "batch_size" not in differences
        assert "50.00 ± 0.00 (2)" in differences and "at epoch" in differences
        await pilot.press("l", "t")
        await until(pilot, lambda: chart.plot.title == "Train loss")
        assert list(chart.plot.series[0].y) == [0.25, 0.25, 0.25]
        await pilot.press("a")
        await until(pilot, lambda: len(chart.plot.series) == 1)
        assert chart.plot.series[0].name == runs[0].id.rsplit("-", 1)[-1]


async def test_on_a_narrow_screen_the_comparison_takes_the_place_of_the_table(
    make_app: MakeApp, record: Record
) -> None:
    record(0.25, 0.5)
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        assert not screen.query_one("#comparison").display
        await pilot.press("v")
        await until(pilot, lambda: len(screen.query_one("#overlay", Chart).plot.series) == 1)
        assert not screen.query_one("#listing").display and "This run" in screen_text(pilot.app)
        await pilot.press("escape")
        assert screen.query_one(RunTable).has_focus and screen.query_one("#listing").display


def test_an_overlay_leaves_out_what_cannot_be_read(record: Record) -> None:
    good, bad = record(0.5), record(0.25)
    bad.events.unlink()
    bad.events.mkdir()
    plot = overlay([listed(good), listed(bad)], {}, Histories(), "test", "accuracy")
    assert [list(series.y) for series in plot.series] == [[50]]


async def test_of_very_many_marked_runs_the_first_are_compared(make_app: MakeApp, record: Record) -> None:
    for i in range(MOST + 2):
        record(0.5, hours=i + 1)
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == MOST + 2)
        await pilot.press("a")
        await until(pilot, lambda: f"first {MOST} of {MOST + 2} marked" in screen_text(pilot.app))


# What is done to runs


async def test_enter_opens_and_c_takes_into_the_form(
    make_app: MakeApp, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = record(0.5, lr=0.25)
    app, asked = make_app(), []
    monkeypatch.setattr(app, "open_run", lambda run_id: asked.append(run_id))
    monkeypatch.setattr(app, "open_in_form", lambda *given: asked.append(given))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        await pilot.press("enter", "c")
        await until(pilot, lambda: len(asked) == 2)
    assert asked == [run.id, ("mlp", {**VALUES, "lr": 0.25}, f"run {run.id}")]


async def test_a_run_gets_a_name_and_a_note(make_app: MakeApp, record: Record) -> None:
    run = record(0.5)
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        await pilot.press("r", *"last")
        await until(pilot, lambda: "always means the newest run" in screen_text(pilot.app))
        await pilot.press("enter", *" {one}", "enter")
        await until(pilot, lambda: Label.read(run.label).name == "last {one}")
        await pilot.press("n", *"good", "enter")
        await until(pilot, lambda: Label.read(run.label).note == "good")
        await until(pilot, lambda: "last {one}" in screen_text(pilot.app) and "good" in screen_text(pilot.app))


async def test_deleting_asks_spares_what_is_under_way_and_takes_what_is_gone_for_done(
    make_app: MakeApp, record: Record
) -> None:
    kept, live, first, gone = (
        record(0.5, hours=i + 1, state=state) for i, state in enumerate(("finished", "running", "finished", "failed"))
    )
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 4)
        await pilot.press("down", "delete")
        await until(pilot, lambda: "under way cannot be deleted" in said(pilot.app))
        assert not isinstance(pilot.app.screen, Ask)
        await pilot.press("space", "space", "space", "delete")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await until(pilot, lambda: "delete 2" in screen_text(pilot.app))
        assert "1 under way is left alone." in str(pilot.app.screen.query_one(".dialog-text", Static).content)
        shutil.rmtree(gone.path)
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert first.path.exists()
        await pilot.press("delete", "d")
        await until(pilot, lambda: shown(screen) == [kept.id, live.id])
        assert not first.path.exists() and live.path.exists()
        assert not any(note.severity == "error" for note in pilot.app._notifications)


@pytest.mark.parametrize(("key", "suffix"), [("c", "csv"), ("j", "json")])
async def test_exports_go_to_a_file_that_is_named(make_app: MakeApp, record: Record, key: str, suffix: str) -> None:
    run = record(0.5)
    app = make_app()
    target = app.workspace.home / "exports" / f"{run.id}.{suffix}"
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        await pilot.press("e", key)
        await until(pilot, lambda: str(target) in said(app))
    assert "0.5" in target.read_text()


async def test_an_export_that_cannot_be_written_is_said(make_app: MakeApp, record: Record) -> None:
    record(0.5)
    app = make_app()
    (app.workspace.home / "exports").write_text("in the way")
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        await pilot.press("e", "c")
        await until(pilot, lambda: any(note.severity == "error" for note in app._notifications))


async def test_marked_runs_go_on(make_app: MakeApp, record: Record) -> None:
    stopped, finished = record(0.5, state="stopped"), record(0.5, hours=2)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: len(shown(screen)) == 2)
        await pilot.press("a", "u")
        await until(pilot, lambda: app.workspace.queue.submitted == {stopped.id})
        await until(pilot, lambda: "○ queued" in screen_text(app))
        await pilot.press("a", "end", "u")
        await until(pilot, lambda: "Only a run that was stopped" in said(app))
    assert finished.read_status().state == "finished"


async def test_live_runs_are_paused_and_stopped_after_a_question(make_app: MakeApp, record: Record) -> None:
    run = record(0.5, state="running")
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        await pilot.press("p")
        await until(pilot, lambda: read_control(run.control).command == "pause")
        await pilot.press("x", "n")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert read_control(run.control).command == "pause"
        await pilot.press("x", "s")
        await until(pilot, lambda: read_control(run.control).command == "stop")


async def test_the_command_that_trains_the_same_is_copied(make_app: MakeApp, record: Record) -> None:
    record(0.5, lr=0.25)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        await pilot.press("y")
        await until(pilot, lambda: "--lr 0.25" in app.clipboard)
        assert "train mlp" in app.clipboard and str(app.workspace.home) in app.clipboard


async def test_an_order_to_a_run_that_is_gone_is_answered_with_a_sentence(make_app: MakeApp, record: Record) -> None:
    run = record(0.5)
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: shown(screen))
        await pilot.press("r", *"new")
        shutil.rmtree(run.path)
        await pilot.press("enter")
        await until(pilot, lambda: f"Run {run.id} is gone." in said(pilot.app))
        await until(pilot, lambda: "No runs yet." in screen_text(pilot.app))


def test_a_name_is_followed_by_the_words_of_the_id_where_they_fit(record: Record) -> None:
    run = record(0.5)
    Label(name="baseline").write(run.label)
    entry = listed(run)
    assert run_text(entry, 40) == f"baseline  {'-'.join(run.id.rsplit('-', 2)[-2:])}"
    assert run_text(entry, 10) == "baseline"
