"""The error of few test samples: held against numpy's binomial formulas, against draws, and in the verdicts."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.studies.making import arm, ended, finish, trained
from tui_lab.data.load import load_dataset
from tui_lab.hyperparameters import build
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.presets import find_preset
from tui_lab.runs.compare import Spread
from tui_lab.runs.store import RunStore
from tui_lab.studies.curves import Counted, Trained
from tui_lab.studies.findings.checks import (
    Part,
    alike,
    all_of,
    between,
    chance_explains,
    do_not_cross,
    falling,
    less,
    more,
)
from tui_lab.studies.findings.estimate import estimate
from tui_lab.studies.findings.finding import Sample
from tui_lab.studies.findings.measures import Measure, after, drop, final, gap, lead_of_test, lowest, rise, setback
from tui_lab.studies.findings.sampling import EXACT, Sampling, sampling, variance_of
from tui_lab.studies.plan import trials
from tui_lab.studies.shelf import Shelf

ACCURACY = final("test_accuracy")
HUNDRED = Counted(100, True, "images")
FULL = 10_000


def of(*values: float, counted: Counted = HUNDRED, name: str = "arm", **others: float) -> Sample:
    runs = (replace(ended(test_accuracy=value, **others), counted=counted) for value in values)
    return replace(arm(name, *runs), test_size=FULL)


def error_of(share: float, size: int = 100) -> float:
    """The formula once more, in float64."""
    p = (np.float64(share) * size + 2) / (size + 4)
    return float(np.sqrt(p * (1 - p) / size * (1 - size / FULL)))


# The formula


@given(st.floats(0, 1), st.integers(1, 20_000), st.integers(0, 20_000))
def test_the_error_is_binomial_with_two_more_of_each_and_vanishes_at_the_full_size(
    share: float, size: int, full: int
) -> None:
    p = (np.float64(share) * size + 2) / (size + 4)
    rest = 1.0 if not full else max(0.0, 1 - size / full)
    assert variance_of(share, size, full) == pytest.approx(p * (1 - p) / size * rest, rel=1e-9, abs=1e-15)
    assert variance_of(share, full, full) == 0
    if full > size or not full:
        assert variance_of(share, size, full) > 0  # also where every sample is right


def test_a_hundred_samples_at_85_percent_are_off_by_3_7_points() -> None:
    assert math.sqrt(variance_of(0.85, 100, 0)) == pytest.approx(math.sqrt(0.85 * 0.15 / 100), rel=0.05)
    assert math.sqrt(variance_of(0.85, 100, FULL)) == pytest.approx(0.0368, abs=5e-5)


def test_nobody_knows_the_error_of_unknown_samples_or_of_no_number() -> None:
    assert variance_of(0.5, 0, FULL) == 0
    assert variance_of(math.nan, 100, FULL) == 0
    assert sampling([[0.5]], [Counted()], FULL) == EXACT
    assert sampling([[]], [HUNDRED], FULL) == EXACT


@pytest.mark.parametrize(("share", "at_most"), [(0.5, 1.0), (0.85, 1.05), (0.97, 1.3)])
def test_it_is_the_deviation_of_draws_without_replacement_or_a_little_more(share: float, at_most: float) -> None:
    drawn = stats.hypergeom(500, round(share * 500), 100)
    expected = sum(drawn.pmf(right) * variance_of(right / 100, 100, 500) for right in range(101))
    assert 0.99 <= math.sqrt(expected) / (drawn.std() / 100) <= at_most


def test_own_samples_add_up_over_the_seeds_and_shared_ones_do_not() -> None:
    own = sampling([[0.8], [0.9]], [HUNDRED] * 2, FULL)
    shared = sampling([[0.8], [0.9]], [replace(HUNDRED, is_own=False)] * 2, FULL)
    mean = (error_of(0.8) ** 2 + error_of(0.9) ** 2) / 2
    assert own.variance == pytest.approx(mean / 2)
    assert shared.variance == pytest.approx(mean)
    assert own.deviation == shared.deviation == pytest.approx(error_of(0.8))


# Which numbers have it


def curves(**values: list[float]) -> Trained:
    return trained(values)


RUN = curves(test_accuracy=[0.3, 0.6, 0.5], train_accuracy=[0.4, 0.7, 0.9], test_loss=[2.0, 1.0, 1.1])


@pytest.mark.parametrize(
    ("measure", "value", "accuracies"),
    [
        (ACCURACY, 0.5, [0.5]),
        (lowest("test_accuracy"), 0.3, [0.3]),
        (after(2, "test_accuracy"), 0.6, [0.6]),
        (rise("test_accuracy", 1), 0.2, [0.3, 0.5]),
        (drop("test_accuracy"), 0.1, [0.5, 0.6]),
        (setback("test_accuracy"), 0.1, [0.5, 0.6]),
        (gap(), 0.4, [0.5]),
        (lead_of_test(2), -0.1, [0.6]),
        (final("train_accuracy"), 0.9, []),
        (rise("train_accuracy", 1), 0.5, []),
        (final("test_loss"), 1.1, []),
        (rise("test_loss", 2), 0.1, []),
        (rise("test_accuracy", 1).assuming(0.0, "exact"), 0.2, []),
        (ACCURACY.assuming(0.002, "known"), 0.5, [0.5]),
    ],
)
def test_test_accuracies_have_it_and_what_is_made_of_them(
    measure: Measure, value: float, accuracies: list[float]
) -> None:
    assert measure.read(RUN) == pytest.approx(value)
    assert list(measure.accuracies(RUN)) == accuracies
    assert measure.accuracies(ended(validation_loss=1.0)) == [] or not accuracies


# The interval


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 0.1))
def test_it_comes_on_top_of_an_assumed_spread(one: float, other: float, deviation: float) -> None:
    measure = ACCURACY.assuming(deviation, "known")
    spreads = [Spread.of([one]), Spread.of([other])]
    samplings = [sampling([[share]], [HUNDRED], FULL) for share in (one, other)]
    found = estimate(one - other, spreads, measure, samplings)
    expected = 1.96 * math.sqrt(2 * deviation**2 + error_of(one) ** 2 + error_of(other) ** 2)
    assert found.margin == pytest.approx(expected)


def test_seeds_with_samples_of_their_own_differ_by_it_already_and_those_that_share_them_do_not() -> None:
    values = [0.80, 0.86, 0.83]
    spread = [Spread.of(values)]
    plain = estimate(0.83, spread, ACCURACY)
    own = sampling([[v] for v in values], [HUNDRED] * 3, FULL)
    assert estimate(0.83, spread, ACCURACY, [own]).margin == plain.margin
    alike_by_luck = estimate(0.83, [Spread(3, 0.83, 0.0)], ACCURACY, [own])
    assert alike_by_luck.margin == pytest.approx(1.96 * math.sqrt(own.variance))
    shared = sampling([[v] for v in values], [replace(HUNDRED, is_own=False)] * 3, FULL)
    found = estimate(0.83, spread, ACCURACY, [shared])
    assert found.margin == pytest.approx(math.hypot(plain.margin, 1.96 * math.sqrt(shared.variance)))


# The verdicts


def test_a_difference_that_ten_thousand_images_show_a_hundred_do_not() -> None:
    judge = all_of(more(ACCURACY, 0, 1))
    full = Counted(FULL, False, "images")
    decided = judge([of(0.85, counted=full), of(0.80, counted=full, name="other")])
    assert decided.answer == "supported"
    assert decided.sentence.endswith("Spread: one run each, with a deviation of 1.0 points assumed.")
    verdict = judge([of(0.85), of(0.80, name="other")])
    assert verdict.answer == "undecided"
    margin = 1.96 * math.sqrt(2 * 0.01**2 + error_of(0.85) ** 2 + error_of(0.80) ** 2)
    assert f"a difference of +5.0 ± {100 * margin:.1f} points" in verdict.sentence
    assert verdict.sentence.endswith(
        "Spread: one run each, with a deviation of 1.0 points assumed; standard error of 100 test images: 4.1 points. "
        "100 test images are too few to tell."
    )
    sure = judge([of(0.85), of(0.60, name="other")])
    assert sure.answer == "supported"
    assert "standard error of 100 test images" in sure.sentence
    assert "too few" not in sure.sentence


def test_what_seeds_alone_leave_open_is_not_the_samples_fault() -> None:
    many = Counted(9_000, True, "images")
    verdict = all_of(more(ACCURACY, 0, 1))([of(0.81, counted=many), of(0.80, counted=many)])
    assert verdict.answer == "undecided"
    assert "too few" not in verdict.sentence


def test_a_few_seeds_that_agree_by_luck_decide_nothing_on_twenty_samples() -> None:
    few = Counted(20, True, "images")
    verdict = all_of(more(ACCURACY, 0, 1))([of(0.85, 0.85, counted=few), of(0.8, 0.8, counted=few)])
    assert verdict.answer == "undecided"
    assert "20 test images are too few to tell." in verdict.sentence


@pytest.mark.parametrize(
    ("check", "answer"),
    [
        (between(ACCURACY, 0, low=0.8), "undecided"),
        (between(ACCURACY, 0, low=0.7), "supported"),
        (alike(ACCURACY, 0, 1, within=0.05), "undecided"),
        (less(ACCURACY, 0, 1, by=-0.3), "supported"),
        (falling(ACCURACY, 0, 1), "undecided"),
        (more(gap(), 0, 1), "undecided"),
        (more(final("train_accuracy"), 0, 1, by=-0.05), "supported"),
    ],
)
def test_every_comparison_of_test_accuracies_allows_for_it(check: Any, answer: str) -> None:
    verdict = all_of(check)([of(0.85, train_accuracy=0.9), of(0.82, name="other", train_accuracy=0.9)])
    assert verdict.answer == answer, verdict.sentence
    assert ("too few" in verdict.sentence) == (answer == "undecided")


def test_seeds_that_differ_by_their_samples_do_not_explain_published_runs() -> None:
    published = (0.960, 0.964, 0.970, 0.958)
    judge = all_of(chance_explains(ACCURACY, 0, published))
    seeds = (0.95, 0.97, 0.96)
    assert judge([of(*seeds, counted=Counted(FULL, False, "images"))]).answer == "supported"
    verdict = judge([of(*seeds)])
    assert verdict.answer == "undecided"
    assert "100 test images are too few to tell." in verdict.sentence
    wide = judge([of(0.9599, 0.96, 0.9601)])
    assert wide.answer == "refuted"  # they would differ by no more on all images


def test_the_unknown_error_of_a_loss_is_said_to_be_left_out() -> None:
    judge = all_of(more(final("test_loss"), 0, 1))

    def losing(*losses: float, counted: Counted = HUNDRED) -> Sample:
        runs = (replace(ended(test_loss=loss), counted=counted) for loss in losses)
        return replace(arm("arm", *runs), test_size=FULL)

    verdict = judge([losing(1.0), losing(0.5)])
    assert verdict.answer == "supported"
    assert verdict.sentence.endswith("assumed. How far off a loss of 100 test images is, nobody knows; it is left out.")
    everything = Counted(FULL, False, "images")
    assert "nobody knows" not in judge([losing(1.0, counted=everything), losing(0.5, counted=everything)]).sentence
    assert "nobody knows" not in judge([losing(1.0, 1.1), losing(0.5, 0.6)]).sentence  # their seeds differ by it
    apart = all_of(do_not_cross("test_loss", 0, 1, deviation=0.01))([losing(1.0), losing(0.5)])
    assert "How far off a loss of 100 test images is, nobody knows" in apart.sentence


# From runs to samples


def test_what_a_run_was_tested_on_follows_from_its_hyperparameters() -> None:
    assert Counted.of({"dataset": "cifar10", "test_size": 0}) == Counted(10_000, False, "images")
    assert Counted.of({"dataset": "cifar10", "test_size": 10_000}) == Counted(10_000, False, "images")
    assert Counted.of({"dataset": "mnist", "test_size": 200}) == Counted(200, True, "images")
    assert Counted.of({"dataset": "digits"}) == Counted(360, False, "images")
    assert Counted.of({"dataset": "circles", "test_size": 50}) == Counted(50, True, "points")
    assert Counted.of({"dataset": "folder", "test_size": 0}) == Counted(0, True, "images")
    assert Counted.of({}) == Counted()


@pytest.mark.parametrize("values", [{"dataset": "digits", "test_size": 40}, {"dataset": "circles", "test_size": 40}])
def test_seeds_have_test_samples_of_their_own_as_it_is_taken_for_granted(values: dict[str, Any]) -> None:
    def images(**more: Any) -> Any:
        return load_dataset(build(EXERCISES["mlp"].hyperparameters, {**values, **more}), Path("/nowhere")).test.x

    assert Counted.of(values).is_own
    assert not images(seed=0).equal(images(seed=1))
    assert images(seed=0, lr=0.1).equal(images(seed=0, lr=0.2))


def test_a_study_on_few_images_is_judged_by_how_few_they_are(tmp_path: Path) -> None:
    store, preset = RunStore(tmp_path), find_preset("fine-tuning-rates", tmp_path)

    def answers(test_size: int) -> dict[str, str]:
        for trial in trials(preset, overrides={"test_size": test_size}):
            accuracy = 0.85 if trial.hyperparameters.lr < 1e-3 else 0.80
            finish(store, preset, trial, {"test_accuracy": [accuracy]})
        shelf = Shelf([preset], store.list())
        study = shelf.study(preset, {"test_size": test_size})
        return {one.finding.name: f"{one.verdict.answer} {one.sentence}" for one in shelf.judged(study)}

    assert answers(0)["small-rates-are-better"].startswith("supported")
    few = answers(100)["small-rates-are-better"]
    assert few.startswith("undecided")
    assert "assumed at full size; standard error of 100 test images: 4.1 points. 100 test images are too few" in few


def test_what_is_refuted_is_not_left_open_by_few_samples() -> None:
    few = Sampling(1e-4, 0.01, Counted(100))
    for answer in ("supported", "refuted", "undecided"):
        judge = all_of(lambda _, answer=answer: Part(answer, "seen", sampling=few, has_too_few_samples=True))
        assert ("too few to tell" in judge([]).sentence) == (answer == "undecided")
