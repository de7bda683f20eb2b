"""`tui-lab bench`: the performance page, measured on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.context import places
from tui_lab.errors import INTERRUPTED

if TYPE_CHECKING:
    from tui_lab.bench.page import Line, Section, Settings

SIGNS = {">=": "≥", "<=": "≤", "<": "<"}


def bench(
    context: typer.Context,
    only: Annotated[
        str, typer.Option(metavar="NAMES", help="Some of convnet,mlp,startup,files,memory; otherwise all.")
    ] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Ratios a comparison: more are steadier, and take longer.")] = 7,
    device: Annotated[str, typer.Option(help="Where the loops train: auto, cpu, cuda:N or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """This engine beside a plain DataLoader loop, in turns on this machine; start-up, files, memory.

    Takes some minutes. Let the machine do nothing else meanwhile.
    """
    from tui_lab.bench.page import Settings, machine
    from tui_lab.cli.output import data_console, print_json
    from tui_lab.devices import check_device

    names = chosen(only)
    check_device(device)
    settings = Settings(rounds=rounds, data_dir=places(context).data, device=device)
    try:
        sections = _measure(names, settings)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    about = machine()
    if as_json:
        print_json({"machine": about, "rounds": rounds, "sections": [section.to_json() for section in sections]})
        return
    console = data_console()
    console.print(" · ".join(f"{name} {value}" for name, value in about.items()), markup=False)
    console.print(page_table(sections))
    for section in sections:
        console.print(f"{section.name}: {section.how}", markup=False)
    console.print(f"Each value is the median of {rounds} rounds, each ratio too (lowest to highest).", markup=False)


def chosen(only: str) -> list[str]:
    """The measurements that `only` names, in the order of the page. Raises UsageError on a name that is none."""
    from tui_lab.bench.measurements import MEASUREMENTS
    from tui_lab.errors import UsageError, nearest

    asked = [name.strip() for name in only.split(",") if name.strip()]
    for name in asked:
        if name not in MEASUREMENTS:
            raise UsageError(f"--only {name!r} is not one of {', '.join(MEASUREMENTS)}.", nearest(name, MEASUREMENTS))
    return [name for name in MEASUREMENTS if name in asked or not asked]


def page_table(sections: list[Section]) -> Any:
    """The lines of all sections. Whether a target is met is said in words."""
    from tui_lab.cli.output import table

    made = table("what", ">ours", "beside", ">theirs", ">ratio", ">target", "")
    for section in sections:
        for line in section.lines:
            made.add_row(*_cells(line))
        made.add_section()
    return made


def _cells(line: Line) -> tuple[str, ...]:
    theirs = _quantity(line.theirs, line.unit) if line.theirs is not None else "-"
    ratio = f"{line.ratio.median:.2f} ({line.ratio.low:.2f}–{line.ratio.high:.2f})" if line.ratio else "-"
    target, verdict = "-", ""
    if line.target is not None:
        unit = "" if line.ratio else f" {line.unit}"
        target = f"{SIGNS[line.target.sign]} {line.target.value:g}{unit}"
        verdict = "met" if line.is_met else "[bold]not met[/]"
    return line.what, _quantity(line.ours, line.unit), line.beside or "-", theirs, ratio, target, verdict


def _quantity(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def _measure(names: list[str], settings: Settings) -> list[Section]:
    """Measure, and say on stderr what is being measured. Nothing is drawn while a block runs."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from tui_lab.bench.measurements import MEASUREMENTS
    from tui_lab.cli.output import talk_console

    progress = Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        console=talk_console(),
        transient=True,
        auto_refresh=False,  # a spinner would take time from what is measured
        disable=not sys.stderr.isatty(),
    )
    with progress:
        task = progress.add_task("", total=len(names))

        def tell(message: str) -> None:
            progress.update(task, description=message, refresh=True)

        sections = []
        for name in names:
            sections.append(MEASUREMENTS[name](settings, tell))
            progress.advance(task)
    return sections
