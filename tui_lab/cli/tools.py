"""`tui-lab tools`: the calculators, with a flag for every input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import AsJson
from tui_lab.cli.configuration import FromPreset, settle
from tui_lab.cli.context import places
from tui_lab.cli.groups import command_with_flags, exercise_group, made_group

if TYPE_CHECKING:
    from tui_lab.labs.exercise import Exercise
    from tui_lab.tools.tool import Result, Tool


def _names() -> Iterable[str]:
    from tui_lab.tools import rates
    from tui_lab.tools.catalogue import TOOLS

    return [*TOOLS, rates.NAME]


def _command(name: str) -> typer.Typer:
    from tui_lab.tools import rates
    from tui_lab.tools.catalogue import find_tool

    if name == rates.NAME:
        return exercise_group(_plain(f"{rates.TITLE}.\n\n{rates.TEXT}"), _lr_find_command)
    tool = find_tool(name, [rates.NAME])

    def calculate(context: typer.Context, given: dict[str, Any], as_json: AsJson = False) -> None:
        _answer(context, tool, given, measure=False, as_json=as_json)

    def calculate_or_measure(
        context: typer.Context,
        given: dict[str, Any],
        measured: Annotated[bool, typer.Option("--measure", help="Try it, which takes some seconds.")] = False,
        as_json: AsJson = False,
    ) -> None:
        _answer(context, tool, given, measure=measured, as_json=as_json)

    command = calculate_or_measure if tool.measure else calculate
    command.__doc__ = f"{tool.title}.\n\n{_plain(tool.text)}"
    return command_with_flags(tool.name, command, tool.declarations)


def _lr_find_command(exercise: Exercise) -> Callable[..., None]:
    def find(context: typer.Context, given: dict[str, Any], preset: FromPreset = None, as_json: AsJson = False) -> None:
        find_learning_rate(context, exercise, given, preset, as_json=as_json)

    return find


def find_learning_rate(
    context: typer.Context, exercise: Exercise, given: dict[str, Any], preset: str | None, *, as_json: bool
) -> None:
    """Settle the hyperparameters, then test rates in a process that has torch, and show what came out."""
    from tui_lab.cli.output import print_json
    from tui_lab.jobs.launch import check_launch
    from tui_lab.previews.client import PreviewProcess
    from tui_lab.tools import rates

    where = places(context)
    hyperparameters, preset_name = settle(f"tools {rates.NAME}", exercise, given, preset, where.home)
    check_launch(exercise, hyperparameters, where.data)
    values = hyperparameters.model_dump()
    with PreviewProcess() as process:
        test = process.ask("rates", exercise.name, values, where.data)
    result = rates.rates_result(test, values["lr"])
    if as_json:
        asked = {"tool": rates.NAME, "exercise": exercise.name, "preset": preset_name, "inputs": values}
        print_json({**asked, "test": test.to_json(), **result.to_json()})
    else:
        _show(result)


def _plain(markdown: str) -> str:
    """For --help, which folds lines itself: without marks, and each paragraph and each item of a list on one line."""
    return re.sub(r"(?<!\n)\n(?![\n -])", " ", re.sub(r"[*`]", "", markdown))


def _answer(context: typer.Context, tool: Tool[Any], given: dict[str, Any], *, measure: bool, as_json: bool) -> None:
    from tui_lab.cli.output import print_json
    from tui_lab.hyperparameters import build
    from tui_lab.tools.tool import Folders, WithFolders, WithTorch

    inputs = build(tool.inputs, given)
    values = inputs.model_dump()
    where = places(context)
    folders = Folders(where.home, where.data)
    work = tool.measure if measure and tool.measure else tool.calculate
    if isinstance(work, WithTorch):
        from tui_lab.previews.client import PreviewProcess

        with PreviewProcess() as process:
            result = process.work_out(tool.name, values, folders, measure=measure)
    else:
        result = work.function(inputs, folders) if isinstance(work, WithFolders) else work(inputs)
    if as_json:
        print_json({"tool": tool.name, "inputs": values, **result.to_json()})
    else:
        _show(result)


def _show(result: Result) -> None:
    from rich.text import Text

    from tui_lab.charts.calculated import pictures_text, tool_series
    from tui_lab.charts.text import printable
    from tui_lab.cli.drawing import look_of, print_chart, print_table
    from tui_lab.cli.output import data_console, is_ascii

    for line in result.lines:
        data_console().print(Text(printable(line, ascii=is_ascii())))
    if result.table is not None:
        aligned = (f"{'>' if result.table.is_numeric(i) else ''}{name}" for i, name in enumerate(result.table.columns))
        print_table(aligned, result.table.texts())
    if result.galleries or result.heat_maps:
        console = data_console()
        console.print(pictures_text(result, width=console.width, look=look_of(console)), "", sep="\n")
    for chart in result.charts:
        print_chart(tool_series(chart), title=chart.title, x_label=chart.x_label, x_log=chart.x_log, y_log=chart.y_log)


def list_tools(context: typer.Context, as_json: AsJson = False) -> None:
    """Every tool."""
    if context.invoked_subcommand is not None:
        return
    from tui_lab.cli.output import data_console, print_json, say, table
    from tui_lab.labs.catalogue import LABS
    from tui_lab.tools import rates
    from tui_lab.tools.catalogue import TOOLS

    if as_json:
        tools = [{"name": tool.name, "lab": tool.lab, "title": tool.title} for tool in TOOLS.values()]
        print_json([*tools, {"name": rates.NAME, "lab": None, "title": rates.TITLE}])
        return
    made = table("tool", "", ">lab", "")
    for tool in TOOLS.values():
        made.add_row(f"[bold]{tool.name}[/]", tool.title, str(tool.lab), LABS[tool.lab])
    made.add_row(f"[bold]{rates.NAME}[/]", rates.TITLE, "", "every exercise that is trained by gradients")
    data_console().print(made)
    say("Use one: tui-lab tools conv --kernel-size 3; its inputs: tui-lab tools conv --help")


app = made_group("Calculators: losses, descent, layers, learning rates.", _names, _command, list_tools)
