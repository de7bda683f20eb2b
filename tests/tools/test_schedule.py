"""Schedules as the tool draws them, against torch's schedulers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from tui_lab.hyperparameters import GradientHyperparameters, declarations
from tui_lab.tools.schedule import SCHEDULERS, TOOL, ScheduleInputs

TORCH = {
    "constant": lambda o, i: lr_scheduler.ConstantLR(o, i.factor, i.total_iters),
    "linear": lambda o, i: lr_scheduler.LinearLR(o, i.factor, 1.0, i.total_iters),
    "step": lambda o, i: lr_scheduler.StepLR(o, i.step_size, i.gamma or 0.1),
    "exponential": lambda o, i: lr_scheduler.ExponentialLR(o, i.gamma or 0.95),
    "polynomial": lambda o, i: lr_scheduler.PolynomialLR(o, i.total_iters, i.power),
    "cosine": lambda o, i: lr_scheduler.CosineAnnealingLR(o, i.T_max or i.epochs, i.eta_min),
}


def torch_rates(scheduler: str, inputs: ScheduleInputs) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=inputs.lr)
    made = TORCH[scheduler](optimizer, inputs)
    rates = []
    for _ in range(inputs.epochs):
        rates.append(made.get_last_lr()[0])
        optimizer.step()
        made.step()
    return rates


@settings(deadline=None, max_examples=30)
@given(
    st.fixed_dictionaries(
        {
            "lr": st.floats(1e-4, 1.0),
            "epochs": st.integers(2, 40),
            "gamma": st.floats(0.1, 1.0),
            "step_size": st.integers(1, 12),
            "factor": st.floats(0.1, 1.0),
            "total_iters": st.integers(1, 30),
            "power": st.floats(0.5, 3.0),
            "eta_min": st.floats(0.0, 1e-4),
        }
    )
)
def test_every_curve_is_torchs(values: dict[str, Any]) -> None:
    result = TOOL.answer(values)
    assert [curve.name for curve in result.charts[0].curves] == list(SCHEDULERS)
    for curve in result.charts[0].curves:
        expected = torch_rates(curve.name, ScheduleInputs(**values))
        assert curve.x == tuple(range(values["epochs"]))
        assert curve.y == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_with_the_defaults_three_of_them_have_done_their_work_in_five_epochs() -> None:
    (chart,) = TOOL.answer({"lr": 0.1}).charts
    rates = {curve.name: curve.y for curve in chart.curves}
    for name in ("constant", "linear"):
        assert rates[name][0] == pytest.approx(0.1 / 3)
        assert list(rates[name][:5]) == sorted(rates[name][:5]) and rates[name][4] < 0.1
        assert list(rates[name][5:]) == pytest.approx([0.1] * 95)
    assert rates["polynomial"][4] > 0
    assert set(rates["polynomial"][5:]) == {0.0}


def test_the_table_says_what_the_curves_say() -> None:
    result = TOOL.answer({"epochs": 50})
    assert result.table is not None
    assert result.table.columns[1:4] == ("epoch 0", "epoch 25", "epoch 49")
    for row, curve in zip(result.table.rows, result.charts[0].curves, strict=True):
        assert row[:4] == (curve.name, curve.y[0], curve.y[25], curve.y[49])
        assert row[4] == pytest.approx(sum(curve.y) / 50)


def test_one_scheduler_and_a_logarithmic_axis_can_be_chosen() -> None:
    (chart,) = TOOL.answer({"scheduler": "step", "log_axis": True}).charts
    assert [curve.name for curve in chart.curves] == ["step"]
    assert chart.y_log


def test_long_schedules_are_drawn_in_a_few_hundred_points_with_both_ends() -> None:
    (chart,) = TOOL.answer({"scheduler": "exponential", "epochs": 10_000}).charts
    (curve,) = chart.curves
    assert len(curve.x) == 300
    assert (curve.x[0], curve.x[-1]) == (0, 9_999)


def test_inputs_are_declared_as_the_hyperparameters_of_the_same_names() -> None:
    shared, own = declarations(GradientHyperparameters), TOOL.declarations
    for name in own.keys() & shared.keys() - {"scheduler"}:
        assert own[name].type is shared[name].type
        assert own[name].bounds.keys() <= shared[name].bounds.keys() | {"le"}
        if name not in ("lr", "epochs"):
            assert own[name].default == shared[name].default
    assert set(own["scheduler"].choices) == {"all", *shared["scheduler"].choices} - {"none"}
