"""The executor for this machine: one worker process a run, a number of them at a time."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from tui_lab.devices import cores
from tui_lab.errors import DONE
from tui_lab.jobs.executor import KILLED_BY_USER
from tui_lab.jobs.workers import SeriesWorker, Standby, check_free, start_worker
from tui_lab.processes import named_end
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import FINAL_STATES


@dataclass(frozen=True)
class _Worker:
    run: RunDirectory
    process: subprocess.Popen[bytes]
    stood_by: bool = False
    series: SeriesWorker | None = None  # whose process it is, if it goes on with another run

    def let_go(self) -> None:
        """Of a process that has ended, or is about to: wait for it, and close what led to it."""
        self.process.wait()
        if self.series is not None:
            self.series.dismiss()


class LocalExecutor:
    """Runs at most `jobs` workers at a time; the cores are shared evenly among them.

    With `standby`, a worker with everything imported waits for the next run whenever there is nothing to do: that run
    begins at once. It is made ready only when no run is active or waiting, so that it takes no time from training.

    With `series`, a worker goes on with the next run in the queue when it has done with one: torch is imported once a
    worker instead of once a run. Runs end with the same bits either way.
    """

    def __init__(self, jobs: int = 1, *, standby: bool = False, series: bool = False) -> None:
        self.set_jobs(jobs)
        self.series = series
        self._free: list[SeriesWorker] = []  # between two runs
        self.standby = standby
        self._standby: Standby | None = None
        self._may_warm = True  # once between two runs: one that keeps dying is left alone
        self._queue: deque[RunDirectory] = deque()
        self._workers: dict[Path, _Worker] = {}
        self._ended: list[RunDirectory] = []

    def set_jobs(self, jobs: int) -> None:
        """Change how many workers may run at a time. Those that do go on, with the threads they have."""
        self.jobs = jobs
        self._threads = max(1, cores() // jobs)

    def submit(self, run: RunDirectory) -> None:
        if run.path not in [known.path for known in self.active + self.waiting]:
            self._queue.append(run)

    @property
    def active(self) -> list[RunDirectory]:
        return [worker.run for worker in self._workers.values()]

    @property
    def waiting(self) -> list[RunDirectory]:
        return list(self._queue)

    @property
    def is_warm(self) -> bool:
        """Whether a stand-by with everything imported waits for a run."""
        return self._standby is not None and self._standby.is_ready

    def poll(self) -> list[RunDirectory]:
        for worker in list(self._workers.values()):
            if worker.process.poll() is not None:
                del self._workers[worker.run.path]
                self._see_off(worker)
            elif worker.series is not None and worker.series.is_free():
                del self._workers[worker.run.path]
                self._free.append(worker.series)
                _record_death(worker.run, _reason(DONE))  # of one that did not say how it ended
                self._ended.append(worker.run)
        while self._queue and len(self._workers) < self.jobs:
            run = self._queue.popleft()
            if run.read_status().state != "queued":  # stopped while it waited, or taken up by somebody else
                self._ended.append(run)
                continue
            self._workers[run.path] = self._start(run)
        if not self._queue:
            self._dismiss_free()
        self._keep_standby()
        ended, self._ended = self._ended, []  # not sooner: a run that cannot be started raises
        return ended

    def withdraw(self) -> None:
        self._queue.clear()

    def kill(self) -> None:
        for worker in self._workers.values():
            worker.process.kill()
        for worker in self._workers.values():
            worker.let_go()
            _record_death(worker.run, KILLED_BY_USER)
        self._dismiss_free()

    def _start(self, run: RunDirectory) -> _Worker:
        """A worker of the run: one that has done with another, the stand-by if there is one, ready or not, else a new
        process, which goes on with other runs if there are any."""
        _take_home(run)
        if self.series and self._queue and self._standby is None and not self._free:
            self._free.append(SeriesWorker(self._threads))
        while self._free:
            series = self._free[-1]  # it stays there where the run is refused, for the next one
            has_taken = series.take(run, self._threads)
            self._free.pop()
            if has_taken:
                return _Worker(run, series.process, series=series)
        process = self._standby and self._standby.take(run, self._threads)
        self._standby = None
        return _Worker(run, process or start_worker(run, self._threads), stood_by=process is not None)

    def _dismiss_free(self) -> None:
        while self._free:
            self._free.pop().dismiss()

    def _see_off(self, worker: _Worker) -> None:
        """A stand-by that ended before it took its run has done nothing: the run is started again, cold."""
        self._may_warm = True
        worker.let_go()
        if worker.stood_by and worker.run.read_status().is_waiting:
            self._queue.appendleft(worker.run)
            return
        _record_death(worker.run, _reason(worker.process.returncode))
        self._ended.append(worker.run)

    def _keep_standby(self) -> None:
        if self._standby is not None and not (self.standby and self._standby.is_alive):
            self._standby.dismiss()
            self._standby = None
        if not self.standby:
            self._may_warm = True  # if it is asked for again
        is_idle = not self._workers and not self._queue
        if self.standby and self._standby is None and is_idle and self._may_warm:
            self._may_warm = False
            with contextlib.suppress(OSError):  # no process to be had: the next run is started cold, and says so
                self._standby = Standby()


def _take_home(run: RunDirectory) -> None:
    """A run whose earlier worker was on a cluster goes on here: its status must not name that node any more.

    Raises RunBusyError when a live process holds the run.
    """
    status = run.read_status()
    if status.node:
        check_free(run)
        status.node = ""
        status.write(run.status)


def _reason(code: int) -> str:
    """Why a process ended that has `code` as its return code."""
    if code >= 0:
        return f"The worker ended with {named_end(code)}; see log.txt."
    doubt = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"The worker was killed by {named_end(code)}{doubt}."


def _record_death(run: RunDirectory, reason: str) -> None:
    """A worker that could not say how it ended gets a named state from whoever saw it end."""
    status = run.read_status()
    if status.state not in FINAL_STATES and not status.held_by():
        run.record_crash(reason)
