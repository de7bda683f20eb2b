"""Three ways to one gradient: they agree with autograd, and take as many multiplications as their formulas say."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tui_lab.tools import backprop_cost, differentiation
from tui_lab.tools.backprop_cost import TOOL, WAYS, BackpropCostInputs, measure
from tui_lab.tools.differentiation import parameters, paths, random_network
from tui_lab.tools.softmax import softmax

SIZES = st.lists(st.integers(1, 4), min_size=2, max_size=5).map(lambda sizes: [*sizes, 3])


class Counted(float):
    """A number that counts the multiplications with it, and passes that on to what comes out."""

    multiplications = 0

    def __mul__(self, other: Any) -> Counted:
        Counted.multiplications += 1
        return Counted(float(self) * float(other))

    __rmul__ = __mul__

    def __add__(self, other: Any) -> Counted:
        return Counted(float(self) + float(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Counted:
        return Counted(float(self) - float(other))

    def __rsub__(self, other: Any) -> Counted:
        return Counted(float(other) - float(self))


def autograd(network: list[Any], x: list[float], target: int) -> list[torch.Tensor]:
    weights = [torch.tensor(layer, dtype=torch.float64, requires_grad=True) for layer in network]
    h = torch.tensor(x, dtype=torch.float64)
    for number, layer in enumerate(weights, 1):
        h = layer[:, :-1] @ h + layer[:, -1]
        h = h if number == len(weights) else h.tanh()
    loss = F.cross_entropy(h[None], torch.tensor([target]))
    return list(torch.autograd.grad(loss, weights))


@settings(deadline=None, max_examples=30)
@given(SIZES, st.integers(0, 99), st.integers(0, 2))
def test_every_way_gives_autograds_gradient(sizes: list[int], seed: int, target: int) -> None:
    network = random_network(sizes, seed)
    x = [math.sin(seed + i) for i in range(sizes[0])]
    expected = autograd(network, x, target)
    for way in WAYS:
        tolerance = 1e-4 if way.name == "finite differences" else 1e-12
        for found, true in zip(way.gradient(network, x, target), expected, strict=True):
            torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), true, rtol=tolerance, atol=tolerance)


@settings(deadline=None, max_examples=30)
@given(SIZES)
def test_costs_are_the_multiplications_that_are_made(sizes: list[int]) -> None:
    network = [[[Counted(weight) for weight in row] for row in layer] for layer in random_network(sizes)]
    x = [Counted(0.5)] * sizes[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differentiation, "tanh", lambda value: Counted(math.tanh(value)))
        patch.setattr(differentiation, "softmax", lambda logits: [Counted(p) for p in softmax(logits)])
        for way in WAYS:
            Counted.multiplications = 0
            way.gradient(network, x, 0)
            assert Counted.multiplications == way.cost(sizes), way.name


@given(SIZES)
def test_paths_and_parameters_are_counted_one_by_one(sizes: list[int]) -> None:
    assert paths(sizes) == len(list(product(*map(range, sizes[2:]))))
    assert parameters(sizes) == sum(len(row) for layer in random_network(sizes) for row in layer)


def test_one_more_layer_multiplies_the_paths_by_the_width_and_adds_to_back_propagation() -> None:
    table = TOOL.answer({"depth": 12, "width": 10}).table
    assert table is not None
    counts = [[float(cell) for cell in row] for row in table.rows]
    for i in range(2, 11):
        before, here, after = counts[i - 1 : i + 2]
        assert here[2] - before[2] == after[2] - here[2]
        assert after[4] / here[4] == pytest.approx(10, rel=0.1)
    assert counts[-1][2] < 3.5 * counts[-1][1]  # a little above three forward passes
    assert counts[-1][3] == (counts[-1][1] + 1) * counts[-1][1]


def test_sentences_name_the_numbers_of_the_deepest_network() -> None:
    lines = TOOL.answer({"depth": 2, "width": 5, "inputs": 3, "outputs": 2}).lines
    sizes = [3, 5, 5, 2]
    assert lines[0] == f"With 2 hidden layers, one forward pass takes {parameters(sizes)} multiply-adds."
    assert "10 paths lead" in lines[-1]


def test_measuring_runs_what_is_quick_and_estimates_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter(range(1, 100))

    def timed(work: Any) -> tuple[float, Any]:
        return float(next(taken)) * 1e-3, work()

    monkeypatch.setattr(backprop_cost, "_timed", timed)
    monkeypatch.setattr(backprop_cost, "BUDGET_S", 0.01)
    result = measure(BackpropCostInputs(depth=3, width=2))
    assert result.table is not None
    assert result.table.rows[0] == (1, "1 ms", "2 ms", "3 ms")
    texts = [str(cell) for row in result.table.rows for cell in row[1:]]
    estimated = [text for text in texts if text.startswith("≈")]
    assert estimated and len(estimated) < len(texts)
    apart = float(result.lines[1].split()[9])
    assert 0 < apart < 1e-5
    (chart,) = result.charts
    assert sum(len(curve.x) for curve in chart.curves) == len(texts) - len(estimated)
    assert chart.curves[0].y[0] == 1e-3


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2.5e-5, "25 µs"),
        (0.0123, "12.3 ms"),
        (1.0, "1 s"),
        (90.0, "1.5 min"),
        (7200.0, "2 h"),
        (86_400.0 * 3, "3 days"),
        (31_557_600.0 * 2e5, "2e+05 years"),
    ],
)
def test_durations_as_people_read_them(seconds: float, text: str) -> None:
    assert backprop_cost._duration(seconds) == text
