"""A home with many runs and one long run, and what reading it costs. Imports no torch."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from tui_lab.bench.child import Commands, Facts
from tui_lab.bench.workload import WORKLOADS
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import decode
from tui_lab.runs.history import CAPACITY, History, read_history
from tui_lab.runs.store import RunStore

STEP = (
    '{"kind":"step","seq":%d,"t":%.3f,"epoch":%.4f,"total_step":%d,"elapsed":%.3f,"steps":1,'
    '"loss":0.693147,"loss_max":0.693147,"accuracy":0.5,"lr":0.01,"images_per_second":20000.0}\n'
)
STEPS_PER_EPOCH = 391
STEP_EVENTS_PER_S = 10  # as many as a worker writes
UNSAVED_S = 60  # a worker saves the curves beside the log at least this often
LINES_A_WRITE = 10_000


@dataclass(frozen=True)
class FilesRequest:
    """How many runs the list has, and how many step events the long run."""

    runs: int = 2000
    events: int = 1_000_000

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> FilesRequest:
        return cls(**json.loads(text))


@contextmanager
def filled_home(request: FilesRequest) -> Iterator[tuple[Facts, Commands]]:
    """A temporary home, and what can be done with it.

    list(): read every run for a list. open(): read the curves of the long run. Both answer count and seconds.
    """
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home:
        store = RunStore(Path(home))
        long_run = fill(store, request.runs)
        write_long_log(long_run, request.events)
        yield {"home": home}, {"list": lambda: _list(store), "open": lambda: _open(long_run)}


def fill(store: RunStore, runs: int) -> RunDirectory:
    """Create `runs` finished runs: one as every run is created, the others as copies of it. Returns the first."""
    values = WORKLOADS["convnet"].hyperparameters().model_dump()
    first = store.create("convnet", values, preset="fig-2.05")
    status = first.read_status()
    metrics = {"train_loss": 0.1, "train_accuracy": 0.97, "test_loss": 1.2, "test_accuracy": 0.7}
    status.state, status.epoch, status.elapsed = "finished", status.epochs, 120.0
    status.last, status.best = metrics, {"epoch": 12.0, **metrics}
    status.write(first.status)
    for i in range(1, runs):
        shutil.copytree(first.path, first.path.with_name(f"{first.id}{i}"))
    return first


def write_long_log(run: RunDirectory, events: int) -> None:
    """A log of `events` step events, with the curves saved beside it as of a minute before its end.

    The saved curves keep one of every few events instead of merging neighbours, which takes long to make and as long to
    read.
    """
    saved = max(0, events - UNSAVED_S * STEP_EVENTS_PER_S)
    offset = 0
    with run.events.open("wb") as file:
        for start in range(0, events, LINES_A_WRITE):
            offset += file.write(_lines(start, min(start + LINES_A_WRITE, saved)))
            file.write(_lines(max(start, saved), min(start + LINES_A_WRITE, events)))
    history = History()
    for i in range(0, saved, -(-saved // CAPACITY) or 1):
        event = decode(_lines(i, i + 1))
        assert event is not None
        history.add(event)
    history.save(run, offset)


def _lines(start: int, stop: int) -> bytes:
    """The lines of step events `start` to `stop`, the last one exclusive."""
    lines = []
    for i in range(start, stop):
        seconds = i / STEP_EVENTS_PER_S
        lines.append(STEP % (i + 1, 1e9 + seconds, i / STEPS_PER_EPOCH, i + 1, seconds))
    return "".join(lines).encode()


def _list(store: RunStore) -> Facts:
    start = time.perf_counter()
    found = store.list()
    return {"seconds": time.perf_counter() - start, "count": len(found)}


def _open(run: RunDirectory) -> Facts:
    start = time.perf_counter()
    history = read_history(run)
    return {"seconds": time.perf_counter() - start, "count": int(history.steps.buckets[-1].position[0])}
