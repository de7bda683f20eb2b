"""What a study has measured beside what is published, and the commands that run and continue it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tui_lab.cli.main import app
from tui_lab.presets import load_preset
from tui_lab.runs.store import RunStore
from tui_lab.studies.plan import trials
from tui_lab.studies.results import results, scaled_sentence, scaled_words

ARMS = """
title = "Two arms"
exercise = "mlp"
[hyperparameters]
dataset = "circles"
train_size = 20
test_size = 20
epochs = 2
[[arms]]
name = "slow"
hyperparameters = { lr = 0.001 }
published = { test_accuracy = 0.5 }
[[arms]]
name = "fast"
hyperparameters = { lr = 0.5, hidden = [3] }
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "presets").mkdir(parents=True)
    (tmp_path / "home" / "presets" / "arms.toml").write_text(ARMS)
    return tmp_path / "home"


def test_means_and_spreads_are_numpys_and_only_finished_runs_count(home: Path) -> None:
    preset, store = load_preset(home / "presets" / "arms.toml"), RunStore(home)
    planned = trials(preset, seeds=3)
    accuracies = [0.5, 0.75, 0.6]
    for trial, accuracy in zip(planned[:3], accuracies, strict=True):
        run = store.create("mlp", trial.hyperparameters.model_dump())
        measured = {"test_accuracy": accuracy, "test_loss": 1 - accuracy, "epoch": 2}
        replace(run.read_status(), state="finished", last=measured, best=measured).write(run.status)
    run = store.create("mlp", planned[3].hyperparameters.model_dump())
    replace(run.read_status(), state="stopped", last={"test_accuracy": 1.0}).write(run.status)
    study = results(preset, planned, store.list())
    slow, fast = study.arms
    assert (study.planned, study.finished) == (6, 3)
    assert slow.last["test_accuracy"].mean == pytest.approx(np.mean(accuracies))
    assert slow.last["test_accuracy"].deviation == pytest.approx(np.std(accuracies, ddof=1))
    assert (len(fast.entries), fast.finished, fast.last) == (1, (), {})
    assert study.metrics == ["test_accuracy", "test_loss"]


def test_a_study_is_run_continued_and_told_of(home: Path) -> None:
    def run(*more: str) -> tuple[list[str], str]:
        result = CliRunner().invoke(app, ["--home", str(home), "run", "arms", *more])
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines(), result.stderr

    out, talk = run("--seeds", "1", "--jobs", "2")
    assert "2 to train" in talk
    assert [line.split()[:2] for line in out if line.startswith(("slow", "fast"))] == [["slow", "1/1"], ["fast", "1/1"]]
    ids = {entry.run.id for entry in RunStore(home).list()}
    store = RunStore(home)
    stopped = store.list()[0].run
    replace(stopped.read_status(), state="stopped").write(stopped.status)
    out, talk = run("--seeds", "1", "--json")
    assert "1 to train, 1 of them go on where they were interrupted, 1 done already" in talk
    assert {entry.run.id for entry in store.list()} == ids
    study = json.loads(out[-1])
    assert [arm["name"] for arm in study["arms"]] == ["slow", "fast"]
    assert study["finished"] == study["planned"] == 2
    _, talk = run("--seeds", "1", "--again", "--epochs", "1")
    assert "2 to train; about " in talk
    assert len(store.list()) == 4


def test_a_scaled_study_says_so_on_its_face(home: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(home), "run", "arms", "--epochs", "1"])
    assert "Scaled: epochs 1 in place of 2. Its numbers are not those of the study." in result.stdout


def test_a_study_with_another_hyperparameter_says_so_too(home: Path) -> None:
    preset = load_preset(home / "presets" / "arms.toml")
    study = results(preset, trials(preset, overrides={"noise": 0.3, "epochs": 1}), [])
    said = "Changed: epochs 1 in place of 2, noise 0.3 in place of 0.2. Its numbers are not those of the study."
    assert scaled_sentence(study.scaled) == said


@pytest.mark.parametrize(
    ("scaled", "words"),
    [
        ({"weights": ("", "/data/deit.safetensors")}, "weights deit.safetensors in place of none"),
        ({"weights": ("~/a.pth", "")}, "weights none in place of a.pth"),
        ({"hidden": ([10], [])}, "hidden none in place of [10]"),
        ({"whiten_epsilon": (0.01, None)}, "whiten_epsilon none in place of 0.01"),
        ({"train_size": (0, 5000)}, "train_size 5,000 in place of all"),
        ({"batch_norm": (False, True)}, "batch_norm true in place of false"),
        ({"dropout": (0.0, 0)}, "dropout 0 in place of 0.0"),
    ],
)
def test_what_is_empty_reads_as_a_word(scaled: dict[str, tuple[object, object]], words: str) -> None:
    assert scaled_words(scaled) == words


def test_a_configuration_that_two_studies_share_is_trained_once(home: Path) -> None:
    (home / "presets" / "other.toml").write_text(
        ARMS.replace("Two arms", "The same two").replace("0.5, hid", "0.4, hid")
    )
    result = CliRunner().invoke(app, ["--home", str(home), "run", "arms", "other"])
    assert result.exit_code == 0, result.output
    assert len(RunStore(home).list()) == 3
    assert "other: 1 to train, 1 under way." in result.stderr
    assert result.stdout.count("1/1") == 4
