"""What `tui-lab runs` does to runs: resume, pause, stop, kill, export, delete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tui_lab.cli.arguments import CpusPerRun, GpusPerRun, Jobs, On, SomeRuns
from tui_lab.cli.context import places

if TYPE_CHECKING:
    from tui_lab.runs.control import Command


def resume(
    context: typer.Context,
    runs: SomeRuns,
    lr: Annotated[float | None, typer.Option(help="A new base learning rate from here on.")] = None,
    on: On = "local",
    jobs: Jobs = None,
    cpus_per_run: CpusPerRun = None,
    gpus_per_run: GpusPerRun = None,
    as_json: Annotated[bool, typer.Option("--json", help="One event a line on stdout.")] = False,
    detached: Annotated[bool, typer.Option("--detach", help="Start, and leave.")] = False,
) -> None:
    """Go on exactly where a stopped, failed or crashed run was last saved; start one that lost its queue."""
    from tui_lab.cli.launch import detach, exit_with, follow
    from tui_lab.jobs import orders
    from tui_lab.jobs.choosing import choose

    store = places(context).store
    placement = choose(on, jobs, cpus_per_run, gpus_per_run)
    orders.check_lr(lr)
    found = [store.find(name) for name in runs]
    for run in found:
        orders.check_resumable(run)  # all of them, before any is touched
    for run in found:
        orders.resume(run, lr)
    if detached:
        detach(found, placement)
    else:
        exit_with(follow(found, placement, as_json=as_json))


def stop(context: typer.Context, runs: SomeRuns) -> None:
    """Stop at the next step; everything is kept."""
    _ask(context, runs, "stop")


def kill(context: typer.Context, runs: SomeRuns) -> None:
    """End the worker at once, for one that does not stop; the run can be resumed from its last checkpoint."""
    from tui_lab.cli.output import say
    from tui_lab.jobs import orders

    store = places(context).store
    for run in [store.find(name) for name in runs]:
        say(f"{run.id}: {orders.kill(run)}")


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


def _ask(context: typer.Context, names: list[str], command: Command, lr: float | None = None) -> None:
    from tui_lab.cli.output import say
    from tui_lab.jobs import orders

    store = places(context).store
    orders.check_lr(lr)
    for name in names:
        run = store.find(name)
        say(f"{run.id}: {orders.ask(run, command, lr)}")


def export(
    context: typer.Context,
    runs: SomeRuns,
    format: Annotated[str, typer.Option("--format", "-f", help="csv (a row an epoch), json, or tensorboard.")] = "csv",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="A .csv or .json file for all of them, or a folder; TensorBoard: a folder."
        ),
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
    if output and len(found) > 1 and output.suffix in (".csv", ".json") and not output.is_dir():
        exports.export_together(found, format, output)
        say(f"wrote {output}")
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
