"""Choosing some of the arms of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, OptionList

from tui_lab.presets import Arm


class ChooseArms(ModalScreen[tuple[Arm, ...] | None]):
    """Gives the arms that are chosen, in the order of the study; None when the user leaves it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "choose", "Choose", priority=True),
        Binding("escape", "dismiss(None)", "Leave it", show=False),
    ]

    def __init__(self, study: str, arms: Sequence[Arm]) -> None:
        super().__init__(classes="dialog")
        self._study, self._arms = study, tuple(arms)
        self._chosen: set[int] = set()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box") as box:
            box.border_title = f"Which arms of {self._study}?"
            box.border_subtitle = "space: choose   enter: go on"
            yield OptionList(*(self._row(i) for i in range(len(self._arms))), id="study-arms")
            with Horizontal(classes="dialog-buttons"):
                yield Button("Go on", id="go-on", variant="primary", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def _row(self, i: int) -> Content:
        return Content(f"[{'x' if i in self._chosen else ' '}] {self._arms[i].name}")

    def action_choose(self) -> None:
        """Choose the arm under the cursor, or do not."""
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self._chosen ^= {options.highlighted}
            options.replace_option_prompt_at_index(options.highlighted, self._row(options.highlighted))

    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#go-on")
    def _go_on(self) -> None:
        """With the chosen ones; of none, with the one under the cursor."""
        chosen = sorted(self._chosen) or [self.query_one(OptionList).highlighted or 0]
        self.dismiss(tuple(self._arms[i] for i in chosen))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
