"""Following runs to their end: progress on stderr, a line an epoch (or an event) on stdout."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from tui_lab.cli.output import data_console, say, talk_console, with_folders
from tui_lab.errors import DONE, FAILED, INTERRUPTED, TuiLabError
from tui_lab.runs.control import request
from tui_lab.runs.events import Event, encode
from tui_lab.runs.history import HistoryReader
from tui_lab.runs.sentences import Position, Snapshot, duration, epoch_line, fitting, outcome, percent

if TYPE_CHECKING:
    from tui_lab.jobs.executor import Executor
    from tui_lab.runs.directory import RunDirectory

POLL_S = 0.1
FIRST_NOTE_S = 5.0  # without a terminal: until it is told what a worker does before it trains


class Follower:
    """Drives an executor until its runs have ended, and shows them.

    Args:
        executor: with the runs submitted.
        runs: all of them.
        as_json: one event a line on stdout instead of a row an epoch.
        brief: no rows; a sentence a run, when it has ended, and how many have. For many short ones.
    """

    def __init__(
        self, executor: Executor, runs: list[RunDirectory], *, as_json: bool = False, brief: bool = False
    ) -> None:
        self._executor = executor
        self._runs = runs
        self._as_json, self._is_brief = as_json, brief
        self._readers = {run.id: HistoryReader(run) for run in runs}
        for reader in self._readers.values():
            reader.update()  # what an earlier worker measured is no news
        self._is_stopping = False
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            _Numbers(),
            console=talk_console(),
            transient=True,
            disable=not sys.stderr.isatty(),
            refresh_per_second=8,
        )
        # With both streams on one terminal, rows go through the live display, which keeps itself below them
        self._rows: Console = self._progress.console if _share_terminal() else data_console()
        self._notes = {run.id: _NowAndThen() for run in runs}
        self._codes: dict[str, int] = {}  # of runs that have ended and been told of
        self._whole = self._progress.add_task(f"{len(runs)} runs", total=len(runs), visible=brief, ended=0)
        self._tasks = {run.id: self._progress.add_task(_label(run), total=1.0, visible=False) for run in runs}

    def follow(self) -> int:
        """Until every run has ended. Returns the exit code: that of the first failed run, 130 when interrupted."""
        with self._progress:
            while True:
                try:
                    self._poll()
                    if not self._executor.active and not self._executor.waiting:
                        break
                    time.sleep(POLL_S)
                except KeyboardInterrupt:
                    self._stop()
        codes = [self._codes[run.id] if run.id in self._codes else self._summarise(run) for run in self._runs]
        if len(self._runs) == 1 and not self._as_json and sys.stderr.isatty():
            say(f"Its curves: tui-lab runs watch {self._runs[0].id}")
        return INTERRUPTED if self._is_stopping else next((code for code in codes if code), DONE)

    def _poll(self) -> None:
        try:
            ended = self._executor.poll()
        except (TuiLabError, OSError) as error:  # one run cannot be started: the others go on
            self._say(f"error: {error}")
            return
        for run in self._executor.active + ended:
            for event in self._readers[run.id].update():
                self._show(run, event)
            status = run.read_status()
            snapshot = Snapshot(run.id, self._readers[run.id].history, status, status.state)
            position = Position.of(snapshot)
            self._progress.update(
                self._tasks[run.id], completed=position.share, visible=True, snapshot=snapshot, position=position
            )
            if status.doing and self._progress.disable and not self._as_json and not self._is_brief:
                self._note(run, status.doing)
        for run in ended:
            self._progress.update(self._tasks[run.id], visible=False)
            if self._is_brief:
                self._codes[run.id] = self._summarise(run)
                self._progress.update(self._whole, completed=len(self._codes), ended=len(self._codes))

    def _show(self, run: RunDirectory, event: Event) -> None:
        if self._as_json:
            sys.stdout.write(encode({"run": run.id, **event}) + "\n")
            sys.stdout.flush()
        elif event["kind"] == "epoch" and not self._is_brief:
            self._rows.print(self._row(run, event), markup=False)
        elif event["kind"] == "warning" or (event["kind"] == "log" and not self._is_brief):
            self._say(f"{event['kind']}: {event.get('message', '')}")

    def _note(self, run: RunDirectory, doing: str) -> None:
        if self._notes[run.id].is_due(time.monotonic()):
            self._say(f"{run.id}: {doing}")

    def _say(self, message: str) -> None:
        """A line on stderr, above the live display."""
        self._progress.console.print(with_folders(message), markup=False, soft_wrap=True)

    def _row(self, run: RunDirectory, event: Event) -> str:
        return (f"{run.id}  " if len(self._runs) > 1 else "") + epoch_line(event)

    def _stop(self) -> None:
        """First ctrl-c: a clean stop, with everything kept. Second: the workers are killed."""
        if self._is_stopping:
            self._executor.kill()
            return
        self._is_stopping = True
        for run in self._executor.waiting:
            run.withdraw()
        self._executor.withdraw()
        for run in self._executor.active:
            request(run.control, "stop")
        are_fits = all(run.read_status().is_fitted for run in self._executor.active)
        stopping = "Stopping." if are_fits else "Stopping at the next step; everything is kept."
        self._say(f"{stopping} Press ctrl-c again to kill.")

    def _summarise(self, run: RunDirectory) -> int:
        """A sentence on how the run ended. Returns its exit code."""
        status = run.read_status()
        state = status.actual_state()
        sentence, hint = outcome(Snapshot(run.id, self._readers[run.id].history, status, state))
        if state == "queued":
            hint = f"Start it with: tui-lab runs resume {run.id}"
        self._say(f"{run.id}: {sentence} {hint}".rstrip())
        if state in ("failed", "crashed"):
            return status.exit_code or FAILED
        return DONE if state in ("finished", "stopped") or self._is_stopping else FAILED


class _NowAndThen:
    """Tells when it is time for another line on the same matter: the longer that takes, the rarer."""

    def __init__(self) -> None:
        self._began = self._due = 0.0

    def is_due(self, now: float) -> bool:
        """Asked with a clock in seconds. The first call only begins."""
        if not self._due:
            self._began, self._due = now, now + FIRST_NOTE_S
        if now < self._due:
            return False
        self._due = now + max(2 * FIRST_NOTE_S, (now - self._began) / 4)
        return True


class _Numbers(ProgressColumn):
    """Epoch, last test accuracy, speed and time left, from the snapshot and the position that the task carries."""

    def render(self, task: Task) -> Text:
        if "ended" in task.fields:
            return Text(f"{task.fields['ended']} of {task.total:g} have ended")
        snapshot: Snapshot | None = task.fields.get("snapshot")
        if snapshot is None or snapshot.state == "queued" or not snapshot.history.started:
            return Text((snapshot.status.doing if snapshot is not None else "") or "starting", style="dim")
        status, position, epochs = snapshot.status, task.fields["position"], snapshot.history.epochs
        if status.is_fitted:
            left = f"{duration(position.seconds_left)} left" if position.seconds_left is not None else ""
            return Text("  ".join(filter(None, [fitting(status), left])))
        parts = [f"epoch {min(position.epoch + 1, status.epochs)}/{status.epochs}"]
        _, accuracies = epochs.means("test_accuracy")
        if accuracies:
            parts.append(f"test {percent(accuracies[-1])} %")
        parts += [f"{status.images_per_second:,.0f}/s", f"{duration(position.seconds_left)} left"]
        if snapshot.state == "paused":
            parts.append("paused")
        return Text("  ".join(parts))


def _label(run: RunDirectory) -> str:
    status = run.read_status()
    return status.preset or f"{status.exercise} {run.id.rsplit('-', 1)[-1]}"


def _share_terminal() -> bool:
    return sys.stdout.isatty() and sys.stderr.isatty()
