"""`tui-lab`: the root of the command line.

Modules of commands import what they need inside the functions, so that `tui-lab --help` and completion stay fast and
no command that trains nothing imports torch.
"""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tui_lab import __version__, paths
from tui_lab.cli import bench, data, doctor, exercises, presets, run, runs, train
from tui_lab.cli.context import Places
from tui_lab.cli.output import print_error
from tui_lab.errors import TuiLabError

ORDER = ("train", "run", "exercises", "describe", "presets", "runs", "data", "doctor", "bench")


class OrderedGroup(TyperGroup):
    """Lists the commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(ORDER)


app = typer.Typer(
    name="tui-lab",
    cls=OrderedGroup,
    help="A lab bench for deep learning in the terminal.",
    epilog="Start here: [bold]tui-lab run digits-convnet[/bold] trains a network in seconds, with nothing to download.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"tui-lab {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help=f"Folder with your runs and presets. Also ${paths.HOME_VARIABLE}.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data", help=f"Folder with data sets. Also ${paths.DATA_VARIABLE}.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Settle the folders before any command runs."""
    context.obj = Places(paths.home_dir(home), paths.data_dir(data_dir))


TRAIN, KEEP, CHECK = "Train", "Look and keep", "This machine"

app.add_typer(train.app, name="train", rich_help_panel=TRAIN)
app.command("run", rich_help_panel=TRAIN)(run.run)
app.command("exercises", rich_help_panel=TRAIN)(exercises.list_exercises)
app.command("describe", rich_help_panel=TRAIN)(exercises.describe)
app.add_typer(presets.app, name="presets", rich_help_panel=TRAIN)
app.add_typer(runs.app, name="runs", rich_help_panel=KEEP)
app.add_typer(data.app, name="data", rich_help_panel=CHECK)
app.command("doctor", rich_help_panel=CHECK)(doctor.doctor)
app.command("bench", rich_help_panel=CHECK)(bench.bench)


def main() -> None:
    """The entry point: turns the program's own errors into one sentence and an exit code."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # with `| head`, end as other tools do; a run under way goes on
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 gets question marks, not a traceback
    try:
        app()
    except TuiLabError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        hint = "Other folders can be given with --home and --data, or $TUI_LAB_HOME and $TUI_LAB_DATA."
        print_error(TuiLabError(f"{name}{error.strerror or error}.", hint))
        sys.exit(TuiLabError.exit_code)
