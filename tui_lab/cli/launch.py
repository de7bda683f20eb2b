"""From a configuration to a run under way; what `train`, `run` and `runs resume` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tui_lab.runs.directory import RunDirectory


def follow(runs: list[RunDirectory], *, jobs: int = 1, as_json: bool = False, brief: bool = False) -> int:
    """Train the runs, `jobs` at a time, and show them: `brief` is for many short ones. Returns their exit code."""
    from tui_lab.cli.follow import Follower
    from tui_lab.jobs.local import LocalExecutor

    executor = LocalExecutor(min(jobs, len(runs)), series=True)
    for run in runs:
        executor.submit(run)
    return Follower(executor, runs, as_json=as_json, brief=brief).follow()


def exit_with(code: int) -> None:
    """End the command with this exit code, if it is not that of success."""
    if code:
        raise typer.Exit(code)


def detach(runs: list[RunDirectory], jobs: int = 1) -> None:
    """Leave the runs to a queue that goes on without this process. Prints their ids."""
    from tui_lab.jobs.queue import start_queue

    start_queue(runs, jobs)
    for run in runs:
        print(run.id)


def watch_started(run: RunDirectory) -> None:
    """Start the worker and watch it with charts; leaving the charts leaves it running."""
    from tui_lab.cli.watch import watch
    from tui_lab.errors import FAILED
    from tui_lab.jobs.queue import start_queue
    from tui_lab.runs.store import listed

    start_queue([run], jobs=1)
    watch(run)
    if (entry := listed(run)).state in ("failed", "crashed"):
        raise typer.Exit(entry.status.exit_code or FAILED)
