"""What the performance page is made of, by the names that `--only` takes, alone or in groups. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

from tui_lab.bench.app import (
    measure_first_loss,
    measure_first_paint,
    measure_large_home,
    measure_responsiveness,
    measure_watching,
)
from tui_lab.bench.files import FilesRequest
from tui_lab.bench.interleave import in_turns
from tui_lab.bench.page import Line, Section, Settings, Target, Tell
from tui_lab.bench.process import Child
from tui_lab.bench.startup import COMMANDS, LIST, measure_startup, seconds_of
from tui_lab.bench.training import compare_loops, measure_memory

FILES_TARGET = Target("<", 1.0)


def measure_files(settings: Settings, tell: Tell) -> Section:
    """Seconds to read many runs, and to open a long one; the first round is dropped."""
    tell(f"files: writing {settings.runs:,} runs and {settings.events:,} step events")
    with Child("files", FilesRequest(settings.runs, settings.events).to_json()) as child:
        list_runs, open_run = f"read {settings.runs:,} runs", f"open a run of {settings.events:,} step events"
        command = f"{LIST} of {settings.runs:,} runs"
        blocks = {
            list_runs: partial(_seconds, child, "list"),
            command: partial(seconds_of, COMMANDS[LIST], child.facts["home"]),
            open_run: partial(_seconds, child, "open"),
        }
        in_turns(blocks, 1, lambda i: tell("files: warming up"))
        took = in_turns(blocks, settings.rounds, lambda i: tell(f"files: round {i} of {settings.rounds}"))
    targets = {list_runs: FILES_TARGET, open_run: FILES_TARGET}
    lines = [Line(name, median(took[name]), target=targets.get(name)) for name in blocks]
    how = "With warm file caches; the long run's curves were last saved a minute before the end of its log."
    return Section("files", "reading a home", "s", lines, how)


def _seconds(child: Child, what: str) -> float:
    return float(child.ask(what)["seconds"])


MEASUREMENTS: dict[str, Callable[[Settings, Tell], Section]] = {
    "convnet": partial(compare_loops, "convnet"),
    "mlp": partial(compare_loops, "mlp"),
    "vit": partial(compare_loops, "vit"),
    "startup": measure_startup,
    "files": measure_files,
    "memory": measure_memory,
    "paint": measure_first_paint,
    "first-loss": measure_first_loss,
    "keys": measure_responsiveness,
    "watching": measure_watching,
    "large-home": measure_large_home,
}
GROUPS = {"app": ("paint", "first-loss", "keys", "watching", "large-home")}
