"""Running a study from a screen: what is missing of it, with how many seeds, and its runs queued."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tui_lab.data.catalogue import is_present
from tui_lab.errors import MissingDataError, TuiLabError
from tui_lab.presets import Arm, Preset
from tui_lab.runs.directory import RunDirectory
from tui_lab.studies.plan import Trial, arms_of, trials
from tui_lab.studies.start import plan, start
from tui_lab.tui.area import Area
from tui_lab.tui.dialogs import AskText
from tui_lab.tui.fetching import offer_data

MOST_SEEDS = 100


@dataclass(frozen=True)
class StudyLaunch:
    """A study that is about to be run.

    Attributes:
        area: the screen that asks.
        preset: the study.
        then: what the screen does once the runs are queued.
        overrides: hyperparameters that replace the preset's, as in `trials`.
        arms: those that are wanted; None = every one.
    """

    area: Area
    preset: Preset
    then: Callable[[], None]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    arms: Sequence[Arm] | None = None

    def ask(self) -> None:
        """Ask for the number of seeds, and tell what is there of the study already; then run it."""
        workspace, preset = self.area.workspace, self.preset
        try:
            planned = self._trials()
        except TuiLabError as error:
            self.area.lab.say(error)
            return
        asked = plan(preset, planned, workspace.index.entries.values(), waiting=workspace.queue.submitted)
        count, every = len({trial.arm.name for trial in planned}), len(arms_of(preset))
        arms = f"{every} arms" if count == every else f"{count} of {every} arms"
        each = f"{preset.seeds} seeds" if preset.seeds > 1 else "one seed"
        what = f"{arms}, each with {each}" if preset.arms else f"One configuration with {each}"
        text = f"{what}: {asked.sentence}. More seeds tell chance from effect. How many?"
        question = AskText(f"Study {preset.name}", text, str(preset.seeds), check=problem_with_seeds)
        self.area.app.push_screen(question, self._run)

    def _trials(self, seeds: int | None = None) -> list[Trial]:
        return trials(self.preset, seeds=seeds, overrides=self.overrides, arms=self.arms)

    def _run(self, seeds: str | None) -> None:
        if seeds is not None:
            work = partial(self._start, int(seeds))
            self.area.run_worker(work, thread=True, group="launch", exit_on_error=False)

    def _start(self, seeds: int) -> None:
        """On a thread of its own: files are written and processes started."""
        app = self.area.app
        try:
            runs = self._queued(seeds)
        except MissingDataError as error:
            app.call_from_thread(self._offer_data, error, seeds)
        except (TuiLabError, OSError) as error:
            app.call_from_thread(self.area.lab.say, error)
        else:
            app.call_from_thread(self._started, len(runs))

    def _queued(self, seeds: int) -> list[RunDirectory]:
        workspace = self.area.workspace
        asked = plan(self.preset, self._trials(seeds), workspace.store.list(), waiting=workspace.queue.submitted)
        runs = start(asked, workspace.store, workspace.data)
        for run in runs:
            workspace.queue.submit(run)
        return runs

    def _offer_data(self, error: MissingDataError, seeds: int) -> None:
        wanted = (trial.hyperparameters.dataset for trial in self._trials())
        dataset = next((name for name in wanted if not is_present(name, self.area.workspace.data)), "folder")
        offer_data(self.area, error, dataset, partial(self._run, str(seeds)))

    def _started(self, count: int) -> None:
        at_once = self.area.workspace.queue.jobs
        text = f"{count} queued, {at_once} at a time." if count else "Everything of it is done or under way."
        self.area.notify(f"{text} F2 changes how many.", title=f"Study {self.preset.name}", markup=False)
        self.then()


def problem_with_seeds(text: str) -> str:
    """What is wrong with a number of seeds; empty when nothing is."""
    is_fine = text.strip().isdecimal() and 1 <= int(text) <= MOST_SEEDS
    return "" if is_fine else f"A whole number from 1 to {MOST_SEEDS}."
