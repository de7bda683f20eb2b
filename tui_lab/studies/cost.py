"""What a study would cost on this machine, told from the runs that were trained on it, or from a short measurement."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from tui_lab.data.catalogue import DATASETS
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.exercise import Exercise
from tui_lab.runs.sentences import duration
from tui_lab.runs.store import Listed
from tui_lab.studies.plan import Trial
from tui_lab.studies.start import Plan
from tui_lab.training.timing import Timing

COSTLY = ("dataset", "batch_size", "rotation", "erasing", "standardize", "evaluate_train", "precision", "device")
# Of the topic Model, what makes no step much longer
CHEAP = frozenset(
    (
        *("activation", "reduction", "init", "weight_std", "bias_std", "softmax_output", "hidden_bias_gradient"),
        *("dropout", "drop_path", "C", "degree", "kernel_gamma"),
    )
)

NOTED_CORES = 0.3  # taken by other programs: a measurement beside them says so

Kind = tuple[Any, ...]


@dataclass(frozen=True)
class Cost:
    """What is missing of a study.

    Attributes:
        runs: how many.
        seconds: that they would take one after the other; None where nothing tells.
        measured_on: earlier runs that this rests on.
        timed_s: seconds of the measurements that it rests on.
        others: cores that other programs took during one of these.
    """

    runs: int
    seconds: float | None
    measured_on: int = 0
    timed_s: float = 0.0
    others: float = 0.0

    @property
    def sentence(self) -> str:
        """`7 runs to train, about 2 h 10 min here one after the other (from a 5 s measurement).`; empty for no runs."""
        if not self.runs:
            return ""
        runs = f"{self.runs} run{'s' if self.runs > 1 else ''} to train"
        if self.time:
            return f"{runs}, {self.time}."
        return f"{runs}; how long one takes here is known when the first has finished."

    @property
    def time(self) -> str:
        """The part of the sentence on the time; empty where nothing tells."""
        if self.seconds is None or not self.runs:
            return ""
        sources = []
        if self.measured_on:
            sources.append(f"by {self.measured_on} run{'s' if self.measured_on > 1 else ''} trained here")
        if self.timed_s:
            beside = f", while other programs took {self.others:.1f} cores" if self.others >= NOTED_CORES else ""
            sources.append(f"from a {duration(max(1.0, self.timed_s))} measurement{beside}")
        after = " one after the other" if self.runs > 1 else ""
        return f"about {duration(self.seconds)} here{after} ({', '.join(sources)})"


class Speeds:
    """Training samples a second, evaluation included, by what decides them.

    Args:
        entries: runs. The finished ones that this machine trained tell the speed of their kind.
        timings: measurements, by `kind_of`, which tell it where no run does.
    """

    def __init__(self, entries: Iterable[Listed], timings: Mapping[Kind, Timing] | None = None) -> None:
        self._timings = timings or {}
        self._of_runs: dict[Kind, list[float]] = {}
        for entry in entries:
            status = entry.status
            exercise = EXERCISES.get(status.exercise)
            is_of_here = status.host in ("", socket.gethostname()) and not status.node
            if exercise and is_of_here and entry.state == "finished" and status.elapsed > 0 and status.epoch > 0:
                values = status.hyperparameters
                speed = status.epoch * _train_size(values) / status.elapsed
                self._of_runs.setdefault(kind_of(exercise, values), []).append(speed)

    def estimate(self, asked: Plan) -> Cost:
        """What is missing would cost; of interrupted runs, the epochs that they have not had."""
        exercise, count = asked.preset.exercise, len(asked.new) + len(asked.interrupted)
        missing = [(trial.hyperparameters.model_dump(), 0) for trial in asked.new]
        missing += [(dict(entry.status.hyperparameters), entry.status.epoch) for entry in asked.interrupted]
        seconds = 0.0
        kinds: set[Kind] = set()
        for values, epochs_done in missing:
            kind = kind_of(exercise, values)
            speed = self._speed(kind, values)
            if speed is None:
                return Cost(count, None)
            kinds.add(kind)
            seconds += _train_size(values) * max(0, values.get("epochs", 1) - epochs_done) / speed
        measured_on = sum(len(self._of_runs.get(kind, ())) for kind in kinds)
        timings = [self._timings[kind] for kind in kinds if kind not in self._of_runs]
        timed_s, others = sum(one.took_s for one in timings), max((one.others for one in timings), default=0.0)
        return Cost(count, seconds, measured_on, timed_s, others)

    def untold(self, asked: Plan) -> list[Trial]:
        """Of each kind of missing run of which nothing tells the speed, one; of what is fitted at once, none."""
        exercise = asked.preset.exercise
        if exercise.is_fitted:
            return []
        found: dict[Kind, Trial] = {}
        for trial in asked.new:
            kind = kind_of(exercise, trial.hyperparameters.model_dump())
            if kind not in self._of_runs and kind not in self._timings:
                found.setdefault(kind, trial)
        return list(found.values())

    def _speed(self, kind: Kind, values: Mapping[str, Any]) -> float | None:
        if kind in self._of_runs:
            return median(self._of_runs[kind])
        return _train_size(values) / self._timings[kind].epoch_s if kind in self._timings else None


def kind_of(exercise: Exercise, values: Mapping[str, Any]) -> Kind:
    """What decides the speed of a configuration, roughly: runs of one kind need about the same time for a sample."""
    deciding = [name for name in COSTLY if name in values]
    deciding += [d.name for d in exercise.declarations.values() if d.topic == "Model" and d.name not in CHEAP]
    return (exercise.name, *(str(values.get(name)) for name in deciding))


def _train_size(values: Mapping[str, Any]) -> int:
    info = DATASETS.get(str(values.get("dataset")))
    size = int(values.get("train_size") or (info.train_size if info else 0) or 1)
    return max(1, round(size * (1 - float(values.get("validation_fraction") or 0))))
