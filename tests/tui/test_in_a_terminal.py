"""The app as its users have it: in a real terminal, with real workers, by keyboard alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.cli.terminal import Terminal
from tests.waiting import wait_until
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.store import RunStore

DOWN, CTRL_Q = "\x1b[B", "\x11"


def only_run(home: Path) -> RunDirectory:
    (run,) = wait_until(lambda: RunStore(home).runs())
    return run


def start(terminal: Terminal) -> None:
    """From the first paint to a run of the first preset."""
    terminal.until("A first run")
    terminal.send(DOWN)
    terminal.until("Settings of circles-quick")
    terminal.send("r")


def test_from_the_first_paint_to_a_finished_run_and_out(tmp_path):
    environment = {"TUI_LAB_HOME": str(tmp_path)}
    with Terminal(columns=160, rows=45, environment=environment) as terminal:
        start(terminal)
        terminal.until("Finished")
        terminal.send(CTRL_Q)
        assert terminal.wait() == 0
    status = only_run(tmp_path).read_status()
    assert (status.state, status.preset, status.epoch) == ("finished", "circles-quick", 100)


def test_a_killed_app_leaves_its_run_to_end_by_itself(tmp_path):
    environment = {"TUI_LAB_HOME": str(tmp_path)}
    with Terminal(columns=160, rows=45, environment=environment) as terminal:
        start(terminal)
        run = only_run(tmp_path)
        wait_until(lambda: run.read_status().pid)  # until then, nobody but the app knows of it
        os.kill(terminal.pid, signal.SIGKILL)
        wait_until(lambda: run.read_status().state == "finished")


def test_in_a_pipe_it_says_what_there_is_instead():
    ended = subprocess.run(
        [sys.executable, "-m", "tui_lab"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert "train" in ended.stdout
    assert "Traceback" not in ended.stderr
