"""The Tools area: calculators that answer while one types."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Markdown, OptionList, Static
from textual.widgets.option_list import Option

from tui_lab.charts.calculated import pictures_text
from tui_lab.charts.look import Look
from tui_lab.errors import TuiLabError
from tui_lab.hyperparameters import mistakes_in
from tui_lab.labs.catalogue import LABS
from tui_lab.previews.client import SupersededError
from tui_lab.tools.catalogue import TOOLS
from tui_lab.tools.tool import Result, Tool, WithTorch
from tui_lab.tui.area import Area
from tui_lab.tui.chart import Chart
from tui_lab.tui.form import HyperparameterForm
from tui_lab.tui.tools.answers import folders_of, measured, plot_of, rich_table, worked_out

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

PAGES = {"tool-list": "list", "tool-text-pane": "list", "tool-form-pane": "form", "tool-answer-pane": "answer"}
MOST_CHARTS = 3  # that a tool draws
SETTLE_S = 0.3  # after the last key, before the process with torch is asked
LEAST_WIDTH = 10  # cells that a picture is worth drawing in


class ToolsScreen(Area):
    """List, inputs and answer side by side.

    Where there is room for two columns only, the inputs are under the list. Where there is room for one only, it shows
    a page at a time: the list with the text, the inputs with the answer under them, or the answer alone.
    """

    AREA = "tools"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (40, "-narrow"), (110, "-medium"), (150, "-wide")]  # noqa: RUF012
    JUMPS: ClassVar[Mapping[str, str]] = {
        "#tool-list": "e",
        "#tool-text-pane": "t",
        "#tool-form-pane": "f",
        "#tool-answer-pane": "a",
    }
    HELP = """**Tools.** Calculators that need no training. Choose one, change its inputs: the answer follows. From the
inputs, `page down` and `page up` move the answer. What can be measured is measured with `m`, or `ctrl+r`
where letters are typed."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "page('form')", "Inputs", id="tools.form"),
        Binding("a", "page('answer')", "Answer", id="tools.answer"),
        Binding("e,escape", "page('list')", "Tools", id="tools.list"),
        Binding("m", "measure", "Measure", id="tools.measure", tooltip="Try it and take the time"),
        Binding("ctrl+r", "measure", "Measure", show=False, priority=True),
        Binding("slash", "search", "Search the inputs", show=False),
        Binding("R", "reset", "Reset inputs", show=False),
        Binding("pagedown", "move_answer(1)", "Answer: further down", show=False),
        Binding("pageup", "move_answer(-1)", "Answer: further up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._tool: Tool[Any] | None = None
        self._answered: Tool[Any] | None = None  # whose answer is there
        self._forms: dict[str, HyperparameterForm] = {}

    def compose_area(self) -> ComposeResult:
        with Horizontal(id="tool-panes"):
            tools = OptionList(*_options(), id="tool-list", classes="pane")
            tools.border_title = "Tools"
            tools.border_subtitle = "enter: its inputs"
            yield tools
            with Vertical(id="tool-middle"):
                with VerticalScroll(id="tool-text-pane", classes="pane"):
                    yield Markdown(id="tool-text")
                with Vertical(id="tool-form-pane", classes="pane") as pane:
                    pane.border_title = "Inputs"
                    yield ContentSwitcher(id="tool-forms")
            with VerticalScroll(id="tool-answer-pane", classes="pane") as answer:
                answer.border_title = "Answer"
                yield Static(id="tool-lines")
                yield Static(id="tool-table")
                yield Pictures(id="tool-pictures")
                for i in range(MOST_CHARTS):
                    yield Chart(id=f"tool-chart-{i}")

    def on_mount(self) -> None:
        self._show_page("list")
        self.query_one("#tool-list").focus()

    @on(OptionList.OptionHighlighted)
    def _highlight(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id in TOOLS:
            work = self._choose(TOOLS[event.option_id])
            self.run_worker(work, group="tool", exclusive=True, exit_on_error=False)

    @on(OptionList.OptionSelected)
    def _select(self) -> None:
        self.action_page("form")

    def open_tool(self, name: str, values: Mapping[str, Any]) -> None:
        """Choose a tool, with these inputs and its defaults for the others."""
        tools = self.query_one("#tool-list", OptionList)
        with tools.prevent(OptionList.OptionHighlighted):
            tools.highlighted = tools.get_option_index(name)
        self.run_worker(self._open(TOOLS[name], values), group="tool", exclusive=True, exit_on_error=False)

    async def _open(self, tool: Tool[Any], values: Mapping[str, Any]) -> None:
        await self._choose(tool, values)
        self.action_page("form")

    async def _choose(self, tool: Tool[Any], values: Mapping[str, Any] | None = None) -> None:
        """Show a tool, with these inputs or those that it was left with."""
        self._tool = tool
        self.workers.cancel_group(self, "measure")
        self.refresh_bindings()
        form, switcher = self._forms.get(tool.name), self.query_one("#tool-forms", ContentSwitcher)
        if form is None:
            form = self._forms[tool.name] = HyperparameterForm(tool.declarations, id=f"tool-form-{tool.name}")
            await switcher.add_content(form, set_current=True)
        switcher.current = form.id
        if values is not None:
            form.set_values({name: value for name, value in values.items() if name in form.fields})
        self._answer(form)
        self.query_one("#tool-text-pane").border_title = tool.title
        await self.query_one("#tool-text", Markdown).update(tool.text)

    @on(HyperparameterForm.Changed)
    def _changed(self, event: HyperparameterForm.Changed) -> None:
        self._answer(event.form)

    def _answer(self, form: HyperparameterForm) -> None:
        """Show the answer; with a mistake in the inputs, the last one stays, dimmed."""
        tool = self._tool
        if tool is None:
            return
        values = form.values
        mistakes = mistakes_in(tool.inputs, values)
        form.show_mistakes(mistakes)
        self.query_one("#tool-answer-pane").set_class(bool(mistakes), "-old")
        if not mistakes:
            self.workers.cancel_group(self, "measure")
            self.run_worker(self._calculate(tool, values), group="answer", exclusive=True, exit_on_error=False)

    async def _calculate(self, tool: Tool[Any], values: Mapping[str, Any]) -> None:
        if isinstance(tool.calculate, WithTorch):
            result = await self._worked_out(tool, values)
        else:
            result = await self._calculated(tool, values)
        if result is not None:
            self._show(result)
            self._answered = tool
            self._say_beneath(f"m or ctrl+r: {tool.measuring}" if tool.measure else "")

    async def _calculated(self, tool: Tool[Any], values: Mapping[str, Any]) -> Result:
        """The answer of a tool without torch, or why there is none: a run that is not there, say."""
        try:
            return await self.lab.in_background(partial(tool.answer, values, folders_of(self.lab.workspace)))
        except TuiLabError as error:
            return Result((str(error),))

    async def _worked_out(self, tool: Tool[Any], values: Mapping[str, Any]) -> Result | None:
        """The answer of another process, or why there is none; None once something else is asked for."""
        if self._answered is not tool:
            self._show(Result())  # what is there belongs to another tool
        self._say_beneath("working it out ...")
        await asyncio.sleep(SETTLE_S)
        try:
            return await worked_out(self.lab.workspace, tool, values, measure=False)
        except SupersededError:
            return None
        except TuiLabError as error:
            return Result((str(error),))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "measure":
            return self._tool is not None and self._tool.measure is not None
        return super().check_action(action, parameters)

    def action_measure(self) -> None:
        """What only trying tells, in place of the answer until an input is changed."""
        tool = self._tool
        form = self._forms.get(tool.name) if tool else None
        if tool is not None and form is not None and not mistakes_in(tool.inputs, form.values):
            work = self._measure(tool, form.values)
            self.run_worker(work, group="measure", exclusive=True, exit_on_error=False)

    async def _measure(self, tool: Tool[Any], values: Mapping[str, Any]) -> None:
        self._say_beneath("measuring ...")
        try:
            result = await measured(self.lab.workspace, tool, values)
        except SupersededError:
            return
        except TuiLabError as error:
            self._say_beneath("")
            self.lab.say(error)
            return
        self._show(result)
        self._say_beneath("measured; m: again")

    def _say_beneath(self, sentence: str) -> None:
        self.query_one("#tool-answer-pane").border_subtitle = sentence

    def _show(self, result: Result) -> None:
        lines = self.query_one("#tool-lines", Static)
        lines.display = bool(result.lines)
        lines.update(Text("\n".join(result.lines)))
        table = self.query_one("#tool-table", Static)
        table.display = result.table is not None
        if result.table is not None:
            table.update(rich_table(result))
        self.query_one("#tool-pictures", Pictures).show(result)
        for i in range(MOST_CHARTS):
            chart = self.query_one(f"#tool-chart-{i}", Chart)
            chart.display = i < len(result.charts)
            if chart.display:
                chart.show(partial(plot_of, result.charts[i]), result.charts[i])

    def action_page(self, page: str) -> None:
        """Go to a pane; where there is room for one page only, show it."""
        self._show_page(page)
        form = self._forms.get(self._tool.name) if self._tool else None
        if page == "form" and form is not None:
            form.focus_first()
        else:
            self.query_one("#tool-answer-pane" if page == "answer" else "#tool-list").focus()

    def _show_page(self, page: str) -> None:
        for name in PAGES.values():
            self.set_class(name == page, f"-page-{name}")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """With all panes in sight, the page is that of the focused one, for when the terminal becomes narrow."""
        if self.is_wide:
            inside = (PAGES[node.id] for node in event.widget.ancestors_with_self if node.id in PAGES)
            self._show_page(next(inside, "list"))

    def action_move_answer(self, pages: int) -> None:
        """Scroll the answer, whatever is focused."""
        answer = self.query_one("#tool-answer-pane", VerticalScroll)
        answer.scroll_relative(y=pages * answer.size.height, animate=False)

    def action_search(self) -> None:
        if self._tool is not None and self._tool.name in self._forms:
            self.action_page("form")
            self._forms[self._tool.name].action_search()

    def action_reset(self) -> None:
        if self._tool is not None and self._tool.name in self._forms:
            self._forms[self._tool.name].reset()


class Pictures(Static):
    """The pictures and heat maps of an answer, as many side by side as there is room for."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._result = Result()
        self._drawn: object = None  # what the text was made of

    def on_mount(self) -> None:
        self.watch(self.app, "settings", self._draw, init=False)

    def on_resize(self) -> None:
        self._draw()

    def show(self, result: Result) -> None:
        """An answer whose pictures are shown; without any, it takes no room."""
        self._result = result
        self.display = bool(result.galleries or result.heat_maps)
        self._draw()

    def _draw(self) -> None:
        if not self.display or self.size.width < LEAST_WIDTH:
            return
        asked = (self._result, self.size.width, self.lab.look)
        if asked != self._drawn:
            self._drawn = asked
            self.run_worker(self._make(*asked), exclusive=True, exit_on_error=False)

    async def _make(self, result: Result, width: int, look: Look) -> None:
        make = partial(pictures_text, result, width=width, look=look)
        self.update(await self.lab.in_background(make))

    @property
    def lab(self) -> LabApp:
        return cast("LabApp", self.app)


def _options() -> list[Option]:
    """The tools under their labs."""
    found: list[Option] = []
    for number, lab in LABS.items():
        tools = [tool for tool in TOOLS.values() if tool.lab == number]
        if tools:
            found.append(Option(Text(f"{number} {lab}", "bold"), disabled=True))
            found += [Option(f"  {tool.title}", id=tool.name) for tool in tools]
    return found
