"""Runs overlaid, and beside them what sets them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.color import Color
from rich.console import Group, RenderableType
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from tui_lab.charts.series import Series, run_kind
from tui_lab.runs.comparison import short_name
from tui_lab.runs.store import Listed
from tui_lab.tui.chart import Chart, Plot
from tui_lab.tui.histories import Histories
from tui_lab.tui.runs.differences import about, over_seeds, side_by_side

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

MOST = 16  # runs compared at a time: of more, no eye could tell the curves apart


class Comparison(Container):
    """The curves of some runs in one chart, and a table of what differs.

    What the curves show is chosen by `split` ("test" or "train") and `metric` ("accuracy" or "loss").
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.split = "test"
        self.metric = "accuracy"
        self._entries: list[Listed] = []
        self._numbers: dict[str, int] = {}
        self._asked = 0
        self._histories = Histories()

    def compose(self) -> ComposeResult:
        with Container(id="curves", classes="pane"):
            yield Chart(id="overlay")
        with VerticalScroll(id="differences", classes="pane"):
            yield Static(id="differences-text")

    def on_mount(self) -> None:
        self.watch(self.app, "settings", self._show, init=False)
        self.watch(self.app, "theme", self._show, init=False)

    def show(self, entries: Sequence[Listed], numbers: Mapping[str, int]) -> None:
        """Compare these runs, the first MOST of them, overlaid in the colours that belong to their numbers."""
        compared = list(entries[:MOST])
        kept = {entry.run.id: numbers.get(entry.run.id, 0) for entry in compared}
        if (compared, kept, len(entries)) == (self._entries, self._numbers, self._asked):
            return
        self._entries, self._numbers, self._asked = compared, kept, len(entries)
        self._show()

    def choose(self, *, split: str | None = None, metric: str | None = None) -> None:
        """Show other curves."""
        self.split, self.metric = split or self.split, metric or self.metric
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show_differences)

    def redraw(self) -> None:
        """Draw what had no chance while another screen was in front."""
        self._show()

    def _show(self) -> None:
        self.show_curves()
        self._show_differences()

    def show_curves(self) -> None:
        entries, numbers = list(self._entries), self._numbers
        stamp = (
            self.split,
            self.metric,
            tuple(
                (
                    entry.run.id,
                    short_name(entry, entries),
                    numbers.get(entry.run.id, 0),
                    entry.state,
                    entry.status.epoch,
                )
                for entry in entries
            ),
        )
        make = partial(overlay, entries, dict(numbers), self._histories, self.split, self.metric)
        self.query_one(Chart).show(make, stamp)
        pane = self.query_one("#curves")
        pane.display = not entries or not all(entry.status.is_fitted for entry in entries)  # a fit is no curve
        cut = f"first {MOST} of {self._asked:,} " if self._asked > MOST else ""
        pane.border_title = f"Compare ({cut}marked)" if len(entries) > 1 else "Curve"
        pane.border_subtitle = f"{self.split} {self.metric}   t test/train   l loss/accuracy"

    def _show_differences(self) -> None:
        pane = self.query_one("#differences")
        is_one = len(self._entries) == 1
        pane.border_title = "This run" if is_one else "Only what differs"
        pane.border_subtitle = "space in the table marks what to compare" if is_one else ""
        self.query_one("#differences-text", Static).update(self._text(max(20, pane.scrollable_content_region.width)))

    def _text(self, width: int) -> RenderableType:
        if not self._entries:
            return ""
        if len(self._entries) == 1:
            return about(self._entries[0])
        runs = cast("LabApp", self.app).look.palette.runs
        colours = [runs[self._numbers.get(entry.run.id, 0) % len(runs)] for entry in self._entries]
        styles = [Style(color=Color.from_rgb(*colour), bold=True) for colour in colours]
        seeds = over_seeds(self._entries)
        table = side_by_side(self._entries, styles, width)
        return Group(table, "", seeds) if seeds else table


def overlay(
    entries: Sequence[Listed], numbers: Mapping[str, int], histories: Histories, split: str, metric: str
) -> Plot:
    """The curve of each run by epoch; accuracies in percent. A run that cannot be read has none.

    What was fitted at once is a level beside the curves of others.
    """
    scale = 100 if metric == "accuracy" else 1
    series: list[Series] = []
    levels: list[int] = []
    for entry in entries:
        try:
            epochs = histories.read(entry).epochs
        except OSError:
            continue
        x, y = epochs.means(f"{split}_{metric}", "epoch")
        kind = run_kind(numbers.get(entry.run.id, 0))
        series.append(Series(short_name(entry, entries), x, [scale * value for value in y], kind))
        if entry.status.is_fitted:
            levels.append(len(series) - 1)
    last = max((one.x[-1] for one in series if one.x), default=0.0)
    for i in levels:
        if series[i].x and last > series[i].x[0]:
            series[i] = replace(series[i], x=[series[i].x[0], last], y=[series[i].y[0]] * 2)
    unit = ", %" if metric == "accuracy" else ""
    return Plot(series, f"{split.capitalize()} {metric}{unit}", "epoch")
