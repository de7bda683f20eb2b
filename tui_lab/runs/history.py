"""The curves of a run, in memory that does not grow with its length.

A `Track` keeps at most `CAPACITY` buckets of consecutive records; when it is full, neighbours are merged two by two.
Each bucket keeps minimum, maximum and mean of every metric, so a spike survives. The worker saves its history beside
the log at checkpoints, with the position in the log up to which it counts; a reader loads that and reads on from
there, so opening a run of a million steps parses only what came after.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import Event, EventReader, encode, number
from tui_lab.runs.files import write_atomically

CAPACITY = 2048
RECENT = 200  # warnings and log lines kept
FORMAT = 1
# What `History.save` begins with, and what stands before the epochs: inside a JSON string the quotes would be escaped
HEAD = re.compile(rb'\{"format":%d,"offset":(\d+),' % FORMAT)
EPOCHS = b',"epochs":'

# What an x axis can show, in every record
POSITIONS = ("total_step", "epoch", "elapsed")
NOT_METRICS = frozenset({"kind", "seq", "t", "steps", *POSITIONS})


@dataclass
class Summary:
    """Of the finite values of one metric in one bucket; `lost` counts the NaN and infinite ones."""

    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0
    count: int = 0
    lost: int = 0

    def add(self, value: float) -> None:
        if not math.isfinite(value):
            self.lost += 1
            return
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.total += value
        self.count += 1

    def merged(self, other: Summary) -> Summary:
        return Summary(
            min(self.low, other.low),
            max(self.high, other.high),
            self.total + other.total,
            self.count + other.count,
            self.lost + other.lost,
        )

    @property
    def mean(self) -> float:
        """NaN when a value was not finite, so that the curve shows a gap there."""
        return self.total / self.count if self.count and not self.lost else math.nan


@dataclass
class Bucket:
    """Consecutive records: the position of the last one, and a summary of each metric."""

    position: tuple[float, float, float] = (0.0, 0.0, 0.0)
    metrics: dict[str, Summary] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        self.position = _position(event)
        for name, value in metrics_of(event).items():
            self.metrics.setdefault(name, Summary()).add(value)
        high = number(event.get("loss_max"))  # of the steps that the record averages
        if high is not None and math.isfinite(high) and "loss" in self.metrics:
            self.metrics["loss"].high = max(self.metrics["loss"].high, high)

    def merged(self, later: Bucket) -> Bucket:
        metrics = dict(self.metrics)
        for name, summary in later.metrics.items():
            metrics[name] = metrics[name].merged(summary) if name in metrics else summary
        return Bucket(later.position, metrics)


@dataclass
class Track:
    """Records of one kind, thinned to at most CAPACITY buckets of `width` records each."""

    width: int = 1
    buckets: list[Bucket] = field(default_factory=list)
    open_records: int = 0  # records in the last bucket while it is filling

    def add(self, event: Event) -> None:
        if not 0 < self.open_records < self.width:
            self.open_records = 0
            self.buckets.append(Bucket())
        self.buckets[-1].add(event)
        self.open_records += 1
        if len(self.buckets) > CAPACITY:
            self._halve()

    def forget_after(self, total_step: float) -> None:
        """Drop what a resumed worker will do again."""
        while self.buckets and self.buckets[-1].position[0] > total_step:
            self.buckets.pop()
            self.open_records = 0

    def _halve(self) -> None:
        pairs = zip(self.buckets[::2], self.buckets[1::2], strict=False)
        odd = [self.buckets[-1]] if len(self.buckets) % 2 else []
        self.buckets = [first.merged(second) for first, second in pairs] + odd
        self.open_records = self.open_records if odd else self.open_records + self.width
        self.width *= 2

    def metrics(self) -> list[str]:
        """Names of every metric seen, in order of appearance."""
        names: dict[str, None] = {}
        for bucket in self.buckets:
            names.update(dict.fromkeys(bucket.metrics))
        return list(names)

    def means(self, metric: str, axis: str = "total_step") -> tuple[list[float], list[float]]:
        """x and y of a curve; y is NaN where a value was not finite."""
        i = POSITIONS.index(axis)
        points = [(b.position[i], b.metrics[metric].mean) for b in self.buckets if metric in b.metrics]
        return [x for x, _ in points], [y for _, y in points]

    def extremes(self, metric: str, axis: str = "total_step") -> tuple[list[float], list[float]]:
        """x and y of every bucket's lowest and highest value: what to draw so that spikes show."""
        i = POSITIONS.index(axis)
        xs: list[float] = []
        ys: list[float] = []
        for bucket in self.buckets:
            summary = bucket.metrics.get(metric)
            if summary is None:
                continue
            values = {summary.low, summary.high} if summary.count else set()
            for value in sorted(values) + ([math.nan] if summary.lost else []):
                xs.append(bucket.position[i])
                ys.append(value)
        return xs, ys

    def to_json(self) -> dict[str, Any]:
        names = self.metrics()
        rows = [[*b.position, *(_row(b.metrics.get(name)) for name in names)] for b in self.buckets]
        return {"width": self.width, "open": self.open_records, "metrics": names, "rows": rows}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Track:
        names = content["metrics"]
        track = cls(int(content["width"]), [], int(content["open"]))
        for step, epoch, elapsed, *rows in content["rows"]:
            metrics = {name: _summary(*row) for name, row in zip(names, rows, strict=True) if row}
            track.buckets.append(Bucket((float(step), float(epoch), float(elapsed)), metrics))
        return track


def thinned(values: list[float], most: int) -> list[float]:
    """At most `most` means of equally many neighbours each, NaN where no value of them is finite; the last stands."""
    if len(values) <= most:
        return list(values)
    edges = [i * (len(values) - 1) // (most - 1) for i in range(most)]
    means = [_finite_mean(values[start:end]) for start, end in pairwise(edges)]
    return [*means, values[-1]]


def _finite_mean(values: list[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan


def metrics_of(event: Event) -> dict[str, float]:
    """The numbers of a record that are measurements, not its position."""
    numbers = {name: number(value) for name, value in event.items() if name not in NOT_METRICS}
    return {name: value for name, value in numbers.items() if value is not None}


def _position(event: Event) -> tuple[float, float, float]:
    step, epoch, elapsed = (number(event.get(name)) or 0.0 for name in POSITIONS)
    return _finite(step), _finite(epoch), _finite(elapsed)


def _finite(position: float) -> float:
    """A garbled position is none."""
    return position if math.isfinite(position) else 0.0


def _row(summary: Summary | None) -> list[float] | None:
    return [summary.low, summary.high, summary.total, summary.count, summary.lost] if summary else None


def _summary(low: Any, high: Any, total: Any, count: Any, lost: Any) -> Summary:
    return Summary(float(low), float(high), float(total), int(count), int(lost))


class History:
    """Everything a viewer shows of a run, fed with events one by one.

    Attributes:
        steps, epochs: the curves.
        started: the last `started` event; finished: the `finished` event once it is there.
        system: the last `system` event.
        recent: the last warnings and log lines.
    """

    def __init__(self) -> None:
        self.steps = Track()
        self.epochs = Track()
        self.started: Event = {}
        self.finished: Event | None = None
        self.system: Event = {}
        self.recent: list[Event] = []

    def add(self, event: Event) -> None:
        kind = event["kind"]
        if kind == "step":
            self.steps.add(event)
        elif kind == "epoch":
            self.epochs.add(event)
        elif kind == "started":
            self._start(event)
        elif kind == "finished":
            self.finished = event
        elif kind == "system":
            self.system = event
        elif kind in ("warning", "log"):
            self.recent = [*self.recent, event][-RECENT:]

    def _start(self, event: Event) -> None:
        self.started, self.finished = event, None
        resumed = event.get("resumed_from")
        step = number(resumed.get("total_step")) if isinstance(resumed, dict) else 0.0
        for track in (self.steps, self.epochs):
            track.forget_after(step or 0.0)

    def save(self, run: RunDirectory, offset: int) -> None:
        """Keep the curves beside the log, which they follow up to `offset` bytes."""
        content = {
            "format": FORMAT,
            "offset": offset,
            "steps": self.steps.to_json(),
            "epochs": self.epochs.to_json(),
            "started": self.started,
            "finished": self.finished,
            "system": self.system,
            "recent": self.recent,
        }
        write_atomically(run.history, encode(content))


class HistoryReader:
    """Follows a run's log into a `History`; `update` reads what is new and tells whether there was anything."""

    def __init__(self, run: RunDirectory) -> None:
        self.history, offset = _load(run)
        self._reader = EventReader(run.events, offset)

    @property
    def skipped(self) -> int:
        """Lines of the log that were no events."""
        return self._reader.skipped

    def update(self) -> list[Event]:
        """The new events, already added to the history."""
        new = list(self._reader.read())
        for event in new:
            self.history.add(event)
        return new


def read_history(run: RunDirectory) -> History:
    """The history of a run as it stands now."""
    reader = HistoryReader(run)
    reader.update()
    return reader.history


def read_epochs(run: RunDirectory) -> Track:
    """Only the epochs of a run as it stands now: for many runs at once, whose steps nobody looks at."""
    history = History()
    try:
        content = run.history.read_bytes()
        head = HEAD.match(content)
        offset = int(head[1]) if head else -1
        if not 0 <= offset <= run.events.stat().st_size:
            return read_history(run).epochs
        epochs, _ = json.JSONDecoder().raw_decode(content[content.index(EPOCHS) + len(EPOCHS) :].decode())
        history.epochs = Track.from_json(epochs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return read_history(run).epochs
    for event in EventReader(run.events, offset).read():
        history.add(event)
    return history.epochs


def _load(run: RunDirectory) -> tuple[History, int]:
    """The saved history and its position in the log; an empty one from 0 when there is none that fits the log."""
    history = History()
    try:
        content = json.loads(run.history.read_bytes())
        offset = int(content["offset"])
        if content["format"] != FORMAT or not 0 <= offset <= run.events.stat().st_size:
            return History(), 0
        history.steps = Track.from_json(content["steps"])
        history.epochs = Track.from_json(content["epochs"])
        history.started = _fields(content["started"])
        history.finished = None if content["finished"] is None else _fields(content["finished"])
        history.system = _fields(content["system"])
        history.recent = [_fields(event) for event in content["recent"] if event]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return History(), 0
    return history, offset


def _fields(event: Any) -> Event:
    """`event`, which is empty or has a kind. Raises ValueError when it is something else."""
    if not isinstance(event, dict) or (event and not isinstance(event.get("kind"), str)):
        raise ValueError(f"{event!r} is no event")
    return event
