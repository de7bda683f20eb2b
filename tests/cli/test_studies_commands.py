"""`tui-lab studies` and `tui-lab report`: what is there of every study, without running anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.terminal import Terminal
from tests.studies.making import finish
from tui_lab.cli import launch
from tui_lab.cli.main import app
from tui_lab.presets import find_preset
from tui_lab.previews import client
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.store import RunStore
from tui_lab.studies.plan import trials
from tui_lab.training.timing import Timing


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two seeds of figure 2.19, and of what it is compared with."""
    for name, accuracy in (("fig-2.19", 0.85), ("fig-2.15-corrected", 0.745)):
        preset = find_preset(name, tmp_path)
        for trial in trials(preset, seeds=3):
            end = accuracy + 0.001 * trial.seed
            curves = {
                "train_accuracy": [0.5, 0.7, 0.88],
                "test_accuracy": [0.4, 0.6, end],
                "test_loss": [2.0, 1.0, 0.5],
            }
            finish(RunStore(tmp_path), preset, trial, curves)
    return tmp_path


def invoke(home: Path, *arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(app, ["--home", str(home), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def test_every_study_is_listed_with_its_runs_and_answers(home: Path) -> None:
    text, _ = invoke(home, "studies")
    row = next(line.split() for line in text.splitlines() if line.startswith("fig-2.19"))
    assert " ".join(row) == "fig-2.19 All methods combined 1 3 3/3 3 1 1"
    assert "fig-2.02" in text
    assert "mlp-1.2.1-lr" in text
    listed = {study["study"]: study for study in json.loads(invoke(home, "studies", "--json")[0])}
    assert listed["fig-2.19"]["findings"] == {"claims": 3, "supported": 1, "refuted": 1, "undecided": 0}
    assert (listed["fig-2.02"]["finished"], listed["fig-2.02"]["planned"]) == (0, 7)


def test_one_study_is_shown_with_its_table_and_a_line_a_verdict(home: Path) -> None:
    text, _ = invoke(home, "studies", "2.19")
    lines = text.splitlines()
    assert "85.1 ± 0.1" in text
    refuted = next(line for line in lines if line.startswith("✗ refuted"))
    assert "They come out like dropout with a schedule: 3 points apart at most. (report)" in refuted
    assert "all methods 85.1 %, dropout and schedule 74.6 %" in refuted
    assert "Spread: 3 seeds." in refuted
    assert any(line.startswith("✓ supported") for line in lines)
    (study,) = json.loads(invoke(home, "studies", "2.19", "--json")[0])
    answers = {finding["name"]: finding["answer"] for finding in study["findings"]}
    assert answers["no-better-than-dropout-and-schedule"] == "refuted"
    assert answers["ten-points-better"] == "supported"
    missing = next(finding for finding in study["findings"] if finding["name"] == "all-methods-generalise")
    assert missing["missing"] == ["fig-2.05"]


def test_a_terminal_shows_the_curves_too_and_verdicts_beside_their_answers(home: Path) -> None:
    with Terminal("--home", str(home), "studies", "fig-2.19", columns=100, rows=60) as terminal:
        assert terminal.wait() == 0
        assert "Test accuracy, %" in terminal.output
        assert "refuted" in terminal.output


def test_a_report_is_written_for_what_has_runs(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    out, talk = invoke(home, "report", "--output", str(folder))
    assert out.split() == [str(folder / "report.md"), str(folder / "report.html")]
    assert "5 studies" in talk  # figures 2.14 to 2.16 share these runs
    text = (folder / "report.md").read_text()
    assert "## fig-2.19: All methods combined" in text
    assert "fig-2.02" not in text
    assert all((folder / line.split("(")[1][:-1]).is_file() for line in text.splitlines() if line.startswith("!["))
    out, _ = invoke(home, "report", "2.19", "--stdout")
    assert out.startswith("# Studies")
    out, _ = invoke(home, "report", "2.19", "--stdout", "--format", "html")
    assert out.startswith("<!doctype html>")
    assert "<title>All methods combined</title>" in out


def test_without_runs_a_report_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "report"])
    assert result.exit_code != 0
    assert "There are no runs of any study yet." in str(result.exception)


def test_a_report_that_cannot_be_written_is_one_sentence(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = CliRunner().invoke(app, ["--home", str(home), "report", "--output", str(tmp_path / "file" / "x")])
    assert "cannot be written" in str(result.exception)


class FakeProcess:
    """In place of the process that measures."""

    def __enter__(self) -> FakeProcess:
        return self

    def __exit__(self, *error: object) -> None: ...

    def ask(self, kind: str, exercise: str, values: dict[str, object], data_dir: Path) -> Timing:
        return Timing(step_s=0.01, steps=80, evaluation_s=0.2, took_s=2.0)


def test_what_a_study_would_take_is_measured_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PreviewProcess", FakeProcess)
    _, talk = invoke(tmp_path, "studies", "mlp-1.2.2-lr")
    assert f"tui-lab --home {tmp_path} studies mlp-1.2.2-lr --time" in " ".join(talk.split())
    _, talk = invoke(tmp_path, "studies", "mlp-1.2.2-lr", "--time")
    said = "5 runs to train, about 12 min 30 s here one after the other (from a 2 s measurement)."
    assert said in " ".join(talk.split())
    (study,) = json.loads(invoke(tmp_path, "studies", "mlp-1.2.2-lr", "--time", "--json")[0])
    assert study["cost"]["seconds"] == pytest.approx(750)
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "studies", "--time"])
    assert "measures what one study would take" in str(result.exception)


def test_some_arms_of_a_study_are_run_and_findings_wait_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[RunDirectory] = []
    monkeypatch.setattr(launch, "follow", lambda runs, *_, **how: followed.extend(runs) or 0)
    text, _ = invoke(tmp_path, "run", "mlp-1.2.2-lr", "--arms", "lr=0.1, lr=0.01")
    assert [run.read_request().hyperparameters["lr"] for run in followed] == [0.01, 0.1]
    assert "? undecided" in text
    assert "Not run: " in text
    assert "lr=0.001" in text  # the table has every arm
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "run", "mlp-1.2.2-lr", "--arms", "lr=0.6"])
    assert "has no arm 'lr=0.6'" in str(result.exception)
    assert len(followed) == 2


def test_an_arm_that_is_done_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    followed: list[RunDirectory] = []
    monkeypatch.setattr(launch, "follow", lambda runs, *_, **how: followed.extend(runs) or 0)
    preset = find_preset("mlp-1.2.2-lr", tmp_path)
    finish(RunStore(tmp_path), preset, trials(preset)[0], {"test_accuracy": [0.9]})
    _, talk = invoke(tmp_path, "run", preset.name, "--arms", preset.arms[0].name)
    assert "nothing to train, 1 done already" in talk
    assert followed == []
