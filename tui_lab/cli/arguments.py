"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from tui_lab.cli.completion import complete_run

RUN_HELP = "An id, a unique part of one, a path, or [bold]last[/bold]."
OneRun = Annotated[str, typer.Argument(metavar="RUN", help=RUN_HELP, autocompletion=complete_run)]
SomeRuns = Annotated[list[str], typer.Argument(metavar="RUN", help=RUN_HELP, autocompletion=complete_run)]
ON_HELP = "Where: local, ray, ray://HOST:PORT, or auto: on a cluster if one runs here or is named by $RAY_ADDRESS."
On = Annotated[str, typer.Option("--on", metavar="WHERE", help=ON_HELP)]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Runs at a time. Here they share the cores; default 1, on a cluster as many as fit."),
]
CpusPerRun = Annotated[int | None, typer.Option(min=1, help="CPUs, and so threads, of each run on a cluster.")]
GpusPerRun = Annotated[
    float | None, typer.Option(min=0.0, help="GPUs of each run on a cluster; 0.5 lets two runs share one.")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
