"""Studies as they stand: their seeds, the sizes at which they were run, their curves, and their findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.studies.making import finish
from tui_lab.presets import Preset, list_presets
from tui_lab.runs.history import read_epochs, read_history
from tui_lab.runs.store import RunStore
from tui_lab.studies.curves import Band, Curve
from tui_lab.studies.findings import counts
from tui_lab.studies.plan import trials
from tui_lab.studies.results import StudyResult, results, scaled_words
from tui_lab.studies.shelf import Shelf


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


def shelf(store: RunStore) -> Shelf:
    return Shelf(shipped().values(), store.list())


@cache
def shipped() -> dict[str, Preset]:
    return {listed.name: listed.preset for listed in list_presets(Path("/nowhere")) if listed.preset}


def preset(name: str) -> Preset:
    return shipped()[name]


def run(store: RunStore, name: str, curves: Mapping[str, Sequence[float]], seeds: int = 1, **overrides: object) -> None:
    """The runs of a study that is one configuration."""
    for trial in trials(preset(name), seeds=seeds, overrides=overrides):
        finish(store, preset(name), trial, curves)


def of_study(store: RunStore, name: str) -> StudyResult:
    (study,) = shelf(store).studies(preset(name))
    return study


def test_a_study_that_nobody_ran_is_shown_at_its_full_size(store: RunStore) -> None:
    study = of_study(store, "fig-2.02")
    assert (study.finished, study.planned, dict(study.scaled)) == (0, 7, {})
    assert counts(shelf(store).judged(study)) == {"supported": 0, "refuted": 0, "undecided": 0}


def test_seeds_that_were_run_for_it_count_in_every_arm_and_those_of_another_study_in_their_own(store: RunStore) -> None:
    study = preset("fig-2.02")
    for trial in trials(study, seeds=2):
        if trial.hyperparameters.lr == 0.1:
            finish(store, study, trial, {"test_accuracy": [0.66]})
    shared = next(trial for trial in trials(preset("fig-2.03"), seeds=1) if trial.hyperparameters.batch_size == 32)
    for seed in range(3):
        values = shared.hyperparameters.model_copy(update={"seed": seed})
        finish(store, preset("fig-2.03"), replace(shared, hyperparameters=values), {"test_accuracy": [0.68]})
    arms = {arm.arm.name: (len(arm.finished), arm.planned) for arm in of_study(store, "fig-2.02").arms}
    assert arms["lr=0.1"] == (2, 2)
    assert arms["lr=0.01"] == (3, 3)
    assert arms["lr=1e-07"] == (0, 2)


def test_each_size_at_which_it_was_run_is_a_study_of_its_own(store: RunStore) -> None:
    small = {"epochs": 3, "train_size": 500}
    run(store, "fig-2.02", {"train_accuracy": [0.1, 0.1, 0.1], "test_loss": [2.3, 2.3, 2.3]}, **small)
    finish(store, preset("fig-2.02"), trials(preset("fig-2.02"), overrides={"momentum": 0.9})[0], {"test_loss": [1.0]})
    full, scaled = shelf(store).studies(preset("fig-2.02"))
    assert (full.finished, scaled.finished) == (0, 7)
    assert dict(scaled.scaled) == {"epochs": (15, 3), "train_size": (0, 500)}
    judged = {one.finding.name: one for one in shelf(store).judged(scaled)}
    assert judged["small-rates-learn-nothing"].verdict.answer == "supported"
    said = judged["small-rates-learn-nothing"].sentence  # in which sizes they differ, the study says
    assert said.endswith("Spread: one run each, with a deviation of 1.0 points assumed at full size.")
    assert {one.verdict.answer for one in shelf(store).judged(full)} == {"undecided"}


def test_a_study_with_another_hyperparameter_is_one_of_its_own_when_several_arms_were_run(store: RunStore) -> None:
    changed = {"momentum": 0.9, "test_size": 500}
    first, second, *_ = trials(preset("fig-2.02"), overrides=changed)
    finish(store, preset("fig-2.02"), first, {"test_loss": [1.0]})
    assert [study.overrides for study in shelf(store).studies(preset("fig-2.02"))] == [{}]
    finish(store, preset("fig-2.02"), second, {"test_loss": [1.0]})
    full, other = shelf(store).studies(preset("fig-2.02"))
    assert (full.finished, other.finished, other.overrides) == (0, 2, {"test_size": 500, "momentum": 0.9})
    assert other.planned == 7


def test_files_are_the_same_by_whatever_way_they_are_named(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = preset("fine-tuning-rates")
    monkeypatch.chdir(tmp_path)
    asked = {"weights": "mine.pth", "epochs": 1}
    for trial in trials(study, overrides=asked)[:2]:
        values = trial.hyperparameters.model_dump()
        assert values["weights"] == str(tmp_path / "mine.pth")
        finish(store, study, trial, {"test_accuracy": [0.9]})
    found = results(study, trials(study, overrides=asked), store.list())
    assert found.finished == 2
    assert scaled_words(found.scaled) == "epochs 1 in place of 2, weights mine.pth in place of none"
    _, other = shelf(store).studies(study)
    assert other.finished == 2


def test_other_studies_are_compared_with_at_the_same_size(store: RunStore) -> None:
    run(store, "fig-2.19", {"test_accuracy": [0.85]}, seeds=3, epochs=1)
    run(store, "fig-2.15-corrected", {"test_accuracy": [0.745]}, seeds=3)
    _, scaled = shelf(store).studies(preset("fig-2.19"))
    verdicts = {one.finding.name: one.verdict for one in shelf(store).judged(scaled)}
    assert verdicts["ten-points-better"].missing == ("fig-2.15-corrected",)
    run(store, "fig-2.15-corrected", {"test_accuracy": [0.745]}, seeds=3, epochs=1)
    verdicts = {one.finding.name: one.verdict for one in shelf(store).judged(scaled)}
    assert verdicts["ten-points-better"].answer == "supported"
    assert verdicts["no-better-than-dropout-and-schedule"].answer == "refuted"


def test_a_finding_may_compare_with_a_preset_that_is_no_study_itself(store: RunStore) -> None:
    run(store, "mlp-1.2.1", {"train_accuracy": [0.97], "test_accuracy": [0.95]}, seeds=3)
    run(store, "mlp-1.2.1-corrected", {"train_accuracy": [0.97], "test_accuracy": [0.95]}, seeds=3)
    assert "mlp-1.2.1-corrected" not in {preset.name for preset in shelf(store).presets}
    (judged,) = shelf(store).judged(of_study(store, "mlp-1.2.1"))
    assert judged.verdict.answer == "supported"


def test_curves_are_read_from_the_log_when_somebody_asks(store: RunStore) -> None:
    run(store, "fig-2.05", {"test_accuracy": [0.3, 0.5, 0.4], "test_loss": [1.0, 0.8, float("nan")]})
    (trained,) = of_study(store, "fig-2.05").arms[0].runs
    assert "curves" not in vars(trained)
    assert trained.curves["test_accuracy"] == Curve((1.0, 2.0, 3.0), (0.3, 0.5, 0.4))
    assert trained.curves["test_loss"].lowest() == (2.0, 0.8)


def test_epochs_alone_are_those_of_the_whole_history(store: RunStore) -> None:
    run(store, "fig-2.05", {"test_accuracy": [0.3, 0.5, 0.4]})
    directory = store.runs()[0]
    assert read_epochs(directory) == read_history(directory).epochs
    with directory.events.open("a") as log:
        log.write('{"kind":"epoch","epoch":4,"total_step":40,"elapsed":80,"test_accuracy":0.6}\n')
    assert len(read_epochs(directory).buckets) == 4
    directory.history.write_text("{}")
    assert read_epochs(directory) == read_history(directory).epochs
    directory.history.write_text('{"format":1,"offset":9,"epochs":')
    assert len(read_epochs(directory).buckets) == 4


@given(st.integers(1, 6), st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_band_is_numpys_mean_and_deviation(epochs: int, seeds: int, random: object) -> None:
    values = np.array([[random.random() for _ in range(epochs)] for _ in range(seeds)])  # type: ignore[attr-defined]
    positions = tuple(map(float, range(1, epochs + 1)))
    band = Band.of([Curve(positions, tuple(row)) for row in values])
    deviation = values.std(axis=0, ddof=1) if seeds > 1 else np.zeros(epochs)
    assert band.epochs == positions
    assert band.mean == pytest.approx(values.mean(axis=0))
    assert band.low == pytest.approx(values.mean(axis=0) - deviation)
    assert band.high == pytest.approx(values.mean(axis=0) + deviation)
