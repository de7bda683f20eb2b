"""What the command palette offers: everything that makes sense now, by name."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from tui_lab.presets import list_presets
from tui_lab.tui.help import QUIET
from tui_lab.tui.topbar import AREAS

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

MOST_RUNS = 50  # the newest


def commands(app: LabApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """Keys of the screen, areas, presets, runs, themes, and what the app itself can do."""
    yield from _keys(app, screen)
    for area, name in AREAS.items():
        yield SystemCommand(f"Go to {name}", "An area of the app", partial(app.action_area, area))
    yield SystemCommand("Settings", "Theme, curves, ASCII, runs at a time", app.action_settings)
    yield SystemCommand("Keys", "The keys of the focused part", app.action_keys)
    yield SystemCommand("Jump", "A letter on every part of the screen", app.action_jump)
    yield SystemCommand("Screenshot", "Keep the screen as an SVG picture", partial(screenshot, app))
    for listed in list_presets(app.workspace.home):
        if listed.preset is not None:
            found = listed.preset
            take = partial(app.open_in_form, found.exercise.name, dict(found.hyperparameters), f"preset {found.name}")
            yield SystemCommand(f"Preset {found.name}", found.title, take)
    for entry in list(app.workspace.index.entries.values())[: -MOST_RUNS - 1 : -1]:
        name = entry.label.name or entry.run.id
        about = f"{entry.state}, {entry.status.exercise} {entry.status.preset}".strip()
        yield SystemCommand(f"Open run {name}", about, partial(app.open_run, entry.run.id))
    for theme in sorted(app.available_themes, key=lambda name: (not name.startswith("tui-lab"), name)):
        yield SystemCommand(f"Theme {theme}", "Colours of the app", partial(setattr, app, "theme", theme))
    yield SystemCommand("Quit", "Leave the app; runs can go on", partial(app.run_action, "quit"))


def _keys(app: LabApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """What a key of the screen does now."""
    seen: set[str] = set()
    for node, binding, is_enabled, tooltip in screen.active_bindings.values():
        name = tooltip or binding.description
        if not is_enabled or not name or binding.action in seen or any(binding.action.startswith(q) for q in QUIET):
            continue
        seen.add(binding.action)
        key = app.get_key_display(binding)
        yield SystemCommand(name, f"key {key}", partial(app.run_action, binding.action, node))


def screenshot(app: LabApp) -> None:
    """Into `<home>/screenshots`."""
    folder = app.workspace.home / "screenshots"
    path = folder / f"tui_lab-{time.strftime('%Y%m%d-%H%M%S')}.svg"
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        path.write_text(app.export_screenshot(), encoding="utf-8")
    except OSError as error:
        app.say(error)
        return
    app.notify(str(path), title="Screenshot", markup=False)
