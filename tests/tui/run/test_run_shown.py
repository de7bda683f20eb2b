"""The Run area: what it shows of recorded runs, of none, and of broken ones."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import pytest
from textual.widgets import Static

from tests.tui.conftest import screen_text, until
from tests.tui.run.area import (
    CONFUSION,
    EPOCHS,
    STEPS,
    MakeApp,
    Record,
    current,
    line_with,
    open_run,
    ready,
    said,
    step,
    write_events,
    write_status,
)
from tui_lab.inspections.catalogue import write_inspection
from tui_lab.runs.label import Label
from tui_lab.runs.recorder import Recorder
from tui_lab.tui.dialogs import Ask
from tui_lab.tui.runs.screen import RunsScreen

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
