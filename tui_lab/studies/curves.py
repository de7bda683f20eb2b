"""The curves of finished runs over their epochs, and what several seeds have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from tui_lab.data.catalogue import DATASETS
from tui_lab.runs.compare import Spread
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.history import read_epochs
from tui_lab.runs.store import Listed

KEPT = 1024  # runs whose curves stay in memory


@dataclass(frozen=True)
class Curve:
    """A metric by epoch: `values[i]` was measured after epoch `epochs[i]`; NaN where it was not finite."""

    epochs: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, epoch: float) -> float | None:
        """The value after `epoch`; None when the curve has none there."""
        return next((value for e, value in zip(self.epochs, self.values, strict=True) if e == epoch), None)

    def first(self, level: float) -> float | None:
        """The first epoch with at least `level`; None when there is none."""
        return next((e for e, value in zip(self.epochs, self.values, strict=True) if value >= level), None)

    def lowest(self) -> tuple[float, float] | None:
        """The epoch with the smallest finite value, and that value; None when no value is finite."""
        finite = [(v, e) for e, v in zip(self.epochs, self.values, strict=True) if math.isfinite(v)]
        if not finite:
            return None
        value, epoch = min(finite)
        return epoch, value

    def highest(self) -> float | None:
        """The largest finite value; None when no value is finite."""
        return max(filter(math.isfinite, self.values), default=None)


@dataclass(frozen=True)
class Counted:
    """The samples that a run's test accuracy was counted on.

    Attributes:
        size: how many; 0 = not known.
        is_own: they were drawn with the run's seed, so that another seed has others.
        kind: what they are, in a sentence.
    """

    size: int = 0
    is_own: bool = False
    kind: str = "samples"

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Counted:
        """Of a run with these hyperparameters."""
        info = DATASETS.get(str(values.get("dataset")))
        asked = values.get("test_size")
        size = asked if isinstance(asked, int) and asked > 0 else 0
        if info is None:
            return cls(size)
        is_own = info.kind == "points" or not info.test_size or 0 < size < info.test_size
        return cls(size or info.test_size, is_own, info.kind)


UNCOUNTED = Counted()


@dataclass(frozen=True)
class Trained:
    """A finished run as it is judged.

    Attributes:
        seed: of its draws.
        last: every metric after the last epoch; best: at the best one.
        elapsed: seconds of training.
        read: reads the curves, by metric, when somebody asks for them.
        counted: what its test accuracy was counted on.
    """

    seed: int
    last: Mapping[str, float]
    best: Mapping[str, float]
    elapsed: float
    read: Callable[[], Mapping[str, Curve]]
    counted: Counted = UNCOUNTED

    @cached_property
    def curves(self) -> Mapping[str, Curve]:
        """By metric; read once."""
        return self.read()

    @classmethod
    def of(cls, entry: Listed) -> Trained:
        status = entry.status
        return cls(
            int(status.hyperparameters.get("seed", 0)),
            status.last,
            status.best,
            status.elapsed,
            lambda: _curves(entry.run.path, status.heartbeat),
            Counted.of(status.hyperparameters),
        )


@dataclass(frozen=True)
class Band:
    """A metric over the seeds of an arm, by epoch: mean, and one sample standard deviation below and above it.

    With a single seed `low` and `high` are the mean.
    """

    epochs: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def of(cls, curves: Sequence[Curve]) -> Band:
        """Over the epochs that any of the curves has, each over the curves that have it."""
        values: dict[float, list[float]] = {}
        for curve in curves:
            for epoch, value in zip(curve.epochs, curve.values, strict=True):
                values.setdefault(epoch, []).append(value)
        epochs = sorted(values)
        spreads = [Spread.of(values[epoch]) for epoch in epochs]
        return cls(
            tuple(epochs),
            tuple(spread.mean for spread in spreads),
            tuple(spread.mean - (spread.deviation or 0.0) for spread in spreads),
            tuple(spread.mean + (spread.deviation or 0.0) for spread in spreads),
        )


@lru_cache(maxsize=KEPT)
def _curves(path: Path, heartbeat: float) -> Mapping[str, Curve]:
    """Of a run that has finished: a run that went on since then has another heartbeat."""
    track = read_epochs(RunDirectory(path))
    found = {}
    for metric in track.metrics():
        epochs, values = track.means(metric, "epoch")
        found[metric] = Curve(tuple(epochs), tuple(values))
    return found
