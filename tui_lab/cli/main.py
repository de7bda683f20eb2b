"""`tui-lab`: the root of the command line.

Modules of commands import what they need inside the functions, so that `tui-lab --help` and completion stay fast and
no command that trains nothing imports torch.
"""

from __future__ import annotations

import importlib
import io
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from tui_lab import __version__, paths
from tui_lab.cli.context import Places
from tui_lab.cli.output import begin_commands_with, print_error
from tui_lab.errors import USAGE, TuiLabError, UsageError, nearest

TRAIN, KEEP, CHECK = "Train", "Look and keep", "This machine"


@dataclass(frozen=True)
class Entry:
    """A command as the list of commands shows it, and where it is: a Typer app or a function of a module of `cli`."""

    module: str
    name: str
    panel: str
    help: str


COMMANDS = {  # in the order in which a newcomer needs them
    "train": Entry("train", "app", TRAIN, "Train an exercise; every hyperparameter is a flag."),
    "run": Entry(
        "run", "run", TRAIN, "Train presets: tui-lab run digits-convnet, tui-lab run 2.5 2.6 --seeds 3 --jobs 2."
    ),
    "exercises": Entry("exercises", "list_exercises", TRAIN, "What can be trained."),
    "describe": Entry("exercises", "describe", TRAIN, "Every hyperparameter of an exercise."),
    "models": Entry("models", "models", TRAIN, "timm's networks, which the exercise timm trains: search them."),
    "preview": Entry("preview", "app", TRAIN, "A configuration before it is trained: samples, layers, schedule."),
    "presets": Entry("presets", "app", TRAIN, "Ready-made configurations: the practical's figures, and your own."),
    "studies": Entry(
        "studies", "studies", KEEP, "Studies of several arms: how far they have come, and what their findings say."
    ),
    "report": Entry("report", "report", KEEP, "Studies as Markdown and as a page: tables, curves, verdicts."),
    "runs": Entry("runs", "app", KEEP, "Your runs: list, watch, compare, name, resume, pause, stop, export, delete."),
    "inspect": Entry("inspect", "inspect", KEEP, "Inside a run: confusion matrix, samples, filters, boundary."),
    "questions": Entry(
        "questions", "questions", KEEP, "The questions of the practical: predict, read the answer, see it live."
    ),
    "tools": Entry("tools", "app", KEEP, "Calculators: schedules, sizes of layers, losses."),
    "serve": Entry("serve", "serve", KEEP, "The app in a browser, on this machine."),
    "data": Entry("data", "app", CHECK, "Data sets: what is there, and fetching the rest."),
    "doctor": Entry("doctor", "doctor", CHECK, "What this machine offers, what is missing, and what to do."),
    "bench": Entry("bench", "bench", CHECK, "This engine beside a plain DataLoader loop, in turns."),
}


class LazyGroup(TyperGroup):
    """Makes a command when it is called for; to list them, their entries are enough."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        return entry and TyperCommand(cmd_name, help=entry.help, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if not ctx.resilient_parsing and args[0] not in COMMANDS:
            raise UsageError(f"There is no command {args[0]!r}.", nearest(args[0], COMMANDS) or "See tui-lab --help.")
        name, _, rest = super().resolve_command(ctx, args)
        return name, _load(name) if name else None, rest


def _load(name: str) -> Any:
    """The command itself."""
    entry = COMMANDS[name]
    found = getattr(importlib.import_module(f"tui_lab.cli.{entry.module}"), entry.name)
    if not isinstance(found, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
        single.command(name)(found)
        found = single
    command = typer.main.get_command(found)
    command.name = name
    return command


app = typer.Typer(
    name="tui-lab",
    cls=LazyGroup,
    help="A lab bench for deep learning in the terminal. Without a command, it opens the app.",
    epilog="Start here: [bold]tui-lab run digits-convnet[/bold] trains a network in seconds, with nothing to download.",
    invoke_without_command=True,
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
    """Settle the folders before any command runs; without a command, open the app."""
    context.obj = Places(paths.home_dir(home), paths.data_dir(data_dir))
    begin_commands_with(context.obj.command() if home or data_dir else "tui-lab")
    if context.invoked_subcommand is None:
        _open_app(context)


def _open_app(context: typer.Context) -> None:
    from tui_lab.cli.app import can_open, open_app

    if not can_open():  # in a pipe: say what there is instead
        print(context.get_help())
        raise typer.Exit(USAGE)
    raise typer.Exit(open_app(context.obj.home, context.obj.data))


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
