"""A run as the screen shows it, read from its directory. Everything here happens on the app's background thread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_lab.charts.training import stamp
from tui_lab.errors import TuiLabError, UsageError
from tui_lab.inspections.catalogue import INSPECTIONS, inspection_file
from tui_lab.presets import find_preset
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.history import History, HistoryReader
from tui_lab.runs.sentences import Snapshot

LOG_BYTES = 16_384  # of the end of log.txt


@dataclass(frozen=True)
class Seen:
    """What is known of a run at one moment.

    Attributes:
        snapshot: history, status, and the state as it really is.
        curves: differs whenever the curves do.
        inspections: by name, when each was written (nanoseconds); only those that are there.
        log: the end of the worker's own output.
        published: what the practical reports for its preset.
        skipped: unreadable lines of the event log.
    """

    snapshot: Snapshot
    curves: tuple[Any, ...]
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

    def look(self) -> Seen:
        """The run as it is now. Raises UsageError when its directory is gone."""
        if not self.run.path.is_dir():
            raise UsageError(f"Run {self.run.id} is gone.", "Its directory was deleted. 3 shows the others.")
        if self._reader is None:
            self._reader = HistoryReader(self.run)
        self._reader.update()
        status = self.run.read_status()
        if self._published is None:
            self._published = self._find_published(status.preset)
        history = self._reader.history
        return Seen(
            Snapshot(self.run.id, history, status, status.actual_state()),
            stamp(history),
            self._inspections(),
            self._log(),
            self._published,
            self._reader.skipped,
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

    def _find_published(self, preset: str) -> Mapping[str, float]:
        try:
            return find_preset(preset, self._home).published if preset else {}
        except TuiLabError:
            return {}
