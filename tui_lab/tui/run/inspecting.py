"""The tabs below the curves: what looks inside the model, learning rate and throughput, the log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane
from textual.widgets.tabbed_content import ContentTabs

from tui_lab.charts.boundary import decision_boundary
from tui_lab.charts.inspections import draw_inspection
from tui_lab.charts.matrix import confused_pairs, confusion_matrix, shown_classes
from tui_lab.charts.samples import sample_grid
from tui_lab.charts.text import printable
from tui_lab.charts.units import unit_grid
from tui_lab.inspections.catalogue import INSPECTIONS, read_inspection
from tui_lab.inspections.content import Boundary, Confusion, Content, UnitMaps
from tui_lab.runs.directory import RunDirectory
from tui_lab.tui.chart import Chart
from tui_lab.tui.dialogs import Page
from tui_lab.tui.run.follow import Seen
from tui_lab.tui.texts import put

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp, Look

INTERVAL_S = 2.0  # between two drawings of a look inside a run that trains: each takes time from its training
TITLES = {
    "confusion": "Confusion",
    "samples": "Samples",
    "filters": "Filters",
    "words": "Words",
    "boundary": "Boundary",
    "units": "Units",
    "activations": "Layers",
    "gradient-check": "Gradients",
    "supports": "Support",
}
BESIDE = 44  # cells that the most confused pairs need at the right of the matrix
GAP = "    "
HINT = "Arrows choose a cell, enter opens its samples."


class ConfusionView(Static, can_focus=True):
    """A confusion matrix with a cell to move: enter opens its misclassified samples."""

    HELP = "**Confusion matrix.** Rows are true classes, columns predicted ones. The arrows move, enter opens a cell."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", "Row above", show=False),
        Binding("down", "move(1, 0)", "Row below", show=False),
        Binding("left", "move(0, -1)", "Column before", show=False),
        Binding("right", "move(0, 1)", "Column after", show=False),
        Binding("enter", "open", "Open cell", show=True),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._content: Confusion | None = None
        self._cell: tuple[int, int] | None = None

    @property
    def _look(self) -> Look:
        return cast("LabApp", self.app).look

    def show_content(self, content: Confusion) -> None:
        if self._content is None or self._content.class_names != content.class_names:
            self._cell = None
        self._content = content
        self._draw()

    def on_focus(self) -> None:
        if self._cell is None and self._content is not None and self._shown_classes:
            pairs = self._content.most_confused(1)
            self._cell = pairs[0][:2] if pairs else (self._shown_classes[0], self._shown_classes[0])
        self._draw()

    def on_click(self, event: events.Click) -> None:
        """Choose the cell below the mouse; a second click opens it."""
        cell = event.style.meta.get("cell")
        if cell is None:
            return
        is_chosen, self._cell = self._cell == cell, cell
        self._draw()
        if is_chosen:
            self.action_open()

    def on_resize(self) -> None:
        self._draw()

    @property
    def _shown_classes(self) -> list[int]:
        return shown_classes(self._content, self.size.width) if self._content else []

    def action_move(self, rows: int, columns: int) -> None:
        classes = self._shown_classes
        if self._cell is None or not classes:
            return
        at = [classes.index(i) if i in classes else 0 for i in self._cell]
        row, column = (min(max(p + by, 0), len(classes) - 1) for p, by in zip(at, (rows, columns), strict=True))
        self._cell = classes[row], classes[column]
        self._draw()

    def action_open(self) -> None:
        """The samples of the cell, as many as were kept."""
        if self._content is None or self._cell is None:
            return
        true, predicted = self._cell
        names, look = self._content.class_names, self._look
        count = self._content.counts[true][predicted]
        title = f"{names[true]}, taken for {names[predicted]}: {count:,}"
        kept = self._content.mistakes.get(self._cell, ())
        if true == predicted:
            body = Text("Right answers are not kept; choose a cell off the diagonal.", "dim")
        elif not kept:
            body = Text("No sample of this cell was kept." if count else "No sample is in this cell.", "dim")
        else:
            body = sample_grid(kept, names, width=90, color=look.color, ascii=look.ascii)
        self.app.push_screen(Page(title, Static(body)))

    def _draw(self) -> None:
        width, look = self.size.width, self._look
        if self._content is None or width < 20:
            return
        cell = self._cell if self.has_focus else None
        matrix = confusion_matrix(
            self._content, width=width, selected=cell, palette=look.palette, color=look.color, ascii=look.ascii
        )
        room = width - max(line.cell_len for line in matrix.split()) - len(GAP)
        is_beside = room >= BESIDE
        pairs = confused_pairs(self._content, width=room if is_beside else width, most=8, ascii=look.ascii)
        notes = Text("\n").join([pairs, Text(), Text(HINT, "dim")])
        put(self, _beside(matrix, notes) if is_beside else Text("\n\n").join([matrix, notes]))

    def on_blur(self) -> None:
        self._draw()


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
            with TabPane(TITLES["boundary"], id="tab-boundary"), VerticalScroll():
                yield Static(id="show-boundary")
            with TabPane(TITLES["confusion"], id="tab-confusion"), VerticalScroll(can_focus=False):
                yield ConfusionView(id="show-confusion")
            with TabPane(TITLES["samples"], id="tab-samples"), VerticalScroll():
                yield Static(id="show-samples")
            with TabPane(TITLES["filters"], id="tab-filters"), VerticalScroll():
                yield Static(id="show-filters")
            with TabPane(TITLES["words"], id="tab-words"), VerticalScroll():
                yield Static(id="show-words")
            with TabPane(TITLES["units"], id="tab-units"), VerticalScroll():
                yield Static(id="show-units")
            with TabPane(TITLES["activations"], id="tab-activations"), VerticalScroll():
                yield Static(id="show-activations")
            with TabPane(TITLES["gradient-check"], id="tab-gradient-check"), VerticalScroll():
                yield Static(id="show-gradient-check")
            with TabPane(TITLES["supports"], id="tab-supports"), VerticalScroll():
                yield Static(id="show-supports")
            with TabPane("Rate", id="tab-rate"), Horizontal():
                yield Chart(id="chart-lr")
                yield Chart(id="chart-speed")
            with TabPane("Log", id="tab-log"), VerticalScroll(id="log-scroll"):
                yield Static(id="show-log")

    @property
    def tabs(self) -> TabbedContent:
        return self.query_one("#inspections", TabbedContent)

    def on_mount(self) -> None:
        for name in INSPECTIONS:
            self.tabs.hide_tab(f"tab-{name}")
        self.tabs.active = "tab-rate"

    def show_run(self, run: RunDirectory) -> None:
        """Begin with another run."""
        self._run, self._seen, self._was_chosen = run, None, False
        self._drawn.clear()
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
        for name in INSPECTIONS:
            if (name in there) != (name in self._there):
                (self.tabs.show_tab if name in there else self.tabs.hide_tab)(f"tab-{name}")
        is_first = not self._there and bool(there)
        self._there = dict(there)
        if is_first and not self._was_chosen:
            self.tabs.active = "tab-boundary" if "boundary" in there else f"tab-{next(iter(there))}"

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
        if self._run is None or name not in self._there or self._is_drawing or not self.size.width:
            return
        look = cast("LabApp", self.app).look
        wanted = (self._run.id, self._there[name], self.size, look)
        drawn = self._drawn.get(name)
        if drawn == wanted:
            return
        is_training = self._seen is not None and self._seen.snapshot.state == "running"
        same_frame = isinstance(drawn, tuple) and (drawn[0], *drawn[2:]) == (wanted[0], *wanted[2:])
        if is_training and same_frame and (wait := self._due - time.monotonic()) > 0:
            if self._timer is None:
                self._timer = self.set_timer(wait, self._wake)
            return
        self._is_drawing = True
        self._drawn[name], self._due = wanted, time.monotonic() + INTERVAL_S
        self.run_worker(self._show(self._run, name, look), exit_on_error=False)

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

    async def _show(self, run: RunDirectory, name: str, look: Look) -> None:
        width, height = max(20, self.size.width - 4), max(5, self.size.height - 4)
        try:
            app = cast("LabApp", self.app)
            content, text = await app.in_background(partial(_drawn, run, name, width, height, look))
        finally:
            self._is_drawing = False
        if run is not self._run:
            return
        target = self.query_one(f"#show-{name}", Static)
        if isinstance(target, ConfusionView) and isinstance(content, Confusion):
            target.show_content(content)
        else:
            put(target, text)
        self._draw()


def _drawn(run: RunDirectory, name: str, width: int, height: int, look: Look) -> tuple[Content | None, Text]:
    """On the background thread."""
    content = read_inspection(run, name)
    if content is None:
        return None, Text("It cannot be read at the moment.", "dim")
    if isinstance(content, Confusion):
        return content, Text()
    if isinstance(content, Boundary):
        return content, decision_boundary(
            content, columns=width, rows=height, palette=look.palette, color=look.color, ascii=look.ascii
        )
    if isinstance(content, UnitMaps):
        return content, unit_grid(
            content, width=width, rows=height, palette=look.palette, color=look.color, ascii=look.ascii
        )
    text = draw_inspection(
        content, width=width, palette=look.palette, marker=look.marker, color=look.color, ascii=look.ascii
    )
    return content, text


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


def _beside(left: Text, right: Text) -> Text:
    """Two blocks of lines side by side, the left one as wide as its longest line."""
    lefts, rights = left.split(), right.split()
    width = max(line.cell_len for line in lefts)
    lines = []
    for first, second in zip_longest(lefts, rights, fillvalue=Text()):
        line = first.copy()
        line.append(" " * (width - line.cell_len) + GAP if second else "").append_text(second)
        lines.append(line)
    return Text("\n").join(lines)
