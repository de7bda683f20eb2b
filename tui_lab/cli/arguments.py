"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from tui_lab.cli.completion import complete_run

RUN_HELP = "An id, a unique part of one, a path, or [bold]last[/bold]."
OneRun = Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP, autocompletion=complete_run)]
SomeRuns = Annotated[list[str], typer.Argument(metavar="RUN...", help=RUN_HELP, autocompletion=complete_run)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
