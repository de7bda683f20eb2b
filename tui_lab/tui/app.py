"""The app: its areas, its keys, and what they share."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.screen import Screen

from tui_lab.errors import TuiLabError
from tui_lab.tui.ascii import AsciiFilter
from tui_lab.tui.opening import Opening
from tui_lab.tui.settings import Settings
from tui_lab.tui.themes import THEMES, palette_of
from tui_lab.tui.topbar import AREAS, TopBar

if TYPE_CHECKING:
    from tui_lab.charts.look import Look
    from tui_lab.tui.area import Area
    from tui_lab.tui.labs.screen import LabsScreen
    from tui_lab.tui.run.screen import RunScreen
    from tui_lab.tui.runs.screen import RunsScreen
    from tui_lab.tui.tools.screen import ToolsScreen
    from tui_lab.tui.workspace import Workspace

REFRESH_S = 1.0  # between two looks at the runs of the home folder

T = TypeVar("T")


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}" if count else ""


def _made(area: str) -> Screen[Any]:
    """The screen of an area, imported when it is gone to."""
    module = importlib.import_module(f"tui_lab.tui.{area}.screen")
    made: Screen[Any] = getattr(module, f"{area.capitalize()}Screen")()
    return made


def _lab_commands() -> type[Provider]:
    """What the command palette finds, imported when it is opened."""
    from tui_lab.tui.commands import LabCommands

    return LabCommands


class LabApp(App[None]):
    """The lab bench.

    Args:
        home: the folder with runs, presets and settings.
        data: the folder with data sets.
        standby: keep a warm worker ready, so that runs start at once.
        ascii: draw with 7-bit characters whatever the settings say.
    """

    TITLE = "tui_lab"
    # All sheets at once: one that is loaded with its screen styles everything that is there anew
    CSS_PATH = ["app.tcss", *(f"{place}/screen.tcss" for place in (*AREAS, "questions"))]  # noqa: RUF012
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_lab_commands}
    MODES: ClassVar[dict[str, Callable[[], Screen[Any]]]] = {  # type: ignore[assignment]
        "opening": Opening,
        **{area: partial(_made, area) for area in AREAS},
    }
    DEFAULT_MODE = "opening"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "area('labs')", "Labs", show=False, id="area.labs"),
        Binding("2", "area('run')", "Run", show=False, id="area.run"),
        Binding("3", "area('runs')", "Runs", show=False, id="area.runs"),
        Binding("4", "area('tools')", "Tools", show=False, id="area.tools"),
        Binding("5", "area('studies')", "Studies", show=False, id="area.studies"),
        Binding("question_mark", "keys", "Help", key_display="?", id="help"),
        Binding("f1", "keys", "Help", id="help.typing"),  # where ? is typed
        Binding("ctrl+o", "jump", "Jump", show=False, priority=True, id="jump"),
        Binding("f2", "settings", "Settings", show=False, id="settings"),
        Binding("f3", "questions", "Questions of the practical", show=False, id="questions"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="quit"),
    ]

    settings: reactive[Settings] = reactive(Settings(), init=False)

    def __init__(self, home: Path, data: Path, *, standby: bool = True, ascii: bool = False) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        chosen = Settings.load(home)
        self.set_reactive(LabApp.settings, replace(chosen, ascii=True) if ascii else chosen)
        self._is_forced_ascii = ascii
        self._ascii_filter = AsciiFilter()
        self.theme = chosen.theme if chosen.theme in self.available_themes else Settings().theme
        self._home, self._data, self._has_standby = home, data, standby
        self._predictions: dict[str, int] = {}  # made in the questions, by their numbers
        self._background = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")

    @cached_property
    def workspace(self) -> Workspace:
        """What every screen works on; made with the first area, because the first paint does not wait for it."""
        from tui_lab.tui.workspace import Workspace

        return Workspace(self._home, self._data, jobs=self.settings.jobs, standby=self._has_standby)

    # Life

    def on_mount(self) -> None:
        self.call_after_refresh(self._open)

    def _open(self) -> None:
        """Import on a thread of its own, so that the first paint is there at once and keys are kept."""
        self.run_worker(self._import_and_begin(), exit_on_error=True)

    async def _import_and_begin(self) -> None:
        await asyncio.to_thread(importlib.import_module, "tui_lab.tui.labs.screen")
        await asyncio.to_thread(importlib.import_module, "tui_lab.tui.workspace")
        if self._area is None:  # else a key was quicker
            self.action_area("labs")
        self._begin()
        for area in AREAS:  # so that the first visit is as quick as the second
            await asyncio.to_thread(importlib.import_module, f"tui_lab.tui.{area}.screen")

    def _begin(self) -> None:
        """The processes, and the first look at the runs."""
        self.run_worker(self.workspace.queue.start, thread=True, exit_on_error=False)
        self.set_interval(REFRESH_S, self._look_at_runs)
        self._look_at_runs()

    async def on_unmount(self) -> None:
        self._background.shutdown(wait=False, cancel_futures=True)
        if "workspace" in self.__dict__:
            self.workspace.close()

    async def in_background(self, work: Callable[[], T]) -> T:
        """Do `work` on the one thread on which runs are read and charts drawn, so that they need no locks."""
        return await asyncio.get_running_loop().run_in_executor(self._background, work)

    def _look_at_runs(self) -> None:
        # one that is under way is let finish: the index tells of a change only once
        if all(worker.is_finished for worker in self.workers if worker.group == "runs"):
            self.run_worker(self.refresh_runs(), group="runs", exit_on_error=False)

    async def refresh_runs(self) -> None:
        """Look at the run directories now, and tell the area that is shown what has changed."""
        changes = await self.in_background(self.workspace.index.refresh)
        self._show_status()
        area = self._area
        if changes and area is not None:
            area.runs_changed(changes)

    @property
    def _area(self) -> Area | None:
        """The area that is shown, perhaps beneath a dialog."""
        return cast("Area", self.screen_stack[0]) if self.current_mode in AREAS else None

    def _show_status(self) -> None:
        """At the right end of the first line."""
        entries = self.workspace.index.entries.values()
        training = sum(entry.state in ("running", "paused") for entry in entries)
        waiting = sum(entry.state == "queued" for entry in entries)
        parts = [_counted(len(entries), "run"), f"{waiting} waiting" if waiting else ""]
        parts.append(f"{training} training" if training else "ready")
        for bar in self.screen_stack[0].query(TopBar) if self._area else ():
            bar.show_status(" · ".join(filter(None, parts)))

    # Look

    @property
    def look(self) -> Look:
        """What charts are drawn with now."""
        from tui_lab.charts.look import Look  # the first paint draws no chart

        return Look(
            palette_of(self.current_theme), self.settings.marker, color=not self.no_color, ascii=self.settings.ascii
        )

    def get_line_filters(self) -> list[LineFilter]:
        filters = list(super().get_line_filters())
        return [*filters, self._ascii_filter] if self.settings.ascii else filters

    def watch_settings(self, old: Settings, new: Settings) -> None:
        if new.jobs != old.jobs:
            self.workspace.queue.set_jobs(new.jobs)
        if new.theme != self.theme and new.theme in self.available_themes:
            self.theme = new.theme
        if new.ascii != old.ascii:
            self.refresh(layout=True)
        kept = replace(new, ascii=False) if self._is_forced_ascii else new
        try:
            kept.save(self.workspace.home)
        except OSError as error:
            self.notify(f"The settings cannot be kept: {error.strerror}.", severity="warning")

    def _watch_theme(self, theme_name: str) -> None:
        super()._watch_theme(theme_name)
        if self.is_running and theme_name != self.settings.theme:
            self.settings = replace(self.settings, theme=theme_name)

    # Going places

    def action_area(self, area: str) -> None:
        """Show an area."""
        if area != self.current_mode:
            self.switch_mode(area)
            self.call_later(self._arrive)

    def _arrive(self) -> None:
        self._show_status()
        self._look_at_runs()

    def open_run(self, run_id: str) -> None:
        """Show a run, its curves first."""
        self.action_area("run")
        self.call_later(lambda: self._run_screen.open_run(run_id, from_curves=True))

    def open_runs(self, filter: str) -> None:
        """Show the runs that a filter lets through."""
        self.action_area("runs")
        self.call_later(lambda: cast("RunsScreen", self.screen_stack[0]).filter_by(filter))

    def open_in_form(self, exercise: str, values: dict[str, Any], source: str = "") -> None:
        """Take a configuration into the form of the Labs area; `source` says where it comes from."""
        self.action_area("labs")
        self.call_later(lambda: self._labs_screen.load_values(exercise, values, source))

    def open_tool(self, name: str, values: dict[str, Any]) -> None:
        """Show a tool with these inputs, and its defaults for the others."""
        self.action_area("tools")
        self.call_later(lambda: self._tools_screen.open_tool(name, values))

    def open_questions(self, *, exercise: str = "", number: str = "") -> None:
        """Show the questions of an exercise, or all; and the question `number`, if there is one."""
        self.run_worker(self._open_questions(exercise, number), group="questions", exclusive=True, exit_on_error=False)

    async def _open_questions(self, exercise: str, number: str) -> None:
        from tui_lab.labs.cards import load_cards
        from tui_lab.tui.questions.screen import QuestionsScreen

        cards = await self.in_background(partial(load_cards, self.workspace.home))
        if number and not any(card.number == number for card in cards.cards):
            self.notify(f"Question {number} has no card here.", severity="warning", markup=False)
        elif not isinstance(self.screen, QuestionsScreen):
            self.push_screen(QuestionsScreen(cards, self._predictions, exercise=exercise, number=number))

    @property
    def _tools_screen(self) -> ToolsScreen:
        return cast("ToolsScreen", self.screen_stack[0])

    @property
    def _run_screen(self) -> RunScreen:
        return cast("RunScreen", self.screen_stack[0])

    @property
    def _labs_screen(self) -> LabsScreen:
        return cast("LabsScreen", self.screen_stack[0])

    # Saying things

    def say(self, error: TuiLabError | OSError) -> None:
        """Show an error as a sentence, with what to do about it."""
        if isinstance(error, TuiLabError):
            self.notify(error.hint or "", title=error.message, severity="error", timeout=10, markup=False)
        else:
            name = f"{error.filename}: " if error.filename else ""
            self.notify(f"{name}{error.strerror or error}", severity="error", timeout=10, markup=False)

    # Keys

    def action_keys(self) -> None:
        """The keys of the focused part."""
        from tui_lab.tui.help import Keys

        if not isinstance(self.screen, Keys):
            self.push_screen(Keys(self.screen))

    def action_jump(self) -> None:
        """Letters on everything worth jumping to."""
        from tui_lab.tui.jump import Jump

        area = self._area
        if area is not None and self.screen is area:
            self.push_screen(Jump(area))

    def action_settings(self) -> None:
        from tui_lab.tui.settings_screen import SettingsScreen

        if not isinstance(self.screen, SettingsScreen):
            self.push_screen(SettingsScreen())

    def action_questions(self) -> None:
        """All questions of the practical."""
        if self._area is not None and self.screen is self._area:
            self.open_questions()

    async def action_quit(self) -> None:
        """Leave; with runs under way, ask what becomes of them."""
        from tui_lab.tui.dialogs import Ask, Choice

        if self._area is None:
            self.exit()
            return
        under_way = self.workspace.under_way()
        if not under_way:
            self.exit()
            return
        if isinstance(self.screen, Ask):
            return
        count = f"{len(under_way)} run{'s are' if len(under_way) > 1 else ' is'} under way"
        text = f"{count}. Kept running, they can be watched again from any terminal; stopped, they keep all they have."
        choices = [
            Choice("keep", "keep running", "k", "primary"),
            Choice("stop", "stop them", "s", "warning"),
            Choice("stay", "stay", "n"),
        ]
        self.push_screen(Ask("Leave tui_lab", text, choices), partial(self._leave, [e.run for e in under_way]))

    def _leave(self, runs: list[Any], answer: str | None) -> None:
        from tui_lab.jobs.orders import ask

        if answer == "stop":
            for run in runs:
                try:
                    ask(run, "stop")
                except (TuiLabError, OSError):
                    continue  # it has ended by itself
        if answer in ("keep", "stop"):
            self.exit()
