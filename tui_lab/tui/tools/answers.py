"""What tools answer, as the screen shows it, and how it has something measured or worked out with torch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from tui_lab.charts.calculated import tool_series
from tui_lab.errors import TuiLabError
from tui_lab.processes import module_command
from tui_lab.tools.tool import Chart, Folders, Result, Tool, WithTorch
from tui_lab.tui.chart import Plot
from tui_lab.tui.workspace import Workspace


def rich_table(result: Result) -> Table:
    """The values of an answer; headings break before a value is cut."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    if result.table is not None:
        rows = result.table.texts()
        for i, name in enumerate(result.table.columns):
            is_numeric = result.table.is_numeric(i)
            widest = max((cell_len(row[i]) for row in rows), default=0)
            least = widest if is_numeric else None
            made.add_column(name, justify="right" if is_numeric else "left", min_width=least, overflow="fold")
        for row in rows:
            made.add_row(*map(Text, row))
    return made


def plot_of(chart: Chart) -> Plot:
    """The curves of an answer, for a `Chart` of the screen."""
    return Plot(tool_series(chart), chart.title, chart.x_label, chart.y_log, chart.x_log)


def folders_of(workspace: Workspace) -> Folders:
    """Where tools find runs and data."""
    return Folders(workspace.home, workspace.data)


async def worked_out(workspace: Workspace, tool: Tool[Any], values: Mapping[str, Any], *, measure: bool) -> Result:
    """What the process with torch answers, or finds by measuring.

    Raises TuiLabError; a `SupersededError` where something else was asked for meanwhile.
    """
    work_out = workspace.answers.work_out
    return await asyncio.to_thread(work_out, tool.name, values, folders_of(workspace), measure=measure)


async def measured(workspace: Workspace, tool: Tool[Any], values: Mapping[str, Any]) -> Result:
    """What only trying tells, in a process that does nothing else. Raises as `worked_out` does."""
    if isinstance(tool.measure, WithTorch):
        return await worked_out(workspace, tool, values, measure=True)
    return await _timed(tool, values)


async def _timed(tool: Tool[Any], values: Mapping[str, Any]) -> Result:
    """What `tui-lab tools NAME --measure` finds, in a process that does nothing else and ends with this."""
    flags = [flag for d in tool.declarations.values() for flag in d.arguments(values[d.name])]
    process = await asyncio.create_subprocess_exec(
        *module_command("tui_lab", "tools", tool.name, *flags, "--measure", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = (["", *said.decode(errors="replace").splitlines()])[-1]
        raise TuiLabError(f"Measuring ended with {process.returncode}.", last)
    return Result.from_json(json.loads(answer))
