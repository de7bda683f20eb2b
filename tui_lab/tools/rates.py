"""What a learning-rate range test tells, as a tool tells it. The test itself needs torch, and runs elsewhere."""

from __future__ import annotations

from tui_lab.tools.tool import Cell, Chart, Curve, Result, Table
from tui_lab.training.range_test import DIVERGENCE, SAFETY, STEPS, RangeTest

NAME = "lr-find"  # as on the command line, where it is asked about an exercise
TITLE = "Find a learning rate"
TEXT = f"""\
Trains for {STEPS} steps with a rate that grows from one to the next, and draws the loss over the rate; nothing of it is
kept. Too small a rate changes nothing, a good one makes the loss fall, too large a one makes it rise. The suggestion is
the rate at the least loss divided by {SAFETY:g}. (Smith, Cyclical Learning Rates for Training Neural Networks, 2015.)

Each loss is that of a batch, in proportion to what the same batch gives without any learning: so hard batches and easy
ones do not hide what is learned. A schedule has no part in it.
"""
HEADROOM = 2.0  # of the chart, above where the loss began, in falls of the loss; what is higher is cut
LEAST_HEADROOM = 0.05  # relative to where it began


def rates_result(test: RangeTest, lr: float) -> Result:
    """Sentences, the rates that matter, and the curve.

    Args:
        test: what was measured.
        lr: the learning rate of the configuration that was tested.
    """
    return Result(tuple(_sentences(test)), _table(test, lr), (_chart(test),))


def _sentences(test: RangeTest) -> list[str]:
    last = test.rates[-1]
    if test.least is None:
        found = [f"At no rate did the loss fall within {len(test.rates)} steps, so there is nothing to suggest."]
    else:
        found = [f"Suggested: lr = {test.suggestion:g}, the rate at the least loss divided by {SAFETY:g}."]
        if test.least == len(test.rates) - 1:
            found.append("The loss was still falling at the end: the least one may lie beyond.")
    if test.diverged:
        found.append(f"It ended at {last:.2g}, with a loss that was infinite or {DIVERGENCE:g} times the least.")
    return found


def _table(test: RangeTest, lr: float) -> Table:
    rows: list[tuple[Cell, ...]] = []
    if test.least is not None and test.steepest is not None and test.suggestion is not None:
        rows = [
            ("suggested", test.suggestion, _loss_at(test, test.suggestion)),
            ("fastest fall", test.rates[test.steepest], test.smoothed[test.steepest]),
            ("least loss", test.rates[test.least], test.smoothed[test.least]),
        ]
    rows.append(("set now", lr, _loss_at(test, lr)))
    return Table(("", "lr", "loss"), tuple(rows))


def _loss_at(test: RangeTest, rate: float) -> Cell:
    """The smoothed loss at the tested rate that is nearest to `rate`; nothing where it was not tested."""
    if not test.rates[0] <= rate <= test.rates[-1]:
        return ""
    step = min(range(len(test.rates)), key=lambda i: abs(test.rates[i] - rate))
    return test.smoothed[step]


def _chart(test: RangeTest) -> Chart:
    began = test.smoothed[0]
    fall = began - min(test.smoothed)
    ceiling = began + max(HEADROOM * fall, LEAST_HEADROOM * abs(began))
    corrected, smoothed = (tuple(min(value, ceiling) for value in values) for values in (test.corrected, test.smoothed))
    curves = [Curve("smoothed", test.rates, smoothed), Curve("batch", test.rates, corrected, faint=True)]
    if test.suggestion is not None:
        drawn = (*corrected, *smoothed)
        curves.append(Curve("suggested", (test.suggestion,) * 2, (min(drawn), max(drawn))))
    return Chart("Loss by learning rate", "learning rate", tuple(curves), x_log=True)
