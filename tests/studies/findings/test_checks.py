"""The comparisons that findings are made of: intervals, levels never reached, order, and what is missing."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tests.studies.making import arm, ended, trained
from tui_lab.presets import find_preset
from tui_lab.runs.compare import Spread
from tui_lab.studies.findings import FINDINGS as FINDINGS_OF_ALL
from tui_lab.studies.findings.checks import (
    all_of,
    between,
    coincide,
    do_not_cross,
    falling,
    more,
    never_below,
    sooner,
)
from tui_lab.studies.findings.estimate import ONE_EACH, Estimate, estimate
from tui_lab.studies.findings.finding import Ref, Sample, check
from tui_lab.studies.findings.lab2 import FINDINGS
from tui_lab.studies.findings.measures import Measure, final, gap, reaches, roughness, setback, training_time
from tui_lab.studies.plan import trials
from tui_lab.studies.results import results

ACCURACY = final("test_accuracy")
shares = st.lists(st.floats(0, 1), min_size=2, max_size=12)


def of(*values: float, name: str = "arm") -> Sample:
    return arm(name, *(ended(test_accuracy=value) for value in values))


@given(shares, shares)
def test_the_interval_of_a_difference_is_welchs_with_whole_degrees_of_freedom(a: list[float], b: list[float]) -> None:
    spreads = [Spread.of(a), Spread.of(b)]
    found = estimate(spreads[0].mean - spreads[1].mean, spreads, ACCURACY)
    if min(max(a) - min(a), max(b) - min(b)) < 1e-6:
        return  # scipy loses its digits there
    theirs = stats.ttest_ind(a, b, equal_var=False)
    error = abs(spreads[0].mean - spreads[1].mean) / abs(theirs.statistic) if theirs.statistic else None
    if error:
        freedoms = {math.floor(theirs.df + off) for off in (-1e-6, 1e-6)}  # a whole number may be missed by rounding
        margins = [stats.t.ppf(0.975, max(1, freedom)) * error for freedom in freedoms]
        assert any(found.margin == pytest.approx(margin, rel=2e-3) for margin in margins)


@given(st.floats(-1, 1), st.floats(0, 1), st.floats(-1, 1), st.floats(0, 1))
def test_an_answer_is_given_only_when_the_whole_interval_lies_on_one_side(
    value: float, margin: float, low: float, width: float
) -> None:
    answer = Estimate(value, margin, "").answer(low, low + width)
    inside = [low <= end <= low + width for end in (value - margin, value + margin)]
    if answer == "supported":
        assert all(inside)
    elif answer == "refuted":
        assert value + margin < low or value - margin > low + width
    else:
        assert not all(inside)


def test_without_seeds_the_spread_of_the_other_arm_or_the_assumed_one_stands_in() -> None:
    alone = all_of(more(ACCURACY, 0, 1))([of(0.7), of(0.69)])
    assert alone.answer == "undecided"
    assert f"{ONE_EACH}1.0 points assumed" in alone.sentence
    known = all_of(more(ACCURACY.assuming(0.001, "known"), 0, 1))([of(0.7), of(0.69)])
    assert known.answer == "supported"
    beside = all_of(more(ACCURACY, 0, 1))([of(0.7), of(0.599, 0.6, 0.601)])
    assert beside.answer == "supported"
    assert "Spread: 1 and 3 seeds." in beside.sentence


def test_names_with_commas_are_kept_apart() -> None:
    plain = all_of(more(ACCURACY, 0, 1))([of(0.7, name="a"), of(0.5, name="b")])
    assert "a 70.0 %, b 50.0 %; a difference" in plain.sentence
    others = all_of(more(ACCURACY, 0, 1))([of(0.7, name="scratch, 1e-4"), of(0.5, name="scratch, 1e-3")])
    assert "scratch, 1e-4 70.0 %; scratch, 1e-3 50.0 %; a difference" in others.sentence


def test_a_value_that_is_not_finite_decides_nothing() -> None:
    verdict = all_of(more(ACCURACY, 0, 1))([of(math.nan), of(0.5)])
    assert verdict.answer == "undecided"


@pytest.mark.parametrize(
    ("fast", "slow", "low", "high", "answer"),
    [
        ((42, 43), (68, 69), 20, math.inf, "supported"),
        ((42, 43), (50, 51), 20, math.inf, "refuted"),
        ((42, 43), (None, None), 20, math.inf, "supported"),  # at least 57 later
        ((90, 91), (None, None), 20, math.inf, "undecided"),  # it may have come soon after the end
        ((42, 43), (None, None), 0, 30, "refuted"),  # at least 57 later
        ((90, 91), (None, None), 0, 30, "undecided"),
        ((None, None), (42, 43), 0, math.inf, "refuted"),
        ((None, None), (None, None), 0, math.inf, "undecided"),
        ((42, None), (68, 69), 0, math.inf, "undecided"),
    ],
)
def test_levels_that_are_not_reached(
    fast: tuple[int | None, ...], slow: tuple[int | None, ...], low: float, high: float, answer: str
) -> None:
    def runs(name: str, epochs: tuple[int | None, ...]) -> Sample:
        curves = [[0.5] * ((epoch or 101) - 1) + [1.0] * (101 - (epoch or 101)) for epoch in epochs]
        return arm(name, *(trained({"train_accuracy": curve}) for curve in curves))

    measure = reaches("train_accuracy", 0.95)
    # two seeds an epoch apart have an interval of some nine epochs: single ones are judged by the assumed two
    if None not in fast + slow:
        fast, slow = fast[:1], slow[:1]
    verdict = all_of(sooner(measure, 0, 1, low, high))([runs("fast", fast), runs("slow", slow)])
    assert verdict.answer == answer, verdict.sentence


def test_an_order_is_refuted_by_any_arm_that_is_certainly_above_an_earlier_one() -> None:
    measure = ACCURACY.assuming(0.002, "known")
    assert all_of(falling(measure, 0, 1, 2))([of(0.9), of(0.8), of(0.7)]).answer == "supported"
    assert all_of(falling(measure, 0, 1, 2))([of(0.9), of(0.899), of(0.7)]).answer == "undecided"
    refuted = all_of(falling(measure, 0, 1, 2))([of(0.8, name="a"), of(0.799, name="b"), of(0.9, name="c")])
    assert refuted.answer == "refuted"
    assert "c is above a" in refuted.sentence


def test_same_seeds_are_compared_with_each_other() -> None:
    one, other = of(0.9, 0.8), of(0.9, 0.8)
    assert all_of(coincide(ACCURACY, 0, 1, within=1e-6))([one, other]).answer == "supported"
    assert all_of(coincide(ACCURACY, 0, 1, within=1e-6))([one, of(0.8, 0.9)]).answer == "refuted"


def curve(name: str, *runs: tuple[float, ...]) -> Sample:
    return arm(name, *(trained({"test_loss": run}) for run in runs))


@pytest.mark.parametrize(
    ("low", "high", "answer", "said"),
    [
        (((0.5, 0.4, 0.3),), ((0.6, 0.5, 0.4),), "supported", "none of 1 pairs cross or come close"),
        (((0.5, 0.4, 0.3),), ((0.6, 0.39, 0.4),), "refuted", "a and b by epoch 2"),
        (((0.5, 0.4, 0.3),), ((0.5, 0.4, 0.4),), "undecided", "none cross; within the spread: a and b"),
        (((0.5, 0.4, 0.3),), ((0.5, 0.5, 0.2),), "refuted", "a and b by epoch 3"),  # after they began as one
        (((0.5, 0.4, math.nan),), ((0.6, 0.5, 0.4),), "undecided", "within the spread"),
        # the means do not cross, and the seeds lie among each other
        (((0.5, 0.4), (0.7, 0.6)), ((0.61, 0.51), (0.61, 0.51)), "undecided", "within the spread"),
        (((0.5, 0.4), (0.5, 0.4)), ((0.6, 0.5), (0.6, 0.5)), "supported", "none of 1 pairs"),
    ],
)
def test_curves_cross_where_their_means_change_places(
    low: tuple[tuple[float, ...], ...], high: tuple[tuple[float, ...], ...], answer: str, said: str
) -> None:
    verdict = all_of(do_not_cross("test_loss", 0, 1, deviation=0.01))([curve("a", *low), curve("b", *high)])
    assert verdict.answer == answer, verdict.sentence
    assert said in verdict.sentence


@pytest.mark.parametrize(
    ("measure", "value", "text", "distance"),
    [
        (ACCURACY, 0.967, "96.7 %", "96.7 points"),
        (gap(), -0.0, "0.0 points", "0.0 points"),
        (final("test_loss"), -0.05, "-0.050", "−0.050"),
        (reaches("test_accuracy", 0.9), 12.0, "epoch 12", "12.0 epochs"),
        (training_time(), math.log2(2240), "2,240", "a factor of 2240.00"),
        (training_time(), math.log2(4.33), "4.33", "a factor of 4.33"),
    ],
)
def test_numbers_are_written_in_the_unit_of_the_measure(
    measure: Measure, value: float, text: str, distance: str
) -> None:
    assert (measure.text(value), measure.distance(value)) == (text, distance)


def test_a_setback_is_the_largest_fall_between_two_epochs() -> None:
    measure = setback("test_accuracy")
    assert measure.read(trained({"test_accuracy": [0.48, 0.70, 0.65, 0.83, 0.79]})) == pytest.approx(0.05)
    assert measure.read(trained({"test_accuracy": [0.5, 0.6, 0.65]})) == pytest.approx(-0.05)
    assert measure.read(ended(test_accuracy=0.5)) is None
    assert measure.read(ended(test_loss=0.5)) is None


def test_what_a_run_does_not_have_is_said() -> None:
    for part, said in (
        (between(gap(), 0, low=0.0), "lead of train over test accuracy: none with arm"),
        (between(roughness("test_loss"), 0, low=0.0), "zigzag of the test loss: none with arm"),
        (never_below("train_loss", 0, 1.0), "arm has no train loss"),
        (do_not_cross("test_loss", 0, deviation=0.0), "test loss: no epoch that every run has"),
    ):
        verdict = all_of(part)([of(0.5)])
        assert verdict.answer == "undecided"
        assert said in verdict.sentence.lower()


def test_a_finding_whose_arms_have_not_been_run_names_them() -> None:
    judged = check(FINDINGS[0], {})
    assert judged.verdict.answer == "undecided"
    assert judged.verdict.missing == ("fig-2.02 lr=1e-07", "fig-2.02 lr=1e-06", "fig-2.02 lr=1e-05")
    assert judged.sentence == "Not run: lr 1e-07, lr 1e-06 and lr 1e-05."
    assert Ref("fig-2.12", {"scheduler": "step"}).title == "fig-2.12 scheduler=step"


@pytest.mark.parametrize(
    ("study", "name", "sentence"),
    [
        ("implementations", "one-curve", "Not run: by-hand, autograd, nn and optim."),
        ("vit-mnist", "transformer-floor", "Not run yet."),
        ("fig-3.09", "pretraining-helps", "Not run: fig-3.09; fig-3.08."),
        ("fig-3.09", "unsteady-rate", "Not run yet."),
        ("fig-3.06", "chance-makes-the-figure", "Not run: vit-mnist-noise."),
        (
            "fine-tuning-rates",
            "pretraining-helps-at-every-rate",
            "Not run: pretrained, 3e-5; scratch, 1e-5; scratch, 3e-5; scratch, 1e-4; 2 more.",
        ),
    ],
)
def test_arms_that_have_not_been_run_are_named_as_people_name_them(
    study: str, name: str, sentence: str, tmp_path: Path
) -> None:
    finding = next(finding for finding in FINDINGS_OF_ALL if (finding.study, finding.name) == (study, name))
    planned = {preset: find_preset(preset, tmp_path) for preset in finding.presets}
    known = {preset: results(found, trials(found, seeds=1), []) for preset, found in planned.items()}
    assert check(finding, known).sentence == sentence


def test_arms_of_other_studies_are_named_with_them() -> None:
    refs = (*(Ref("mine", {"norm": name}) for name in ("pre", "post")), Ref("other", {"lr": 0.1, "nesterov": True}))
    finding = replace(FINDINGS[0], study="mine", of=(*refs, Ref("third", {"depth": 2}, "2 blocks")))
    assert check(finding, {}).sentence == "Not run: pre and post; lr=0.1 nesterov=true of other; 2 blocks of third."
    many = replace(finding, of=tuple(Ref("mine", {"depth": i}) for i in range(7)))
    assert check(many, {}).sentence == "Not run: depth=0, depth=1, depth=2, depth=3 and 3 more."
