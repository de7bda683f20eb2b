"""A chart that draws itself beside the screen's own thread, with a cursor that reads its values out."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from tui_lab.charts.look import Look
from tui_lab.charts.plot import Drawing, draw
from tui_lab.charts.series import Series, short_number
from tui_lab.charts.training import value_at

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

LEAST_INTERVAL_S = 0.25  # at most four times a second
SHARE = 0.012  # of a core that drawing one chart may take: what is drawn must not be slowed down by it


@dataclass(frozen=True)
class Plot:
    """What a chart shows."""

    series: Sequence[Series] = ()
    title: str = ""
    x_label: str = ""
    y_log: bool = False
    x_log: bool = False


Make = Callable[[], Plot]


@dataclass(frozen=True)
class _Drawn:
    """A finished drawing and what it was made from."""

    key: Hashable
    plot: Plot
    drawing: Drawing
    strips: list[Strip]


class Chart(Widget, can_focus=True):
    """Curves, drawn again only when their data, the size or the theme have changed, and only while they are visible.

    `show` takes a function that makes the `Plot`: it is called on the app's background thread, the only one on which
    runs are read and charts drawn.
    """

    HELP = "**Chart.** ← and → move a cursor that reads every curve out at a point; escape takes it away."
    DEFAULT_CSS = """
    Chart { height: 1fr; min-height: 5; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move_cursor(-1)", "Cursor left", show=False),
        Binding("right", "move_cursor(1)", "Cursor right", show=False),
        Binding("shift+left", "move_cursor(-8)", "Cursor far left", show=False),
        Binding("shift+right", "move_cursor(8)", "Cursor far right", show=False),
        Binding("escape", "clear_cursor", "No cursor", show=False),
    ]

    class CursorMoved(Message):
        """The cursor was set to `x` (a place on the x axis), or taken away (None)."""

        def __init__(self, chart: Chart, x: float | None) -> None:
            super().__init__()
            self.chart = chart
            self.x = x

        @property
        def control(self) -> Chart:
            return self.chart

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._make: Make = Plot
        self._stamp: Hashable = None
        self._drawn: _Drawn | None = None
        self._is_drawing = False
        self._due = 0.0
        self._timer: Timer | None = None
        self._cursor: float | None = None
        self._base: Style | None = None  # of every line; working it out takes longer than a line

    # What is shown

    def show(self, make: Make, stamp: Hashable) -> None:
        """Show what `make` gives; a `stamp` equal to the last one says that nothing has changed."""
        self._make, self._stamp = make, stamp
        self._update()

    @property
    def plot(self) -> Plot:
        """What is drawn at the moment."""
        return self._drawn.plot if self._drawn else Plot()

    @property
    def is_current(self) -> bool:
        """Whether the screen shows what was asked for last."""
        return self._drawn is not None and self._drawn.key == self._key()

    def on_mount(self) -> None:
        self.watch(self.app, "settings", self._redraw, init=False)
        self.watch(self.app, "theme", self._redraw, init=False)

    def on_show(self) -> None:
        self._update()

    def on_resize(self) -> None:
        self._update()

    def _redraw(self) -> None:
        self._update()

    def _key(self) -> Hashable:
        return self._stamp, self.size, self._lab.look

    @property
    def _lab(self) -> LabApp:
        return cast("LabApp", self.app)

    def _update(self) -> None:
        """Draw, unless nothing has changed, nobody can see it, or it was drawn a moment ago."""
        if self._is_drawing or not self.size or not self.is_mounted or not self.screen.is_active or self.is_current:
            return
        same_frame = self._drawn is not None and cast(tuple[object, ...], self._drawn.key)[1:] == (
            self.size,
            self._lab.look,
        )
        wait = self._due - time.monotonic()
        if same_frame and wait > 0:
            if self._timer is None:
                self._timer = self.set_timer(wait, self._wake)
            return
        self._is_drawing = True
        self.run_worker(self._draw(), group="draw", exit_on_error=False)

    def _wake(self) -> None:
        self._timer = None
        self._update()

    async def _draw(self) -> None:
        key, make, size, look = self._key(), self._make, self.size, self._lab.look
        try:
            drawn, cost = await self._lab.in_background(lambda: self._paint(key, make, size.width, size.height, look))
        finally:
            self._is_drawing = False
        self._drawn = drawn
        self._due = time.monotonic() + max(LEAST_INTERVAL_S, cost / SHARE)
        self.refresh()
        self._update()

    def _paint(self, key: Hashable, make: Make, width: int, height: int, look: Look) -> tuple[_Drawn, float]:
        """On the background thread."""
        began = time.thread_time()
        plot = make()
        drawing = draw(
            plot.series,
            width=width,
            height=height,
            title=plot.title,
            x_label=plot.x_label,
            x_log=plot.x_log,
            y_log=plot.y_log,
            look=look,
        )
        lines = [Text.from_ansi(line) for line in drawing.text.split("\n")]
        strips = [Strip(list(line.render(self.app.console))) for line in lines]
        return _Drawn(key, plot, drawing, strips), time.thread_time() - began

    # The cursor

    @property
    def cursor(self) -> float | None:
        """The place on the x axis that is read out."""
        return self._cursor

    def set_cursor(self, x: float | None) -> None:
        """Read the curves out at `x`; None takes the cursor away. Posts nothing: that is for the user's own moves."""
        self._cursor = x
        self.refresh()

    def action_move_cursor(self, columns: int) -> None:
        drawing = self._drawn.drawing if self._drawn else Drawing("")
        if drawing.right <= drawing.left:
            return
        at = drawing.right - 1 if self._cursor is None else drawing.column(self._cursor) + columns
        self._move_to(min(max(at, drawing.left), drawing.right - 1))

    def action_clear_cursor(self) -> None:
        if self._cursor is None:
            raise SkipAction  # there is something else to leave
        self.set_cursor(None)
        self.post_message(self.CursorMoved(self, None))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        drawing = self._drawn.drawing if self._drawn else Drawing("")
        if drawing.left <= event.x < drawing.right:
            self._move_to(event.x)

    def on_leave(self) -> None:
        if not self.has_focus and self._cursor is not None:
            self.action_clear_cursor()

    def on_blur(self) -> None:
        if self._cursor is not None:
            self.action_clear_cursor()

    def _move_to(self, column: int) -> None:
        assert self._drawn is not None
        self.set_cursor(self._drawn.drawing.position(column))
        self.post_message(self.CursorMoved(self, self._cursor))

    def readout(self) -> list[tuple[str, str]]:
        """Where the cursor stands, and every curve's value there, as (name, value); empty without a cursor."""
        if self._cursor is None or self._drawn is None:
            return []
        plot = self._drawn.plot
        named = [series for series in plot.series if series.name and not series.faint]
        points = [(series, value_at(series, self._cursor)) for series in named]
        found = [(series, point) for series, point in points if point]
        if not found:
            return []
        nearest = min((point[0] for _, point in found), key=lambda x: abs(x - (self._cursor or 0.0)))
        values = [(series.name, short_number(point[1])) for series, point in found]
        return [(plot.x_label or "x", short_number(nearest)), *values]

    # Drawing on the screen

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._base = None

    def render_line(self, y: int) -> Strip:
        if self._base is None:
            self._base = self.rich_style
        width, base = self.size.width, self._base
        if self._drawn is None or y >= len(self._drawn.strips):
            return Strip.blank(width, base)
        strip = self._drawn.strips[y]
        if self._cursor is not None and self._drawn.drawing.right > self._drawn.drawing.left:
            strip = self._with_cursor(strip, y, self._drawn)
        return strip.adjust_cell_length(width).apply_style(base)

    def _with_cursor(self, strip: Strip, y: int, drawn: _Drawn) -> Strip:
        if y == 0 and drawn.plot.title:
            line = Text.assemble((drawn.plot.title, "bold"))
            for name, value in self.readout():
                line.append(f"  {name} ", "dim").append(value, "bold")
            line.truncate(self.size.width, overflow="ellipsis")
            return Strip(list(line.render(self.app.console)))
        if not drawn.plot.title or not 0 < y < len(drawn.strips) - 2:
            return strip
        column = drawn.drawing.column(self._cursor or 0.0)
        cell = strip.crop(column, column + 1)
        mark = cell.apply_style(Style(reverse=True)) if cell.text.strip() else Strip([Segment("│", Style(dim=True))])
        return Strip.join([strip.crop(0, column), mark, strip.crop(column + 1)])
