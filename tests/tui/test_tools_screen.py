"""The Tools area: choosing a calculator, typing its inputs, and the answer that follows."""

from __future__ import annotations

import pytest
from rich.console import Console
from textual.widgets import OptionList

from tests.tui.conftest import screen_text, until
from tui_lab.errors import MissingDataError, UsageError
from tui_lab.previews.client import SupersededError
from tui_lab.tools.catalogue import TOOLS
from tui_lab.tools.tool import Result, Table, WithTorch
from tui_lab.tui.chart import Chart
from tui_lab.tui.tools import answers
from tui_lab.tui.tools.answers import rich_table
from tui_lab.tui.tools.screen import MOST_CHARTS, ToolsScreen

WIDE, NARROW = (160, 45), (80, 24)


@pytest.fixture
def first_area() -> str:
    return "tools"


async def opened(pilot, app, tool: str) -> ToolsScreen:
    """The area with a tool chosen."""
    screen = await until(pilot, lambda: app.screen if isinstance(app.screen, ToolsScreen) else None)
    await until(pilot, lambda: screen.is_mounted)
    await choose(pilot, screen, tool)
    return screen


async def choose(pilot, screen: ToolsScreen, tool: str) -> None:
    tools = screen.query_one("#tool-list", OptionList)
    tools.highlighted = tools.get_option_index(tool)
    await until(pilot, lambda: tool in screen._forms and screen._forms[tool].is_mounted)
    await until(pilot, lambda: all(field.is_mounted for field in screen._forms[tool].fields.values()))
    await until(pilot, lambda: screen.query_one("#tool-text-pane").border_title == TOOLS[tool].title)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_every_tool_answers_with_its_defaults(make_app, size):
    app = make_app()
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, app, next(iter(TOOLS)))
        for name, tool in TOOLS.items():
            await pilot.press("e")
            await choose(pilot, screen, name)
            await pilot.press("f")
            if isinstance(tool.calculate, WithTorch):
                await until(pilot, lambda name=name: f"{name} has answered." in screen_text(app))
                continue
            expected = tool.answer({})
            assert expected.table is not None
            for word in expected.table.texts()[0]:
                await until(pilot, lambda word=word: word[:8] in screen_text(app))
            assert len(expected.charts) <= MOST_CHARTS
            count = len(expected.charts)
            await until(pilot, lambda n=count: sum(chart.display for chart in screen.query(Chart)) == n)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_answer_follows_what_is_typed(make_app, size):
    app = make_app()
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, app, "conv")
        await pilot.press("f")
        await until(pilot, lambda: "32 × 28 × 28" in screen_text(app))
        screen._forms["conv"].fields["kernel_size"].editor.focus()
        await pilot.press("3")
        await until(pilot, lambda: "32 × 30 × 30" in screen_text(app))


async def test_with_a_mistake_the_last_answer_stays_dimmed(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, "conv")
        screen._forms["conv"].fields["kernel_size"].editor.focus()
        await pilot.press(*"99")
        await until(pilot, lambda: "covers 99 cells" in screen_text(app))
        answer = screen.query_one("#tool-answer-pane")
        assert answer.has_class("-old")
        assert "turns 3 × 32 × 32" in screen_text(app)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: not answer.has_class("-old"))
        assert "32 × 28 × 28" in screen_text(app)


async def test_inputs_are_kept_while_another_tool_is_looked_at(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, "losses")
        screen._forms["losses"].fields["p"].editor.focus()
        await pilot.press(*"0.25")
        await until(pilot, lambda: "At p = 0.25" in screen_text(app))
        await choose(pilot, screen, "conv")
        await until(pilot, lambda: "At p = 0.25" not in screen_text(app))
        await choose(pilot, screen, "losses")
        await until(pilot, lambda: "At p = 0.25" in screen_text(app))
        await pilot.press("e", "R")
        await until(pilot, lambda: "At p = 0.1 " in screen_text(app))


async def test_a_narrow_terminal_shows_the_text_then_inputs_with_the_answer_under_them(make_app):
    app = make_app()
    async with app.run_test(size=NARROW) as pilot:
        screen = await opened(pilot, app, "losses")
        panes = ["#tool-list", "#tool-text-pane", "#tool-form-pane", "#tool-answer-pane"]

        def in_sight() -> list[str]:
            return [pane for pane in panes if screen.query_one(pane).region.area]

        assert in_sight() == ["#tool-list", "#tool-text-pane"]
        await pilot.press("enter")
        await until(pilot, lambda: in_sight() == ["#tool-form-pane", "#tool-answer-pane"])
        await pilot.press("pagedown")  # the focus stays in the inputs
        answer = screen.query_one("#tool-answer-pane")
        await until(pilot, lambda: answer.scroll_y > 0)
        await pilot.press("pageup")
        await until(pilot, lambda: answer.scroll_y == 0)
        await pilot.press("escape", "a")
        await until(pilot, lambda: in_sight() == ["#tool-answer-pane"])


async def test_a_terminal_that_becomes_narrow_keeps_what_is_focused(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, "conv")
        editor = screen._forms["conv"].fields["stride"].editor
        editor.focus()
        await pilot.pause()
        await pilot.resize_terminal(20, 5)
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: editor.region.area)
        assert app.focused is editor


async def test_search_and_escape_lead_into_the_inputs_and_out(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, "conv")
        await pilot.press("slash", *"stride")
        await until(pilot, lambda: not screen._forms["conv"].fields["padding"].display)
        assert screen._forms["conv"].fields["stride"].display
        await pilot.press("escape")
        await until(pilot, lambda: screen._forms["conv"].fields["padding"].display)
        await pilot.press("escape")
        await until(pilot, lambda: app.focused is screen.query_one("#tool-list"))


async def test_times_are_measured_when_asked_and_give_way_to_the_next_answer(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, "backprop-cost")
        screen._forms["backprop-cost"].fields["depth"].editor.focus()
        await pilot.press("2")
        await until(pilot, lambda: "With 2 hidden layers" in screen_text(app))
        await pilot.press("ctrl+r")  # among letters that are typed
        await until(pilot, lambda: "Time for the gradient of one sample" in screen_text(app))
        assert "With 2 hidden layers" not in screen_text(app)
        await pilot.press("backspace", "3")
        await until(pilot, lambda: "With 3 hidden layers" in screen_text(app))
        assert "m or ctrl+r: measure the time" in screen_text(app)


async def test_a_measurement_that_fails_or_is_not_needed_any_more_leaves_the_answer(make_app, monkeypatch):
    app = make_app()
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await opened(pilot, app, "backprop-cost")
        await pilot.press("e")
        monkeypatch.setattr(answers, "module_command", lambda *_: ["sh", "-c", "echo the last word >&2; exit 3"])
        await pilot.press("m")
        await until(pilot, lambda: "the last word" in screen_text(app))
        monkeypatch.setattr(answers, "module_command", lambda *_: ["sleep", "1000"])
        await pilot.press("m")
        answer = screen.query_one("#tool-answer-pane")
        await until(pilot, lambda: answer.border_subtitle == "measuring ...")
        await choose(pilot, screen, "conv")
        await until(pilot, lambda: all(worker.group != "measure" for worker in app.workers))
        await until(pilot, lambda: not answer.border_subtitle)
        await pilot.press("m")  # conv measures nothing
        await pilot.pause()
        assert "turns 3 × 32 × 32" in screen_text(app)


async def test_with_a_mistake_nothing_is_measured(make_app, monkeypatch):
    app = make_app()
    monkeypatch.setattr(answers, "module_command", lambda *_: pytest.fail("it was measured"))
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, "backprop-cost")
        screen._forms["backprop-cost"].fields["depth"].editor.focus()
        await pilot.press("0", "ctrl+r")
        await until(pilot, lambda: screen.query_one("#tool-answer-pane").has_class("-old"))
        await pilot.pause()


async def test_what_takes_torch_is_asked_once_the_keys_rest_and_its_pictures_shown(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, "augment")
        await until(pilot, lambda: "augment has answered." in screen_text(app))
        text = screen_text(app)
        assert "Pictures of augment" in text and "first" in text and "second" in text
        asked = app.workspace.answers.asked
        before = len(asked)
        screen._forms["augment"].fields["seed"].editor.focus()
        await pilot.press(*"123")
        await until(pilot, lambda: len(asked) > before)
        assert asked[-1] == ("augment", {**TOOLS["augment"].inputs().model_dump(), "seed": 123}, False)
        await choose(pilot, screen, "conv")
        await until(pilot, lambda: "turns 3 × 32 × 32" in screen_text(app))
        assert "Pictures of augment" not in screen_text(app)


async def test_why_there_is_no_answer_is_told_in_its_place(make_app):
    app = make_app()
    async with app.run_test(size=NARROW) as pilot:
        app.workspace.answers.error = MissingDataError("cifar10 is not here.", "Fetch it.")
        screen = await opened(pilot, app, "standardize")
        await pilot.press("f")
        await until(pilot, lambda: "cifar10 is not here." in screen_text(app))
        app.workspace.answers.error = SupersededError("A newer one was asked for.")
        screen._forms["standardize"].fields["draw"].editor.focus()
        await pilot.press("1")
        await until(pilot, lambda: len(app.workspace.answers.asked) == 2)
        await pilot.pause()
        assert "A newer one" not in screen_text(app)


async def test_heat_maps_are_drawn_and_why_a_run_has_none_is_told_in_their_place(make_app):
    app = make_app()
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot, app, "positional")
        await until(pilot, lambda: "position across, dimension down" in screen_text(app))
        screen._forms["positional"].fields["run"].editor.focus()
        await pilot.press("x")
        await until(pilot, lambda: "There is no run 'x'" in screen_text(app))
        assert "position across" not in screen_text(app)


async def test_a_network_is_run_when_it_is_asked_for(make_app):
    app = make_app()
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        screen = await opened(pilot, app, "fc-as-conv")
        await until(pilot, lambda: "run the network, show the map" in screen_text(app))
        assert app.workspace.answers.asked == []
        await pilot.press("e", "m")
        await until(pilot, lambda: "fc-as-conv has answered." in screen_text(app))
        assert app.workspace.answers.asked[0][2]
        app.workspace.answers.error = UsageError("There is no run 'x'.")
        screen._forms["fc-as-conv"].fields["run"].editor.focus()
        await pilot.press("x", "ctrl+r")
        await until(pilot, lambda: "There is no run 'x'." in screen_text(app))
        app.workspace.answers.error = SupersededError("A newer one was asked for.")
        await pilot.press("ctrl+r")
        await until(pilot, lambda: len(app.workspace.answers.asked) == 3)
        await pilot.pause()
        assert "A newer one" not in screen_text(app)


def test_numbers_of_a_table_are_never_cut():

    values = (0.000123456, -12_345_678.0, -0.5)
    table = Table(("a very long heading indeed", "another one (in words)", "c"), (values,))
    console = Console(width=30)
    with console.capture() as captured:
        console.print(rich_table(Result(table=table)))
    assert all(text in captured.get() for text in table.texts()[0])
