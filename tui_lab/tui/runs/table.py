"""A table of runs that draws only the lines on the screen, so that thousands of runs cost no more than twenty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui_lab.runs.store import Listed
from tui_lab.tui.runs.columns import AGE, GAP, RUN, STATE, Column, columns_for

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

MARK = "✓ "
HEADER = 1  # lines above the first run
AGE_S = 10.0  # between two looks at whether an age is another one
STATE_STYLES = {
    "queued": "waiting",
    "running": "live",
    "paused": "live",
    "stopped": "ended",
    "failed": "failed",
    "crashed": "failed",
}


class RunTable(ScrollView, can_focus=True):
    """Runs, one a line under a head that stays. The cursor stays on its run when others come, go or move."""

    HELP = (
        "**Runs.** **space** marks a run, **a** all that are shown; marked ones are overlaid and compared, and "
        "what you do is done to all of them. **o**, or a click on the head of a column, sorts."
    )
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "run-table--head",
        "run-table--cursor",
        "run-table--dim",
        "run-table--live",
        "run-table--waiting",
        "run-table--ended",
        "run-table--failed",
    }
    DEFAULT_CSS = """
    RunTable {
        overflow-x: hidden; scrollbar-gutter: stable; scrollbar-size-vertical: 1;
        & .run-table--head { color: $text-muted; text-style: bold; }
        & .run-table--cursor { background: $panel; }
        &:focus .run-table--cursor { background: $primary 30%; text-style: bold; }
        & .run-table--dim { color: $text-muted; }
        & .run-table--live { color: $primary; text-style: bold; }
        & .run-table--waiting { color: $text-muted; }
        & .run-table--ended { color: $warning; }
        & .run-table--failed { color: $error; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="runs.open"),
        Binding("space", "mark", "Mark", id="runs.mark"),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "move_to(0)", "First run", show=False),
        Binding("end,G", "move_to(-1)", "Last run", show=False),
    ]

    class Highlighted(Message):
        """The cursor is on another run, or on none."""

        def __init__(self, entry: Listed | None) -> None:
            super().__init__()
            self.entry = entry

    class Opened(Message):
        """The user wants to see a run."""

        def __init__(self, run_id: str) -> None:
            super().__init__()
            self.run_id = run_id

    class MarkAsked(Message):
        """The user marks a run, or takes its mark away."""

        def __init__(self, run_id: str) -> None:
            super().__init__()
            self.run_id = run_id

    class SortAsked(Message):
        """The user has clicked on the head of a column."""

        def __init__(self, order: str) -> None:
            super().__init__()
            self.order = order

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._rows: Sequence[Listed] = []
        self._marks: Mapping[str, int] = {}
        self._order = ""
        self._columns: list[Column] = []
        self._cursor = 0
        self._ages: list[str] = []

    def on_mount(self) -> None:
        self.set_interval(AGE_S, self._look_at_ages)
        self.watch(self.app, "settings", self._lay_out, init=False)
        self.watch(self.app, "theme", self._lay_out, init=False)

    # What is shown

    def show(self, rows: Sequence[Listed], marks: Mapping[str, int], order: str) -> None:
        """Show these runs; only the lines that have changed are drawn again.

        Args:
            rows: the runs in order.
            marks: the numbers of the marked ones by id.
            order: what they are sorted by.
        """
        before, marked, at = self._rows, self._marks, self._cursor
        old, was_in_sight = self.entry, self._is_in_sight
        self._rows, self._marks = list(rows), dict(marks)
        self._cursor = self._place_of(old, at)
        if order != self._order:
            self._order = order
            self._lay_out()
        if len(rows) != len(before):
            self._resize_content()
        if self.scroll_offset.y and self._cursor != at:  # the same lines stay on the screen when runs come above them
            self.scroll_to(y=self.scroll_offset.y + self._cursor - at, animate=False, immediate=True)
        if was_in_sight:
            self._keep_in_sight()
        for y in range(self.scroll_offset.y, self.scroll_offset.y + self.size.height):
            if _line(before, marked, y) != _line(self._rows, self._marks, y) or y in (at, self._cursor):
                self._refresh_row(y)
        if self.entry is not old:
            self.post_message(self.Highlighted(self.entry))

    def _place_of(self, entry: Listed | None, before: int) -> int:
        """Where a run is now; where it was, if it is gone."""
        last = len(self._rows) - 1
        if entry is None or last < 0:
            return 0
        if before <= last and self._rows[before].run.id == entry.run.id:
            return before
        return next((row for row, other in enumerate(self._rows) if other.run.id == entry.run.id), min(before, last))

    @property
    def entry(self) -> Listed | None:
        """The run under the cursor."""
        return self._rows[self._cursor] if self._cursor < len(self._rows) else None

    @property
    def cursor(self) -> int:
        """The line of the cursor, from 0."""
        return self._cursor

    @property
    def columns(self) -> list[Column]:
        """Those that fit, from left to right."""
        return self._columns

    def on_resize(self) -> None:
        self._lay_out()
        self._resize_content()
        self._keep_in_sight()

    def _lay_out(self) -> None:
        lab = cast("LabApp", self.app)
        width = max(1, self.scrollable_content_region.width - len(MARK))
        self._columns = columns_for(width, self._order or AGE.order, lab.look.ascii)
        self.refresh()

    def _resize_content(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._rows) + HEADER)

    def _look_at_ages(self) -> None:
        shown = self._rows[self.scroll_offset.y : self.scroll_offset.y + self.size.height]
        ages = [AGE.text(entry, AGE.width) for entry in shown]
        if ages != self._ages:
            self._ages = ages
            self.refresh()

    def _refresh_row(self, row: int) -> None:
        self.refresh(Region(0, row + HEADER - self.scroll_offset.y, self.size.width, 1))

    # The cursor

    def action_move(self, lines: int) -> None:
        self.move_to(self._cursor + lines)

    def action_page(self, pages: int) -> None:
        self.move_to(self._cursor + pages * max(1, self.size.height - HEADER - 1))

    def action_move_to(self, row: int) -> None:
        self.move_to(row if row >= 0 else len(self._rows) - 1)

    def move_to(self, row: int) -> None:
        """Put the cursor on a line; beyond the ends, on the first or the last."""
        row = max(0, min(row, len(self._rows) - 1))
        if row == self._cursor:
            return
        self._refresh_row(self._cursor)
        self._cursor = row
        self._refresh_row(row)
        self._keep_in_sight()
        self.post_message(self.Highlighted(self.entry))

    @property
    def _is_in_sight(self) -> bool:
        return 0 <= self._cursor - self.scroll_offset.y < self.size.height - HEADER

    def _keep_in_sight(self) -> None:
        top, lines = self.scroll_offset.y, self.size.height - HEADER
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False, immediate=True)
        elif lines > 0 and self._cursor >= top + lines:
            self.scroll_to(y=self._cursor - lines + 1, animate=False, immediate=True)

    def action_open(self) -> None:
        if self.entry:
            self.post_message(self.Opened(self.entry.run.id))

    def action_mark(self) -> None:
        """Mark the run under the cursor, and go on to the next."""
        if self.entry:
            self.post_message(self.MarkAsked(self.entry.run.id))
            self.action_move(1)

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return
        if place.y < HEADER:
            self._click_head(place.x)
            return
        row = place.y - HEADER + self.scroll_offset.y
        if row >= len(self._rows):
            return
        self.move_to(row)
        if place.x < len(MARK):
            self.post_message(self.MarkAsked(self._rows[row].run.id))
        elif event.chain == 2:
            self.action_open()

    def _click_head(self, x: int) -> None:
        start = len(MARK)
        for column in self._columns:
            if start <= x < start + column.width + GAP and column.order:
                self.post_message(self.SortAsked(column.order))
            start += column.width + GAP

    # Drawing

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        row = y - HEADER + self.scroll_offset.y
        if y < HEADER:
            segments = self._head()
        elif row < len(self._rows):
            segments = self._line(self._rows[row])
        else:
            return Strip.blank(width, base)
        if y >= HEADER and row == self._cursor:
            base += self._cursor_style()
        # what a cell says of itself stands over the style of the line
        return Strip(segments).adjust_cell_length(width).apply_style(base)

    def _head(self) -> list[Segment]:
        style = self._style("head")
        name, arrow = self._order.removeprefix("-"), "▾" if self._order.startswith("-") else "▴"
        segments = [Segment(" " * len(MARK), style)]
        for column in self._columns:
            title = f"{column.title} {arrow}" if column.field == name and column.title else column.title
            title = title if len(title) <= column.width else f"{column.title[: column.width - 1]}{arrow}"
            segments += [Segment(_fitted(title, column), style), Segment(" " * GAP)]
        return segments

    def _line(self, entry: Listed) -> list[Segment]:
        number = self._marks.get(entry.run.id)
        colour = Style() if number is None else self._colour(number)
        segments = [Segment(MARK if number is not None else " " * len(MARK), colour)]
        dim = self._style("dim")
        for column in self._columns:
            text = _fitted(column.text(entry, column.width), column)
            if column.field == STATE.field:
                name = STATE_STYLES.get(entry.state)
                style = self._style(name) if name else Style()
            elif column.field == RUN.field:
                style = colour
            else:
                style = dim if column.is_quiet else Style()
            segments += [Segment(text, style), Segment(" " * GAP)]
        return segments

    def _style(self, name: str) -> Style:
        """How a part of a line is written, whatever the line stands on."""
        found = self.get_component_rich_style(f"run-table--{name}")  # with its colours blended, unlike a partial one
        return Style(color=found.color, bold=found.bold)

    def _cursor_style(self) -> Style:
        found = self.get_component_rich_style("run-table--cursor")
        return Style(bgcolor=found.bgcolor, bold=found.bold)

    def _colour(self, number: int) -> Style:
        runs = cast("LabApp", self.app).look.palette.runs
        return Style(color=Color.from_rgb(*runs[number % len(runs)]), bold=True)


def _line(rows: Sequence[Listed], marks: Mapping[str, int], row: int) -> tuple[Listed, int | None] | None:
    """What a line shows."""
    return (rows[row], marks.get(rows[row].run.id)) if row < len(rows) else None


def _fitted(text: str, column: Column) -> str:
    """The text in exactly as many cells as the column has."""
    length = cell_len(text)
    if length > column.width:
        return f"{set_cell_size(text, column.width - 1)}…" if column.width > 1 else set_cell_size(text, column.width)
    blank = " " * (column.width - length)
    return blank + text if column.is_number else text + blank
