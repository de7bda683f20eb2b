"""The app's part of the performance page: that it measures what it says, not how fast this machine is."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tui_lab.bench import app
from tui_lab.bench.page import Settings
from tui_lab.bench.terminal import Terminal
from tui_lab.cli.bench import chosen
from tui_lab.errors import TuiLabError

ECHO = ("-c", "import sys\nprint('ready', flush=True)\nfor line in sys.stdin: print('got', line, flush=True)")


def quiet(_: str) -> None:
    """Nobody listens."""


def test_a_key_is_timed_until_its_effect():
    with Terminal(ECHO, {}) as terminal:
        terminal.until("ready")
        assert terminal.seconds_to(r"got +x", "x\n") > 0
        assert terminal.seconds_to("got +y", "y\n") > 0


def test_text_is_found_beneath_its_colours_over_lines_and_titles_are_none():
    written = r"\x1b]0;train 0.1\x07\x1b[1;38;5;9mtrain \x1b[0m\x1b[3;4H 0.25\n\x1b[?2026lsorted"
    with Terminal(("-c", f"print('{written}', flush=True); input()"), {}) as terminal:
        terminal.until(r"^train +0\.25.*sorted")


def test_settings_named_after_a_curve_are_no_loss():
    assert not re.search(app.FIRST_LOSS_TEXT, "train_size 0  1 training  train test")
    assert re.search(app.FIRST_LOSS_TEXT, "train       0.1385  95.00")


def test_a_program_that_ends_is_an_error_and_no_endless_wait():
    with pytest.raises(TuiLabError), Terminal(("-c", "pass"), {}) as terminal:
        terminal.until("never")


def test_a_run_that_ends_meanwhile_is_an_error_and_no_endless_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(app, "start_worker", lambda run, threads: subprocess.Popen([sys.executable, "-c", ""]))
    with pytest.raises(TuiLabError, match="has ended"), app._Training(tmp_path):
        pass


def test_only_takes_the_whole_app_by_one_name():
    assert chosen("app") == ["paint", "first-loss", "keys", "watching", "large-home"]
    assert chosen("app, files") == ["files", *chosen("app")]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured on Linux only")
def test_the_first_paint_is_measured_beside_an_empty_app():
    section = app.measure_first_paint(Settings(rounds=1), quiet)
    line, whole = section.lines
    assert whole.ours > line.ours and whole.target is None
    assert line.ratio is not None
    assert line.ours > 0
    assert line.theirs > 0
    assert line.target is app.FIRST_PAINT
