"""Tools, and what every area has: help, jump mode, settings, the palette, leaving."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.pilot import Pilot
from textual.widgets import Input, Select, Static, Switch

from tests.tui.conftest import screen_text, until
from tests.tui.recording import record
from tui_lab.presets import list_presets
from tui_lab.runs.control import read_control
from tui_lab.tools.catalogue import TOOLS
from tui_lab.tui.app import LabApp
from tui_lab.tui.area import Area
from tui_lab.tui.chart import Chart
from tui_lab.tui.commands import commands
from tui_lab.tui.dialogs import Ask
from tui_lab.tui.help import Keys, groups
from tui_lab.tui.jump import Jump
from tui_lab.tui.settings import Settings
from tui_lab.tui.settings_screen import SettingsScreen
from tui_lab.tui.tools.screen import ToolsScreen
from tui_lab.tui.topbar import AREAS

SIZE = (160, 45)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


async def gone_to(pilot: Pilot[None], area: str) -> Area:
    """An area, once it is shown with something focused."""
    app = pilot.app
    assert isinstance(app, LabApp)
    app.action_area(area)
    await until(pilot, lambda: isinstance(app.screen, Area) and area == app.screen.AREA and app.screen.focused)
    assert isinstance(app.screen, Area)
    return app.screen


async def tool(pilot: Pilot[None], name: str) -> ToolsScreen:
    """The Tools area with one tool chosen and answered."""
    screen = await gone_to(pilot, "tools")
    assert isinstance(screen, ToolsScreen)
    tools = screen.query_one("#tool-list")
    tools.highlighted = tools.get_option_index(name)  # type: ignore[attr-defined]
    await until(pilot, lambda: screen._tool is TOOLS[name] and name in screen._forms and answer(screen))
    return screen


def answer(screen: ToolsScreen) -> str:
    return str(screen.query_one("#tool-lines", Static).visual)


# Tools


@pytest.mark.parametrize("name", list(TOOLS))
async def test_every_tool_answers_what_it_is_asked_by_default(make_app: Any, name: str) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        screen = await tool(pilot, name)
        result = TOOLS[name].answer(screen._forms[name].values)
        await until(pilot, lambda: answer(screen) == "\n".join(result.lines))
        shown = [chart for chart in screen.query(Chart) if chart.display]
        assert len(shown) == len(result.charts)


async def test_an_answer_follows_the_inputs_and_stays_through_a_mistake(make_app: Any) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        screen = await tool(pilot, "conv")
        form = screen._forms["conv"]
        first = answer(screen)
        assert "28" in first  # 32 rows under a window of 5
        await pilot.press("f")
        kernel = form.fields["kernel_size"].editor
        assert isinstance(kernel, Input)
        kernel.value = "3"
        await until(pilot, lambda: answer(screen) != first)
        second = answer(screen)
        assert "30" in second
        kernel.value = "99999999"
        await until(pilot, lambda: form.fields["kernel_size"].problem)
        assert answer(screen) == second and screen.query_one("#tool-answer-pane").has_class("-old")
        kernel.value = "5"
        await until(pilot, lambda: answer(screen) == first)
        assert not screen.query_one("#tool-answer-pane").has_class("-old") and not form.fields["kernel_size"].problem


async def test_inputs_of_a_tool_are_kept_while_another_is_looked_at(make_app: Any) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        screen = await tool(pilot, "conv")
        kernel = screen._forms["conv"].fields["kernel_size"].editor
        assert isinstance(kernel, Input)
        kernel.value = "3"
        await until(pilot, lambda: "30" in answer(screen))
        kept = answer(screen)
        await tool(pilot, "losses")
        await until(pilot, lambda: answer(screen) != kept)
        await tool(pilot, "conv")
        await until(pilot, lambda: answer(screen) == kept)
        await pilot.press("R")
        await until(pilot, lambda: "28" in answer(screen))


async def test_where_it_is_narrow_there_is_a_pane_at_a_time(make_app: Any) -> None:
    async with make_app().run_test(size=(80, 24)) as pilot:
        screen = await tool(pilot, "conv")
        panes = {key: screen.query_one(f"#{pane}") for key, pane in _PANES.items()}
        for key in ("f", "escape", "a", "e"):
            await pilot.press(key)
            shown = "e" if key == "escape" else key
            await until(pilot, lambda shown=shown: [k for k, pane in panes.items() if pane.size.area] == [shown])


_PANES = {"e": "tool-list", "f": "tool-form-pane", "a": "tool-answer-pane"}


# Help and jumping


@pytest.mark.parametrize("area", AREAS)
async def test_help_lists_the_keys_of_the_screen(make_app: Any, home: Path, area: str) -> None:
    record(home, "fern")
    async with make_app().run_test(size=(160, 60)) as pilot:
        screen = await gone_to(pilot, area)
        rows = [row for group in groups(screen).values() for row in group]
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, Keys))
        await until(pilot, lambda: "go to the areas" in " ".join(screen_text(pilot.app).split()))
        text = screen_text(pilot.app)
        assert rows
        for keys, what in rows[:8]:
            assert any(line.split(keys, 1)[-1].find(what) >= 0 for line in text.splitlines() if keys in line), keys
        await pilot.press("question_mark")
        await until(pilot, lambda: pilot.app.screen is screen)


@pytest.mark.parametrize("area", AREAS)
async def test_a_letter_of_jump_mode_focuses_its_part(make_app: Any, home: Path, area: str) -> None:
    record(home, "fern")
    async with make_app().run_test(size=SIZE) as pilot:
        screen = await gone_to(pilot, area)
        if area == "tools":
            await tool(pilot, "conv")
        for letter in set(screen.JUMPS.values()) - {"c"}:  # c of a run: a confusion matrix, which this one has not
            await pilot.press("ctrl+o")
            jump = await until(pilot, lambda: isinstance(pilot.app.screen, Jump) and pilot.app.screen)
            if letter not in jump.targets:
                await pilot.press("escape")
                await until(pilot, lambda: pilot.app.screen is screen)
                continue
            widget = jump.targets[letter][0]
            await pilot.press(letter)
            await until(pilot, lambda widget=widget: pilot.app.screen is screen and widget.has_focus)


async def test_jump_mode_is_left_by_any_other_key(make_app: Any) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        screen = await gone_to(pilot, "labs")
        focused = screen.focused
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(pilot.app.screen, Jump))
        await pilot.press("2")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert screen.focused is focused


@pytest.mark.parametrize("area", AREAS)
async def test_every_key_of_an_area_says_what_it_does(make_app: Any, area: str) -> None:
    async with make_app().run_test(size=SIZE) as pilot:
        screen = await gone_to(pilot, area)
        for owner in (screen, *screen.query("*")):
            if not type(owner).__module__.startswith("tui_lab"):
                continue
            for binding in Binding.make_bindings(type(owner).BINDINGS):
                assert binding.description, f"{binding.key} of {type(owner).__name__}"


# Settings


async def test_settings_take_effect_at_once_and_are_kept(make_app: Any, home: Path) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        screen = await gone_to(pilot, "labs")
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and app.screen.query("#set-ascii"))
        app.screen.query_one("#set-theme", Select).value = "tui-lab-light"
        await until(pilot, lambda: app.theme == "tui-lab-light")
        app.screen.query_one("#set-jobs", Select).value = 3
        await until(pilot, lambda: app.workspace.queue.jobs == 3)
        app.screen.query_one("#set-axis", Select).value = "elapsed"
        app.screen.query_one("#set-log_loss", Switch).value = True
        await until(pilot, lambda: app.settings.log_loss and app.settings.axis == "elapsed")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
    assert Settings.load(home) == Settings(theme="tui-lab-light", jobs=3, axis="elapsed", log_loss=True)
    async with make_app().run_test(size=SIZE) as pilot:
        await gone_to(pilot, "labs")
        assert pilot.app.theme == "tui-lab-light" and pilot.app.current_theme.name == "tui-lab-light"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x00 = [", Settings()),
        ('theme = "no such"\njobs = true\nsmoothing = nan\naxis = "moon"\nascii = 1', Settings(theme="no such")),
        (
            "jobs = 100000\nsmoothing = 5\nlog_loss = true\nunknown = 1",
            Settings(jobs=64, smoothing=0.99, log_loss=True),
        ),
    ],
)
async def test_settings_that_cannot_be_are_ignored(make_app: Any, home: Path, text: str, expected: Settings) -> None:
    home.mkdir()
    (home / "settings.toml").write_text(text)
    app = make_app()
    assert app.settings == expected and app.theme == "tui-lab-dark"
    async with app.run_test(size=SIZE) as pilot:
        await gone_to(pilot, "labs")
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))


async def test_settings_that_cannot_be_kept_still_take_effect(make_app: Any, home: Path) -> None:
    home.write_text("a file is in the way")
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await gone_to(pilot, "labs")
        app.settings = Settings(log_loss=True)
        await until(pilot, lambda: any("cannot be kept" in note.message for note in app._notifications))


# The palette


def titles(app: LabApp) -> Iterator[str]:
    return (command.title for command in commands(app, app.screen))


async def test_the_palette_knows_areas_presets_runs_and_keys(make_app: Any, home: Path) -> None:
    run = record(home, "fern")
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await gone_to(pilot, "labs")
        await until(pilot, lambda: run.id in app.workspace.index.entries)
        found = list(titles(app))
        assert {f"Go to {name}" for name in AREAS.values()} <= set(found)
        presets = {f"Preset {listed.preset.name}" for listed in list_presets(home) if listed.preset}
        assert presets and presets <= set(found)
        assert f"Open run {run.id}" in found and "Theme tui-lab-light" in found
        open_run = next(command for command in commands(app, app.screen) if command.title == f"Open run {run.id}")
        open_run.callback()
        await until(pilot, lambda: app.current_mode == "run" and run.id in screen_text(app))
        await until(pilot, lambda: getattr(app.screen, "_state", "") == "finished")
        now = set(titles(app))
        assert {"Logarithmic loss", "Into the form"} <= now and not {"Pause", "Stop", "Go on"} & now
        key = next(command for command in commands(app, app.screen) if command.title == "Logarithmic loss")
        await key.callback()
        assert app.settings.log_loss


async def test_a_preset_of_the_palette_goes_into_the_form(make_app: Any) -> None:
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await gone_to(pilot, "tools")
        take = next(command for command in commands(app, app.screen) if command.title == "Preset circles-quick")
        take.callback()
        await until(pilot, lambda: app.current_mode == "labs" and getattr(app.screen, "_form", None) is not None)
        await until(
            pilot, lambda: app.screen._form.fields["lr"].is_mounted and app.screen._form.values["epochs"] == 100
        )


# Leaving


async def test_without_runs_it_leaves_at_once(make_app: Any, home: Path) -> None:
    record(home, "fern")
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await gone_to(pilot, "runs")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    assert app.workspace.queue.is_closed


@pytest.mark.parametrize(("key", "asked"), [("k", "run"), ("s", "stop")])
async def test_with_a_run_under_way_it_asks(make_app: Any, home: Path, key: str, asked: str) -> None:
    run = record(home, "fern", epochs=1, state="running")
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await gone_to(pilot, "labs")
        await until(pilot, lambda: app.workspace.index.entries)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, Ask) and "1 run is under way" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: app.screen is screen)
        assert not app._exit
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press(key)
        await until(pilot, lambda: app._exit)
    assert read_control(run.control).command == asked and app.workspace.queue.is_closed
