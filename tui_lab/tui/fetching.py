"""Fetching a data set that a run needs, in a process of its own, with its progress on the screen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui_lab.errors import MissingDataError
from tui_lab.processes import module_command
from tui_lab.tui.area import Area
from tui_lab.tui.dialogs import Ask, Choice

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Fetching(ModalScreen[bool]):
    """Gives whether the data set is there now. Escape ends the download; what has arrived is kept for the next try."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Stop fetching")]

    def __init__(self, name: str, data: Path) -> None:
        super().__init__(classes="dialog")
        self._dataset, self._data = name, data
        self._process: asyncio.subprocess.Process | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box") as box:
            box.border_title = f"Fetching {self._dataset}"
            box.border_subtitle = "escape stops"
            yield Static("starting ...", id="fetch-progress")

    def on_mount(self) -> None:
        self.run_worker(self._fetch(), exit_on_error=False)

    async def _fetch(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *module_command("tui_lab", "--data", str(self._data), "data", "fetch", self._dataset),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        said = ""
        while chunk := await self._process.stdout.read(4096):
            lines = [line.strip() for line in re.split(r"[\r\n]+", ESCAPES.sub("", chunk.decode(errors="replace")))]
            said = next((line for line in reversed(lines) if line), said)
            self.query_one("#fetch-progress", Static).update(Content(said))
        if await self._process.wait() == 0:
            self.dismiss(True)
        else:
            self.query_one("#fetch-progress", Static).update(Content(said or "It could not be fetched."))

    def action_leave(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
        self.dismiss(False)


def offer_data(area: Area, error: MissingDataError, dataset: str, again: Callable[[], None]) -> None:
    """Ask whether to fetch a data set; once it is there, do `again` what failed for want of it."""
    if dataset == "folder":
        area.lab.say(error)
        return

    def fetch(answer: str | None) -> None:
        if answer == "fetch":
            area.app.push_screen(Fetching(dataset, area.workspace.data), go_on)

    def go_on(is_there: bool | None) -> None:
        if is_there:
            again()

    choices = [Choice("fetch", "fetch it now", "f", "primary"), Choice("no", "not now", "n")]
    text = f"{error.message} It can be fetched now, once and for all."
    area.app.push_screen(Ask("The data set is not here", text, choices), fetch)
