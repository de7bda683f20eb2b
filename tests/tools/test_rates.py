"""What is told of a learning-rate range test."""

from __future__ import annotations

import pytest

from tui_lab.tools.rates import rates_result
from tui_lab.training.range_test import STEPS, RangeTest

RATES = tuple(10.0 ** (-6 + 7 * i / (STEPS - 1)) for i in range(STEPS))
DIP = tuple(2.0 - (0.05 * (i - 60) if 60 <= i < 80 else 0.0 if i < 60 else 1.0 - (i - 79) * 0.5) for i in range(STEPS))
FLAT = (2.0,) * STEPS


def made(losses: tuple[float, ...]) -> RangeTest:
    return RangeTest(RATES[: len(losses)], losses, (2.0,) * len(losses))


def test_the_suggestion_is_said_drawn_and_in_the_table() -> None:
    test = made(DIP)
    result = rates_result(test, 0.03)
    assert test.suggestion is not None
    assert result.lines == (f"Suggested: lr = {test.suggestion:g}, the rate at the least loss divided by 10.",)
    assert result.table is not None
    rows = {str(row[0]): row[1:] for row in result.table.rows}
    assert rows["suggested"][0] == test.suggestion
    assert rows["least loss"] == (test.rates[test.least or 0], min(test.smoothed))
    assert rows["set now"] == (0.03, test.smoothed[min(range(STEPS), key=lambda i: abs(RATES[i] - 0.03))])
    (chart,) = result.charts
    assert chart.x_log
    smoothed, batch, suggested = chart.curves
    assert batch.faint and not smoothed.faint
    assert suggested.x == (test.suggestion, test.suggestion)
    assert smoothed.x == test.rates


def test_what_rises_far_is_cut_so_that_the_fall_can_be_seen() -> None:
    test = made((*DIP[:-3], 1e9, 1e9, 1e9))
    (chart,) = rates_result(test, 0.03).charts
    fall = test.smoothed[0] - min(test.smoothed)
    assert max(max(curve.y) for curve in chart.curves) == pytest.approx(test.smoothed[0] + 2 * fall)
    assert chart.curves[0].y[:80] == test.smoothed[:80]


def test_without_a_fall_nothing_is_suggested() -> None:
    result = rates_result(made(FLAT), 0.03)
    assert result.lines == (f"At no rate did the loss fall within {STEPS} steps, so there is nothing to suggest.",)
    assert result.table is not None and [row[0] for row in result.table.rows] == ["set now"]
    assert [curve.name for curve in result.charts[0].curves] == ["smoothed", "batch"]


def test_how_it_ended_is_told() -> None:
    falling = made(tuple(2.0 - 0.01 * i for i in range(STEPS)))
    assert rates_result(falling, 0.03).lines[-1].startswith("The loss was still falling at the end")
    short = rates_result(made(DIP[:90]), 50.0)
    assert short.lines[-1].startswith(f"It ended at {RATES[89]:.2g}, ")
    assert short.table is not None and short.table.rows[-1] == ("set now", 50.0, "")
