"""The settings, over the screen; each takes effect at once and is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Label, Select, Switch

from tui_lab.tui.form import Choice

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

MARKERS = [("braille dots", "braille"), ("blocks", "blocks")]
AXES = [("epochs", "epoch"), ("steps", "total_step"), ("time", "elapsed")]
SMOOTHINGS = [(f"{weight:g}", weight) for weight in (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, 0.99)]
JOBS = [(str(jobs), jobs) for jobs in (1, 2, 3, 4, 6, 8, 12, 16, 32)]


def theme_names(names: Iterable[str]) -> list[str]:
    """Themes in the order in which they are offered: this app's own, then Textual's."""
    return sorted(names, key=lambda name: (not name.startswith("tui-lab"), name))


class SettingsScreen(ModalScreen[None]):
    """A row a setting; the arrows work as in a form."""

    HELP = "**Settings.** ↑ ↓ go from row to row, ← → change a choice, space flips a switch. Escape closes."
    DEFAULT_CSS = """
    SettingsScreen .setting { height: 1; }
    SettingsScreen .setting Label { width: 24; }
    SettingsScreen .setting Label.state { width: 4; color: $text-muted; padding-left: 1; }
    SettingsScreen .setting Select { width: 30; height: 1; }
    SettingsScreen Switch { border: none; height: 1; padding: 0; width: 8; background: $panel; }
    SettingsScreen Switch:focus { border: none; background: $primary 30%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f2", "dismiss", "Close", show=False),
        Binding("up", "app.focus_previous", "Row above", show=False),
        Binding("down", "app.focus_next", "Row below", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(classes="dialog")
        self._values: dict[str, dict[str, Any]] = {}  # of each choice, by what the editor says

    def compose(self) -> ComposeResult:
        chosen = self._lab.settings
        with Vertical(classes="dialog-box") as box:
            box.border_title = "Settings"
            box.border_subtitle = "escape closes; everything is kept"
            themes = [(name, name) for name in theme_names(self.app.available_themes)]
            yield from self._choice("theme", "theme", themes, chosen.theme)
            yield from self._choice("marker", "curves drawn with", MARKERS, chosen.marker)
            yield from self._choice("smoothing", "smoothing of curves", SMOOTHINGS, chosen.smoothing)
            yield from self._choice("axis", "x axis", AXES, chosen.axis)
            yield from self._choice("jobs", "runs at a time", JOBS, chosen.jobs)
            yield from self._switch("log_loss", "logarithmic loss", chosen.log_loss)
            yield from self._switch("ascii", "7-bit characters only", chosen.ascii)

    def _choice(self, name: str, label: str, options: Sequence[tuple[str, Any]], value: Any) -> ComposeResult:
        known = dict(options)
        if value not in known.values():
            known[str(value)] = value
        values = self._values[name] = {str(value): value for value in known.values()}
        choice = Choice(list(zip(known, values, strict=True)), str(value))
        choice.id = f"set-{name}"
        with Horizontal(classes="setting"):
            yield Label(label)
            yield choice

    def _switch(self, name: str, label: str, value: bool) -> ComposeResult:
        with Horizontal(classes="setting"):
            yield Label(label)
            yield Switch(value, animate=False, id=f"set-{name}")
            yield Label(_state(value), id=f"state-{name}", classes="state")

    @property
    def _lab(self) -> LabApp:
        return cast("LabApp", self.app)

    @on(Select.Changed)
    def _choose(self, event: Select.Changed) -> None:
        name = _setting(event.select)
        self._set(name, self._values[name][str(event.value)])

    @on(Switch.Changed)
    def _flip(self, event: Switch.Changed) -> None:
        name = _setting(event.switch)
        self.query_one(f"#state-{name}", Label).update(_state(event.value))
        self._set(name, event.value)

    def _set(self, name: str, value: Any) -> None:
        if getattr(self._lab.settings, name) != value:
            self._lab.settings = replace(self._lab.settings, **{name: value})


def _setting(editor: Select[Any] | Switch) -> str:
    return (editor.id or "").removeprefix("set-")


def _state(value: bool) -> str:
    return "on" if value else "off"
