"""The Run area: what it shows of recorded runs, and what its keys ask of their workers."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.tui.conftest import screen_text, until
from tui_lab.inspections.catalogue import INSPECTIONS, write_inspection
from tui_lab.inspections.content import (
    Confusion,
    FeatureMap,
    FeatureMaps,
    Filters,
    Guess,
    MapLayer,
    Sample,
    SampleMaps,
    Samples,
    TopLoss,
)
from tui_lab.pictures import Picture
from tui_lab.runs.control import read_control
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.label import Label
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.status import process_started
from tui_lab.runs.store import RunStore
from tui_lab.tui.app import LabApp
from tui_lab.tui.chart import Chart
from tui_lab.tui.dialogs import Ask, AskText, Page
from tui_lab.tui.form import HyperparameterForm
from tui_lab.tui.labs.screen import LabsScreen
from tui_lab.tui.run import screen as screen_module
from tui_lab.tui.run.inspecting import TABS, Inspections
from tui_lab.tui.run.screen import RunScreen
from tui_lab.tui.run.views import ConfusionView
from tui_lab.tui.runs.screen import RunsScreen

MakeApp = Callable[..., LabApp]
Record = Callable[..., RunDirectory]
STEPS = 10  # an epoch
EPOCHS = 5
VALUES = {"lr": 0.1, "batch_size": 128, "epochs": EPOCHS, "seed": 3, "dataset": "mnist", "early_stopping": 4}
WRONG = Sample(7, Picture(2, 2, bytes(12)), 0, (Guess(1, 0.75), Guess(0, 0.25)), 1.386)
CONFUSION = Confusion(2.0, 20, ("cat", "dog", "owl"), ((5, 3, 0), (1, 4, 0), (0, 0, 6)), {(0, 1): (WRONG,)})
FILTERS = Filters(1.0, 20, "features.0, Conv2d", (Picture(2, 2, bytes(12)),), (0.25,), 32)


@pytest.fixture
def first_area() -> str:
    return "run"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setattr("tui_lab.runs.store.git_commit", lambda: "")
    monkeypatch.setattr("tui_lab.runs.store.versions", dict)
    return RunStore(tmp_path / "home")


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


# What is shown


async def test_a_live_run_shows_progress_numbers_and_both_curves(make_app: MakeApp, record: Record) -> None:
    run = record()
    write_events(run, {"kind": "system", "cpu_percent": 195.0, "memory_bytes": 3 << 30})
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        await current(pilot, screen, "chart-loss", "chart-accuracy", "side-lr")
        text = screen_text(pilot.app)
        for part in (
            "● running",
            run.id,
            "mlp · mnist · seed 3 · cpu · 50,890 weights",
            "epoch 3/5",
            "42 %",
            "14 s left",
            "batch 1/10",
            "1,234 samples/s",
            "best epoch 1, chosen on the test split",
            "train − test +10.0 points",
            "early stopping 3 of 4 epochs of patience left",
            "195 %",
            "memory 3.0 GiB",
            "smoothing 0.6",
        ):
            assert part in text, part
        assert line_with(pilot.app, "test   ").split("││")[-1].split()[:4] == ["test", "0.7500", "80.00", "81.25"]
        assert not screen.query_one("#run-summary").display


async def test_a_small_terminal_shows_one_chart_and_the_numbers_in_lines(make_app: MakeApp, record: Record) -> None:
    run = record()
    write_inspection(run, "confusion", CONFUSION)
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await open_run(pilot, run)
        await current(pilot, screen, "chart-loss")
        assert "Loss" in screen_text(pilot.app) and "Accuracy" not in screen_text(pilot.app)
        for part in ("epoch 3/5", "train 0.5000 90.00 %", "test 0.7500 80.00 %", "best 81.25 % @1", "lr 0.1"):
            assert part in screen_text(pilot.app)
        assert line_with(pilot.app, "Pause").rstrip().endswith("? Help")
        await pilot.press("a")
        await current(pilot, screen, "chart-accuracy")
        assert "Accuracy, %" in screen_text(pilot.app) and "Loss" not in screen_text(pilot.app)
        await pilot.press("i")
        await until(pilot, lambda: "predicted" in screen_text(pilot.app))
        assert "Accuracy, %" not in screen_text(pilot.app) and "epoch 3/5" in screen_text(pilot.app)
        await pilot.press("r")
        await current(pilot, screen, "chart-lr", "chart-speed")
        assert "Learning rate" in screen_text(pilot.app)
        await pilot.press("escape")
        await until(pilot, lambda: "Accuracy, %" in screen_text(pilot.app))


async def test_what_a_worker_writes_appears(make_app: MakeApp, record: Record) -> None:
    run = record("queued", epochs=0)
    run.events.unlink()
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await open_run(pilot, run)
        assert "○ queued" in screen_text(pilot.app) and "Waiting for a worker." in screen_text(pilot.app)
        with Recorder(run) as recorder:
            recorder.update(epochs=EPOCHS, steps_per_epoch=STEPS)
            await until(pilot, lambda: "starting the worker" in screen_text(pilot.app))
            recorder.event("started", dataset="mnist")
            recorder.event(**step(1, loss=2.25))
            await until(pilot, lambda: "epoch 1/5" in screen_text(pilot.app))
            assert "2.2500" in line_with(pilot.app, "train  ")
            recorder.event("warning", message="The loss is large.")
            await pilot.press("g")
            await until(pilot, lambda: "warning: The loss is large." in screen_text(pilot.app))
            recorder.update(epoch=5, step=0, last={"test_accuracy": 0.5}, best={"test_accuracy": 0.5, "epoch": 4})
            recorder.finish("finished")
        await until(pilot, lambda: "◆ finished" in screen_text(pilot.app))
        assert "test 50.00 %, best 50.00 % at epoch 4." in screen_text(pilot.app)
        assert "c change something and run again   3 compare" in screen_text(pilot.app)
        assert screen.check_action("pause", ()) is False and "Pause" not in screen_text(pilot.app)


async def test_nothing_is_put_on_the_screen_when_nothing_has_changed(
    make_app: MakeApp, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = record()
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await open_run(pilot, run)
        shows, looks = [], []
        monkeypatch.setattr(screen, "_show", lambda seen: shows.append(seen))
        look = screen._follower.look
        monkeypatch.setattr(screen._follower, "look", lambda: looks.append(1) or look())
        await until(pilot, lambda: len(looks) >= 3)
        assert not shows
        write_events(run, step(30))
        await until(pilot, lambda: shows)


async def test_an_area_that_is_not_shown_reads_nothing(make_app: MakeApp, record: Record) -> None:
    run = record()
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await open_run(pilot, run)
        pilot.app.action_area("runs")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
        await until(pilot, lambda: not screen._is_looking)
        screen._tick(is_due=True)
        assert not screen._is_looking
        pilot.app.action_area("run")
        write_events(run, step(49))
        await until(pilot, lambda: "98 %" in screen_text(pilot.app))


async def test_a_published_value_stands_beside_the_numbers_and_in_the_accuracy(
    make_app: MakeApp, record: Record
) -> None:
    run = record(preset="fig-2.05")
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        assert "67.71" in line_with(pilot.app, "0.7500")
        (accuracy,) = await current(pilot, screen, "chart-accuracy")
        (report,) = (series for series in accuracy.plot.series if series.name == "report")
        assert list(report.y) == pytest.approx([67.71] * 2) and report.x[0] < report.x[1] == 2.1


async def test_a_name_of_the_users_own_is_shown(make_app: MakeApp, record: Record) -> None:
    run = record("finished")
    Label(name="baseline").write(run.label)
    async with make_app().run_test(size=(120, 40)) as pilot:
        await open_run(pilot, run)
        assert "baseline" in line_with(pilot.app, run.id)
        Label(name="the best one").write(run.label)
        await pilot.app.refresh_runs()
        await until(pilot, lambda: "the best one" in line_with(pilot.app, run.id))


async def test_the_end_says_how_and_what_to_do(make_app: MakeApp, record: Record) -> None:
    ends: list[tuple[str, dict[str, str], list[str]]] = [
        ("stopped", {}, ["■ stopped", "Stopped in epoch 3", "u go on"]),
        ("crashed", {}, ["✕ crashed", "Crashed", "u go on from the last checkpoint"]),
        (
            "failed",
            {"message": "The loss is NaN.", "hint": "Lower lr."},
            ["The loss is NaN.", "Lower lr.", "g its log"],
        ),
        ("queued", {}, ["Waiting for a worker.", "x take it out of the queue"]),
    ]
    runs = [record(state, **changes) for state, changes, _ in ends]
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await open_run(pilot, runs[0])
        for run, (_, _, parts) in zip(runs, ends, strict=True):
            screen.open_run(run.id)
            await until(pilot, lambda parts=parts: all(part in screen_text(pilot.app) for part in parts))
            assert "Pause" not in screen_text(pilot.app)


# Without a run, and with a broken one


async def test_without_a_run_it_says_what_to_press_and_shows_the_first_one(make_app: MakeApp, record: Record) -> None:
    async with make_app().run_test(size=(80, 24)) as pilot:
        (await ready(pilot)).action_area("run")
        await until(pilot, lambda: "No run yet." in screen_text(pilot.app))
        for key in ("space", "x", "k", "u", "plus", "c", "i", "z", "l", "e", "r", "g", "o", "less_than_sign"):
            await pilot.press(key)
        assert "No run yet." in screen_text(pilot.app) and not said(pilot.app)
        run = record()
        await pilot.app.refresh_runs()
        await until(pilot, lambda: run.id in screen_text(pilot.app))


async def test_the_newest_live_run_is_shown_when_none_was_asked_for(make_app: MakeApp, record: Record) -> None:
    record("finished")
    live, _ = record("running"), record("finished")
    async with make_app().run_test(size=(80, 24)) as pilot:
        (await ready(pilot)).action_area("run")
        await until(pilot, lambda: live.id in screen_text(pilot.app))


async def test_a_run_deleted_while_shown_leaves_a_message_in_its_place(make_app: MakeApp, record: Record) -> None:
    run, other = record(), record("finished")
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await open_run(pilot, run)
        shutil.rmtree(run.path)
        await until(pilot, lambda: f"Run {run.id} is gone." in screen_text(pilot.app))
        assert "3 shows the others" in screen_text(pilot.app)
        await pilot.app.refresh_runs()
        await pilot.press("space", "x", "plus", "c", "i", "e")
        assert f"Run {run.id} is gone." in screen_text(pilot.app) and not isinstance(pilot.app.screen, Ask)
        screen.open_run(other.id)
        await until(pilot, lambda: "◆ finished" in screen_text(pilot.app))


async def test_garbled_files_show_what_can_be_read(make_app: MakeApp, record: Record) -> None:
    run = record()
    with run.events.open("ab") as file:
        file.write(b'\xff\xfe\n[]\n{"kind": 3}\n' + b"x" * 100 + b"\n")
    write_events(
        run,
        {"kind": "step", "epoch": "Infinity", "total_step": "Infinity", "elapsed": [], "loss": {}, "lr": "NaN"},
        {"kind": "epoch"},
        {"kind": "system", "cpu_percent": "NaN", "memory_bytes": "many"},
        {"kind": "warning", "message": ["\x1b[31m", 3]},
        {"kind": "started", "dataset": 3, "parameters": "many", "resumed_from": "nowhere"},
    )
    run.log.write_bytes(b"\x1b[31mred\x1b[0m\xff\n")
    run.inspections.mkdir()
    (run.inspections / "confusion.json").write_text("{")
    write_status(run, best={"epoch": "NaN", "test_accuracy": "Infinity"}, last={"train_loss": "NaN"})
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        await until(pilot, lambda: "It cannot be read at the moment." in screen_text(pilot.app))
        await pilot.press("g")
        await until(pilot, lambda: "4 unreadable lines" in screen_text(pilot.app))
        assert "\x1b" not in screen_text(pilot.app) and "red" in screen_text(pilot.app)
        run.status.write_text("nonsense")
        await until(pilot, lambda: screen._seen.snapshot.status.epoch == 0)
        assert screen.is_running and run.id in screen_text(pilot.app)


async def test_a_loss_that_is_not_a_number_is_a_visible_gap(make_app: MakeApp, record: Record) -> None:
    run = record(epochs=0)
    write_events(run, *(step(i, loss="NaN" if i == 5 else 0.5) for i in range(2, 10)))
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await open_run(pilot, run)
        (chart,) = await current(pilot, screen, "chart-loss")
        (train,) = (series for series in chart.plot.series if series.name == "train")
        assert [math.isnan(y) for y in train.y].count(True) == 1
        assert "not finite" in screen_text(pilot.app)


# Curves


async def test_keys_change_how_curves_are_drawn_and_it_is_kept(
    make_app: MakeApp, record: Record, tmp_path: Path
) -> None:
    run = record()
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        (loss,) = await current(pilot, screen, "chart-loss")
        assert loss.plot.x_label == "epoch" and not loss.plot.y_log
        for key, label in (("s", "step"), ("t", "seconds"), ("e", "epoch")):
            await pilot.press(key)
            await until(pilot, lambda label=label: loss.plot.x_label == label)
        await pilot.press("l")
        await until(pilot, lambda: loss.plot.y_log)
        await pilot.press(*["right_square_bracket"] * 12)
        await until(pilot, lambda: "log y  smoothing 0.99" in screen_text(pilot.app))
        await pilot.press(*["left_square_bracket"] * 12, "s")
        await until(pilot, lambda: "smoothing 0" in screen_text(pilot.app) and pilot.app.settings.smoothing == 0)
        await pilot.press("z")
        await until(pilot, lambda: loss.is_current and min(one.x[0] for one in loss.plot.series) > 1)
        assert "the end" in screen_text(pilot.app)
        await pilot.press("z")
        await until(pilot, lambda: loss.is_current and min(one.x[0] for one in loss.plot.series) == 1)
    kept = (tmp_path / "home" / "settings.toml").read_text()
    assert 'axis = "total_step"' in kept and "smoothing = 0.0" in kept and "log_loss = true" in kept


async def test_the_cursor_of_one_chart_reads_out_all_of_them(make_app: MakeApp, record: Record) -> None:
    run = record()
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        loss, accuracy, rate = await current(pilot, screen, "chart-loss", "chart-accuracy", "side-lr")
        assert loss.has_focus
        await pilot.press("left")
        await until(pilot, lambda: accuracy.cursor is not None)
        assert accuracy.cursor == loss.cursor == rate.cursor
        assert dict(accuracy.readout())["train"] == "75" and ("learning rate", "0.1") in rate.readout()
        assert "train 75" in line_with(pilot.app, "Accuracy, %")
        await pilot.press("escape")
        await until(pilot, lambda: accuracy.cursor is None)
        assert loss.cursor is None


# Control


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


# Looks inside


async def test_inspections_come_as_tabs_and_a_cell_opens_its_samples(make_app: MakeApp, record: Record) -> None:
    run = record()
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        assert "Confusion" not in screen_text(pilot.app) and "Rate" in screen_text(pilot.app)
        write_inspection(run, "confusion", CONFUSION)
        await until(pilot, lambda: "cat, taken for dog: 3 of 8" in screen_text(pilot.app))
        await pilot.press("i", "down")
        view = screen.query_one(ConfusionView)
        assert view.has_focus and view._cell == (0, 1)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, Page))
        assert "cat, taken for dog: 3" in screen_text(pilot.app) and "75 %" in screen_text(pilot.app)
        await pilot.press("escape")
        await pilot.press("left", "down", "down", "right", "right", "right")
        assert view._cell == (2, 2)
        await pilot.press("enter")
        await until(pilot, lambda: "Right answers are not kept" in screen_text(pilot.app))
        await pilot.press("escape", "up", "left")
        assert view._cell == (1, 1)
        await pilot.press("left", "enter")
        await until(pilot, lambda: "No sample of this cell was kept." in screen_text(pilot.app))


async def test_a_click_chooses_a_cell_and_another_opens_it(make_app: MakeApp, record: Record) -> None:
    run = record()
    write_inspection(run, "confusion", CONFUSION)
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        await until(pilot, lambda: "predicted" in screen_text(pilot.app))
        lines = screen_text(pilot.app).splitlines()
        row = next(y for y, line in enumerate(lines) if line.split()[:4] == ["cat", "5", "3", "."])
        place = lines[row].index("3"), row
        await pilot.click(offset=place)
        assert screen.query_one(ConfusionView)._cell == (0, 1)
        await pilot.click(offset=place)
        await until(pilot, lambda: isinstance(pilot.app.screen, Page))


async def test_only_the_tab_that_is_looked_at_is_drawn_and_again_when_it_changes(
    make_app: MakeApp, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    from tui_lab.tui.run import inspecting

    read = inspecting.read_inspection
    monkeypatch.setattr(inspecting, "read_inspection", lambda run, name: drawn.append(name) or read(run, name))
    run = record()
    write_inspection(run, "confusion", CONFUSION)
    write_inspection(run, "filters", FILTERS)
    async with make_app("labs").run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        await until(pilot, lambda: "predicted" in screen_text(pilot.app))
        assert drawn == ["confusion"]
        tabs = screen.query_one(Inspections).tabs
        await pilot.press("i", "right")
        await until(pilot, lambda: tabs.active == "tab-filters" and "Mid-grey is 0" in screen_text(pilot.app))
        await pilot.press("left")
        await until(pilot, lambda: tabs.active == "tab-confusion")
        assert drawn == ["confusion", "filters"]
        more = Confusion(3.0, 30, CONFUSION.class_names, ((8, 0, 0), (5, 0, 0), (0, 0, 6)), {})
        write_inspection(run, "confusion", more)
        await until(pilot, lambda: "dog, taken for cat: 5 of 5" in screen_text(pilot.app))
        assert drawn == ["confusion", "filters", "confusion"]


async def test_samples_go_on_to_the_worst_ones_page_by_page(make_app: MakeApp, record: Record) -> None:
    run = record()
    names = CONFUSION.class_names
    samples = tuple(replace(WRONG, index=i, loss=40.0 - i) for i in range(15))
    right = replace(WRONG, label=WRONG.predicted, loss=0.5)
    write_inspection(run, "samples", Samples(2.0, 20, names, (WRONG,)))
    write_inspection(run, "top-loss", TopLoss(2.0, 20, names, 40, 15, (*samples, right)))
    async with make_app("labs").run_test(size=(80, 24)) as pilot:
        screen = await open_run(pilot, run)
        await pilot.press("i")
        await until(pilot, lambda: "the same dozen" in screen_text(pilot.app))
        await pilot.press("down", "m")
        await until(pilot, lambda: "1 to 12 of the 16 samples with the highest loss" in screen_text(pilot.app))
        await pilot.press("n")
        await until(pilot, lambda: "13 to 16 of the 16 samples" in screen_text(pilot.app))
        await pilot.press("m")
        await until(pilot, lambda: "1 to 12 of the 15 misclassified ones" in screen_text(pilot.app))
        await pilot.press("p")  # from the first page to the last
        await until(pilot, lambda: "13 to 15 of the 15 misclassified ones" in screen_text(pilot.app))
        other = record("finished")
        write_inspection(other, "samples", Samples(2.0, 20, names, (WRONG,)))
        screen.open_run(other.id)
        await until(pilot, lambda: other.id in screen_text(pilot.app) and "✗ dog" in screen_text(pilot.app))
        assert "misclassified ones" not in screen_text(pilot.app)


async def test_keys_choose_the_image_whose_feature_maps_are_shown(make_app: MakeApp, record: Record) -> None:
    run = record()
    layer = MapLayer("conv1", "features.0", "relu", 8, 3, 8, 8, 0.0, 1.5, (FeatureMap(7, 0.9, bytes(64)),))
    of_image = replace(WRONG, shown=Picture(8, 8, bytes(192)))
    maps = tuple(SampleMaps(replace(of_image, index=i), (layer,)) for i in range(3))
    write_inspection(run, "feature-maps", FeatureMaps(2.0, 20, CONFUSION.class_names, maps))
    async with make_app("labs").run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("i")
        await until(pilot, lambda: "Image 1 of 3" in screen_text(pilot.app))
        await pilot.press("down", "p")
        await until(pilot, lambda: "Image 3 of 3" in screen_text(pilot.app))
        await pilot.press("n", "right")
        await until(pilot, lambda: "Image 2 of 3" in screen_text(pilot.app))
        await pilot.press("m")
        await until(pilot, lambda: "In the order of the channels" in screen_text(pilot.app))
        assert "Image 2 of 3" in screen_text(pilot.app)
        await pilot.press("escape", "i")  # the tabs, and the charts
        await until(pilot, lambda: "Image 2 of 3" not in screen_text(pilot.app))


def test_every_inspection_has_a_tab() -> None:
    assert sorted(name for tab in TABS.values() for name in tab.names) == sorted(INSPECTIONS)


async def test_another_run_does_not_show_what_was_found_in_the_first(make_app: MakeApp, record: Record) -> None:
    first, second = record("finished"), record("finished")
    write_inspection(first, "confusion", CONFUSION)
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, first)
        await until(pilot, lambda: "predicted" in screen_text(pilot.app))
        screen.open_run(second.id)
        await until(pilot, lambda: second.id in screen_text(pilot.app) and "◆" in screen_text(pilot.app))
        assert "predicted" not in screen_text(pilot.app) and "Confusion" not in screen_text(pilot.app)


async def test_the_log_shows_the_end_of_the_workers_output(make_app: MakeApp, record: Record) -> None:
    run = record("crashed")
    run.log.write_text("".join(f"line {i}\n" for i in range(500)))
    async with make_app().run_test(size=(80, 24)) as pilot:
        await open_run(pilot, run)
        await pilot.press("g")
        await until(pilot, lambda: "line 499" in screen_text(pilot.app))
        run.log.write_text(run.log.read_text() + "out of memory\n")
        await until(pilot, lambda: "out of memory" in screen_text(pilot.app))


async def test_it_survives_a_terminal_that_becomes_tiny_and_large(make_app: MakeApp, record: Record) -> None:
    run = record()
    write_inspection(run, "confusion", CONFUSION)
    async with make_app().run_test(size=(160, 45)) as pilot:
        screen = await open_run(pilot, run)
        for size in ((20, 5), (80, 24), (200, 60)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        await current(pilot, screen, "chart-loss", "chart-accuracy", "side-lr", "side-speed")
        assert "Samples a second" in screen_text(pilot.app) and "epoch 3/5" in screen_text(pilot.app)
        assert screen.query_one("#run-numbers", Static).display


async def test_a_run_that_is_opened_before_the_screen_is_mounted_stays(make_app: MakeApp, record: Record) -> None:
    run = record()
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await open_run(pilot, run)
        screen.on_mount()  # as when its message comes late
        await pilot.pause()
        assert not screen.has_class("-nothing")
        assert run.id in screen_text(pilot.app)
