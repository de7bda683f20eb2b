"""The first line of every screen: where one is, where one can go, and what is under way."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

AREAS = {"labs": "Labs", "run": "Run", "runs": "Runs", "tools": "Tools", "studies": "Studies"}  # keys 1 to 5


class TopBar(Widget):
    """Names of the areas, the current one marked, and a line on the machine at the right."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"topbar--title", "topbar--here", "topbar--there", "topbar--status"}
    DEFAULT_CSS = """
    TopBar {
        dock: top; height: 1; background: $panel; color: $foreground;
        & .topbar--title { color: $accent; text-style: bold; }
        & .topbar--here { background: $primary; color: $background; text-style: bold; }
        & .topbar--there { color: $foreground; }
        & .topbar--status { color: $text-muted; }
    }
    """

    class Chosen(Message):
        """The user has clicked on the name of an area."""

        def __init__(self, area: str) -> None:
            super().__init__()
            self.area = area

    def __init__(self, area: str) -> None:
        super().__init__()
        self._area = area
        self._status = ""

    def show_status(self, status: str) -> None:
        """A short line at the right end; left out where there is no room."""
        if status != self._status:
            self._status = status
            self.refresh()

    def render(self) -> Content:
        title, here, there, status = (
            self.get_visual_style(name) for name in ("topbar--title", "topbar--here", "topbar--there", "topbar--status")
        )
        line = Content.styled(" tui_lab ", title)
        for number, (area, name) in enumerate(AREAS.items(), start=1):
            line += Content.styled(f" {number} {name} ", here if area == self._area else there)
        room = self.size.width - line.cell_length - 1
        text = self._status if len(self._status) <= room else self._status.split(" · ")[-1]
        if len(text) <= room:
            line += Content(" " * (room - len(text))) + Content.styled(text, status)
        return line

    def on_click(self, event: events.Click) -> None:
        start = len(" tui_lab ")
        for number, (area, name) in enumerate(AREAS.items(), start=1):
            end = start + len(f" {number} {name} ")
            if start <= event.x < end:
                self.post_message(self.Chosen(area))
            start = end
