"""The histories of runs, kept while they are looked at."""

from __future__ import annotations

from tui_lab.runs.history import History, HistoryReader
from tui_lab.runs.store import Listed

KEPT = 32  # histories in memory


class Histories:
    """The histories of the runs looked at last. For the one thread on which runs are read."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._readers: dict[str, HistoryReader] = {}

    def read(self, entry: Listed) -> History:
        """The history of a run as it stands now; of its log only what has come since the last time is read.

        Raises OSError when it cannot be read.
        """
        reader = self._readers.pop(entry.run.id, None) or HistoryReader(entry.run)
        reader.update()
        self._readers[entry.run.id] = reader
        for run_id in list(self._readers)[: -self._kept]:
            del self._readers[run_id]
        return reader.history
