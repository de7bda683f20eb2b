"""The wish that the worker of a run on a cluster be killed at once: a file in the run's directory.

The process here that holds the run may hold others, so it is not killed itself: it takes the wish, and has the seat
kill the worker. This is no command of `control.json`, which asks a worker for what it can do itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tui_lab.runs.directory import RunDirectory


@contextmanager
def wished(run: RunDirectory) -> Iterator[Path]:
    """Wish it, for as long as somebody waits for it. Gives the file, which is gone as soon as the wish is taken.

    Raises OSError when the directory is gone or cannot be written.
    """
    wish = _wish(run)
    wish.touch()
    try:
        yield wish
    finally:
        wish.unlink(missing_ok=True)


def take(run: RunDirectory) -> bool:
    """Whether it is wished. Whoever is told so has to see to it: the wish is gone then."""
    try:
        _wish(run).unlink()
    except OSError:
        return False
    return True


def _wish(run: RunDirectory) -> Path:
    return run.path / "kill"
