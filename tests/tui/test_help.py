"""What leads through the app: the keys of the focused part, jump mode, the command palette, the settings."""

from __future__ import annotations

import json

import pytest
from textual.command import CommandPalette
from textual.widgets import Input, Select

from tests.tui.conftest import screen_text, until
from tests.tui.recording import record
from tui_lab.presets import list_presets
from tui_lab.tui.commands import commands, screenshot
from tui_lab.tui.form import HyperparameterForm
from tui_lab.tui.help import Keys, groups
from tui_lab.tui.jump import Jump, targets
from tui_lab.tui.labs.screen import LabsScreen
from tui_lab.tui.runs.screen import RunsScreen
from tui_lab.tui.settings import Settings
from tui_lab.tui.settings_screen import SettingsScreen

WIDE, NARROW = (160, 45), (80, 24)


async def labs(pilot, app) -> LabsScreen:
    """The Labs area with its form."""
    screen = await until(pilot, lambda: app.screen if isinstance(app.screen, LabsScreen) else None)
    await until(pilot, lambda: screen._form is not None and screen._form.fields["lr"].is_mounted)
    return screen


async def form(pilot, app) -> HyperparameterForm:
    """With its first field focused."""
    screen = await labs(pilot, app)
    await pilot.press("f")
    await until(pilot, lambda: screen._form is not None and screen._form.has_focus_within)
    return screen._form


async def runs(pilot, app) -> RunsScreen:
    """The Runs area, which is there soonest."""
    return await until(pilot, lambda: app.screen if isinstance(app.screen, RunsScreen) and app.focused else None)


async def dialog(pilot, app, kind):
    found = await until(pilot, lambda: app.screen if isinstance(app.screen, kind) else None)
    return await until(pilot, lambda: found if found.is_mounted else None)


# Keys


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_help_tells_of_the_focused_part_first(make_app, size):
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await form(pilot, app)
        await pilot.press("question_mark")
        await dialog(pilot, app, Keys)
        await until(pilot, lambda: "Form." in screen_text(app))
        found = groups(app.screen_stack[0])
        assert list(found) == ["Focused", "This screen", "Everywhere"]
        assert ("^z", "Reset field") in found["Focused"]
        assert ("s", "Save the settings as a preset of yours") in found["This screen"]
        assert ("o", "Open a preset file") in found["This screen"]  # not in the footer
        names = {what for rows in found.values() for _, what in rows}
        assert not names & {"Focus Next", "Scroll Down", "Page Up", "Copy selected text"}


async def test_in_a_field_the_footer_names_the_key_that_works_there(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        made = await form(pilot, app)
        await until(pilot, lambda: "? Help" in screen_text(app))
        made.fields["lr"].editor.focus()
        await until(pilot, lambda: "f1 Help" in screen_text(app))
        await pilot.press("f1")
        await dialog(pilot, app, Keys)
        typing = groups(app.screen_stack[0])["Typing"]
        assert list(groups(app.screen_stack[0]))[-1] == "Typing"
        assert "Delete character left" in [what for _, what in typing]


async def test_help_closes_where_it_was_opened(make_app):
    app = make_app("runs")
    async with app.run_test(size=NARROW) as pilot:
        await runs(pilot, app)
        focused = app.focused
        for key in ("escape", "q", "question_mark", "f1"):
            await pilot.press("question_mark")
            await dialog(pilot, app, Keys)
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, Keys))
            assert app.focused is focused, key


# Jump mode


async def test_a_letter_jumps_to_its_part(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        made = await form(pilot, app)
        await pilot.press("ctrl+o")
        jump = await dialog(pilot, app, Jump)
        letter = next(
            letter for letter, (widget, _) in jump.targets.items() if widget is made.fields["batch_size"].editor
        )
        await pilot.press(letter)
        await until(pilot, lambda: app.focused is made.fields["batch_size"].editor)


async def test_any_other_key_leaves_everything_as_it_was(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        made = await form(pilot, app)
        focused, values = app.focused, made.values
        for key in ("escape", "1", "space"):
            await pilot.press("ctrl+o")
            await dialog(pilot, app, Jump)
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, Jump))
            assert app.focused is focused
        assert made.values == values


@pytest.mark.parametrize("size", [NARROW, (60, 16)])
async def test_letters_lie_only_on_what_can_be_seen(make_app, size):
    app = make_app()
    async with app.run_test(size=size) as pilot:
        made = await form(pilot, app)
        for field in ("batch_size", "device"):  # the second scrolls the first away, where there is little room
            made.fields[field].editor.focus()
            await until(pilot, lambda field=field: made.fields[field].editor.region in made.region)
            found = targets(app.screen)
            assert any(widget is made.fields[field].editor for widget, _ in found.values())
            for widget, offset in found.values():
                top, _ = app.screen.get_widget_at(*widget.region.offset)
                assert widget in top.ancestors_with_self
                assert app.screen.region.contains(*offset)


# The command palette


async def titles(app, home) -> list[str]:
    return [command.title for command in commands(app, app.screen, list_presets(home))]


async def test_the_palette_has_every_key_preset_run_and_theme(make_app, tmp_path):
    app, run = make_app(), record(tmp_path / "home", "fern")
    async with app.run_test(size=WIDE) as pilot:
        await labs(pilot, app)
        await until(pilot, lambda: run.id in app.workspace.index.entries)
        found = await titles(app, tmp_path)
        assert len(found) == len(set(found))
        assert {"Open a preset file", "Go to Runs", "Settings of the app", "Help", "Jump", "Screenshot", "Quit"} <= set(
            found
        )
        assert {"Preset fig-2.05: Baseline", f"Open run {run.id}", "Theme tui-lab-light"} <= set(found)


async def pick(pilot, app, words: str) -> None:
    """Choose from the palette what `words` find first."""
    await pilot.press("ctrl+p")
    palette = await dialog(pilot, app, CommandPalette)
    palette.query_one(Input).value = words
    await until(pilot, lambda: palette._list_visible and palette._hit_count)
    await pilot.press("down", "enter")
    await until(pilot, lambda: not isinstance(app.screen, CommandPalette))


async def test_the_palette_takes_a_preset_into_the_form(make_app):
    app = make_app("runs")
    async with app.run_test(size=WIDE) as pilot:
        await runs(pilot, app)
        await pick(pilot, app, "digits-convnet")
        screen = await labs(pilot, app)
        await until(pilot, lambda: screen._form.values["dataset"] == "digits")


async def test_the_palette_does_what_a_key_of_the_screen_does(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        made = await form(pilot, app)
        made.set_values({"lr": 0.5})
        await pick(pilot, app, "Reset all settings")
        await until(pilot, lambda: made.changed == [])


async def test_a_name_with_brackets_is_shown_as_it_is(make_app, tmp_path):
    app, run = make_app("runs"), record(tmp_path / "home", "fern")
    async with app.run_test(size=WIDE) as pilot:
        await runs(pilot, app)
        (run.path / "label.json").write_text(json.dumps({"name": "best [/so far]"}))
        await until(pilot, lambda: any(e.label.name for e in app.workspace.index.entries.values()))
        await pilot.press("ctrl+p")
        palette = await dialog(pilot, app, CommandPalette)
        palette.query_one(Input).value = "so far"
        await until(pilot, lambda: "Open run best [/so far]" in screen_text(app))


async def test_a_screenshot_goes_into_the_home_folder_or_says_why_not(make_app, tmp_path):
    app = make_app("runs")
    async with app.run_test(size=WIDE) as pilot:
        await runs(pilot, app)
        screenshot(app)
        (kept,) = (tmp_path / "home" / "screenshots").iterdir()
        assert kept.read_text().startswith("<svg")
        kept.unlink()
        kept.parent.rmdir()
        kept.parent.write_text("in the way")
        screenshot(app)
        await until(pilot, lambda: any("screenshots: File exists" in note.message for note in app._notifications))


# Settings


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_setting_takes_effect_at_once_and_is_kept(make_app, tmp_path, size):
    app = make_app("runs")
    async with app.run_test(size=size) as pilot:
        await runs(pilot, app)
        await pilot.press("f2")
        await dialog(pilot, app, SettingsScreen)
        await pilot.press("right", "down", "right")
        await until(pilot, lambda: app.theme == "tui-lab-light")
        await until(pilot, lambda: app.look.marker == "blocks")
        await pilot.press(*["down"] * 3, "right", "down", "space")
        await until(pilot, lambda: app.workspace.queue.jobs == 2 and app.settings.log_loss)
        assert "logarithmic loss" in screen_text(app)
        await pilot.press("down", "space")
        await until(pilot, lambda: app.settings.ascii)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, SettingsScreen))
    kept = Settings(theme="tui-lab-light", marker="blocks", jobs=2, log_loss=True, ascii=True)
    assert Settings.load(tmp_path / "home") == kept


async def test_a_value_that_was_set_elsewhere_is_among_the_choices(make_app, tmp_path):
    Settings(smoothing=0.42, jobs=5).save(tmp_path / "home")
    app = make_app("runs")
    async with app.run_test(size=WIDE) as pilot:
        await runs(pilot, app)
        await pilot.press("f2")
        screen = await dialog(pilot, app, SettingsScreen)
        assert [screen.query_one(f"#set-{name}", Select).value for name in ("smoothing", "jobs")] == ["0.42", "5"]
        assert app.settings == Settings(smoothing=0.42, jobs=5)
