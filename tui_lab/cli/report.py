"""`tui-lab report [STUDY...]`: what studies have measured, as Markdown and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tui_lab.cli.completion import complete_preset
from tui_lab.cli.context import places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui_lab.studies.report import Chapter

Format = Literal["md", "html", "both"]
FOLDER = Path("tui-lab-report")


def report(
    context: typer.Context,
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDY",
            help="Names, figure numbers or files; without any, every study of which there are runs.",
            autocompletion=complete_preset,
        ),
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = FOLDER,
    format: Annotated[Format, typer.Option(help="Markdown, one HTML page, or both.")] = "both",
    to_stdout: Annotated[
        bool, typer.Option("--stdout", help="Print it and write no file; Markdown by default.")
    ] = False,
) -> None:
    """Tables, curves, verdicts, and how each run was made: [bold]tui-lab report 2.2 2.6[/bold]."""
    from tui_lab.cli.output import say
    from tui_lab.errors import TuiLabError, UsageError
    from tui_lab.studies.report import to_html, to_markdown

    chapters = _chapters(context, studies or [])
    if not chapters:
        raise UsageError("There are no runs of any study yet.", "Run one: tui-lab run mlp-1.2.1-lr")
    if to_stdout:
        print(to_html(chapters) if format == "html" else to_markdown(chapters, with_pictures=False), end="")
        return
    try:
        written = _write(chapters, output, format)
    except OSError as error:
        raise TuiLabError(f"{output} cannot be written: {error.strerror}.") from error
    for path in written:
        print(path)
    say(f"{len(chapters)} {'study' if len(chapters) == 1 else 'studies'}.")


def _chapters(context: typer.Context, names: list[str]) -> list[Chapter]:
    """Of every study that was asked for, or that has runs, at every size at which there are runs."""
    from tui_lab.cli.studies import shelf_of
    from tui_lab.presets import find_preset
    from tui_lab.studies.report import chapter

    where = places(context)
    asked = [find_preset(name, where.home) for name in names]
    shelf = shelf_of(where, asked)
    found = []
    for preset in asked or shelf.presets:
        there = [study for study in shelf.studies(preset) if any(arm.entries for arm in study.arms)]
        shown = there or (shelf.studies(preset) if names else [])
        found += [chapter(study, shelf.judged(study)) for study in shown]
    return found


def _write(chapters: Sequence[Chapter], folder: Path, format: Format) -> list[Path]:
    """The files of the report; those to open are told."""
    from tui_lab.runs.files import write_atomically
    from tui_lab.studies.report import pictures, to_html, to_markdown

    files: dict[str, str] = {}
    if format in ("md", "both"):
        files |= pictures(chapters)
        files["report.md"] = to_markdown(chapters)
    if format in ("html", "both"):
        files["report.html"] = to_html(chapters)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    return [folder / name for name in files if name.startswith("report.")]
