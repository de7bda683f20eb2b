"""The keys of the focused part, to read over the screen."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input, Markdown, Static

GENERAL = """`1` to `5` go to the areas, `tab` to the next part, `ctrl+o` puts a letter on every part, `ctrl+p` finds
everything by its name, `F2` opens the settings, `F3` the questions of the practical, `ctrl+q` leaves."""
PARTS = ("Focused", "This screen", "Everywhere", "Typing")  # in the order in which they are shown
QUIET = ("scroll_", "page_", "focus_", "copy_text", "help_quit", "command_palette", "area")  # known, or in GENERAL


class Keys(ModalScreen[None]):
    """What the focused widget and the screen are, and every key that does something now."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1", "dismiss", "Close", show=False)]

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__(classes="page")
        self._focused: Widget | None = screen.focused
        self._groups = groups(screen)
        self._texts = [text for text in _help_texts(screen) if text]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page-box") as box:
            box.border_title = "Keys"
            box.border_subtitle = "escape closes"
            yield Markdown("\n\n".join([*self._texts, GENERAL]))
            yield Static(key_table(self._groups))

    def on_mount(self) -> None:
        self.query_one(".page-box").focus()


def _help_texts(screen: Screen[Any]) -> list[str]:
    """Of the focused widget and what it is in, from the inside to the outside."""
    found = []
    node = screen.focused
    while isinstance(node, Widget):
        if node.HELP:
            found.append(" ".join(node.HELP.split()))
        if node is screen:
            break
        node = node.parent  # type: ignore[assignment]
    if screen.focused is None and screen.HELP:
        found.append(screen.HELP)
    return found


def groups(screen: Screen[Any]) -> dict[str, list[tuple[str, str]]]:
    """Keys and what they do now, by the part that has them: the focused one first."""
    made: dict[str, dict[str, tuple[str, str]]] = {}
    for key, (node, binding, is_enabled, tooltip) in screen.active_bindings.items():
        if not is_enabled or not binding.description or is_quiet(binding):
            continue
        name = _part(node, screen)
        shown = screen.app.get_key_display(binding)
        known = made.setdefault(name, {})
        earlier = known.get(binding.action)
        keys = f"{earlier[0]}, {shown}" if earlier and shown not in earlier[0] else earlier[0] if earlier else shown
        known[binding.action] = (keys or key, tooltip or binding.description)
    return {name: list(made[name].values()) for name in PARTS if name in made}


def _part(node: DOMNode, screen: Screen[Any]) -> str:
    """Whose a key is."""
    if isinstance(node, Input):
        return "Typing"
    return "Everywhere" if node is screen.app else "This screen" if node is screen else "Focused"


def is_quiet(binding: Binding) -> bool:
    """Whether everybody expects this key to do what it does."""
    return binding.action.partition("(")[0].rpartition(".")[2].startswith(QUIET)


def key_table(found: dict[str, list[tuple[str, str]]]) -> Table:
    """A row a key."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for name, rows in found.items():
        table.add_row(Text(name, "bold"), "")
        for keys, what in rows:
            table.add_row(Text(f"  {keys}", "bold"), Text(what))
    return table
