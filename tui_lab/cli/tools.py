"""`tui-lab tools`: the calculators, with a flag for every input."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

from tui_lab.cli.arguments import AsJson
from tui_lab.cli.groups import command_with_flags, made_group

if TYPE_CHECKING:
    from tui_lab.tools.tool import Result, Tool


def _names() -> Iterable[str]:
    from tui_lab.tools.catalogue import TOOLS

    return TOOLS


def _command(name: str) -> typer.Typer:
    from tui_lab.tools.catalogue import find_tool

    tool = find_tool(name)

    def calculate(given: dict[str, Any], as_json: AsJson = False) -> None:
        _answer(tool, given, as_json=as_json)

    calculate.__doc__ = f"{tool.title}.\n\n{_plain(tool.text)}"
    return command_with_flags(tool.name, calculate, tool.declarations)


def _plain(markdown: str) -> str:
    """For --help, which folds lines itself: without marks, and each paragraph and each item of a list on one line."""
    return re.sub(r"(?<!\n)\n(?![\n -])", " ", re.sub(r"[*`]", "", markdown))


def _answer(tool: Tool[Any], given: dict[str, Any], *, as_json: bool) -> None:
    from tui_lab.cli.output import print_json
    from tui_lab.hyperparameters import build

    inputs = build(tool.inputs, given)
    result = tool.calculate(inputs)
    if as_json:
        print_json({"tool": tool.name, "inputs": inputs.model_dump(), **result.to_json()})
    else:
        _show(result)


def _show(result: Result) -> None:
    from rich.text import Text

    from tui_lab.charts.calculated import tool_series
    from tui_lab.charts.text import printable
    from tui_lab.cli.drawing import print_chart, print_table
    from tui_lab.cli.output import data_console, is_ascii

    for line in result.lines:
        data_console().print(Text(printable(line, ascii=is_ascii())))
    if result.table is not None:
        aligned = (f"{'>' if result.table.is_numeric(i) else ''}{name}" for i, name in enumerate(result.table.columns))
        print_table(aligned, result.table.texts())
    for chart in result.charts:
        print_chart(tool_series(chart), title=chart.title, x_label=chart.x_label, y_log=chart.y_log)


def list_tools(context: typer.Context, as_json: AsJson = False) -> None:
    """Every tool."""
    if context.invoked_subcommand is not None:
        return
    from tui_lab.cli.output import data_console, print_json, say, table
    from tui_lab.labs.catalogue import LABS
    from tui_lab.tools.catalogue import TOOLS

    if as_json:
        print_json([{"name": tool.name, "lab": tool.lab, "title": tool.title} for tool in TOOLS.values()])
        return
    made = table("tool", "", ">lab", "")
    for tool in TOOLS.values():
        made.add_row(f"[bold]{tool.name}[/]", tool.title, str(tool.lab), LABS[tool.lab])
    data_console().print(made)
    say("Use one: tui-lab tools conv --kernel-size 3; its inputs: tui-lab tools conv --help")


app = made_group("Calculators: learning-rate schedules, sizes of layers, losses.", _names, _command, list_tools)
