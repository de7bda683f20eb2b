"""How long a command takes until the prompt is back."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from statistics import median

from tui_lab.bench.interleave import in_turns, ratio_of
from tui_lab.bench.page import Line, Section, Settings, Target, Tell
from tui_lab.errors import TuiLabError
from tui_lab.paths import HOME_VARIABLE

REFERENCE = 'python -c "import typer, pydantic"'
HELP = "tui-lab --help"
COMMANDS = {
    REFERENCE: ("-c", "import typer, pydantic"),
    HELP: ("-m", "tui_lab", "--help"),
    "tui-lab exercises": ("-m", "tui_lab", "exercises"),
    "tui-lab runs list": ("-m", "tui_lab", "runs", "list"),
}
TARGET = Target("<=", 2.0)


def measure_startup(settings: Settings, tell: Tell) -> Section:
    """Wall time of the commands beside the least that any such program must import; the first round is dropped."""
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home:
        environment = {**os.environ, HOME_VARIABLE: home}
        blocks = {name: partial(_seconds, arguments, environment) for name, arguments in COMMANDS.items()}
        in_turns(blocks, 1, lambda i: tell("startup: warming up"))
        took = in_turns(blocks, settings.rounds, lambda i: tell(f"startup: round {i} of {settings.rounds}"))
    lines = [
        Line(
            name,
            median(took[name]),
            "s",
            REFERENCE,
            median(took[REFERENCE]),
            ratio_of(took[name], took[REFERENCE]),
            TARGET if name == HELP else None,
        )
        for name in COMMANDS
        if name != REFERENCE
    ]
    return Section("startup", "wall time with warm file caches, in a home without runs.", lines)


def _seconds(arguments: tuple[str, ...], environment: Mapping[str, str]) -> float:
    """Raises TuiLabError when the command fails."""
    start = time.perf_counter()
    ended = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    took = time.perf_counter() - start
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        raise TuiLabError(f"python {' '.join(arguments)} failed.", said[-1] if said else "")
    return took
