"""What is done to one or several runs. Every function may take a while: call them off the screen's thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_lab.errors import TuiLabError, UsageError
from tui_lab.jobs.orders import ask, resume
from tui_lab.jobs.scheduler import QueueProcess
from tui_lab.runs.control import Command
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.export import ONE_FILE_FORMATS, export, export_together
from tui_lab.runs.label import Label
from tui_lab.runs.store import RunStore

Work = Callable[[RunDirectory], object]


@dataclass(frozen=True)
class Outcome:
    """What came of an order to several runs: to which it was done, and why not to the others."""

    done: tuple[str, ...]
    errors: tuple[TuiLabError | OSError, ...] = ()


def to_each(runs: Sequence[RunDirectory], work: Work) -> Outcome:
    """Do something to every run, also after it has failed with one."""
    done, errors = [], list[TuiLabError | OSError]()
    for run in runs:
        try:
            check_there(run)
            work(run)
        except (TuiLabError, OSError) as error:
            errors.append(error)
        else:
            done.append(run.id)
    return Outcome(tuple(done), tuple(errors))


def check_there(run: RunDirectory) -> None:
    """Raises UsageError when the directory of the run has been deleted."""
    if not run.path.is_dir():
        raise UsageError(f"Run {run.id} is gone.", "Its directory has been deleted.")


def resume_all(runs: Sequence[RunDirectory], queue: QueueProcess) -> Outcome:
    """Let ended runs go on where they were saved, one after the other as the queue has room."""
    return to_each(runs, lambda run: queue.submit(resume(run)))


def ask_all(runs: Sequence[RunDirectory], command: Command) -> Outcome:
    """Ask the workers for something."""
    return to_each(runs, lambda run: ask(run, command))


def label(run: RunDirectory, change: Callable[[Label], Label]) -> Outcome:
    """Change the name or the note of a run."""
    return to_each([run], lambda run: change(Label.read(run.label)).write(run.label))


def delete_all(runs: Sequence[RunDirectory], store: RunStore) -> Outcome:
    """Delete runs with everything they kept. One that is gone already is as it should be."""

    def delete(run: RunDirectory) -> None:
        try:
            store.delete(run)
        except FileNotFoundError:
            if run.path.exists():
                raise

    there = [run for run in runs if run.path.exists()]
    gone = tuple(run.id for run in runs if run not in there)
    outcome = to_each(there, delete)
    return Outcome(outcome.done + gone, outcome.errors)


def export_all(runs: Sequence[RunDirectory], format: str, folder: Path) -> tuple[Outcome, Path]:
    """Export runs into `folder`: one file for all of them, or, for TensorBoard, a folder each.

    Returns:
        What came of it, and the file or folder that was written.
    """
    there = [run for run in runs if run.path.is_dir()]
    if format in ONE_FILE_FORMATS and len(there) > 1:
        target = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{len(there)}-runs.{format}"
        try:
            export_together(there, format, target)
        except (TuiLabError, OSError) as error:
            return Outcome((), (error,)), target
        return Outcome(tuple(run.id for run in there)), target
    suffix = f".{format}" if format in ONE_FILE_FORMATS else ""
    outcome = to_each(runs, lambda run: export(run, format, folder / f"{run.id}{suffix}"))
    return outcome, folder / f"{runs[0].id}{suffix}" if len(runs) == 1 else folder
