"""What a run directory keeps of the workers that it has lost on a cluster."""

from __future__ import annotations

import hashlib

from tui_lab.errors import FAILED
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import EventWriter
from tui_lab.runs.history import read_history
from tui_lab.runs.status import Status

MOST_KILLED = 3  # workers of one run, after which nobody believes that the next will do better
TAIL = 400  # characters of a log that are named


def key_of(run: RunDirectory) -> str:
    """What tells a run from every other, also one of the same name in another home."""
    return f"{run.id}-{hashlib.sha256(run.request.read_bytes()).hexdigest()[:8]}"


def was_cut_off(run: RunDirectory) -> bool:
    """Whether a worker has begun and not come to its last word."""
    history = read_history(run)
    return bool(history.started) and history.finished is None


def count(run: RunDirectory, status: Status, reason: str) -> None:
    """One more worker that was lost: in the status, and in the log."""
    status.attempts += 1
    status.write(run.status)
    goes_on = "from its last checkpoint" if run.checkpoint.exists() else "from the start"
    writer = EventWriter(run.events)
    writer.write("warning", message=f"{reason}. Attempt {status.attempts + 1} goes on {goes_on}.")
    writer.close()


def fail(run: RunDirectory, reason: str) -> None:
    """The end of a run whose workers are killed again and again."""
    message = f"{MOST_KILLED} workers of it were killed. {reason}."
    tail = " ".join(run.log.read_text(encoding="utf-8", errors="replace")[-TAIL:].split()) if run.log.exists() else ""
    hint = f"log.txt ends with: {tail}" if tail else "log.txt is empty; perhaps the node had too little memory."
    writer = EventWriter(run.events)
    writer.write("finished", state="failed", message=message, hint=hint)
    writer.close()
    status = run.read_status()
    status.state, status.message, status.hint, status.exit_code = "failed", message, hint, FAILED
    status.write(run.status)
