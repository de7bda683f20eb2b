"""From a question to what shows its answer: into the form, to a tool, or to a run that was inspected."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tui_lab.errors import TuiLabError, UsageError, nearest
from tui_lab.inspections.catalogue import INSPECTIONS, inspection_file
from tui_lab.labs.cards import Card, Show
from tui_lab.labs.catalogue import find_exercise
from tui_lab.labs.showing import rate_search
from tui_lab.presets import find_preset
from tui_lab.runs.store import Listed
from tui_lab.tools import rates
from tui_lab.tools.catalogue import find_tool

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp


async def show_live(app: LabApp, card: Card, show: Show, leave: Callable[[], object]) -> None:
    """Do what `show` asks for; `leave` closes the questions first. Where it cannot be done, say why and stay."""
    try:
        match show.kind:
            case "preset":
                preset = await app.in_background(partial(find_preset, show.name, app.workspace.home))
                leave()
                app.open_in_form(preset.exercise.name, dict(preset.hyperparameters), f"preset {preset.name}")
            case "exercise":
                exercise = find_exercise(show.name)
                leave()
                app.open_in_form(exercise.name, dict(show.values), f"question {card.number}")
            case "tool" if show.name == rates.NAME:
                name, values = rate_search(show)
                exercise = find_exercise(name)
                leave()
                app.open_in_form(exercise.name, values, f"question {card.number}")
                app.notify("F tries growing rates on these settings.", title=rates.TITLE, timeout=10, markup=False)
            case "tool":
                tool = find_tool(show.name)
                leave()
                app.open_tool(tool.name, dict(show.values))
            case "inspection":
                await _look_inside(app, card, show.name, leave)
    except (TuiLabError, OSError) as error:
        app.say(error)


async def _look_inside(app: LabApp, card: Card, name: str, leave: Callable[[], object]) -> None:
    """The newest run of the card's exercises that has the inspection; without one, say how to come by it."""
    if name not in INSPECTIONS:
        raise UsageError(f"There is no inspection {name!r}.", nearest(name, INSPECTIONS))
    title = INSPECTIONS[name].title
    entries = [e for e in app.workspace.index.entries.values() if e.status.exercise in card.exercises]
    found = await app.in_background(partial(_newest_with, entries, name))
    if found is None:
        text = f"Train one in Labs, with r; then i in the Run area goes to {title}."
        app.notify(text, title="No run has that yet", severity="warning", timeout=10, markup=False)
        return
    leave()
    app.open_run(found.run.id)
    app.notify(f"i goes to the inspections; ← → to {title}.", title=f"Run {found.run.id}", markup=False)


def _newest_with(entries: list[Listed], name: str) -> Listed | None:
    return next((entry for entry in reversed(entries) if inspection_file(entry.run, name).is_file()), None)
