"""Gradient descent in three batch sizes: against torch, and what the three curves have in common."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tui_lab.hyperparameters import mistakes_in
from tui_lab.tools.descent import TOOL, DescentInputs, descend, gradient, mean_loss, two_clouds

POINTS = st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.integers(0, 1)), min_size=1, max_size=20)
WEIGHTS = st.tuples(st.floats(-20, 20), st.floats(-20, 20), st.floats(-20, 20))


@given(WEIGHTS, POINTS)
def test_loss_and_gradient_are_torchs(
    weights: tuple[float, float, float], points: list[tuple[float, float, int]]
) -> None:
    w = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    x = torch.tensor([[x, y, 1.0] for x, y, _ in points], dtype=torch.float64)
    y = torch.tensor([float(label) for *_, label in points], dtype=torch.float64)
    loss = F.binary_cross_entropy_with_logits(x @ w, y)
    assert mean_loss(weights, points) == pytest.approx(loss.item(), rel=1e-9, abs=1e-12)
    expected = torch.autograd.grad(loss, w)[0].tolist()
    assert gradient(weights, points) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 5))
def test_every_epoch_uses_every_point_once(batch_size: int, epochs: int, seed: int) -> None:
    points = two_clouds(30, 0.8, seed)
    found = descend("", points, batch_size, 0.1, epochs, seed)
    per_epoch = math.ceil(30 / batch_size)
    assert (found.updates[0], found.updates[-1]) == (0, per_epoch * epochs)
    assert found.examples[-1] == 30 * epochs
    assert found.updates == sorted(set(found.updates))
    for update, examples in zip(found.updates, found.examples, strict=True):
        epoch, within = divmod(update, per_epoch)
        assert examples == 30 * epoch + min(within * batch_size, 30)
    assert {30 * epoch for epoch in range(epochs + 1)} <= set(found.examples)
    assert found.losses[0] == pytest.approx(math.log(2))


def test_full_batch_is_plain_gradient_descent_whatever_the_order() -> None:
    points = two_clouds(40, 0.8, 3)
    found = descend("", points, 40, 0.5, 10, seed=1)
    weights = (0.0, 0.0, 0.0)
    for loss in found.losses:
        assert loss == pytest.approx(mean_loss(weights, points))
        slopes = gradient(weights, points)
        weights = tuple(w - 0.5 * slope for w, slope in zip(weights, slopes, strict=True))  # type: ignore[assignment]
    assert found.losses == pytest.approx(descend("", points, 40, 0.5, 10, seed=2).losses)


def test_the_three_charts_show_the_same_descents() -> None:
    inputs = {"epochs": 5, "points": 60, "batch_size": 7}
    result = TOOL.answer(inputs)
    by_epoch, by_update, by_example = result.charts
    assert [curve.name for curve in by_epoch.curves] == ["full batch", "mini-batch", "online"]
    assert not by_epoch.x_log and by_update.x_log and by_example.x_log
    for epochs, updates, examples in zip(by_epoch.curves, by_update.curves, by_example.curves, strict=True):
        assert epochs.x == (0, 1, 2, 3, 4, 5)
        assert updates.y == examples.y
        at = dict(zip(examples.x, examples.y, strict=True))
        assert epochs.y == tuple(at[60 * epoch] for epoch in epochs.x)
    assert [curve.x[-1] for curve in by_update.curves] == [5, 5 * 9, 300]
    assert {curve.x[-1] for curve in by_example.curves} == {300}


def test_a_mini_batch_of_all_points_is_the_full_batch_and_one_of_one_point_is_online() -> None:
    for size, name in ((50, "full batch"), (1, "online")):
        curves = {curve.name: curve for curve in TOOL.answer({"points": 50, "batch_size": size}).charts[1].curves}
        assert curves["mini-batch"].y == pytest.approx(curves[name].y)
        assert curves["mini-batch"].x == curves[name].x


def test_what_the_text_promises_is_there() -> None:
    def rows(**inputs: float) -> dict[str, tuple[float, ...]]:
        table = TOOL.answer(inputs).table
        assert table is not None
        return {str(row[0]): tuple(map(float, row[1:])) for row in table.rows}

    usual, large = rows(), rows(lr=5.0)
    after_one = [usual[name][2] for name in ("online", "mini-batch", "full batch")]
    assert after_one == sorted(after_one)
    assert math.log(2) - usual["online"][2] > 0.9 * (math.log(2) - usual["online"][3])
    assert large["full batch"][4] == 0
    assert large["online"][4] > 0.1


def test_a_seed_decides_everything_and_no_rate_upsets_the_arithmetic() -> None:
    assert TOOL.answer({"seed": 4}) == TOOL.answer({"seed": 4}) != TOOL.answer({"seed": 5})
    for rate in (1e-9, 100.0):
        for chart in TOOL.answer({"lr": rate, "epochs": 3}).charts:
            assert all(math.isfinite(y) for curve in chart.curves for y in curve.y)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"epochs": 400}, "epochs = 400: must be at most 150 with 200 points"),
        ({"points": 20, "batch_size": 21}, "batch_size = 21: is more than there are points, 20"),
        ({"lr": 0.0}, "lr = 0.0: must be 0 < lr <= 100"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_sentence(inputs: dict[str, object], sentence: str) -> None:
    assert [mistake.sentence for mistake in mistakes_in(DescentInputs, inputs)] == [sentence]
