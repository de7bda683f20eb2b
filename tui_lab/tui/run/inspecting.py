"""The tabs below the curves: what looks inside the model, learning rate and throughput, the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane
from textual.widgets.tabbed_content import ContentTabs

from tui_lab.charts.text import printable
from tui_lab.inspections.catalogue import read_inspection
from tui_lab.runs.directory import RunDirectory
from tui_lab.tui.chart import Chart
from tui_lab.tui.run.attention import AttentionView, ClassTokenView
from tui_lab.tui.run.follow import Seen
from tui_lab.tui.run.views import ConfusionView, Contents, Draw, Frame, MapsView, PlaneView, SamplesView, View
from tui_lab.tui.texts import put

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

INTERVAL_S = 2.0  # between two drawings of a look inside a run that trains: each takes time from its training


@dataclass(frozen=True)
class Tab:
    """A tab of inspections; there when the run has one of them.

    Attributes:
        name: of the tab.
        title: one short word or two: eleven tabs share a line.
        inspections: their names; empty = the one called as the tab is.
        view: what shows them.
    """

    name: str
    title: str
    inspections: tuple[str, ...] = ()
    view: Callable[..., View] = View

    @property
    def names(self) -> tuple[str, ...]:
        return self.inspections or (self.name,)


TABS = {  # the first that a run has comes to the front
    tab.name: tab
    for tab in (
        Tab("boundary", "Boundary", view=PlaneView),
        Tab("confusion", "Confusion", view=ConfusionView),
        Tab("samples", "Samples", ("samples", "top-loss"), SamplesView),
        Tab("filters", "Filters"),
        Tab("words", "Words"),
        Tab("feature-maps", "Maps", view=MapsView),
        Tab("attention", "Attention", ("attention", "rollout"), AttentionView),
        Tab("class-token", "Token", view=ClassTokenView),
        Tab("positions", "Positions", ("position-similarity", "patch-similarity")),
        Tab("units", "Units", view=PlaneView),
        Tab("activations", "Layers"),
        Tab("first-epoch", "Epoch 1"),
        Tab("standardize", "Inputs"),
        Tab("gradient-check", "Gradients"),
        Tab("supports", "Support"),
    )
}


class Inspections(Widget):
    """Tabs; one of an inspection is there when the run has it, and is drawn when it is looked at."""

    HELP = "**Inside the model.** ← and → choose a tab, ↓ goes into it and escape back."
    DEFAULT_CSS = "Inspections { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "enter", "Into the tab", show=False),
        Binding("escape", "leave", "Back to the tabs", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._run: RunDirectory | None = None
        self._seen: Seen | None = None
        self._there: Mapping[str, int] = {}
        self._drawn: dict[str, object] = {}  # what each tab shows
        self._is_drawing = False
        self._was_chosen = False  # by the user: then nothing else takes its place
        self._due = 0.0  # when the tab that is looked at may be drawn again
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with TabbedContent(id="inspections"):
            for tab in TABS.values():
                view = tab.view(id=f"show-{tab.name}")
                with TabPane(tab.title, id=f"tab-{tab.name}"), VerticalScroll(can_focus=not view.can_focus):
                    yield view
            with TabPane("Rate", id="tab-rate"), Horizontal():
                yield Chart(id="chart-lr")
                yield Chart(id="chart-speed")
            with TabPane("Log", id="tab-log"), VerticalScroll(id="log-scroll"):
                yield Static(id="show-log")

    @property
    def tabs(self) -> TabbedContent:
        return self.query_one("#inspections", TabbedContent)

    def on_mount(self) -> None:
        for name in TABS:
            self.tabs.hide_tab(f"tab-{name}")
        self.tabs.active = "tab-rate"

    def show_run(self, run: RunDirectory) -> None:
        """Begin with another run."""
        self._run, self._seen, self._was_chosen = run, None, False
        self._drawn.clear()
        for view in self.query(View):
            view.forget()
        self._find({})
        self.tabs.active = "tab-rate"

    def show_seen(self, seen: Seen) -> None:
        """What is new of the run: the inspections that are there, and its log."""
        self._seen = seen
        self._show_rate(not seen.snapshot.status.is_fitted)
        if seen.inspections != self._there:
            self._find(seen.inspections)
        self._draw()

    def _show_rate(self, has_rate: bool) -> None:
        """A fit has no learning rate: its log takes the place."""
        if has_rate:
            self.tabs.show_tab("tab-rate")
            return
        if self.tabs.active == "tab-rate":
            self.tabs.active = "tab-log"
        self.tabs.hide_tab("tab-rate")

    def _find(self, there: Mapping[str, int]) -> None:
        """Show the tabs of the inspections that are there; the first ones that arrive come to the front."""
        for tab in TABS.values():
            is_there, was_there = (any(name in some for name in tab.names) for some in (there, self._there))
            if is_there != was_there:
                (self.tabs.show_tab if is_there else self.tabs.hide_tab)(f"tab-{tab.name}")
        is_first = not self._there and bool(there)
        self._there = dict(there)
        if is_first and not self._was_chosen:
            first = next(tab for tab in TABS.values() if any(name in there for name in tab.names))
            self.tabs.active = f"tab-{first.name}"

    @on(View.Changed)
    def _turned(self) -> None:
        self._draw()

    @on(TabbedContent.TabActivated)
    def _activated(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def open_tab(self, name: str) -> None:
        """Show a tab because the user asked for it."""
        self._was_chosen = True
        self.tabs.active = f"tab-{name}"

    def focus_tabs(self, *, is_asked: bool = True) -> None:
        """Where the arrow keys choose a tab. Unless the user asked for it, the first inspection still comes forward."""
        self._was_chosen = self._was_chosen or is_asked
        self.tabs.query_one(ContentTabs).focus()

    def action_enter(self) -> None:
        """The first part of the tab that takes keys."""
        pane = self.tabs.active_pane
        target = next((part for part in pane.query("*") if part.focusable), None) if pane else None
        if target is None:
            raise SkipAction
        target.focus()

    def action_leave(self) -> None:
        if self.tabs.query_one(ContentTabs).has_focus:
            raise SkipAction
        self.focus_tabs()

    def _draw(self) -> None:
        """Read and draw the tab that is looked at, if it has changed; one at a time."""
        name = self.tabs.active.removeprefix("tab-")
        if name == "log":
            self._show_log()
        tab = TABS.get(name)
        if self._run is None or tab is None or self._is_drawing or not self.size.width:
            return
        written = tuple(self._there.get(one) for one in tab.names)
        if not any(written):
            return
        view = self.query_one(f"#show-{name}", View)
        look = cast("LabApp", self.app).look
        wanted = (self._run.id, written, self.size, look, view.state)
        drawn = self._drawn.get(name)
        if drawn == wanted:
            return
        is_training = self._seen is not None and self._seen.snapshot.state == "running"
        same_frame = isinstance(drawn, tuple) and (drawn[0], *drawn[2:]) == (wanted[0], *wanted[2:])
        if is_training and same_frame and (wait := self._due - time.monotonic()) > 0:
            if self._timer is None:
                self._timer = self.set_timer(wait, self._wake)
            return
        if drawn is None:  # pictures of many cells take a second on a busy machine; until then, of another run
            put(view, Text("drawing ...", "dim"))
        self._is_drawing = True
        self._drawn[name], self._due = wanted, time.monotonic() + INTERVAL_S
        frame = Frame(max(20, self.size.width - 4), max(5, self.size.height - 4), look)
        self.run_worker(self._show(self._run, tab, view, frame), exit_on_error=False)

    def _wake(self) -> None:
        self._timer = None
        self._draw()

    def _show_log(self) -> None:
        """Its end stays in view, unless the user looks at an earlier part."""
        if self._seen is None or not self.size.width:
            return
        wanted = (self._seen.said, self._seen.log, self._seen.skipped)
        if self._drawn.get("log") == wanted:
            return
        scroll = self.query_one("#log-scroll", VerticalScroll)
        is_at_end = "log" not in self._drawn or scroll.scroll_offset.y >= scroll.max_scroll_y
        self._drawn["log"] = wanted
        self.query_one("#show-log", Static).update(log_text(self._seen))
        if is_at_end:
            scroll.scroll_end(animate=False)

    async def _show(self, run: RunDirectory, tab: Tab, view: View, frame: Frame) -> None:
        try:
            app = cast("LabApp", self.app)
            contents, text = await app.in_background(partial(_drawn, run, tab, view.drawing(), frame))
        finally:
            self._is_drawing = False
        if run is not self._run:
            return
        view.show(contents, text)
        self._draw()


def _drawn(run: RunDirectory, tab: Tab, draw: Draw, frame: Frame) -> tuple[Contents, Text]:
    """On the background thread."""
    found = {name: content for name in tab.names if (content := read_inspection(run, name)) is not None}
    if not found:
        return found, Text("It cannot be read at the moment.", "dim")
    return found, draw(found, frame)


def log_text(seen: Seen) -> Text:
    """Warnings and messages of the run, then the worker's own output."""
    lines = Text()
    for event in seen.said:
        is_warning = event["kind"] == "warning"
        lines.append(f"{event['kind']}: {printable(str(event.get('message', '')))}\n", "bold" if is_warning else "")
    if seen.skipped:
        lines.append(f"{seen.skipped:,} unreadable lines of the event log were passed over\n", "dim")
    if seen.log.strip():
        lines.append("log.txt\n", "dim").append_text(Text.from_ansi(seen.log.strip()))
    return lines if lines.plain.strip() else Text("nothing was said yet", "dim")
