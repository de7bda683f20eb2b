"""What is said of a run: how it stands, how it ended, one line an epoch. Shared by commands and screens."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tui_lab.runs.events import Event, number
from tui_lab.runs.history import History
from tui_lab.runs.status import FINAL_STATES, LIVE_STATES, Status

MARKS = {  # of each state, and its 7-bit stand-in
    "queued": ("○", "o"),
    "running": ("●", "*"),
    "paused": ("◐", "="),
    "finished": ("◆", "+"),
    "stopped": ("■", "#"),
    "failed": ("✕", "x"),
    "crashed": ("✕", "x"),
}


def percent(value: float | None) -> str:
    """A share as `67.71`, in percent; "-" when it is not known."""
    return "-" if value is None else f"{100 * value:.2f}"


def duration(seconds: float | None) -> str:
    """`42 s`, `3 min 07 s`, `2 h 05 min`; "-" when it is not known."""
    if seconds is None:
        return "-"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def age(since: float) -> str:
    """How long ago a Unix time was."""
    seconds = max(0.0, time.time() - since)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


def execution(status: Status) -> str:
    """On what a run is executed: `cpu, 2 threads, fp32, channels last`; empty before it has started. In a cluster, the
    device is that `of` a node."""
    threads = f"{status.threads} thread{'' if status.threads == 1 else 's'}" if status.threads else ""
    device = f"{status.device} of {status.node}" if status.device and status.node else status.device
    parts = [device, threads, status.precision, "channels last" if status.channels_last else ""]
    return ", ".join(filter(None, parts))


@dataclass(frozen=True)
class Snapshot:
    """What is known of a run at one moment. `state` is `Status.actual_state()`: a dead worker's run is "crashed"."""

    run_id: str
    history: History
    status: Status
    state: str


@dataclass(frozen=True)
class Position:
    """How far a run has come: whole epochs, steps of the one under way, seconds of training, share from 0 to 1."""

    epoch: int
    step: int
    elapsed: float
    share: float

    @classmethod
    def of(cls, snapshot: Snapshot) -> Position:
        """From whichever is newer, the log or the status, which follows every second."""
        status, steps = snapshot.status, snapshot.status.steps_per_epoch
        done, elapsed = float(status.epoch * steps + status.step), status.elapsed
        for track in (snapshot.history.steps, snapshot.history.epochs):
            if track.buckets and track.buckets[-1].position[0] > done:
                done, _, elapsed = track.buckets[-1].position
        if not steps or not status.epochs:
            return cls(status.epoch, status.step, status.elapsed, status.progress)
        epoch, step = divmod(int(done), steps)
        return cls(epoch, step, elapsed, min(1.0, done / (steps * status.epochs)))

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; None before there is one."""
        return self.elapsed * (1 - self.share) / self.share if self.share > 0 and self.elapsed > 0 else None


def outcome(snapshot: Snapshot) -> tuple[str, str]:
    """A sentence on how a run ended, or why it has not begun, and what to do about it."""
    status, run_id = snapshot.status, snapshot.run_id
    if snapshot.state == "queued":
        return "Waiting for a worker.", ""
    if snapshot.state in LIVE_STATES:
        return f"Held by {status.held_by()}.", f"Watch it: tui-lab runs watch {run_id}"
    if snapshot.state == "finished":
        last, best = status.last, status.best
        measured = f": test {percent(last['test_accuracy'])} %" if "test_accuracy" in last else ""
        if status.is_fitted:
            return f"Fitted in {duration(status.elapsed)}{measured}. {status.message}".rstrip(), status.hint
        if "test_accuracy" in best:
            measured += f", best {percent(best['test_accuracy'])} % at epoch {best.get('epoch', 0):g}"
        return f"Finished in {duration(status.elapsed)}{measured}. {status.message}".rstrip(), status.hint
    resume = f"Go on with: tui-lab runs resume {run_id}"
    position = Position.of(snapshot)
    if status.is_fitted:
        where = "" if status.epoch else " while it was fitted"
        resume = f"Fit it again with: tui-lab runs resume {run_id}"
    else:
        where = f" in epoch {position.epoch + 1}, step {position.step}" if position.elapsed else ""
    if snapshot.state == "stopped":
        return f"Stopped{where}.", status.hint or resume
    if snapshot.state == "failed":
        tells_where = " at epoch " in status.message
        return f"Failed{'' if tells_where else where}: {status.message}", status.hint
    # only whoever saw the worker die can say more than that it is gone
    said = status.message if status.state == "crashed" else ""
    return f"Crashed{where}: {said or 'its process is gone, without a last word.'}", resume


def fitting(status: Status) -> str:
    """How a fit stands, in a word or two: `fitting, 12 s`, `fitted`, `not fitted`."""
    if status.epoch:
        return "fitted"
    return "not fitted" if status.state in FINAL_STATES else f"fitting, {duration(status.elapsed)}"


def epoch_line(event: Event) -> str:
    """An epoch's metrics on one line."""
    parts = [f"epoch {event.get('epoch'):>4}"]
    for split in ("train", "test", "validation", "train_eval"):
        loss, accuracy = number(event.get(f"{split}_loss")), number(event.get(f"{split}_accuracy"))
        if loss is not None:
            parts.append(f"{split} {loss:.4f} {percent(accuracy)} %")
    lr = number(event.get("lr"))
    if lr is not None:
        parts.append(f"lr {lr:.4g}")
    return "  ".join(parts) + ("  *" if event.get("is_best") else "")
