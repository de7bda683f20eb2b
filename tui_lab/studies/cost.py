"""What a study would cost on this machine, told from the runs that were trained on it."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tui_lab.data.catalogue import DATASETS
from tui_lab.runs.store import Listed
from tui_lab.studies.plan import Trial


@dataclass(frozen=True)
class Cost:
    """`runs` that are missing, and the `seconds` that they would take one after the other; None where no run of the
    kind was ever finished here. `measured_on` counts the runs that the estimate rests on."""

    runs: int
    seconds: float | None
    measured_on: int = 0


def estimate(exercise: str, missing: Sequence[Trial], entries: Iterable[Listed], samples: float | None = None) -> Cost:
    """What the missing trials of a study would cost.

    Args:
        exercise: what they train.
        missing: the trials.
        entries: runs. The finished ones of the same exercise, data set and batch size that this machine trained tell
            the speed.
        samples: training samples a second, if they were measured just now; then no run is asked.
    """
    if not missing:
        return Cost(0, 0.0)
    speeds: dict[tuple[Any, ...], list[float]] = {}
    for entry in entries:
        status = entry.status
        if (
            status.exercise == exercise
            and entry.state == "finished"
            and status.elapsed > 0
            and status.host in ("", socket.gethostname())
        ):
            work = status.epoch * _train_size(status.hyperparameters)
            speeds.setdefault(_kind(status.hyperparameters), []).append(work / status.elapsed)
    seconds, used = 0.0, set()
    for trial in missing:
        values = trial.hyperparameters.model_dump()
        kind = _kind(values)
        known = [samples] if samples else speeds.get(kind, [])
        if not known:
            return Cost(len(missing), None)
        used.add(kind)
        seconds += _train_size(values) * values.get("epochs", 1) / max(median(known), 1e-9)
    return Cost(len(missing), seconds, 0 if samples else sum(len(speeds[kind]) for kind in used))


def _kind(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """What decides the speed, roughly."""
    return (
        values.get("dataset"),
        values.get("batch_size"),
        values.get("implementation"),
        values.get("hidden") and str(values["hidden"]),
    )


def _train_size(values: Mapping[str, Any]) -> int:
    info = DATASETS.get(str(values.get("dataset")))
    size = int(values.get("train_size") or (info.train_size if info else 0) or 1)
    return max(1, round(size * (1 - float(values.get("validation_fraction") or 0))))
