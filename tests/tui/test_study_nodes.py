"""The page of a study that trains on a cluster: which of its runs is on which node."""

import io
import os
import socket
import time
from dataclasses import replace

import pytest
from rich.console import Console

from tui_lab.presets import find_preset
from tui_lab.runs.status import process_started
from tui_lab.runs.store import RunStore
from tui_lab.studies.plan import trials
from tui_lab.tui.studies import page
from tui_lab.tui.studies.listing import Seen, standings
from tui_lab.tui.studies.page import page_of, progress_of

NAME = "mlp-1.2.2-lr"


@pytest.fixture
def standing_on(tmp_path):
    """The study with runs that train on these nodes; "" is this machine."""

    def make(*nodes):
        store, preset = RunStore(tmp_path), find_preset(NAME, tmp_path)
        own = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "host": socket.gethostname()}
        for node, trial in zip(nodes, trials(preset), strict=False):
            run = store.create("mlp", trial.hyperparameters.model_dump(), preset=NAME)
            status = replace(run.read_status(), state="running", heartbeat=time.time(), node=node, epoch=7, **own)
            replace(status, last={"test_accuracy": 0.875}).write(run.status)
        (standing,) = standings([preset], Seen({entry.run.id: entry for entry in store.list()}))
        return standing

    return make


def lines_of(standing, width=74):
    console = Console(width=width, file=io.StringIO())
    console.print(page_of(standing, width))
    return [line.split() for line in console.file.getvalue().splitlines()]


def test_every_run_is_named_beside_its_node(standing_on):
    standing = standing_on("lab07", "gpubox", "lab07")
    assert "3 training on gpubox, lab07" in progress_of(standing)
    lines = lines_of(standing)
    words = {entry.run.id.rsplit("-", 1)[-1]: entry.status for entry in standing.entries}
    at = lines.index(["node", "arm", "seed", "run", "epoch", "test", "%"])
    rows = lines[at + 2 : at + 5]
    assert [row[0] for row in rows] == ["gpubox", "lab07", "lab07"]
    for row in rows:
        status = words[row[3]]
        assert row[:2] == [status.node, f"lr={status.hyperparameters['lr']:g}"]
        assert row[4:] == [f"7/{status.epochs}", "87.50"]


def test_runs_of_this_machine_need_no_table(standing_on):
    standing = standing_on("", "")
    assert "2 training" in progress_of(standing)
    assert not any(line[:1] == ["node"] for line in lines_of(standing))


def test_of_many_runs_some_are_shown(standing_on, monkeypatch):
    monkeypatch.setattr(page, "MOST_ROWS", 2)
    lines = lines_of(standing_on("a", "b", "c", "d"))
    assert ["and", "2", "more:", "o", "lists", "all", "runs"] in lines
    assert [line[0] for line in lines if line[:1] in (["a"], ["b"], ["c"], ["d"])] == ["a", "b"]
