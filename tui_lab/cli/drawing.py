"""Charts and tables on stdout, as the terminal can show them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from tui_lab.charts.look import DARK, LIGHT, Look
from tui_lab.charts.plot import draw
from tui_lab.charts.series import Series
from tui_lab.charts.text import printable
from tui_lab.cli.output import data_console, is_ascii, table

CHART_HEIGHT = 15
WIDEST_CHART = 100


def look_of(console: Console) -> Look:
    """What a terminal can show. Those that tell their background do so in COLORFGBG, as `foreground;background`."""
    is_light = os.environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15")
    color = console.color_system is not None and not console.no_color
    return Look(LIGHT if is_light else DARK, color=color, ascii=is_ascii())


def print_chart(
    series: Sequence[Series], *, title: str, x_label: str, x_log: bool = False, y_log: bool = False
) -> None:
    """Curves in a chart as wide as the terminal, up to what is easy to read, and a blank line."""
    console = data_console()
    chart = draw(
        series,
        width=min(console.width, WIDEST_CHART),
        height=CHART_HEIGHT,
        title=title,
        x_label=x_label,
        x_log=x_log,
        y_log=y_log,
        look=look_of(console),
    ).text
    console.print(Text.from_ansi(chart), "", sep="\n")


def print_table(columns: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    """A table, its columns as for `output.table`, and a blank line."""
    made = table(*(printable(column, ascii=is_ascii()) for column in columns))
    for row in rows:
        made.add_row(*(Text(printable(cell, ascii=is_ascii())) for cell in row))
    data_console().print(made, "", sep="\n")
