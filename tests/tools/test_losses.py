"""Cross-entropy and squared error against double-precision formulas and torch's gradients."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.tools.losses import TOOL, cross_entropy, slopes_in_logit, slopes_in_probability, squared_error


@given(st.floats(1e-6, 1 - 1e-6))
def test_slopes_are_what_torch_differentiates(p: float) -> None:
    probability = torch.tensor(p, dtype=torch.float64, requires_grad=True)
    logit = torch.tensor(math.log(p / (1 - p)), dtype=torch.float64, requires_grad=True)
    for place, loss in enumerate((lambda q: -q.log(), lambda q: (1 - q) ** 2)):
        in_p = torch.autograd.grad(loss(probability), probability)[0]
        in_z = torch.autograd.grad(loss(logit.sigmoid()), logit)[0]
        assert slopes_in_probability(p)[place] == pytest.approx(in_p.item(), rel=1e-9)
        assert slopes_in_logit(p)[place] == pytest.approx(in_z.item(), rel=1e-6, abs=1e-12)


@given(st.floats(1e-6, 1.0))
def test_the_table_has_the_probability_that_was_asked_for(p: float) -> None:
    table = TOOL.answer({"p": p}).table
    assert table is not None
    row = next(row for row in table.rows if row[0] == p)
    assert row[1:3] == (-math.log(p), (1 - p) ** 2)
    assert row[3:] == (*slopes_in_probability(p), *slopes_in_logit(p))
    assert [row[0] for row in table.rows] == sorted({0.01, 0.1, 0.5, 0.9, 0.99, p})


def test_the_logit_of_a_softmax_gets_the_same_slopes() -> None:
    logits = torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    p = logits.softmax(0)[0]
    for place, loss in enumerate((-p.log(), (1 - p) ** 2)):
        slope = torch.autograd.grad(loss, logits, retain_graph=True)[0][0]
        assert slopes_in_logit(p.item())[place] == pytest.approx(slope.item())


def test_curves_run_from_the_lowest_probability_to_one() -> None:
    losses, slopes = TOOL.answer({"lowest": 0.5}).charts
    for curve in (*losses.curves, *slopes.curves):
        assert (curve.x[0], curve.x[-1]) == (0.5, 1.0)
        assert curve.y[-1] == pytest.approx(0.0, abs=1e-12)
    assert losses.curves[0].y == tuple(map(cross_entropy, losses.curves[0].x))
    assert losses.curves[1].y == tuple(map(squared_error, losses.curves[1].x))


def test_the_second_chart_follows_the_choice() -> None:
    for slope, formula in (("logit", slopes_in_logit), ("probability", slopes_in_probability)):
        _, chart = TOOL.answer({"slope": slope}).charts
        for place, curve in enumerate(chart.curves):
            assert curve.y == tuple(formula(p)[place] for p in curve.x)
