"""Small questions over the screen: a choice, a line of text, a page to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static


@dataclass(frozen=True)
class Choice:
    """A button: what it gives, what it says, the key that presses it."""

    value: str
    label: str
    key: str
    variant: Literal["default", "primary", "warning", "error"] = "default"


class Ask(ModalScreen[str]):
    """A question with buttons. Gives the `value` of the chosen one; escape gives that of the last one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave it", show=False),
        Binding("left", "app.focus_previous", "Previous", show=False),
        Binding("right", "app.focus_next", "Next", show=False),
    ]

    def __init__(self, title: str, text: str, choices: Sequence[Choice]) -> None:
        super().__init__(classes="dialog")
        self._title, self._text, self._choices = title, text, list(choices)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box") as box:
            box.border_title = self._title
            yield Static(Content(self._text), classes="dialog-text")
            with Horizontal(classes="dialog-buttons"):
                for choice in self._choices:
                    label = Content.assemble((choice.key, "bold underline"), f" {choice.label}")
                    yield Button(label, id=f"choose-{choice.value}", variant=choice.variant, compact=True)

    def on_mount(self) -> None:
        self.query(Button).first().focus()

    def key_pressed(self, key: str) -> bool:
        """Take the choice that `key` stands for."""
        chosen = next((choice for choice in self._choices if choice.key == key), None)
        if chosen is not None:
            self.dismiss(chosen.value)
        return chosen is not None

    def on_key(self, event: object) -> None:
        key = getattr(event, "key", "")
        if self.key_pressed(key):
            event.stop()  # type: ignore[attr-defined]

    @on(Button.Pressed)
    def _choose(self, event: Button.Pressed) -> None:
        self.dismiss((event.button.id or "").removeprefix("choose-"))

    def action_leave(self) -> None:
        self.dismiss(self._choices[-1].value)


class AskText(ModalScreen[str | None]):
    """A question for one line of text; None when the user leaves it.

    `check` gives what is wrong with a text, or an empty string; it is asked at every key.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Leave it", show=False)]

    def __init__(
        self,
        title: str,
        text: str,
        value: str = "",
        *,
        placeholder: str = "",
        check: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(classes="dialog")
        self._title, self._text, self._value, self._placeholder = title, text, value, placeholder
        self._check = check or (lambda _: "")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box") as box:
            box.border_title = self._title
            yield Static(Content(self._text), classes="dialog-text")
            yield Input(self._value, placeholder=self._placeholder, compact=True)
            yield Label("", classes="dialog-problem")
            with Horizontal(classes="dialog-buttons"):
                yield Button("OK", id="ok", variant="primary", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _complain(self, event: Input.Changed) -> None:
        problem = self._check(event.value)
        self.query_one(".dialog-problem", Label).update(Content(problem))
        self.query_one("#ok", Button).disabled = bool(problem)

    @on(Input.Submitted)
    @on(Button.Pressed, "#ok")
    def _accept(self) -> None:
        value = self.query_one(Input).value
        if not self._check(value):
            self.dismiss(value)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)


class Page(ModalScreen[None]):
    """Something to read: `body` may be Markdown source, highlighted code, or any content of a Static."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "dismiss", "Close")]

    def __init__(self, title: str, body: Static) -> None:
        super().__init__(classes="page")
        self._title, self._body = title, body

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page-box") as box:
            box.border_title = self._title
            box.border_subtitle = "escape closes"
            yield self._body

    def on_mount(self) -> None:
        self.query_one(".page-box").focus()
