"""`tui-lab runs`: look into runs; the modules `runs_...` have the other commands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli import runs_compare, runs_control, runs_label, runs_list
from tui_lab.cli.arguments import AsJson, OneRun
from tui_lab.cli.context import Places, places
from tui_lab.cli.runs_list import summary

if TYPE_CHECKING:
    from tui_lab.runs.status import Status

app = typer.Typer(
    help="Your runs: list, watch, compare, name, resume, pause, stop, export, delete.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)

app.command("list", cls=runs_list.FilterCommand)(runs_list.list_runs)


@app.command()
def show(context: typer.Context, run: OneRun, as_json: AsJson = False) -> None:
    """How a run was made and how it stands."""
    from rich.text import Text

    from tui_lab.cli.output import data_console, print_json
    from tui_lab.cli.sentences import marked
    from tui_lab.runs.history import HistoryReader
    from tui_lab.runs.store import listed

    found = places(context).store.find(run)
    entry = listed(found)
    reader = HistoryReader(found)
    reader.update()
    if as_json:
        told = {"started": reader.history.started, "skipped_lines": reader.skipped}
        print_json({**summary(entry), **told, "command": _command(entry.status, places(context))})
        return
    console = data_console()
    console.print(Text.assemble((found.id, "bold"), "  ", marked(entry.state)))
    if entry.label.name:
        console.print(Text(entry.label.name, "italic"))
    if entry.label.note:
        console.print(Text(entry.label.note))
    for line in _story(entry.status):
        console.print(line, markup=False)
    if reader.skipped:
        console.print(f"{reader.skipped} unreadable lines of the log were skipped", markup=False)
    for event in reader.history.recent:
        console.print(f"{event['kind']}: {event.get('message', '')}", markup=False)
    if entry.status.last:
        console.print(_metrics_table(entry.status, _published(entry.status, places(context).home)))
    console.print(_settings_table(entry.status))
    if command := _command(entry.status, places(context)):
        console.print(f"Again: {command}", markup=False, soft_wrap=True)
    console.print(str(found.path), markup=False, style="dim", soft_wrap=True)


def _story(status: Status) -> list[str]:
    from tui_lab.cli.output import with_folders
    from tui_lab.runs.sentences import duration, execution, fitting

    how = f"{status.exercise}" + (f" from preset {status.preset}" if status.preset else "")
    done = fitting(status) if status.is_fitted else f"{status.epoch} of {status.epochs} epochs"
    lines = [
        f"{how} on {execution(status)}" if status.device else f"{how}, not started yet",
        f"{done} in {duration(status.elapsed)}" if status.epoch or not status.is_fitted else done,
    ]
    if status.attempts:
        lines.append(f"{status.attempts} worker{'s' if status.attempts > 1 else ''} of it lost on a cluster")
    if status.message:
        lines.append(with_folders(f"{status.message} {status.hint}".strip()))
    return lines


def _command(status: Status, where: Places) -> str:
    """The command that trains the same again; empty when this version does not know the exercise."""
    from tui_lab.labs.catalogue import EXERCISES
    from tui_lab.labs.command import train_command

    exercise = EXERCISES.get(status.exercise)
    return train_command(exercise, status.hyperparameters, home=where.home, data=where.data) if exercise else ""


def _metrics_table(status: Status, published: Mapping[str, float]) -> Any:
    from tui_lab.cli.output import table
    from tui_lab.runs.sentences import percent

    best = [] if status.is_fitted else [f">best (epoch {status.best.get('epoch', 0):g})"]
    measured = ">measured" if status.is_fitted else ">last"
    made = table("metric", measured, *best, *([">published"] if published else []))
    for name, value in status.last.items():
        cells = [value, *([status.best.get(name)] if best else []), *([published.get(name)] if published else [])]
        if name.endswith("_accuracy"):
            made.add_row(f"{name.replace('_', ' ')} %", *map(percent, cells))
        else:
            made.add_row(name.replace("_", " "), *map(_written, cells))
    return made


def _written(value: float | None) -> str:
    """A loss to four digits, a count as it is."""
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _published(status: Status, home: Path) -> Mapping[str, float]:
    """What the practical reports for the preset, and the arm, that a run is of; empty when there is no such preset."""
    from tui_lab.errors import UsageError
    from tui_lab.presets import find_preset

    try:
        preset = find_preset(status.preset, home) if status.preset else None
        return preset.published_for(status.hyperparameters) if preset else {}
    except UsageError:
        return {}


def _settings_table(status: Status) -> Any:
    """The hyperparameters that differ from the exercise's defaults; an unknown exercise's are shown whole."""
    from rich.text import Text

    from tui_lab.cli.output import table
    from tui_lab.hyperparameters import written
    from tui_lab.labs.catalogue import EXERCISES

    made = table("changed", "to", "default")
    if status.exercise not in EXERCISES:
        for name, value in status.hyperparameters.items():
            made.add_row(name, Text(written(value)), "")
        return made
    if status.changed_lr:
        made.add_row("lr", Text(f"{status.changed_lr:g}, while it trained", "bold"), "")
    for name, declared in EXERCISES[status.exercise].declarations.items():
        value = status.hyperparameters.get(name, declared.default)
        if value != declared.default:
            made.add_row(name, Text(written(value), "bold"), Text(written(declared.default), "dim"))
    return made


@app.command()
def watch(
    context: typer.Context,
    run: OneRun,
    log_loss: Annotated[bool, typer.Option("--log-loss", help="Logarithmic axis for the loss.")] = False,
    smooth: Annotated[float, typer.Option(min=0, max=0.99, help="Smoothing of the training curves.")] = 0.6,
    once: Annotated[bool, typer.Option("--once", help="Draw once and leave.")] = False,
) -> None:
    """Live charts of loss and accuracy, of any run, from any terminal. Leaving them leaves the run alone."""
    from tui_lab.cli.watch import watch as watch_run

    watch_run(places(context).store.find(run), log_loss=log_loss, smoothing=smooth, once=once)


app.command()(runs_compare.compare)
app.command()(runs_label.rename)
app.command()(runs_label.note)
app.command()(runs_control.resume)
app.command()(runs_control.stop)
app.command()(runs_control.kill)
app.command()(runs_control.pause)
app.command()(runs_control.step)
app.command("continue")(runs_control.continue_)
app.command()(runs_control.export)
app.command()(runs_control.delete)
