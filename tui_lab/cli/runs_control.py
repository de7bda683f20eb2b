"""What `tui-lab runs` does to runs: resume, pause, stop, export, delete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import SomeRuns
from tui_lab.cli.context import places

if TYPE_CHECKING:
    from tui_lab.runs.directory import RunDirectory


def resume(
    context: typer.Context,
    runs: SomeRuns,
    lr: Annotated[float | None, typer.Option(help="A new base learning rate from here on.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at a time; they share the cores.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One event a line on stdout.")] = False,
    detached: Annotated[bool, typer.Option("--detach", help="Start, and leave.")] = False,
) -> None:
    """Go on exactly where a stopped, failed or crashed run was last saved."""
    from tui_lab.cli.launch import detach, follow
    from tui_lab.runs.control import renew

    store = places(context).store
    found = [_resumable(store.find(name)) for name in runs]
    _check_lr(lr)
    for run in found:
        renew(run.control, lr)
        run.requeue()
    if detached:
        detach(found, jobs)
    else:
        follow(found, jobs=jobs, as_json=as_json)


def _resumable(run: RunDirectory) -> RunDirectory:
    from tui_lab.errors import RunBusyError, UsageError

    status = run.read_status()
    holder = status.held_by()
    if holder:
        raise RunBusyError(f"Run {run.id} is held by {holder}.", f"Watch it: tui-lab runs watch {run.id}")
    if status.state == "finished":
        raise UsageError(f"Run {run.id} is finished; there is nothing to resume.")
    run.read_request()
    return run


def stop(context: typer.Context, runs: SomeRuns) -> None:
    """Stop at the next step; everything is kept."""
    _ask(context, runs, "stop")


def pause(context: typer.Context, runs: SomeRuns) -> None:
    """Stand still until `runs continue`."""
    _ask(context, runs, "pause")


def step(context: typer.Context, runs: SomeRuns) -> None:
    """Take a single step of a paused run."""
    _ask(context, runs, "step")


def continue_(
    context: typer.Context,
    runs: SomeRuns,
    lr: Annotated[float | None, typer.Option(help="A new base learning rate from the next step on.")] = None,
) -> None:
    """Let a paused run go on; with --lr, change the learning rate of any running one."""
    _ask(context, runs, "run", lr)


def _check_lr(lr: float | None) -> None:
    """Raises UsageError for a learning rate that the hyperparameter would not take."""
    from tui_lab.hyperparameters import Hyperparameters, mistakes_in, refusal

    if lr is not None and (mistakes := mistakes_in(Hyperparameters, {"lr": lr})):
        raise refusal(mistakes)


def _ask(context: typer.Context, names: list[str], command: Any, lr: float | None = None) -> None:
    from tui_lab.cli.output import say
    from tui_lab.errors import UsageError
    from tui_lab.runs.control import request

    store = places(context).store
    _check_lr(lr)
    for name in names:
        run = store.find(name)
        status = run.read_status()
        if command == "stop" and status.state == "queued" and not status.pid:
            run.withdraw()
            say(f"{run.id}: taken out of the queue")
            continue
        if not status.held_by():
            raise UsageError(f"Run {run.id} is {status.actual_state()}: no worker is there to listen.")
        request(run.control, command, lr)
        say(f"{run.id}: asked to {command}")


def export(
    context: typer.Context,
    runs: SomeRuns,
    format: Annotated[str, typer.Option("--format", "-f", help="csv (a row an epoch), json, or tensorboard.")] = "csv",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File, or folder for several runs and TensorBoard.")
    ] = None,
) -> None:
    """Write runs as CSV, JSON or a TensorBoard log; one run without --output goes to stdout."""
    from tui_lab.cli.output import say
    from tui_lab.errors import UsageError, nearest
    from tui_lab.runs import export as exports

    if format not in exports.FORMATS:
        raise UsageError(
            f"--format {format!r} is not one of {', '.join(exports.FORMATS)}.", nearest(format, exports.FORMATS)
        )
    store = places(context).store
    found = [store.find(name) for name in runs]
    if output is None and format != "tensorboard" and len(found) == 1:
        sys.stdout.write(exports.to_csv(found[0]) if format == "csv" else exports.to_json(found[0]))
        return
    is_folder = len(found) > 1 or format == "tensorboard"
    for run in found:
        name = run.id if format == "tensorboard" else f"{run.id}.{format}"
        target = (output or Path()) / name if is_folder else output or Path(name)
        exports.export(run, format, target)
        say(f"wrote {target}")


def delete(
    context: typer.Context,
    runs: SomeRuns,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete runs with everything they kept."""
    from tui_lab.cli.output import say

    store = places(context).store
    found = [store.find(name) for name in runs]
    if not yes:
        typer.confirm(f"Delete {', '.join(run.id for run in found)}?", abort=True, err=True)
    for run in found:
        store.delete(run)
        say(f"deleted {run.id}")
