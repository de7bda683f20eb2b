"""`runs watch`: what it draws, and how it behaves in a real terminal."""

import fcntl
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import termios
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text
from typer.testing import CliRunner

from tests.cli.terminal import Terminal
from tests.waiting import wait_until
from tui_lab.charts.look import DARK, Look
from tui_lab.charts.training import curves, time_unit
from tui_lab.cli import watch_view
from tui_lab.cli.keys import Keys
from tui_lab.cli.main import app
from tui_lab.cli.watch import SMOOTHINGS, changed
from tui_lab.cli.watch_view import Settings, View
from tui_lab.runs.control import read_control
from tui_lab.runs.directory import Request, RunDirectory
from tui_lab.runs.history import History
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.sentences import Position, Snapshot, epoch_line, outcome
from tui_lab.runs.status import STATES, Status

RUN_ID = "20260101-120000-mlp-fern"
STEPS = 10  # an epoch
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"  # the alternate screen
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PLAIN = {"NO_COLOR": "1", "COLUMNS": "", "LINES": ""}  # sizes are then the terminal's own


def step_event(total_step, loss=None, accuracy=None):
    return {
        "kind": "step",
        "epoch": total_step / STEPS,
        "total_step": total_step,
        "elapsed": total_step / 2,
        "steps": 1,
        "loss": 1 / total_step if loss is None else loss,
        "accuracy": 1 - 1 / total_step if accuracy is None else accuracy,
        "lr": 0.1,
    }


def epoch_event(epoch):
    return {
        "kind": "epoch",
        "epoch": epoch,
        "total_step": epoch * STEPS,
        "elapsed": epoch * STEPS / 2,
        "train_loss": 1 / epoch,
        "train_accuracy": 1 - 1 / (2 * epoch),
        "test_loss": 1.5 / epoch,
        "test_accuracy": 1 - 1 / (1.5 * epoch),
        "lr": 0.1,
        "is_best": True,
    }


def history_of(epochs, *events):
    history = History()
    for epoch in range(epochs):
        for step in range(STEPS):
            history.add(step_event(epoch * STEPS + step + 1))
        history.add(epoch_event(epoch + 1))
    for event in events:
        history.add(event)
    return history


def snapshot_of(state="running", epochs=3, *events, **status):
    last = {name: value for name, value in epoch_event(epochs).items() if "_" in name and name != "total_step"}
    given = {
        "epoch": epochs,
        "epochs": 20,
        "steps_per_epoch": STEPS,
        "elapsed": epochs * STEPS / 2,
        "device": "cpu",
        "threads": 2,
        "precision": "fp32",
        "preset": "fig-1.02",
        "images_per_second": 4120.0,
        "last": last,
        "best": {"epoch": 2, "test_accuracy": 0.875},
        **status,
    }
    return Snapshot(RUN_ID, history_of(epochs, *events), Status(state=state, **given), state)


def lines(snapshot, size, chosen=Settings(), look=Look(color=False), **more):  # noqa: B008
    return View(look).picture(snapshot, size, chosen, **more).plain.split("\n")


# What is drawn


def test_an_ordinary_terminal_shows_both_charts_one_above_the_other():
    shown = lines(snapshot_of(), (80, 24))
    titles = [i for i, line in enumerate(shown) if line.startswith(("Loss", "Accuracy, %"))]
    assert len(shown) == 24 and len(titles) == 2 and titles[1] - titles[0] > 5
    assert RUN_ID in shown[0] and "fig-1.02" in shown[0] and "cpu, 2 threads, fp32" in shown[0]
    assert shown[0].endswith("● running")
    assert shown[1].startswith(" epoch 4/20 ━") and "15 %" in shown[1] and "1 min 25 s left" in shown[1]
    assert "train 0.3333  83.33 %   test 0.5000  77.78 %   best 87.50 % @2   lr 0.1" in shown[2]
    assert "4,120 samples/s" in shown[-1]


def test_a_wide_terminal_shows_the_charts_side_by_side():
    shown = lines(snapshot_of(), (160, 45))
    assert [re.split(" {2,}", line.strip()) for line in shown if "Loss" in line] == [["Loss", "Accuracy, %"]]


@pytest.mark.parametrize(("only", "title"), [("", "Loss"), ("loss", "Loss"), ("accuracy", "Accuracy, %")])
def test_a_low_terminal_shows_one_chart_at_a_time(only, title):
    shown = lines(snapshot_of(), (80, 18), Settings(only=only))
    assert [line.strip() for line in shown if line.startswith(("Loss", "Accuracy"))] == [title]


finite_or_not = st.floats(width=32) | st.sampled_from([math.nan, math.inf, -math.inf])


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 200),
    height=st.integers(1, 60),
    state=st.sampled_from(STATES),
    losses=st.lists(finite_or_not, max_size=5),
    chosen=st.builds(
        Settings,
        log_loss=st.booleans(),
        smoothing=st.sampled_from(SMOOTHINGS),
        axis=st.sampled_from(["epoch", "total_step", "elapsed"]),
        only=st.sampled_from(["", "loss", "accuracy"]),
    ),
    message=st.text(max_size=100),
    epochs=st.integers(0, 3),
    ascii_only=st.booleans(),
)
def test_every_picture_fits_its_screen(width, height, state, losses, chosen, message, epochs, ascii_only):
    steps = [step_event(i + 1, loss=loss, accuracy=loss) for i, loss in enumerate(losses)]
    log = [{"kind": "warning", "message": message}] if message else []
    status = Status(
        state=state,
        epochs=epochs,
        steps_per_epoch=4,
        message=message,
        last={"test_loss": math.nan, "test_accuracy": math.nan},
    )
    snapshot = Snapshot(RUN_ID, history_of(0, *steps, *log), status, state)
    look = Look(color=False, ascii=ascii_only)
    shown = lines(
        snapshot, (width, height), chosen, look, footer=Text(" q leave"), note="Asked to pause." if losses else ""
    )
    assert len(shown) <= height
    assert all(cell_len(line) <= width for line in shown)
    if ascii_only:
        assert all(line.isascii() for line in shown)


def test_colours_are_those_of_the_charts():
    picture = View(Look()).picture(snapshot_of(), (160, 45), Settings())
    for kind in ("train", "test"):
        colour = "#{:02x}{:02x}{:02x}".format(*DARK.kinds[kind])
        drawn = {picture.plain[span.start : span.end] for span in picture.spans if str(span.style) == colour}
        assert f"{kind} " in drawn and any(not part.isascii() for part in drawn)  # beside its numbers, and a curve


def test_curves_are_raw_under_smoothed_training_and_every_evaluation():
    history = history_of(4)
    found = {series.name: series for series in curves(history, "accuracy", smoothing=0.5, axis="total_step")}
    assert list(found) == ["raw", "train", "test"]
    raw = [100 * (1 - 1 / step) for step in range(1, 41)]
    assert found["raw"].y == pytest.approx(raw) and found["raw"].faint
    weights = [[0.5 ** (step - i) for i in range(step + 1)] for step in range(40)]
    means = [sum(w * y for w, y in zip(row, raw, strict=False)) / sum(row) for row in weights]
    assert found["train"].y == pytest.approx(means)
    assert found["test"].x == [10, 20, 30, 40]
    assert found["test"].y == pytest.approx([100 * (1 - 1 / (1.5 * epoch)) for epoch in range(1, 5)])


def test_epochs_shorter_than_the_time_between_step_events_are_the_training_curve_themselves():
    history = History()
    history.add(step_event(1))
    for epoch in range(1, 5):
        history.add(epoch_event(epoch))
    train = curves(history, "loss", smoothing=0)[1]
    assert (train.name, train.x, train.y) == ("train", [1, 2, 3, 4], [1, 1 / 2, 1 / 3, 1 / 4])


def test_the_time_axis_is_in_the_unit_that_suits_the_run():
    assert time_unit(history_of(3)) == ("seconds", 1)
    long = history_of(40)
    assert time_unit(long) == ("minutes", 60)
    assert curves(long, "loss", axis="elapsed")[0].x[-1] == pytest.approx(200 / 60)
    assert any("minutes" in line for line in lines(snapshot_of(epochs=40), (80, 24), Settings(axis="elapsed")))


def test_progress_follows_the_log_where_it_is_ahead_of_the_status():
    snapshot = snapshot_of("running", 3, step_event(34))
    position = Position.of(snapshot)
    assert (position.epoch, position.step, position.elapsed) == (3, 4, 17.0)
    assert position.share == pytest.approx(34 / 200)
    assert position.seconds_left == pytest.approx(17.0 * 166 / 34)
    ahead = replace(snapshot.status, epoch=5)
    assert Position.of(replace(snapshot, status=ahead)).epoch == 5


def test_the_newest_line_of_the_log_is_shown_until_there_is_something_to_answer():
    snapshot = snapshot_of("running", 3, {"kind": "log", "message": "old"}, {"kind": "warning", "message": "too\nhot"})
    assert lines(snapshot, (80, 24))[-1] == " warning: too hot"
    assert lines(snapshot, (80, 24), note="Asked to pause.")[-1] == " Asked to pause."


def test_what_a_worker_takes_of_the_machine_is_shown_while_it_lives():
    gib = 2**30
    machine = {"kind": "system", "cpu_percent": 196.4, "memory_bytes": 1.1 * gib, "memory_free_bytes": 20 * gib}
    gpu = {"gpu_percent": 97, "gpu_memory_bytes": 3 * gib, "gpu_memory_free_bytes": 136 * gib}
    shown = lines(snapshot_of("running", 3, machine | gpu), (120, 24))[-1]
    assert "cpu 196 %   memory 1.1 GiB (20.0 GiB free)   gpu 97 %  3.0 GiB (136.0 GiB free)" in shown
    assert "cpu" not in lines(snapshot_of("finished", 3, machine), (120, 24))[-1]


@pytest.mark.parametrize(
    ("state", "sentence", "hint"),
    [
        ("queued", "Waiting for a worker.", ""),
        ("finished", "Finished in 15 s: test 77.78 %, best 87.50 % at epoch 2. Enough.", "Try more."),
        ("stopped", "Stopped in epoch 4, step 0.", "Try more."),
        ("failed", "Failed in epoch 4, step 0: Enough.", "Try more."),
        ("crashed", "Crashed in epoch 4, step 0: Enough.", f"Go on with: tui-lab runs resume {RUN_ID}"),
    ],
)
def test_the_end_of_a_run_is_told_with_what_to_do(state, sentence, hint):
    snapshot = snapshot_of(state, message="Enough.", hint="Try more.")
    assert outcome(snapshot) == (sentence, hint)
    shown = lines(snapshot, (80, 24))
    assert sentence in shown[-2:][0].strip() or sentence in shown[-1]
    assert hint in shown[-1]


def test_a_chart_is_drawn_again_only_when_data_size_or_settings_have_changed(monkeypatch):
    drawn = []
    draw = watch_view.draw
    monkeypatch.setattr(watch_view, "draw", lambda *given, **more: drawn.append(more["title"]) or draw(*given, **more))

    def newly_drawn(snapshot, size=(80, 24), chosen=Settings(), **more):  # noqa: B008
        drawn.clear()
        view.picture(snapshot, size, chosen, **more)
        return list(drawn)

    view, both = View(Look()), ["Loss", "Accuracy, %"]
    old, new = snapshot_of(), snapshot_of("running", 3, step_event(31))
    assert newly_drawn(old) == both
    assert newly_drawn(replace(old, status=replace(old.status, images_per_second=1.0))) == []
    assert newly_drawn(new, keep_charts=True) == []
    assert newly_drawn(new) == both
    assert newly_drawn(new) == []
    assert newly_drawn(new, (81, 24), keep_charts=True) == both
    assert newly_drawn(new, (81, 24), Settings(log_loss=True), keep_charts=True) == both


# Keys


def test_keys_choose_what_is_shown():
    chosen = Settings()
    assert changed(chosen, "l").log_loss and not changed(changed(chosen, "l"), "l").log_loss
    assert [changed(chosen, key).axis for key in "est"] == ["epoch", "total_step", "elapsed"]
    assert [changed(chosen, key).only for key in "ao"] == ["accuracy", "loss"]
    assert changed(changed(chosen, "a"), "a").only == ""
    assert changed(chosen, "z") == chosen


@given(st.floats(0, 0.99), st.text("[]", max_size=20))
def test_smoothing_stays_in_range(smoothing, pressed):
    chosen = Settings(smoothing=smoothing)
    for key in pressed:
        new = changed(chosen, key)
        assert 0 <= new.smoothing <= 0.99
        assert new.smoothing <= chosen.smoothing if key == "[" else new.smoothing >= chosen.smoothing
        chosen = new


@pytest.fixture
def keyboard(monkeypatch):
    """Keys on a pseudo-terminal, and the other end of it."""
    other_end, terminal = os.openpty()
    with os.fdopen(terminal) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield Keys(), other_end
    os.close(other_end)


def test_keys_come_one_by_one_without_echo_and_the_terminal_is_given_back(keyboard):
    keys, other_end = keyboard
    before = termios.tcgetattr(other_end)
    with keys:
        assert not termios.tcgetattr(other_end)[3] & (termios.ECHO | termios.ICANON)
        for typed, expected in [
            (b"ql", ["q", "l"]),
            (b"\x1b", ["escape"]),
            (b"\x1b[A\x1bOP\x1b[15~]", ["]"]),
            (b"\x1a", ["suspend"]),
            ("ü".encode(), ["ü"]),
        ]:
            os.write(other_end, typed)
            assert keys.read(10) == expected
        assert keys.read(0) == []
    assert termios.tcgetattr(other_end) == before


def test_without_a_terminal_there_are_no_keys(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with Keys() as keys:
        assert not keys.is_there and keys.read(0) == []


# In a pipe


@pytest.fixture
def run(tmp_path):
    """A run directory, queued."""
    run = RunDirectory(tmp_path / "runs" / RUN_ID)
    run.path.mkdir(parents=True)
    run.write_request(Request("mlp", {"epochs": 20}, created=1.0))
    return run


def record(recorder, epochs, first=0):
    """Write `epochs` epochs, with two steps each."""
    recorder.update(epochs=20, steps_per_epoch=STEPS, device="cpu", threads=1, precision="fp32")
    for epoch in range(first, first + epochs):
        for total_step in (epoch * STEPS + 1, (epoch + 1) * STEPS):
            recorder.event(**step_event(total_step))
        recorder.event(**epoch_event(epoch + 1))
        last = {name: value for name, value in epoch_event(epoch + 1).items() if name.endswith(("loss", "accuracy"))}
        recorder.update(epoch=epoch + 1, elapsed=(epoch + 1) * 5.0, last=last, best={"epoch": epoch + 1, **last})


@pytest.fixture
def finished(run):
    with run.held(), Recorder(run) as recorder:
        record(recorder, 4)
        recorder.finish("finished")
    return run


def home_of(run):
    return ["--home", str(run.path.parents[1])]


@pytest.mark.parametrize("once", [["--once"], []])
def test_a_run_that_has_ended_is_one_picture_in_a_pipe(finished, once):
    result = CliRunner().invoke(app, [*home_of(finished), "runs", "watch", RUN_ID, *once], catch_exceptions=False)
    assert result.exit_code == 0 and "\x1b" not in result.output
    shown = result.output.splitlines()
    assert len(shown) == 30 and all(len(line) <= 100 for line in shown)
    assert "Loss" in result.output and shown[-1].startswith(" Finished in 20 s: test")


def test_ascii_mode_prints_7_bits(finished, monkeypatch):
    monkeypatch.setenv("TUI_LAB_ASCII", "1")
    result = CliRunner().invoke(app, [*home_of(finished), "runs", "watch", RUN_ID, "--once"], catch_exceptions=False)
    assert result.output.isascii() and "Loss" in result.output


def test_a_pipe_gets_a_line_for_every_epoch_until_the_run_ends(run):
    command = [sys.executable, "-m", "tui_lab", *home_of(run), "runs", "watch", RUN_ID]
    with run.held(), Recorder(run) as recorder:
        record(recorder, 2)
        recorder.save_history()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
            seen = [watching.stdout.readline() for _ in range(2)]
            record(recorder, 1, first=2)
            seen.append(watching.stdout.readline())
            recorder.finish("failed", "The loss is NaN.", "Lower lr.", 1)
            rest, said = watching.communicate()
    assert [line.rstrip("\n") for line in seen] == [epoch_line(epoch_event(epoch)) for epoch in (1, 2, 3)]
    assert rest == "" and watching.returncode == 0
    assert said == f"{RUN_ID}: Failed in epoch 4, step 0: The loss is NaN. Lower lr.\n"


def test_an_epoch_line_has_every_split_that_was_evaluated():
    event = {"epoch": 12, "train_loss": 0.5, "train_accuracy": 0.75, "validation_loss": "NaN", "lr": 0.1, "is_best": 1}
    assert epoch_line(event) == "epoch   12  train 0.5000 75.00 %  validation nan - %  lr 0.1  *"


# In a terminal


def watching(run, **more):
    return Terminal(*home_of(run), "runs", "watch", RUN_ID, **{"environment": PLAIN, **more})


def assert_left(terminal, code=0):
    """The viewer has ended, and the terminal is as it was."""
    assert terminal.wait() == code
    assert "Traceback" not in terminal.output
    assert terminal.output.rindex(LEAVE) > terminal.output.rindex(ENTER)
    assert terminal.output.rindex("\x1b[?25h") > terminal.output.rindex("\x1b[?25l")  # the cursor
    return ESCAPES.sub("", terminal.output.split(LEAVE)[-1]).replace("\r\n", "\n")


def test_a_finished_run_stays_on_the_screen_until_one_leaves_and_leaves_its_picture_behind(finished):
    with watching(finished) as terminal:
        terminal.until("leave")
        assert "Finished in 20 s" in terminal.output and "Loss" in terminal.output
        terminal.send("l")
        terminal.until("log y")
        terminal.send("q")
        after = assert_left(terminal)
    assert "Loss" in after and "log y" in after and "Finished in 20 s" in after and "leave" not in after


def test_a_live_run_is_controlled_and_left_alone(run):
    with run.held(), Recorder(run) as recorder:
        record(recorder, 3)
        with watching(run) as terminal:
            terminal.until("epoch 4/20")
            terminal.send("p")
            terminal.until("Asked to pause.")
            assert read_control(run.control).command == "pause"
            recorder.update(state="paused")
            terminal.until("◐ paused")
            terminal.send("p")
            terminal.until("Asked to continue.")
            assert read_control(run.control).command == "run"
            terminal.send("x")
            terminal.until("Stop the run?")
            terminal.send("n")
            terminal.send("x")
            terminal.send("y")
            terminal.until("Asked to stop.")
            assert read_control(run.control).command == "stop"
            record(recorder, 1, first=3)
            terminal.until("epoch 5/20")
            terminal.send("q")
            after = assert_left(terminal)
        assert run.read_status().actual_state() == "paused"
    home = run.path.parents[1]
    assert f"{RUN_ID} stays paused.\nCome back: tui-lab --home {home} runs watch {RUN_ID}\n" in after
    assert f"tui-lab --home {home} runs stop {RUN_ID}\n" in after


@pytest.mark.parametrize("key", ["\x03", "\x1b"])
def test_ctrl_c_and_escape_leave_too(run, key):
    with run.held(), Recorder(run) as recorder:
        record(recorder, 1)
        with watching(run) as terminal:
            terminal.until("epoch 2/20")
            terminal.send(key)
            come_back = f"Come back: tui-lab --home {run.path.parents[1]} runs watch {RUN_ID}"
            assert f"{RUN_ID} goes on.\n{come_back}\n" in assert_left(terminal)
        assert run.read_status().actual_state() == "running"


def test_the_end_of_the_run_a_larger_terminal_and_a_deleted_directory_are_noticed(run):
    with watching(run) as terminal:
        terminal.until("Waiting for a worker.")
        with run.held(), Recorder(run) as recorder:
            record(recorder, 3)
            terminal.until("● running")
            recorder.finish("finished", "Stopped early.")
        terminal.until("Stopped early.")
        side_by_side = "Loss" + " " * 57 + "Accuracy, %"
        assert side_by_side not in terminal.output
        fcntl.ioctl(terminal._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        terminal.until(side_by_side)
        shutil.rmtree(run.path)
        assert assert_left(terminal, 1).strip() == f"error: Run {RUN_ID} was deleted."


def test_a_dead_worker_is_shown_as_crashed_with_the_way_to_resume(run):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        with run.held(), Recorder(run) as recorder:
            record(recorder, 2)
            recorder.update(pid=worker.pid, pid_started=wait_until(lambda: process_start(worker.pid)))
        with watching(run) as terminal:
            terminal.until("● running")
            worker.kill()
            terminal.until("✕ crashed")
            terminal.until(f"Go on with: tui-lab runs resume {RUN_ID}")
            terminal.send("q")
            assert "its process is gone" in assert_left(terminal)


def process_start(pid):
    from tui_lab.runs.status import process_started

    return process_started(pid)


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(finished):
    with watching(finished) as terminal:
        terminal.until("leave")
        terminal.send("\x1a")
        terminal.until(LEAVE)
        terminal.output = terminal.output.split(LEAVE, 1)[1]
        terminal.until(ENTER)
        terminal.send("q")
        assert_left(terminal)
