"""How long a command takes until the prompt is back."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial

from tui_lab.bench.interleave import in_turns
from tui_lab.bench.page import Line, Section, Settings, Target, Tell
from tui_lab.errors import TuiLabError
from tui_lab.paths import HOME_VARIABLE

REFERENCE = 'python -c "import typer, pydantic"'
HELP = "tui-lab --help"
LIST = "tui-lab runs list"
COMMANDS = {
    REFERENCE: ("-c", "import typer, pydantic"),
    HELP: ("-m", "tui_lab", "--help"),
    "tui-lab exercises": ("-m", "tui_lab", "exercises"),
    LIST: ("-m", "tui_lab", "runs", "list"),
}
TARGETS = {HELP: Target("<=", 2.0)}


def measure_startup(settings: Settings, tell: Tell) -> Section:
    """Wall time of the commands beside the least that any such program must import; the first round is dropped."""
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home:
        blocks = {name: partial(seconds_of, arguments, home) for name, arguments in COMMANDS.items()}
        in_turns(blocks, 1, lambda i: tell("startup: warming up"))
        took = in_turns(blocks, settings.rounds, lambda i: tell(f"startup: round {i} of {settings.rounds}"))
    reference = took.pop(REFERENCE)
    lines = [Line.comparing(name, took[name], reference, TARGETS.get(name)) for name in took]
    how = "Until the command has ended, with warm file caches, in a home without runs."
    return Section("startup", f"wall time, beside {REFERENCE}", "s", lines, how)


def seconds_of(arguments: tuple[str, ...], home: str) -> float:
    """Wall time of `python ARGUMENTS` with its runs in `home`. Raises TuiLabError when it fails."""
    environment = {**os.environ, HOME_VARIABLE: home}
    start = time.perf_counter()
    ended = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    took = time.perf_counter() - start
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        raise TuiLabError(f"python {' '.join(arguments)} failed.", said[-1] if said else "")
    return took
