"""What the command palette offers: everything that makes sense now, by name."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.markup import escape
from textual.screen import Screen
from textual.widgets import Input

from tui_lab.labs.cards import Card, load_cards
from tui_lab.presets import ListedPreset, list_presets
from tui_lab.tui.help import is_quiet
from tui_lab.tui.settings_screen import theme_names
from tui_lab.tui.topbar import AREAS

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

MOST_RUNS = 50  # the newest


class LabCommands(Provider):
    """Finds among `commands`, which are put together once, when the palette opens."""

    async def startup(self) -> None:
        app = cast("LabApp", self.app)
        presets = await app.in_background(partial(list_presets, app.workspace.home))
        cards = await app.in_background(partial(load_cards, app.workspace.home))
        self._commands = [*commands(app, self.screen, presets), *question_commands(app, cards.cards)]

    async def discover(self) -> Hits:
        """Everything, in the order of `commands`."""
        for command in self._commands:
            shown = Content(command.title)
            yield DiscoveryHit(shown, command.callback, text=command.title, help=escape(command.help))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self._commands:
            title = command.title
            score = matcher.match(title)
            if score > 0:
                shown = Content(title) if "[" in title else matcher.highlight(title)  # which takes it for markup
                yield Hit(score, shown, command.callback, text=title, help=escape(command.help))


def commands(app: LabApp, screen: Screen[Any], presets: Iterable[ListedPreset]) -> Iterator[SystemCommand]:
    """Keys of the screen, areas, what the app itself can do, the newest runs, presets, themes."""
    yield from _keys(app, screen)
    for area, name in AREAS.items():
        yield SystemCommand(f"Go to {name}", "An area of the app", partial(app.action_area, area))
    yield SystemCommand("Settings of the app", "Theme, curves, ASCII, runs at a time", app.action_settings)
    yield SystemCommand("Questions of the practical", "Predict, read the answer, see it live", app.open_questions)
    yield SystemCommand("Help", "The keys of the focused part", app.action_keys)
    yield SystemCommand("Jump", "A letter on every part of the screen", app.action_jump)
    yield SystemCommand("Screenshot", "Keep the screen as an SVG picture", partial(screenshot, app))
    yield SystemCommand("Quit", "Leave the app; runs can go on", partial(app.run_action, "quit"))
    for entry in list(app.workspace.index.entries.values())[: -MOST_RUNS - 1 : -1]:
        name = entry.label.name or entry.run.id
        about = f"{entry.state}, {entry.status.exercise} {entry.status.preset}".strip()
        yield SystemCommand(f"Open run {name}", about, partial(app.open_run, entry.run.id))
    for listed in presets:
        if listed.preset is not None:
            found = listed.preset
            values = dict(found.hyperparameters)
            take = partial(app.open_in_form, found.exercise.name, values, f"preset {found.name}")
            yield SystemCommand(f"Preset {found.name}: {found.title}", "Into the form of the Labs area", take)
    for theme in theme_names(app.available_themes):
        yield SystemCommand(f"Theme {theme}", "Colours of the app", partial(setattr, app, "theme", theme))


def question_commands(app: LabApp, cards: Iterable[Card]) -> Iterator[SystemCommand]:
    """The questions of the practical, one by one."""
    for card in cards:
        take = partial(app.open_questions, number=card.number)
        yield SystemCommand(f"Question {card.number}: {card.title}", "Predict, read the answer, see it live", take)


def _keys(app: LabApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """What a key does now, the screen's own first. The app's are named with more words, and nobody types by palette."""
    seen: set[str] = set()
    active = sorted(screen.active_bindings.values(), key=lambda found: found.node is not screen)
    for node, binding, is_enabled, tooltip in active:
        name = tooltip or binding.description
        is_known = node is app or isinstance(node, Input) or is_quiet(binding) or binding.action in seen
        if is_enabled and name and not is_known:
            seen.add(binding.action)
            yield SystemCommand(
                name, f"key {app.get_key_display(binding)}", partial(app.run_action, binding.action, node)
            )


def screenshot(app: LabApp) -> None:
    """Into `<home>/screenshots`."""
    path = app.workspace.home / "screenshots" / f"tui_lab-{time.strftime('%Y%m%d-%H%M%S')}.svg"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(app.export_screenshot(), encoding="utf-8")
    except OSError as error:
        app.say(error)
        return
    app.notify(str(path), title="Screenshot", markup=False)
