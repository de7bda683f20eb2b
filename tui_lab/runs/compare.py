"""Runs side by side: in what they differ, and how much of it is chance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui_lab.runs.events import encode, number
from tui_lab.runs.store import Listed

# Hyperparameters that say how a run is executed, and with which draws, but not what is trained
EXECUTION = frozenset({"seed", "device", "threads", "precision", "channels_last", "compile"})


@dataclass(frozen=True)
class Spread:
    """Of a metric over runs: their number, the mean, and the sample standard deviation (None for a single run)."""

    n: int
    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of at least one value. What is not finite makes the mean so."""
        n = len(values)
        mean = sum(value / n for value in values)
        if n < 2:
            return cls(n, mean, None)
        return cls(n, mean, math.sqrt(sum((value - mean) * (value - mean) for value in values) / (n - 1)))


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one configuration, which differ at most in their seed and in how they were executed.

    Attributes:
        exercise: its name.
        hyperparameters: what they share.
        changed_lr: the base learning rate that all of them were given while they trained; 0 = none.
        entries: every run.
        counted: those that `best` and `last` are about: of each seed the newest that is finished, because the same
            seed again says nothing new.
        best: by name, each metric at the best epoch; last: after the last epoch.
        best_epochs: of `counted`, in their order.
    """

    exercise: str
    hyperparameters: Mapping[str, Any]
    changed_lr: float
    entries: tuple[Listed, ...]
    counted: tuple[Listed, ...]
    best: Mapping[str, Spread]
    last: Mapping[str, Spread]
    best_epochs: tuple[float, ...]

    @property
    def seeds(self) -> tuple[Any, ...]:
        """Of `counted`, in their order."""
        return tuple(entry.status.hyperparameters.get("seed") for entry in self.counted)


def differing(entries: Sequence[Listed]) -> dict[str, list[Any]]:
    """Only the hyperparameters in which the runs differ: the value of each run, None where it has no such one."""
    settings = [entry.status.hyperparameters for entry in entries]
    names = dict.fromkeys(name for values in settings for name in values)
    found = {name: [values.get(name) for values in settings] for name in names}
    return {name: values for name, values in found.items() if any(value != values[0] for value in values)}


def by_seed(entries: Iterable[Listed]) -> list[SeedGroup]:
    """The runs in groups of one configuration each, in the order in which the first run of each is given.

    Two runs belong together when exercise and hyperparameters agree but for EXECUTION, and so does a learning rate
    that was changed while they trained.
    """
    groups: dict[str, list[Listed]] = {}
    for entry in entries:
        status = entry.status
        key = encode({"of": [status.exercise, status.changed_lr, sorted(_shared(entry).items())]})
        groups.setdefault(key, []).append(entry)
    return [_group(members) for members in groups.values()]


def _shared(entry: Listed) -> dict[str, Any]:
    return {name: value for name, value in entry.status.hyperparameters.items() if name not in EXECUTION}


def _group(members: list[Listed]) -> SeedGroup:
    newest: dict[str, Listed] = {}
    for entry in sorted(members, key=lambda entry: (entry.status.created, entry.run.id)):
        if entry.state == "finished":
            newest[encode({"seed": entry.status.hyperparameters.get("seed")})] = entry
    counted = tuple(entry for entry in members if any(entry is one for one in newest.values()))
    first = members[0]
    return SeedGroup(
        exercise=first.status.exercise,
        hyperparameters=_shared(first),
        changed_lr=first.status.changed_lr,
        entries=tuple(members),
        counted=counted,
        best=_spreads([entry.status.best for entry in counted]),
        last=_spreads([entry.status.last for entry in counted]),
        best_epochs=tuple(entry.status.best.get("epoch", math.nan) for entry in counted),
    )


def _spreads(measured: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Of every accuracy and loss; each over the runs that have it."""
    names = dict.fromkeys(name for one in measured for name in one if name.endswith(("_accuracy", "_loss")))
    found = {name: [value for one in measured if (value := number(one.get(name))) is not None] for name in names}
    return {name: Spread.of(values) for name, values in found.items() if values}
