"""A model that is fitted at once, in every command that shows a run."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tui_lab.charts.look import Look
from tui_lab.cli.main import app
from tui_lab.cli.watch_view import Settings, View
from tui_lab.runs.history import read_history
from tui_lab.runs.sentences import Snapshot, outcome
from tui_lab.runs.status import Status
from tui_lab.runs.store import RunStore


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A home folder with one finished run on digits, and what its command printed."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "tui_lab", "--home", str(home), "train", "svm", "--dataset", "digits"]
    done = subprocess.run([*command, "--C", "10"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return home, done


def output(home, *arguments):
    result = CliRunner().invoke(app, ["--home", str(home), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_prints_its_only_row_and_says_what_it_rests_on(fitted):
    _, done = fitted
    assert done.stdout.split() == ["epoch", "1", "train", "0.0000", "100.00", "%", "test", "0.0199", "98.89", "%", "*"]
    assert "587 of 1,437 training samples are support vectors (0: 36, 1: 76" in done.stderr
    assert "Fitted in" in done.stderr
    assert "best" not in done.stderr
    assert "epoch" not in done.stderr


def test_lists_and_tables_show_what_there_is(fitted):
    home, _ = fitted
    rows = output(home, "runs", "list").splitlines()
    assert "98.89" in rows[2]
    assert "@1" not in rows[2]
    shown = output(home, "runs", "show", "last")
    assert "fitted in" in shown
    assert "best" not in shown
    assert any(line.split() == ["support", "vectors", "587"] for line in shown.splitlines())
    assert "tui-lab" in shown
    assert "train svm --dataset digits --C 10" in shown
    csv = output(home, "runs", "export", "last").splitlines()
    assert csv[0].split(",")[:3] == ["epoch", "total_step", "elapsed"]
    assert csv[1].split(",")[0] == "1"


def test_its_inspections_are_listed_and_drawn(fitted):
    home, _ = fitted
    names = [one["name"] for one in json.loads(output(home, "inspect", "last", "--json"))]
    assert names == ["confusion", "samples", "top-loss", "standardize", "supports"]
    assert "The boundary rests on 587 of 1,437 training samples (41 %)." in output(home, "inspect", "last", "supports")


def snapshot(run, **changes):
    status = run.read_status()
    for name, value in changes.items():
        setattr(status, name, value)
    return Snapshot(run.id, read_history(run), status, status.state)


def test_the_live_view_says_fitting_and_how_long_it_may_take(fitted):
    home, _ = fitted
    run = RunStore(home).find("last")
    under_way = snapshot(run, state="running", epoch=0, elapsed=12.0, expected=48.0, last={}, best={})
    text = View(Look()).picture(under_way, (100, 24), Settings()).plain
    assert "fitting, 12 s" in text
    assert "25 %" in text
    assert "36 s left" in text
    assert "epoch 1/1" not in text
    assert "there are no curves" in text
    assert "no data yet" not in text
    assert "starting" not in text
    done = View(Look()).picture(snapshot(run), (100, 24), Settings()).plain
    assert "fitted ━" in done
    assert f"tui-lab inspect {run.id}" in done
    assert "best" not in done


@pytest.mark.parametrize(
    ("state", "sentence", "hint"),
    [
        ("stopped", "Stopped while it was fitted.", "Fit it again with: tui-lab runs resume x"),
        ("failed", "Failed while it was fitted: Out of memory.", ""),
        ("crashed", "Crashed while it was fitted: Out of memory.", "Fit it again with: tui-lab runs resume x"),
    ],
)
def test_how_it_ended_is_told_without_epochs_and_steps(fitted, state, sentence, hint):
    home, _ = fitted
    status = Status(exercise="svm", state=state, is_fitted=True, elapsed=3.0, message="Out of memory.")
    told = outcome(Snapshot("x", read_history(RunStore(home).find("last")), status, state))
    assert told[0].startswith(sentence)
    assert told[1] == hint
