"""From a configuration to a run under way; what `train`, `run` and `runs resume` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tui_lab.jobs.choosing import Placement
    from tui_lab.runs.directory import RunDirectory


def follow(runs: list[RunDirectory], placement: Placement, *, as_json: bool = False, brief: bool = False) -> int:
    """Train the runs and show them: `brief` is for many short ones. Returns their exit code."""
    from tui_lab.cli.follow import Follower
    from tui_lab.jobs.choosing import executor_for

    return Follower(executor_for(placement, runs), runs, as_json=as_json, brief=brief).follow()


def exit_with(code: int) -> None:
    """End the command with this exit code, if it is not that of success."""
    if code:
        raise typer.Exit(code)


def detach(runs: list[RunDirectory], placement: Placement) -> None:
    """Leave the runs to a process that goes on without this one. Prints their ids."""
    from tui_lab.jobs.choosing import leave

    leave(placement, runs)
    for run in runs:
        print(run.id)


def watch_started(run: RunDirectory, placement: Placement) -> None:
    """Start the worker and watch it with charts; leaving the charts leaves it running."""
    from tui_lab.cli.watch import watch
    from tui_lab.errors import FAILED
    from tui_lab.jobs.choosing import leave
    from tui_lab.runs.store import listed

    leave(placement, [run])
    watch(run)
    if (entry := listed(run)).state in ("failed", "crashed"):
        raise typer.Exit(entry.status.exit_code or FAILED)
