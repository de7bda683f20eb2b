"""The Labs area: choosing, setting, launching, saving, and what goes wrong."""

from __future__ import annotations

import pytest
from textual.widgets import Input, Static, Switch

from tests.tui.conftest import screen_text, until
from tui_lab.errors import MissingDataError
from tui_lab.presets import load_preset
from tui_lab.tui.form import HyperparameterForm
from tui_lab.tui.labs.about import About
from tui_lab.tui.labs.screen import LabsScreen
from tui_lab.tui.labs.tree import PracticalTree
from tui_lab.tui.run.screen import RunScreen

SIZES = [(80, 24), (160, 45)]


def labs(app) -> LabsScreen:
    found = app.screen_stack[0]
    assert isinstance(found, LabsScreen)
    return found


def form(app) -> HyperparameterForm:
    found = labs(app)._form
    assert found is not None
    return found


async def opened(pilot, app) -> None:
    await until(
        pilot, lambda: labs(app)._form is not None and form(app).is_mounted and form(app).fields["lr"].is_mounted
    )


async def choose(pilot, app, key: str) -> None:
    """Move to an entry of the tree and wait for its form."""
    assert labs(app).query_one(PracticalTree).select(key)
    await until(pilot, lambda: labs(app)._entry is not None and labs(app)._entry.key == key)
    await opened(pilot, app)


@pytest.mark.parametrize("size", SIZES)
async def test_r_trains_what_the_cursor_is_on(make_app, size):
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "mlp/circles-quick")
        await pilot.press("r")
        runs = await until(pilot, lambda: app.workspace.queue.runs)
        request = runs[0].read_request()
        assert (request.exercise, request.preset) == ("mlp", "circles-quick")
        assert request.hyperparameters["epochs"] == 100
        await until(pilot, lambda: isinstance(app.screen_stack[0], RunScreen))


async def test_a_changed_value_is_marked_checked_and_trained(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        field = form(app).fields["lr"]
        field.editor.focus()
        await pilot.press(*"0.5")
        await until(pilot, lambda: field.value == 0.5)
        assert form(app).changed == ["lr"]
        assert "1 changed" in screen_text(app)
        await pilot.press("ctrl+r")
        runs = await until(pilot, lambda: app.workspace.queue.runs)
        assert runs[0].read_request().hyperparameters["lr"] == 0.5


async def test_a_mistake_is_said_in_its_row_and_nothing_is_started(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        field = form(app).fields["lr"]
        field.editor.focus()
        await pilot.press("0")
        await until(pilot, lambda: field.problem)
        assert "must be 0 < lr <= 100" in field.problem
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert app.workspace.queue.runs == []
        await pilot.press("ctrl+z")
        await until(pilot, lambda: not field.problem)
        assert field.value == 0.03


async def test_letters_typed_into_a_field_are_no_commands(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        field = form(app).fields["seed"]
        field.editor.focus()
        await pilot.press("r", "q", "1")
        assert isinstance(field.editor, Input)
        assert field.editor.value == "rq1"
        assert app.workspace.queue.runs == []


async def test_only_what_has_an_effect_is_shown_unless_searched_for(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        assert not form(app).fields["T_max"].display
        await pilot.press("slash")
        await pilot.press(*"cosine")
        await until(pilot, lambda: form(app).fields["T_max"].display)
        assert not form(app).fields["lr"].display
        await pilot.press(*"qq")
        await until(pilot, lambda: "Nothing here has 'cosineqq' in its name, topic or help." in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: form(app).fields["lr"].display)
        assert "Nothing here" not in screen_text(app)
        form(app).fields["scheduler"].editor.value = "cosine"
        await until(pilot, lambda: form(app).fields["T_max"].display)


async def test_a_slash_searches_from_a_number_and_is_typed_into_a_text(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        field, search = form(app).fields["lr"], form(app).query_one("#form-search", Input)
        field.editor.focus()
        before = field.editor.value
        await pilot.press("slash", "slash")  # the second one is searched for
        await until(pilot, lambda: app.focused is search and search.value == "/")
        assert field.editor.value == before
        await pilot.press("escape")
        form(app).fields["dataset"].editor.value = "folder"
        folder = form(app).fields["folder"]
        await until(pilot, lambda: folder.display)
        folder.editor.focus()
        await pilot.press("slash", "a")
        await until(pilot, lambda: folder.editor.value == "/a")


async def test_a_field_that_a_search_leaves_out_stays_while_it_is_typed_into(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        await pilot.press("slash")
        await pilot.press(*"dataset")
        form(app).fields["dataset"].editor.value = "folder"
        folder = form(app).fields["folder"]
        await until(pilot, lambda: folder.display)  # it is missing
        folder.editor.focus()
        await pilot.press(*"/srv/q")
        await until(pilot, lambda: not folder.problem)
        assert folder.display and folder.editor.value == "/srv/q"


async def test_drafts_survive_a_look_at_another_exercise(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "mlp/")
        switch = form(app).fields["softmax_output"].editor
        assert isinstance(switch, Switch)
        switch.toggle()
        await until(pilot, lambda: form(app).changed == ["softmax_output"])
        await choose(pilot, app, "convnet/fig-2.05")
        await until(pilot, lambda: form(app).values["batch_size"] == 128 and "batch_norm" in form(app).values)
        await choose(pilot, app, "mlp/")
        await until(pilot, lambda: form(app).changed == ["softmax_output"])
        await pilot.press("R")
        await until(pilot, lambda: form(app).changed == [])


async def test_a_preset_is_saved_listed_and_can_be_loaded(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "mlp/circles-quick")
        await pilot.press("s")
        await until(pilot, lambda: app.screen.query(".dialog-box"))
        await pilot.press(*"mine", "enter")
        path = app.workspace.home / "presets" / "mine.toml"
        await until(pilot, path.exists)
        assert load_preset(path).configuration().lr == 0.1
        await until(pilot, lambda: "My presets" in screen_text(app))


async def test_a_preset_edited_into_nonsense_says_so_in_place(make_app):
    app = make_app()
    folder = app.workspace.home / "presets"
    folder.mkdir(parents=True)
    (folder / "broken.toml").write_text('title = "x"\nexercise = "mlp"\n[hyperparameters]\nlr = "fast"\n')
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        assert labs(app).query_one(PracticalTree).select("/broken")
        await until(pilot, lambda: "This preset cannot be used" in screen_text(app))
        await until(pilot, lambda: '"fast"' in screen_text(app))
        await pilot.press("r")
        await pilot.pause()
        assert app.workspace.queue.runs == []


async def test_missing_data_are_offered_to_be_fetched(make_app):
    app = make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "convnet/fig-2.05")
        await pilot.press("r")
        await until(pilot, lambda: "fetch it now" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: app.screen is labs(app))
        assert app.workspace.queue.runs == []


async def test_previews_follow_the_form_and_say_what_is_missing(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        about = labs(app).query_one(About)
        about.tabs.active = "layers"
        await until(pilot, lambda: "Linear 64 to 10" in screen_text(app))
        app.workspace.previews.error = MissingDataError("cifar10 is not here.", "Fetch it.")
        about.tabs.active = "samples"
        await until(
            pilot, lambda: "cifar10 is not here. Fetch it." in str(about.query_one("#samples-picture", Static).visual)
        )


async def test_the_command_of_the_form_is_copied(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "mlp/circles-quick")
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard)
        assert "train mlp --lr 0.1 --epochs 100" in app.clipboard


async def test_a_run_cloned_into_the_form_keeps_its_values(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        app.open_in_form("convnet", {"lr": 0.07, "dataset": "digits"}, "run fern")
        await until(pilot, lambda: "dropout" in form(app).fields and form(app).values["lr"] == 0.07)
        assert form(app).values["dataset"] == "digits"


async def test_resized_to_next_to_nothing_and_back(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        await pilot.resize_terminal(20, 5)
        await pilot.pause()
        await pilot.resize_terminal(160, 45)
        await until(pilot, lambda: "Settings of" in screen_text(app))


@pytest.mark.parametrize("size", SIZES)
async def test_ascii_mode_leaves_nothing_else_on_the_screen(make_app, size):
    app = make_app(ascii=True)
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        filters = app.get_line_filters()
        shown = "".join(
            segment.text
            for strip in app.screen._compositor.render_strips()
            for segment in filters[-1].apply(list(strip), app.screen.styles.background)
        )
        assert shown.isascii()


async def test_arrows_go_from_field_to_field_and_turn_choices(make_app):
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await pilot.press("f")
        await until(pilot, lambda: app.focused is form(app).fields["dataset"].editor)
        await pilot.press("right")
        await until(pilot, lambda: form(app).fields["dataset"].value == "moons")
        await pilot.press("down")
        assert app.focused is form(app).fields["noise"].editor
        await pilot.press(*"0.1", "enter")
        assert form(app).fields["noise"].value == 0.1
        assert app.focused is form(app).fields["train_size"].editor
        await pilot.press("up", "up")
        assert app.focused is form(app).fields["dataset"].editor


async def test_a_value_that_the_user_did_not_type_is_no_change_of_theirs(make_app):
    app = make_app()
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot, app)
        for key in ("convnet/fig-2.19", "mlp/circles-quick", "convnet/fig-2.05", "mlp/"):
            await choose(pilot, app, key)
        assert labs(app)._drafts == {}
        form(app).fields["lr"].editor.value = "0.5"
        await until(pilot, lambda: set(labs(app)._drafts) == {"mlp/"})
