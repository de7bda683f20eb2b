"""The catalogue: every tool, in the order of the practical.

To add one, write a module beside this one that has a `TOOL`. The command line and the screen follow.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from typing import Any

import tui_lab.tools
from tui_lab.errors import UsageError, nearest
from tui_lab.tools.tool import Tool


def _tools() -> Iterator[Tool[Any]]:
    for module in pkgutil.iter_modules(tui_lab.tools.__path__):
        found = getattr(importlib.import_module(f"{tui_lab.tools.__name__}.{module.name}"), "TOOL", None)
        if isinstance(found, Tool):
            yield found


TOOLS = {tool.name: tool for tool in sorted(_tools(), key=lambda tool: (tool.lab, tool.name))}


def find_tool(name: str, others: Iterable[str] = ()) -> Tool[Any]:
    """The tool called `name`; otherwise a `UsageError` with the nearest name, of tools and of `others` like them."""
    if name not in TOOLS:
        names = [*TOOLS, *others]
        raise UsageError(f"There is no tool {name!r}; there are {', '.join(names)}.", nearest(name, names))
    return TOOLS[name]
