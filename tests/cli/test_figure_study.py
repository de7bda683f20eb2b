"""A figure of the practical on the real data, scaled down: interrupted, continued, told of, reported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import wait_until
from tui_lab.runs.store import RunStore

pytestmark = pytest.mark.data

SCALE = ("--train-size", "300", "--test-size", "100", "--epochs", "2", "--jobs", "2")
ARMS = ("lr=1e-07", "lr=1e-06", "lr=1e-05", "lr=0.0001", "lr=0.001", "lr=0.01", "lr=0.1")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tui_lab", *arguments]


def test_figure_2_2_is_interrupted_continued_and_reported(tmp_path: Path, real_data: Path) -> None:
    home = tmp_path / "home"
    environment = {**os.environ, "TUI_LAB_HOME": str(home), "TUI_LAB_DATA": str(real_data), "COLUMNS": "140"}
    store = RunStore(home)

    def run() -> tuple[str, str]:
        done = subprocess.run(
            command("run", "fig-2.02", *SCALE), env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    first = subprocess.Popen(
        command("run", "fig-2.02", *SCALE), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: any(entry.status.epoch or entry.status.step for entry in store.list()), deadline_s=120)
    first.send_signal(signal.SIGINT)
    out, talk = first.communicate(timeout=120)
    assert first.returncode == 130, talk
    assert "Stopping" in talk
    ids = {entry.run.id for entry in store.list()}
    assert len(ids) == len(ARMS)
    finished = {entry.run.id for entry in store.list() if entry.state == "finished"}
    assert finished != ids

    out, talk = run()
    assert f"fig-2.02: {len(ids - finished)} to train, " in talk and " where they were interrupted" in talk
    assert {entry.run.id for entry in store.list()} == ids
    assert {entry.state for entry in store.list()} == {"finished"}
    assert "Scaled: epochs 2 in place of 15, train_size 300 in place of all, test_size 100 in place of all." in out
    rows = [line.split()[:2] for line in out.splitlines() if line.startswith("lr=")]
    assert rows == [[arm, "1/1"] for arm in ARMS]
    assert "79.2" in out and "68.7" in out  # published, at 0.01
    assert out.count("(report)") + out.count("(our reading)") >= 4

    again, talk = run()
    assert "nothing to train, 7 done already" in talk
    assert again == out

    report = subprocess.run(
        command("report", "fig-2.02", "--output", str(tmp_path / "report")),
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert report.returncode == 0, report.stderr
    page = (tmp_path / "report" / "report.html").read_text()
    assert "Scaled" in page and "<svg" in page and all(arm in page for arm in ARMS)
