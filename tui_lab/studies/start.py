"""From the trials of a study to runs in a queue: new ones, and those that can go on; what is done is left alone."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_lab.jobs import orders
from tui_lab.jobs.launch import check_launch, create_run
from tui_lab.presets import Preset
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import LIVE_STATES
from tui_lab.runs.store import Listed, RunStore
from tui_lab.studies.plan import KnownRuns, Trial, match


@dataclass(frozen=True)
class Plan:
    """What is to be done for a study.

    Attributes:
        preset: the study.
        new: trials of which there is no run, or only one that failed.
        interrupted: runs that go on where they were saved, or begin at last.
        done: runs that have finished.
        live: runs under way, here or elsewhere.
    """

    preset: Preset
    new: tuple[Trial, ...]
    interrupted: tuple[Listed, ...]
    done: tuple[Listed, ...]
    live: tuple[Listed, ...]

    @property
    def sentence(self) -> str:
        """`5 to train, 2 of them go on where they were interrupted, 3 done already`."""
        count = len(self.new) + len(self.interrupted)
        going_on = sum(entry.status.elapsed > 0 for entry in self.interrupted)  # the others never got to their turn
        parts = (
            f"{count} to train" if count else "nothing to train",
            f"{going_on} of them go on where they were interrupted" if going_on else "",
            f"{len(self.done)} done already" if self.done else "",
            f"{len(self.live)} under way" if self.live else "",
        )
        return ", ".join(filter(None, parts))


def plan(
    preset: Preset,
    planned: Sequence[Trial],
    entries: Iterable[Listed] | KnownRuns,
    *,
    again: bool = False,
    waiting: Container[str] = (),
) -> Plan:
    """Compare what is planned with the runs that are there; with `again`, every trial is a new one.

    `waiting` are the ids of queued runs that somebody is going to train: other queued ones have lost their queue.
    """
    there = [None] * len(planned) if again else match(preset, planned, entries)
    pairs = list(zip(planned, there, strict=True))
    found = [entry for entry in there if entry is not None and entry.state != "failed"]
    live = [e for e in found if e.state in LIVE_STATES or e.run.id in waiting]
    return Plan(
        preset,
        new=tuple(trial for trial, entry in pairs if entry is None or entry.state == "failed"),
        interrupted=tuple(e for e in found if e not in live and e.state != "finished"),
        done=tuple(e for e in found if e.state == "finished"),
        live=tuple(live),
    )


def start(asked: Plan, store: RunStore, data_dir: Path) -> list[RunDirectory]:
    """The runs of a plan, queued: submit them.

    Raises what `check_launch` and `orders.resume` do, before anything is written for a configuration that cannot run.
    """
    for trial in asked.new:
        check_launch(asked.preset.exercise, trial.hyperparameters, data_dir)
    gone_on = [orders.resume(entry.run) for entry in asked.interrupted]
    return gone_on + [
        create_run(store, asked.preset.exercise, trial.hyperparameters, data_dir, asked.preset.name)
        for trial in asked.new
    ]
