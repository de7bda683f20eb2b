"""What the performance page is made of, by the names that `--only` takes. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median

from tui_lab.bench.files import FilesRequest
from tui_lab.bench.interleave import in_turns
from tui_lab.bench.page import Line, Section, Settings, Target, Tell
from tui_lab.bench.process import Child
from tui_lab.bench.startup import measure_startup
from tui_lab.bench.training import compare_loops, measure_memory

FILES_TARGET = Target("<", 1.0)


def measure_files(settings: Settings, tell: Tell) -> Section:
    """Seconds to read many runs, and to open a long one; the first round is dropped."""
    tell(f"files: writing {settings.runs:,} runs and {settings.events:,} step events")
    with Child("files", FilesRequest(settings.runs, settings.events).to_json()) as child:
        blocks = {name: partial(_seconds, child, name) for name in ("list", "open")}
        in_turns(blocks, 1, lambda i: tell("files: warming up"))
        took = in_turns(blocks, settings.rounds, lambda i: tell(f"files: round {i} of {settings.rounds}"))
    titles = {"list": f"list {settings.runs:,} runs", "open": f"open a run of {settings.events:,} step events"}
    lines = [Line(titles[name], median(took[name]), "s", target=FILES_TARGET) for name in blocks]
    how = "with warm file caches; the long run's curves were last saved a minute before the end of its log."
    return Section("files", how, lines)


def _seconds(child: Child, what: str) -> float:
    return float(child.ask(what)["seconds"])


MEASUREMENTS: dict[str, Callable[[Settings, Tell], Section]] = {
    "convnet": partial(compare_loops, "convnet"),
    "mlp": partial(compare_loops, "mlp"),
    "startup": measure_startup,
    "files": measure_files,
    "memory": measure_memory,
}
