"""Beside the form: what an exercise is, and what it would train on, with and at which rate, before it is trained."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich import box
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane

from tui_lab.charts.calculated import schedule_series
from tui_lab.charts.previews import LAYER_COLUMNS, layer_rows, preview_samples
from tui_lab.errors import TuiLabError
from tui_lab.hyperparameters import GradientHyperparameters, Hyperparameters
from tui_lab.labs.exercise import Exercise
from tui_lab.presets import Arm
from tui_lab.presets.arms import METRICS
from tui_lab.previews.client import SupersededError
from tui_lab.previews.content import LayerTable, SampleGrid
from tui_lab.tui.chart import Chart, Plot
from tui_lab.tui.labs.tree import Entry
from tui_lab.tui.reading import Reading

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

SETTLE_S = 0.3  # after the last key, before a preview is asked for


class About(Widget):
    """Tabs: text, samples, layers, learning-rate curve. The last three follow the form."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "another_draw", "Draw again", show=False),
        Binding("h", "toggle_seen", "As the network sees it", show=False),
    ]
    DEFAULT_CSS = "About { height: 1fr; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._exercise: Exercise | None = None
        self._configuration: Hyperparameters | None = None
        self._is_fitted = False  # then there are no layers and no schedule to show
        self._entry: Entry | None = None
        self._asked: dict[str, Any] = {}  # for each preview, what it was last asked for
        self._draw = 0
        self._as_seen = False
        self._grid: SampleGrid | None = None
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with TabbedContent(id="about-tabs"):
            with TabPane("About", id="about"), VerticalScroll(id="about-scroll"):
                yield Reading(id="about-text")
            with TabPane("Samples", id="samples"), VerticalScroll():
                yield Static(Text("Samples are drawn when this tab is opened.", "dim"), id="samples-picture")
            with TabPane("Layers", id="layers"), VerticalScroll():
                yield Static(id="layers-table")
            with TabPane("Schedule", id="schedule"):
                yield Chart(id="schedule-chart")

    @property
    def _lab(self) -> LabApp:
        return cast("LabApp", self.app)

    @property
    def tabs(self) -> TabbedContent:
        return self.query_one("#about-tabs", TabbedContent)

    def show_entry(self, entry: Entry) -> None:
        """The text of an exercise or a preset."""
        if entry is self._entry:
            return
        self._entry = entry
        self.query_one("#about-text", Reading).show(page_of(entry))
        self.query_one("#about-scroll").scroll_home(animate=False)

    def follow(self, exercise: Exercise, configuration: Hyperparameters) -> None:
        """The configuration that the previews are of; those that can be seen are made anew in a moment."""
        self._exercise, self._configuration = exercise, configuration
        if exercise.is_fitted != self._is_fitted:
            self._is_fitted = exercise.is_fitted
            for tab in ("layers", "schedule"):  # of what is trained step by step
                (self.tabs.hide_tab if exercise.is_fitted else self.tabs.show_tab)(tab)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(SETTLE_S, self._preview)

    @on(TabbedContent.TabActivated)
    def _opened(self) -> None:
        self._preview()

    def on_resize(self) -> None:
        if self._grid is not None:
            self._draw_samples(self._grid)

    def action_another_draw(self) -> None:
        self._draw += 1
        self._preview()

    def action_toggle_seen(self) -> None:
        self._as_seen = not self._as_seen
        if self._grid is not None:
            self._draw_samples(self._grid)

    # Previews

    def _preview(self) -> None:
        exercise, configuration, tab = self._exercise, self._configuration, self.tabs.active
        if exercise is None or configuration is None or not self.display:
            return
        if tab == "schedule" and isinstance(configuration, GradientHyperparameters):
            wanted = f"{exercise.name} {configuration}"
            chart = self.query_one("#schedule-chart", Chart)
            chart.show(partial(schedule_plot, configuration), wanted)
        elif tab in ("samples", "layers"):
            asked = (exercise.name, configuration.model_dump(), self._draw if tab == "samples" else 0)
            if self._asked.get(tab) != asked:
                self._asked[tab] = asked
                self._say(tab, "making it ...")
                self.run_worker(partial(self._ask, tab, exercise.name, asked[1]), thread=True, exit_on_error=False)

    def _ask(self, tab: str, exercise: str, values: Mapping[str, Any]) -> None:
        """On a thread of its own: the preview process may have to import torch first."""
        workspace = self._lab.workspace
        try:
            if tab == "samples":
                grid = workspace.previews.ask("samples", exercise, values, workspace.data, self._draw)
                self.app.call_from_thread(self._draw_samples, grid)
            else:
                table = workspace.previews.ask("layers", exercise, values, workspace.data)
                self.app.call_from_thread(self._draw_layers, table)
        except SupersededError:
            return  # a newer one is on its way
        except TuiLabError as error:
            self.app.call_from_thread(self._fail, tab, str(error))

    def _fail(self, tab: str, sentence: str) -> None:
        self._asked.pop(tab, None)  # what was missing may be there next time
        self._say(tab, sentence)

    def _say(self, tab: str, sentence: str) -> None:
        target = "#samples-picture" if tab == "samples" else "#layers-table"
        if self.is_mounted and (tab != "samples" or self._grid is None or not sentence.startswith("making")):
            self.query_one(target, Static).update(Text(sentence, "dim"))
            if tab == "samples":
                self._grid = None

    def _draw_samples(self, grid: SampleGrid) -> None:
        self._grid = grid
        picture = self.query_one("#samples-picture", Static)
        width = (picture.size.width or self.size.width) - 2
        if width < 10:
            return
        drawn = preview_samples(grid, width=width, seen=self._as_seen, look=self._lab.look)
        seen = "  h: as stored" if self._as_seen else "  h: as the network sees them"
        hint = Text(f"n: draw again{seen if any(s.seen for s in grid.samples) else ''}", "dim")
        picture.update(Text("\n").join([hint, drawn]))

    def _draw_layers(self, table: LayerTable) -> None:
        self.query_one("#layers-table", Static).update(layer_table(table))


def schedule_plot(configuration: GradientHyperparameters) -> Plot:
    """The learning rate of every epoch."""
    return Plot([schedule_series(configuration)], "Learning rate", "epoch")


def layer_table(layers: LayerTable) -> Table:
    """Layers with output sizes and weights."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in LAYER_COLUMNS:
        is_number = column.startswith(">")
        made.add_column(column.lstrip(">"), justify="right" if is_number else "left", no_wrap=is_number)
    for row in layer_rows(layers):
        made.add_row(*(Text(cell.replace(" × ", "×")) for cell in row))
    return made


def page_of(entry: Entry) -> str:
    """The text of an entry as Markdown: title, what it is, what was published."""
    if entry.error:
        return f"# This preset cannot be used\n\n{_literally(entry.error)}\n\nCorrect the file, then choose it again."
    parts = [f"# {entry.title}" if not entry.text.lstrip().startswith("# ") else "", entry.text.strip()]
    if entry.preset:
        parts.insert(1, f"`{entry.preset}`")
    if entry.published:
        rows = "\n".join(f"- {name.replace('_', ' ')}: {_published(name, v)}" for name, v in entry.published.items())
        parts.append(f"## Published\n\n{rows}")
    if entry.arms:
        parts.append(f"## Arms\n\n{_arms_table(entry.arms)}\n\n**S** runs all of them.")
    return "\n\n".join(filter(None, parts))


def _arms_table(arms: Sequence[Arm]) -> str:
    """An arm a row, with what is published for it."""
    metrics = [name for name in METRICS if any(name in arm.published for arm in arms)]
    head = ["arm", *(name.replace("_", " ") for name in metrics)]
    rows = [
        [_literally(arm.name), *(_published(m, arm.published[m]) if m in arm.published else "" for m in metrics)]
        for arm in arms
    ]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _literally(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_<>#\[\]|~])", r"\\\1", text).replace("\n", "  \n")


def _published(name: str, value: float) -> str:
    return f"{100 * value:.2f} %" if name.endswith("accuracy") else f"{value:g}"
