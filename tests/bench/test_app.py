"""The app's part of the performance page: that it measures what it says, not how fast this machine is."""

from __future__ import annotations

import sys

import pytest

from tui_lab.bench import app
from tui_lab.bench.page import Settings
from tui_lab.bench.terminal import Terminal
from tui_lab.errors import TuiLabError

ECHO = ("-c", "import sys\nprint('ready', flush=True)\nfor line in sys.stdin: print('got', line, flush=True)")


def quiet(_: str) -> None:
    """Nobody listens."""


def test_a_key_is_answered_and_text_awaited():
    with Terminal(ECHO, {}) as terminal:
        began = terminal.until("ready")
        assert terminal.seconds_to_answer("x\n") > 0
        assert terminal.until("got") > began


def test_a_program_that_ends_is_an_error_and_no_endless_wait():
    with pytest.raises(TuiLabError), Terminal(("-c", "pass"), {}) as terminal:
        terminal.until("never")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measured on Linux only")
def test_the_first_paint_is_measured_beside_an_empty_app():
    section = app.measure_first_paint(Settings(rounds=1), quiet)
    (line,) = section.lines
    assert line.ratio is not None
    assert line.ours > 0
    assert line.theirs > 0
    assert line.target is app.FIRST_PAINT
