"""What every executor can do. Nothing above `jobs` knows which one is at work."""

from __future__ import annotations

from typing import Protocol

from tui_lab.runs.directory import RunDirectory

KILLED_BY_USER = "The worker was killed by the user."  # how a run says that it ended so, wherever it was trained


class Executor(Protocol):
    """Runs queued runs, a number of them at a time, and tells how they ended.

    The caller calls `poll` again and again; an executor has no thread of its own.
    """

    def submit(self, run: RunDirectory) -> None:
        """Put a run at the end of the queue."""

    def poll(self) -> list[RunDirectory]:
        """Start what there is room for. Returns the runs whose workers have ended since the last call."""
        ...

    @property
    def active(self) -> list[RunDirectory]:
        """Runs with a live worker."""
        ...

    @property
    def waiting(self) -> list[RunDirectory]:
        """Runs in the queue."""
        ...

    def withdraw(self) -> None:
        """Empty the queue; active runs go on."""

    def kill(self) -> None:
        """End the active workers at once. Their runs can be resumed from their last checkpoints."""
