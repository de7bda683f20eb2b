"""The question by what to sort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option


class AskOrder(ModalScreen[str | None]):
    """A list of fields, found by typing a part of their name. Gives the order that belongs to one; None on escape.

    Args:
        orders: title and order of each.
        current: the order now.
    """

    DEFAULT_CSS = """
    AskOrder {
        & OptionList { height: auto; max-height: 14; border: none; background: $surface; padding: 0; }
        & Input { margin-bottom: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Leave it", show=False),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
    ]

    def __init__(self, orders: Sequence[tuple[str, str]], current: str) -> None:
        super().__init__(classes="dialog")
        self._orders = list(orders)
        self._current = current

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Sort by"
            box.border_subtitle = "again: the other way round"
            yield Input(placeholder="type to find a column, hyperparameter or metric", compact=True)
            yield OptionList()

    def on_mount(self) -> None:
        self._show("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, part: str) -> None:
        found = [pair for pair in self._orders if part.casefold().replace(" ", "_") in pair[0].replace(" ", "_")]
        name = self._current.removeprefix("-")
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(self._line(*pair), id=pair[1]) for pair in found])
        places = [i for i, (_, order) in enumerate(found) if order.removeprefix("-") == name]
        options.highlighted = (places or [0])[0] if found else None

    def _line(self, title: str, order: str) -> Content:
        if order.removeprefix("-") != self._current.removeprefix("-"):
            return Content(title)
        direction = "highest first" if self._current.startswith("-") else "lowest first"
        return Content.assemble((title, "bold"), (f"  now, {direction}", "dim"))

    def action_move(self, lines: int) -> None:
        options = self.query_one(OptionList)
        if lines < 0:
            options.action_cursor_up()
        else:
            options.action_cursor_down()

    @on(Input.Submitted)
    def _take(self) -> None:
        options = self.query_one(OptionList)
        if options.highlighted is not None:
            self.dismiss(options.get_option_at_index(options.highlighted).id)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)
