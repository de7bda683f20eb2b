"""What the shell completes for names of presets, runs and exercises, each with a few words about it."""

from __future__ import annotations

from pathlib import Path

import typer

from tui_lab import paths

Completions = list[tuple[str, str]]


def complete_preset(context: typer.Context, incomplete: str) -> Completions:
    """Names of presets, with their titles; those that cannot be read are left out."""
    from tui_lab.presets import list_presets

    try:
        presets = [listed.preset for listed in list_presets(_home(context)) if listed.preset]
    except OSError:
        return []
    return _starting_with(incomplete, [(preset.name, preset.title) for preset in presets])


def complete_run(context: typer.Context, incomplete: str) -> Completions:
    """Ids of runs, the newest first, with their states."""
    from tui_lab.runs.store import RunStore

    try:
        listed = [(entry.run.id, entry.state) for entry in reversed(RunStore(_home(context)).list())]
    except OSError:
        return []
    return _starting_with(incomplete, [*([("last", "the newest run")] if listed else []), *listed])


def complete_exercise(incomplete: str) -> Completions:
    """Names of exercises, with their titles."""
    from tui_lab.labs.catalogue import EXERCISES

    return _starting_with(incomplete, [(exercise.name, exercise.title) for exercise in EXERCISES.values()])


def complete_inspection(incomplete: str) -> Completions:
    """Names of inspections, with their titles."""
    from tui_lab.inspections.catalogue import INSPECTIONS

    return _starting_with(incomplete, [(inspection.name, inspection.title) for inspection in INSPECTIONS.values()])


def _home(context: typer.Context) -> Path:
    """The home folder of the command line being completed, whose root command does not run."""
    given = context.find_root().params.get("home")
    return paths.home_dir(given)


def _starting_with(incomplete: str, known: Completions) -> Completions:
    return [(name, about) for name, about in known if name.startswith(incomplete)]
