"""The softmax with cross-entropy against torch, and where the naive one breaks."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tui_lab.hyperparameters import mistakes_in
from tui_lab.tools.softmax import (
    LARGEST,
    TOOL,
    SoftmaxInputs,
    central_differences,
    log_sum_exp,
    long_gradient,
    naive_loss,
    naive_softmax,
    simple_gradient,
    softmax,
    stable_loss,
)

CASES = st.lists(st.floats(-LARGEST, LARGEST), min_size=2, max_size=8).flatmap(
    lambda logits: st.tuples(st.just(logits), st.integers(0, len(logits) - 1))
)
MODERATE = st.lists(st.floats(-30, 30), min_size=2, max_size=8).flatmap(
    lambda logits: st.tuples(st.just(logits), st.integers(0, len(logits) - 1))
)


def torchs(logits: list[float], target: int) -> tuple[float, list[float]]:
    """Loss and gradient in float64."""
    z = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
    loss = F.cross_entropy(z, torch.tensor([target]))
    return loss.item(), torch.autograd.grad(loss, z)[0][0].tolist()


@given(CASES)
def test_the_simplified_loss_and_its_gradient_are_torchs(case: tuple[list[float], int]) -> None:
    logits, target = case
    loss, gradient = torchs(logits, target)
    assert stable_loss(logits, target) == pytest.approx(loss, rel=1e-12, abs=1e-9)
    assert simple_gradient(logits, target) == pytest.approx(gradient, rel=1e-12, abs=1e-12)
    assert log_sum_exp(logits) == pytest.approx(torch.tensor(logits, dtype=torch.float64).logsumexp(0).item())


@given(CASES)
def test_central_differences_agree_for_logits_of_any_size(case: tuple[list[float], int]) -> None:
    logits, target = case
    assert central_differences(logits, target) == pytest.approx(simple_gradient(logits, target), abs=1e-6)


@given(MODERATE)
def test_where_nothing_overflows_all_ways_agree(case: tuple[list[float], int]) -> None:
    logits, target = case
    assert naive_softmax(logits) == pytest.approx(softmax(logits), rel=1e-12)
    assert naive_loss(logits, target) == pytest.approx(stable_loss(logits, target), rel=1e-9, abs=1e-12)
    assert long_gradient(logits, target) == pytest.approx(simple_gradient(logits, target), rel=1e-9, abs=1e-12)


@given(CASES, st.floats(-LARGEST, LARGEST))
def test_adding_a_number_to_every_logit_changes_nothing(case: tuple[list[float], int], shift: float) -> None:
    logits, target = case
    moved = [logit + shift for logit in logits]
    assert stable_loss(moved, target) == pytest.approx(stable_loss(logits, target), abs=1e-8)


@pytest.mark.parametrize(
    ("logits", "target", "naive", "stable", "sentence"),
    [
        ("1000, 0", 0, math.nan, 0.0, "e^ỹ is too large"),
        ("1000, 0", 1, math.inf, 1000.0, "e^ỹ is too large"),
        ("-1000, -1001", 0, math.nan, math.log1p(math.exp(-1)), "Every e^ỹ is rounded to 0"),
        ("0, -1000", 1, math.inf, 1000.0, "ŷ of the true class is rounded to 0"),
        ("709.7, 709.7", 0, math.inf, math.log(2), "e^ỹ is too large"),  # each by itself is finite, their sum is not
    ],
)
def test_what_becomes_of_logits_of_a_thousand(
    logits: str, target: int, naive: float, stable: float, sentence: str
) -> None:
    inputs = SoftmaxInputs(logits=logits, target=target)
    assert naive_loss(inputs.numbers, target) == pytest.approx(naive, nan_ok=True)
    assert stable_loss(inputs.numbers, target) == pytest.approx(stable)
    lines = TOOL.answer({"logits": logits, "target": target}).lines
    assert any(line.startswith(sentence) for line in lines)
    assert not any("chain rule" in line for line in lines)  # there is nothing to compare with
    assert lines[0] == f"−ỹ + log Σ e^ỹ: the loss is {stable:.6g} nats."


def test_the_table_has_a_row_for_each_class() -> None:
    table = TOOL.answer({"logits": "2 1 -1", "target": 1}).table
    assert table is not None
    assert [row[0] for row in table.rows] == ["0", "1 (true)", "2"]
    assert [row[1] for row in table.rows] == [2, 1, -1]
    for row, p, slope in zip(table.rows, softmax([2, 1, -1]), simple_gradient([2, 1, -1], 1), strict=True):
        assert row[2:] == pytest.approx((p, p, slope, slope, slope), abs=1e-9)


def test_the_chart_moves_the_true_logit_only() -> None:
    (chart,) = TOOL.answer({"logits": "2, 1, -1", "target": 2}).charts
    loss, slope = chart.curves
    assert (loss.x[0], loss.x[-1]) == (-9, 7)
    for x, value, derivative in list(zip(loss.x, loss.y, slope.y, strict=True))[::20]:
        assert value == pytest.approx(torchs([2, 1, x], 2)[0])
        assert derivative == pytest.approx(torchs([2, 1, x], 2)[1][2])


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"logits": "1, two"}, 'logits = "1, two": must be 2 to 100 numbers'),
        ({"logits": "1"}, 'logits = "1": must be 2 to 100 numbers'),
        ({"logits": "1, nan"}, 'logits = "1, nan": must be 2 to 100 numbers'),
        ({"logits": "1, 1e9"}, 'logits = "1, 1e9": must be 2 to 100 numbers from -10000 to 10000'),
        ({"logits": "1, 2", "target": 2}, "target = 2: is none of the 2 classes, which are 0 to 1"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence(inputs: dict[str, object], sentence: str) -> None:
    (mistake,) = mistakes_in(SoftmaxInputs, inputs)
    assert mistake.sentence.startswith(sentence)
