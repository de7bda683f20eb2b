"""The tabs below the curves: what looks inside the model, the learning rate, the log."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static, TabbedContent, TabPane

from tui_lab.charts.boundary import decision_boundary
from tui_lab.charts.inspections import draw_inspection
from tui_lab.charts.matrix import confused_pairs, confusion_matrix, shown_classes
from tui_lab.charts.samples import sample_grid
from tui_lab.inspections.catalogue import INSPECTIONS, read_inspection
from tui_lab.inspections.content import Boundary, Confusion, Content
from tui_lab.runs.directory import RunDirectory
from tui_lab.tui.chart import Chart
from tui_lab.tui.dialogs import Page

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp, Look

TITLES = {"confusion": "Confusion", "samples": "Samples", "filters": "Filters", "boundary": "Boundary"}


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
        self._content = content
        self._draw()

    def on_focus(self) -> None:
        if self._cell is None and self._content is not None and self._shown_classes:
            pairs = self._content.most_confused(1)
            self._cell = pairs[0][:2] if pairs else (self._shown_classes[0], self._shown_classes[0])
        self._draw()

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
        pairs = confused_pairs(self._content, width=width, most=3, ascii=look.ascii)
        hint = Text("tab, then arrows and enter: the samples of a cell", "dim")
        self.update(Text("\n").join([matrix, Text(), pairs, hint]))

    def on_blur(self) -> None:
        self._draw()


class Inspections(Widget):
    """Tabs; one of an inspection is there when the run has it, and is drawn when it is looked at."""

    DEFAULT_CSS = "Inspections { height: 1fr; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._run: RunDirectory | None = None
        self._there: Mapping[str, int] = {}
        self._drawn: dict[str, object] = {}  # what each tab shows
        self._is_drawing = False
        self._was_chosen = False  # by the user: then nothing else takes its place

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
        self._run, self._there, self._was_chosen = run, {}, False
        self._drawn.clear()

    def found(self, there: Mapping[str, int]) -> None:
        """The inspections that are there, and when each was written."""
        if there == self._there:
            return
        for name in INSPECTIONS:
            if (name in there) != (name in self._there):
                (self.tabs.show_tab if name in there else self.tabs.hide_tab)(f"tab-{name}")
        is_first = not self._there and bool(there)
        self._there = dict(there)
        if is_first and not self._was_chosen:
            self.tabs.active = "tab-boundary" if "boundary" in there else f"tab-{next(iter(there))}"
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

    def focus_content(self) -> None:
        """Where the arrow keys make sense."""
        self._was_chosen = True
        self.tabs.query_one("ContentTabs").focus()

    def _draw(self) -> None:
        """Read and draw the tab that is looked at, if it has changed; one at a time."""
        name = self.tabs.active.removeprefix("tab-")
        if self._run is None or name not in self._there or self._is_drawing or not self.size.width:
            return
        look = cast("LabApp", self.app).look
        wanted = (self._run.id, self._there[name], self.size, look)
        if self._drawn.get(name) == wanted:
            return
        self._is_drawing = True
        self._drawn[name] = wanted
        self.run_worker(self._show(self._run, name, look), exit_on_error=False)

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
            target.update(text)
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
    text = draw_inspection(content, width=width, palette=look.palette, color=look.color, ascii=look.ascii)
    return content, text
