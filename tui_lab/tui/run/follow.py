"""A run as the screen shows it, read from its directory. Everything here happens on the app's background thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_lab.charts.training import stamp
from tui_lab.errors import TuiLabError, UsageError
from tui_lab.inspections.catalogue import INSPECTIONS, inspection_file
from tui_lab.presets import find_preset
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import Event, number
from tui_lab.runs.history import History, HistoryReader, Track, metrics_of
from tui_lab.runs.sentences import Position, Snapshot
from tui_lab.runs.status import Status

LOG_BYTES = 16_384  # of the end of log.txt
READINGS = 24  # of the machine and of the throughput, the newest


@dataclass(frozen=True)
class Seen:
    """What is known of a run at one moment. Two are equal when there is nothing new to show.

    Attributes:
        snapshot: history, status, and the state as it really is. The history goes on growing on the background thread:
            read its curves there; what the screen itself needs of it is below.
        position: how far the run has come.
        curves: differs whenever the curves do.
        started: the last `started` event.
        newest: training metrics of the last step event, the learning rate among them.
        speeds: samples a second, the last few.
        loads: of the processor in percent of a core, the last few.
        machine: the last `system` event.
        said: the last warnings and log events.
        inspections: by name, when each was written (nanoseconds); only those that are there.
        log: the end of the worker's own output.
        published: what the practical reports for its preset.
        skipped: unreadable lines of the event log.
    """

    snapshot: Snapshot
    position: Position
    curves: tuple[Any, ...]
    started: Event
    newest: Mapping[str, float]
    speeds: tuple[float, ...]
    loads: tuple[float, ...]
    machine: Event
    said: tuple[Event, ...]
    inspections: Mapping[str, int]
    log: str
    published: Mapping[str, float]
    skipped: int

    @property
    def history(self) -> History:
        return self.snapshot.history


class Follower:
    """Reads what is new in a run directory."""

    def __init__(self, run: RunDirectory, home: Path) -> None:
        self.run = run
        self._home = home
        self._reader: HistoryReader | None = None  # a long log is opened on the background thread
        self._published: Mapping[str, float] | None = None
        self._newest: Mapping[str, float] = {}
        self._loads: deque[float] = deque(maxlen=READINGS)

    def look(self) -> Seen:
        """The run as it is now. Raises UsageError when its directory is gone, OSError when it cannot be read."""
        if not self.run.path.is_dir():
            raise UsageError(f"Run {self.run.id} is gone.", "Its directory was deleted. 3 shows the others.")
        if self._reader is None:
            self._reader = HistoryReader(self.run)
        for event in self._reader.update():
            if event["kind"] == "step":
                self._newest = metrics_of(event)
            elif event["kind"] == "system" and (load := number(event.get("cpu_percent"))) is not None:
                self._loads.append(load)
        status = self.run.read_status()
        if self._published is None:
            self._published = self._find_published(status)
        history = self._reader.history
        snapshot = Snapshot(self.run.id, history, status, status.actual_state())
        return Seen(
            snapshot=snapshot,
            position=Position.of(snapshot),
            curves=stamp(history),
            started=history.started,
            newest=self._newest or _newest(history),
            speeds=_speeds(history.steps) or _speeds(history.epochs),
            loads=tuple(self._loads),
            machine=history.system,
            said=tuple(history.recent),
            inspections=self._inspections(),
            log=self._log(),
            published=self._published,
            skipped=self._reader.skipped,
        )

    def _inspections(self) -> dict[str, int]:
        found = {}
        for name in INSPECTIONS:
            try:
                found[name] = inspection_file(self.run, name).stat().st_mtime_ns
            except OSError:
                continue
        return found

    def _log(self) -> str:
        try:
            with self.run.log.open("rb") as file:
                file.seek(max(0, self.run.log.stat().st_size - LOG_BYTES))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def _find_published(self, status: Status) -> Mapping[str, float]:
        try:
            preset = find_preset(status.preset, self._home) if status.preset else None
            return preset.published_for(status.hyperparameters) if preset else {}
        except TuiLabError:
            return {}


def _newest(history: History) -> dict[str, float]:
    """The means of the last records of steps and of epochs, when none has been read one by one.

    Those of epochs count first: a learning rate that was changed is then not averaged with what it was before.
    """
    ends = [track.buckets[-1].metrics for track in (history.steps, history.epochs) if track.buckets]
    return {name: summary.mean for metrics in ends for name, summary in metrics.items()}


def _speeds(track: Track) -> tuple[float, ...]:
    found = (bucket.metrics.get("images_per_second") for bucket in track.buckets[-READINGS:])
    return tuple(summary.mean for summary in found if summary is not None)
