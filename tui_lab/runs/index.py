"""Every run of a home, kept up to date: only files that have changed are read again.

A viewer calls `refresh` once or twice a second. For a run that nobody writes it costs two `stat` calls.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.label import Label
from tui_lab.runs.status import FINAL_STATES, Status
from tui_lab.runs.store import Listed, RunStore

# A file written again within one tick of the file system's clock may look the same as before: what was written so
# shortly before it was read is read once more.
UNSURE_NS = 100_000_000

Stamp = tuple[int, int, int, int]
MISSING: Stamp = (0, 0, 0, 0)


@dataclass(frozen=True)
class Changes:
    """Ids of the runs that a refresh found new, different, or gone, each in order of time. False when there are none.

    A run counts as changed when anything of its `Listed` has: its state as it really is, its status, its label.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True)
class _Known:
    """A run as it was read, and what its status and its label looked like then.

    `is_sure` says that files which look the same are the same, and that nothing else was read.
    """

    entry: Listed
    stamps: tuple[Stamp, Stamp]
    is_sure: bool


class RunIndex:
    """The runs of a store by id. `refresh` is for one thread at a time; `entries` may be read from any."""

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._known: dict[str, _Known] = {}
        self._entries: Mapping[str, Listed] = {}

    @property
    def entries(self) -> Mapping[str, Listed]:
        """Every run as of the last refresh, oldest first. A refresh makes a new mapping and leaves this one alone."""
        return self._entries

    def refresh(self) -> Changes:
        """Look at every run directory, and read what may have changed.

        A directory that is garbled, half made, or deleted meanwhile comes with what can be read of it, or not at all.

        Raises OSError when the folder of the runs itself cannot be read; what is known stays.
        """
        before, known = self._known, {}
        for name in self._names():
            found = self._look(name)
            if found is not None:
                known[name] = found
        changes = Changes(
            added=tuple(name for name in known if name not in before),
            changed=tuple(name for name, now in known.items() if name in before and before[name].entry != now.entry),
            removed=tuple(name for name in before if name not in known),
        )
        self._known = known
        if changes:
            self._entries = {name: now.entry for name, now in known.items()}
        return changes

    def _names(self) -> list[str]:
        try:
            with os.scandir(self._store.root) as found:
                return sorted(entry.name for entry in found if not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _look(self, name: str) -> _Known | None:
        """The run as it stands now; None when the directory holds none."""
        known = self._known.get(name)
        run = known.entry.run if known else RunDirectory(self._store.root / name)
        now = time.time_ns()
        stamps = _stamp(run.status), _stamp(run.label)
        if known and known.is_sure and stamps == known.stamps:
            return _alive_or_not(known)
        if stamps[0] == MISSING and not run.request.exists():
            return None
        status = Status.read(run.status)
        is_sure = status is not None and all(abs(now - changed) > UNSURE_NS for changed, *_ in stamps)
        status = status or run.read_status()
        return _Known(Listed(run, status, status.actual_state(), Label.read(run.label)), stamps, is_sure)


def _stamp(path: Path) -> Stamp:
    """Differs from that of every other content that the file has had, but for what `UNSURE_NS` is about."""
    try:
        found = path.stat()
    except OSError:
        return MISSING
    return found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino


def _alive_or_not(known: _Known) -> _Known:
    """A run whose files are as they were, with the state that its process gives it now."""
    if known.entry.state in FINAL_STATES:  # who is gone does not come back without writing
        return known
    state = known.entry.status.actual_state()
    return known if state == known.entry.state else replace(known, entry=replace(known.entry, state=state))
