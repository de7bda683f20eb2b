"""Finding a learning rate: a short training at growing rates, and the suggestion taken into the form."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui_lab.errors import TuiLabError
from tui_lab.previews.client import PreviewProcess, SupersededError
from tui_lab.tools.rates import TITLE, rates_result
from tui_lab.training.range_test import STEPS, RangeTest
from tui_lab.tui.chart import Chart
from tui_lab.tui.tools.answers import plot_of, rich_table

TICK_S = 1.0


class FindRate(ModalScreen[float | None]):
    """Gives the suggested learning rate, or None when the user leaves it. The test ends with the dialog.

    Args:
        exercise: its name.
        values: a whole configuration of it, allowed and with its data there.
        data: the folder with data sets.
    """

    HELP = f"""**{TITLE}.** The loss over a learning rate that grows with every step. Enter takes the suggestion into
the form, escape leaves it as it is."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take it"),
        Binding("escape", "leave", "Leave it"),
    ]

    def __init__(self, exercise: str, values: Mapping[str, Any], data: Path) -> None:
        super().__init__(classes="dialog")
        self._exercise, self._values, self._data = exercise, values, data
        self._process = PreviewProcess()  # of its own: nothing that is previewed meanwhile ends it
        self._suggestion: float | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box") as box:
            box.border_title = f"{TITLE} for {self._exercise}"
            yield Static(id="rates-said")
            with VerticalScroll(id="rates-found"):
                yield Chart(id="rates-chart")
                yield Static(id="rates-table")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Take it enter", id="take", variant="primary", compact=True, disabled=True)
                yield Button("Leave it esc", id="leave", compact=True)

    def on_mount(self) -> None:
        self.query_one("#rates-found").display = False
        self._began = time.monotonic()
        self._timer = self.set_interval(TICK_S, self._tell_time)
        self._tell_time()
        self.run_worker(self._test, thread=True, exit_on_error=False)

    def on_unmount(self) -> None:
        self._process.close()

    def _tell_time(self) -> None:
        seconds = time.monotonic() - self._began
        self._say(f"Training {STEPS} steps at growing rates, and the same batches at none ... {seconds:.0f} s")

    def _say(self, sentence: str) -> None:
        self.query_one("#rates-said", Static).update(Content(sentence))

    def _test(self) -> None:
        """On a thread of its own."""
        try:
            test = self._process.ask("rates", self._exercise, self._values, self._data)
        except SupersededError:
            return  # the dialog is closed
        except TuiLabError as error:
            self.app.call_from_thread(self._fail, error)
        else:
            self.app.call_from_thread(self._show, test)

    def _fail(self, error: TuiLabError) -> None:
        self._timer.stop()
        self._say(str(error))

    def _show(self, test: RangeTest) -> None:
        self._timer.stop()
        result = rates_result(test, self._values["lr"])
        self._suggestion = test.suggestion
        self._say("\n".join(result.lines))
        self.query_one("#rates-table", Static).update(rich_table(result))
        self.query_one("#rates-chart", Chart).show(partial(plot_of, result.charts[0]), test)
        self.query_one("#rates-found").display = True
        button = self.query_one("#take", Button)
        button.disabled = self._suggestion is None
        (self.query_one("#leave", Button) if button.disabled else button).focus()

    @on(Button.Pressed, "#take")
    def action_take(self) -> None:
        """Once there is a suggestion."""
        if self._suggestion is not None:
            self.dismiss(self._suggestion)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        self.dismiss(None)
