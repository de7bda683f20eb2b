"""What every command shares: where runs and data lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tui_lab import paths

if TYPE_CHECKING:
    from tui_lab.runs.store import RunStore


@dataclass(frozen=True)
class Places:
    """The folders of this invocation, from --home, --data, the environment, or the defaults."""

    home: Path
    data: Path

    @property
    def store(self) -> RunStore:
        from tui_lab.runs.store import RunStore

        return RunStore(self.home)

    def command(self, *arguments: str) -> str:
        """`tui-lab` with these arguments, and with these folders where it would not take them anyway."""
        from tui_lab.labs.command import command_line

        return command_line(*arguments, home=self.home, data=self.data)


def places(context: typer.Context) -> Places:
    """The folders that the root command settled."""
    found = context.find_root().obj
    return found if isinstance(found, Places) else Places(paths.home_dir(), paths.data_dir())
