"""Curves that are calculated, not measured: the learning rates of a configuration, the answers of tools."""

from __future__ import annotations

from tui_lab.charts.series import Series, run_kind
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.tools.tool import Chart
from tui_lab.training.schedules import schedule_curve


def schedule_series(hyperparameters: GradientHyperparameters) -> Series:
    """The learning rate over the epochs, from 0 on; long schedules in a few hundred points."""
    epochs, rates = schedule_curve(hyperparameters)
    scheduler = hyperparameters.scheduler
    return Series("learning rate" if scheduler == "none" else scheduler, epochs, rates, kind="lr")


def tool_series(chart: Chart) -> tuple[Series, ...]:
    """The curves of a tool's chart, each with a colour and a mark of its own."""
    return tuple(
        Series(curve.name, curve.x, curve.y, kind=run_kind(i), faint=curve.faint)
        for i, curve in enumerate(chart.curves)
    )
