"""Running a whole study from the Labs area: what it would train, with how many seeds, and on to its runs."""

from __future__ import annotations

from tui_lab.presets import Preset
from tui_lab.runs.directory import RunDirectory
from tui_lab.studies.plan import trials
from tui_lab.studies.start import plan, start
from tui_lab.tui.dialogs import AskText
from tui_lab.tui.workspace import Workspace

MOST_SEEDS = 100


def ask_for_seeds(preset: Preset, workspace: Workspace) -> AskText:
    """A question for the number of seeds, which tells what is there of the study already."""
    asked = plan(preset, trials(preset), workspace.index.entries.values(), waiting=workspace.queue.submitted)
    arms = f"{len(preset.arms)} arms" if preset.arms else "One configuration"
    each = f"{preset.seeds} seeds" if preset.seeds > 1 else "one seed"
    text = f"{arms}, each with {each}: {asked.sentence}. More seeds tell chance from effect. How many?"
    return AskText(f"Study {preset.name}", text, str(preset.seeds), check=problem_with_seeds)


def run_study(preset: Preset, seeds: int, workspace: Workspace) -> list[RunDirectory]:
    """Queue what is missing of a study. Raises TuiLabError with a sentence for the user."""
    asked = plan(preset, trials(preset, seeds=seeds), workspace.store.list(), waiting=workspace.queue.submitted)
    runs = start(asked, workspace.store, workspace.data)
    for run in runs:
        workspace.queue.submit(run)
    return runs


def problem_with_seeds(text: str) -> str:
    """What is wrong with a number of seeds; empty when nothing is."""
    is_fine = text.strip().isdecimal() and 1 <= int(text) <= MOST_SEEDS
    return "" if is_fine else f"A whole number from 1 to {MOST_SEEDS}."
