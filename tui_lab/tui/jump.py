"""Jump mode: a letter on every part of the screen, and a key to go there."""

from __future__ import annotations

from string import ascii_lowercase
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.errors import NoWidget
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Label

from tui_lab.tui.area import Area


class Jump(ModalScreen[None]):
    """Letters over the area's parts; one of them focuses its part, every other key leaves."""

    DEFAULT_CSS = """
    Jump { background: $background 40%; }
    Jump Label { background: $accent; color: $background; text-style: bold; width: 3; height: 1; text-align: center; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Leave", show=False)]

    def __init__(self, area: Area) -> None:
        super().__init__()
        self.targets = targets(area)

    def compose(self) -> ComposeResult:
        for letter, (_, offset) in self.targets.items():
            label = Label(letter)
            label.styles.position = "absolute"
            label.styles.offset = (offset.x, offset.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        target = self.targets.get(event.key)
        self.dismiss()
        if target is not None:
            widget = target[0]
            self.call_after_refresh(widget.focus)


def targets(area: Area) -> dict[str, tuple[Widget, Offset]]:
    """What can be focused and seen, by letter: the area's own letters first, then the free ones in turn."""
    found: dict[str, tuple[Widget, Offset]] = {}
    for selector, letter in area.JUMPS.items():
        for widget in area.query(selector):
            focusable = next((w for w in (widget, *widget.query("*")) if w.focusable and _is_visible(area, w)), None)
            if focusable is not None and _is_visible(area, widget):
                found[letter] = (focusable, widget.region.offset)
                break
    taken = {id(widget) for widget, _ in found.values()}
    letters = iter(letter for letter in ascii_lowercase if letter not in found)
    for widget in area.focus_chain:
        if id(widget) not in taken and _is_visible(area, widget):
            letter = next(letters, "")
            if not letter:
                break
            found[letter] = (widget, widget.region.offset)
    return found


def _is_visible(area: Area, widget: Widget) -> bool:
    """Whether its first cell is on the screen, neither scrolled away nor on a page that is not shown."""
    try:
        seen = area.find_widget(widget).visible_region
    except NoWidget:
        return False
    return widget.visible and bool(seen.area) and seen.offset == widget.region.offset
