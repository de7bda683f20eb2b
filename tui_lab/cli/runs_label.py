"""`tui-lab runs rename` and `note`: a user's own words about a run."""

from __future__ import annotations

from typing import Annotated

import typer

from tui_lab.cli.arguments import OneRun
from tui_lab.cli.context import places

Words = Annotated[list[str], typer.Argument(metavar="TEXT", help='Words; "" takes the old ones away.')]


def rename(context: typer.Context, run: OneRun, name: Words) -> None:
    """Give a run a name, by which every command finds it. Its id stays."""
    from tui_lab.cli.output import say
    from tui_lab.runs.label import Label

    found = places(context).store.find(run)
    label = Label.read(found.label).renamed(" ".join(name))
    label.write(found.label)
    say(f"{found.id} is now called {label.name!r}." if label.name else f"{found.id} has no other name now.")


def note(context: typer.Context, run: OneRun, text: Words) -> None:
    """Keep a note with a run, in place of the one it has."""
    from tui_lab.cli.output import say
    from tui_lab.runs.label import Label

    found = places(context).store.find(run)
    label = Label.read(found.label).noted(" ".join(text))
    label.write(found.label)
    say(f"{found.id}: {'noted' if label.note else 'the note is gone'}")
