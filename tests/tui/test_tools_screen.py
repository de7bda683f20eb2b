"""The Tools area: choosing a calculator, typing its inputs, and the answer that follows."""

from __future__ import annotations

import pytest
from rich.console import Console
from textual.widgets import OptionList

from tests.tui.conftest import screen_text, until
from tui_lab.tools.catalogue import TOOLS
from tui_lab.tools.tool import Result, Table
from tui_lab.tui.chart import Chart
from tui_lab.tui.labs.screen import LabsScreen
from tui_lab.tui.tools.screen import MOST_CHARTS, ToolsScreen, rich_table

WIDE, NARROW = (160, 45), (80, 24)


async def opened(pilot, app, tool: str) -> ToolsScreen:
    """The area with a tool chosen."""
    await until(pilot, lambda: isinstance(app.screen, LabsScreen))
    await pilot.press("4")
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
            expected = tool.answer({})
            assert expected.table is not None
            for word in expected.table.texts()[0]:
                await until(pilot, lambda word=word: word[:8] in screen_text(app))
            shown = [chart for chart in screen.query(Chart) if chart.display]
            assert len(shown) == len(expected.charts) <= MOST_CHARTS


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_answer_follows_what_is_typed(make_app, size):
    app = make_app()
    async with app.run_test(size=size) as pilot:
        screen = await opened(pilot, app, "conv")
        await pilot.press("f")
        assert "32 × 28 × 28" in screen_text(app)
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
        assert "At p = 0.25" not in screen_text(app)
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


def test_numbers_of_a_table_are_never_cut():

    values = (0.000123456, -12_345_678.0, -0.5)
    table = Table(("a very long heading indeed", "another one (in words)", "c"), (values,))
    console = Console(width=30)
    with console.capture() as captured:
        console.print(rich_table(Result(table=table)))
    assert all(text in captured.get() for text in table.texts()[0])
