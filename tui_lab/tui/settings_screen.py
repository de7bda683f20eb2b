"""The settings, over the screen; each takes effect at once and is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Select, Switch

from tui_lab.tui.settings import Settings

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

MARKERS = [("braille dots", "braille"), ("blocks", "blocks")]
AXES = [("epochs", "epoch"), ("steps", "total_step"), ("time", "elapsed")]
SMOOTHINGS = [(f"{weight:g}", weight) for weight in (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99)]
JOBS = [(str(jobs), jobs) for jobs in (1, 2, 3, 4, 6, 8, 12, 16, 32)]


class SettingsScreen(ModalScreen[None]):
    """Escape closes."""

    DEFAULT_CSS = """
    SettingsScreen .setting { height: 1; }
    SettingsScreen .setting Label { width: 24; }
    SettingsScreen .setting Select { width: 30; height: 1; }
    SettingsScreen Switch { border: none; height: 1; padding: 0; width: 8; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f2", "dismiss", "Close", show=False)]

    def compose(self) -> ComposeResult:
        chosen = self._settings
        names = sorted(self.app.available_themes, key=lambda name: (not name.startswith("tui-lab"), name))
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Settings"
            box.border_subtitle = "escape closes; everything is kept"
            yield from self._choice("theme", "theme", [(name, name) for name in names], self.app.theme)
            yield from self._choice("marker", "curves drawn with", MARKERS, chosen.marker)
            yield from self._choice("smoothing", "smoothing of curves", SMOOTHINGS, chosen.smoothing)
            yield from self._choice("axis", "x axis", AXES, chosen.axis)
            yield from self._choice("jobs", "runs at a time", JOBS, chosen.jobs)
            yield from self._switch("log_loss", "logarithmic loss", chosen.log_loss)
            yield from self._switch("ascii", "7-bit characters only", chosen.ascii)

    def _choice(self, name: str, label: str, options: list[tuple[str, Any]], value: Any) -> ComposeResult:
        known = [option[1] for option in options]
        shown = options if value in known else [*options, (str(value), value)]
        with Horizontal(classes="setting"):
            yield Label(label)
            yield Select(shown, value=value, allow_blank=False, compact=True, id=f"set-{name}")

    def _switch(self, name: str, label: str, value: bool) -> ComposeResult:
        with Horizontal(classes="setting"):
            yield Label(label)
            yield Switch(value, animate=False, id=f"set-{name}")

    def on_mount(self) -> None:
        self.add_class("dialog")

    @property
    def _settings(self) -> Settings:
        return cast("LabApp", self.app).settings

    @on(Select.Changed)
    @on(Switch.Changed)
    def _change(self, event: Select.Changed | Switch.Changed) -> None:
        name = (event.control.id or "").removeprefix("set-")
        app = cast("LabApp", self.app)
        if getattr(app.settings, name) != event.value:
            app.settings = replace(app.settings, **{name: event.value})  # type: ignore[arg-type]
