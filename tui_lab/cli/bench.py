"""`tui-lab bench`: the performance page, measured on this machine."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.context import places
from tui_lab.errors import INTERRUPTED

if TYPE_CHECKING:
    from tui_lab.bench.page import Section, Settings

SIGNS = {">=": "≥", "<=": "≤", "<": "<"}
VERDICTS = {True: "met", False: "[bold]not met[/]", None: ""}


def bench(
    context: typer.Context,
    only: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Some of convnet,mlp,vit,startup,files,memory, and paint,first-loss,keys,watching,large-home, "
            "which together are app; otherwise all.",
        ),
    ] = "",
    rounds: Annotated[int, typer.Option(min=1, help="Ratios a comparison: more are steadier, and take longer.")] = 7,
    device: Annotated[str, typer.Option(help="Where the loops train: auto, cpu, cuda:N or mps.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """This engine beside a plain DataLoader loop, in turns on this machine; start-up, files, memory, the app.

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
    for section in sections:
        console.print(f"\n[bold]{section.name}[/]: {section.title}, {section.unit}")
        console.print(section_table(section))
        console.print(section.how, markup=False, style="dim")
    console.print(f"\nMedians of {rounds} rounds; ratios with the lowest and the highest of the rounds.", markup=False)


def chosen(only: str) -> list[str]:
    """The measurements that `only` names, in the order of the page. Raises UsageError on a name that is none."""
    from tui_lab.bench.measurements import GROUPS, MEASUREMENTS
    from tui_lab.errors import UsageError, nearest

    known = {**{name: (name,) for name in MEASUREMENTS}, **GROUPS}
    asked: set[str] = set()
    for name in filter(None, map(str.strip, only.split(","))):
        if name not in known:
            raise UsageError(f"--only {name!r} is not one of {', '.join(known)}.", nearest(name, known))
        asked.update(known[name])
    return [name for name in MEASUREMENTS if name in asked or not asked]


def section_table(section: Section) -> Any:
    """The lines of a section. Whether a target is met is said in words."""
    from tui_lab.cli.output import table

    made = table("", ">ours", ">theirs", ">ratio", ">target", "")
    for line in section.lines:
        theirs = "-" if line.theirs is None else _rounded(line.theirs)
        ratio = "-" if line.ratio is None else "{median:.2f} ({low:.2f}–{high:.2f})".format(**asdict(line.ratio))
        target = "-" if line.target is None else f"{SIGNS[line.target.sign]} {line.target.value:g}"
        made.add_row(line.what, _rounded(line.ours), theirs, ratio, target, VERDICTS[line.is_met])
    return made


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


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
