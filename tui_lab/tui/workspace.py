"""What every screen works on: the folders, the runs in them, and the processes that do the work."""

from __future__ import annotations

from pathlib import Path

from tui_lab.hyperparameters import Hyperparameters
from tui_lab.jobs.launch import check_launch, create_run
from tui_lab.jobs.scheduler import QueueProcess
from tui_lab.labs.exercise import Exercise
from tui_lab.previews.client import PreviewProcess
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.index import RunIndex
from tui_lab.runs.status import LIVE_STATES
from tui_lab.runs.store import Listed, RunStore, listed


class Workspace:
    """The user's folders and what runs on them.

    Args:
        home: the folder with runs, presets and settings.
        data: the folder with data sets.
        jobs: runs at a time.
        standby: keep a warm worker ready.
    """

    def __init__(self, home: Path, data: Path, *, jobs: int = 1, standby: bool = True) -> None:
        self.home = home
        self.data = data
        self.store = RunStore(home)
        self.index = RunIndex(self.store)
        self.queue = QueueProcess(jobs=jobs, standby=standby)
        self.previews = PreviewProcess()
        self.answers = PreviewProcess()  # for tools, begun when one asks; apart, as a newer request ends an older one

    def launch(self, exercise: Exercise, hyperparameters: Hyperparameters, preset: str = "") -> RunDirectory:
        """Check a configuration, make a run of it, and queue it. Raises TuiLabError with a sentence for the user."""
        check_launch(exercise, hyperparameters, self.data)
        run = create_run(self.store, exercise, hyperparameters, self.data, preset)
        self.queue.submit(run)
        return run

    def under_way(self) -> list[Listed]:
        """Runs with a live worker, and those that wait in this app's queue; looked at now, not at the last refresh."""
        entries = self.index.entries
        suspected = [entry for entry in entries.values() if entry.state in LIVE_STATES or entry.state == "queued"]
        known = {entry.run.id for entry in suspected}
        fresh = [self.store.root / run_id for run_id in self.queue.submitted if run_id not in known]
        found = [listed(run) for run in [*(e.run for e in suspected), *map(RunDirectory, fresh)] if run.path.is_dir()]
        return [
            e for e in found if e.state in LIVE_STATES or (e.state == "queued" and e.run.id in self.queue.submitted)
        ]

    def close(self) -> None:
        """Let go of everything: runs and the queue go on by themselves."""
        self.previews.close()
        self.answers.close()
        self.queue.close()
