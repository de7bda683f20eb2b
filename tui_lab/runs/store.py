"""The runs of a home folder: create, list, find, delete."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui_lab.errors import RunBusyError, UsageError, nearest
from tui_lab.runs.directory import Request, RunDirectory, git_commit, versions
from tui_lab.runs.label import TAKEN, Label
from tui_lab.runs.status import Status
from tui_lab.runs.words import WORDS


@dataclass(frozen=True)
class Listed:
    """A run in a list: its directory, its status, its state as it really is (a dead worker is "crashed"), its label."""

    run: RunDirectory
    status: Status
    state: str
    label: Label = field(default_factory=Label)


class RunStore:
    """The folder `<home>/runs`."""

    def __init__(self, home: Path) -> None:
        self.root = home / "runs"

    def create(
        self, exercise: str, hyperparameters: Mapping[str, Any], *, preset: str = "", data_dir: Path | None = None
    ) -> RunDirectory:
        """A new run directory, queued, with an id that sorts by time: `20261123-064133-convnet-fern`."""
        created = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(created))
        self.root.mkdir(parents=True, exist_ok=True)
        for word in _words():
            run = RunDirectory(self.root / f"{stamp}-{exercise}-{word}")
            try:
                run.path.mkdir()
            except FileExistsError:
                continue
            break
        values = dict(hyperparameters)
        request = Request(exercise, values, preset, created, str(data_dir or ""), versions(), git_commit())
        run.write_request(request)
        Status(
            exercise=exercise,
            preset=preset,
            hyperparameters=values,
            created=created,
            epochs=int(values.get("epochs", 0)),
        ).write(run.status)
        return run

    def runs(self) -> list[RunDirectory]:
        """Every run directory, oldest first."""
        try:
            names = sorted(entry.name for entry in self.root.iterdir() if not entry.name.startswith("."))
        except FileNotFoundError:
            return []
        return [RunDirectory(self.root / name) for name in names]

    def newest_first(self) -> Iterator[Listed]:
        """Every run with its status, read as it is asked for. A garbled run comes with what can still be read."""
        return (listed(run) for run in reversed(self.runs()) if run.request.exists() or run.status.exists())

    def list(self) -> list[Listed]:
        """Every run with its status, oldest first."""
        return list(self.newest_first())[::-1]

    def find(self, name: str) -> RunDirectory:
        """The run called `name`: an id, the name that a user gave one, a unique part of an id, a path, or "last".

        Raises UsageError naming the candidates when there are none or several.
        """
        try:
            path = Path(name).expanduser()
        except RuntimeError:  # there is no such user
            path = Path(name)
        if path.parent != Path() and (path / "run.toml").exists():
            return RunDirectory(path.absolute())
        runs = [run for run in self.runs() if run.request.exists()]
        if name == TAKEN and runs:
            return _newest(runs)
        ids = {run.id: run for run in runs}
        if name in ids:
            return ids[name]
        given = {run.id: Label.read(run.label).name for run in runs}
        called = [run for run in runs if name and given[run.id] == name]
        if len(called) == 1:
            return called[0]
        matching = called or [run for run in runs if name in run.id]
        exact_word = [run for run in matching if run.id.rsplit("-", 1)[-1] == name]
        if len(matching) == 1 or len(exact_word) == 1:
            return (exact_word or matching)[0]
        if matching:
            raise UsageError(f"{name!r} fits {len(matching)} runs: {_some(run.id for run in matching)}.")
        raise UsageError(
            f"There is no run {name!r} in {self.root}.", nearest(name, [*ids, *filter(None, given.values())])
        )

    def delete(self, run: RunDirectory) -> None:
        """Remove the run with everything it kept. Raises RunBusyError while a worker holds it."""
        with run.held():
            holder = run.read_status().held_by()
            if holder:
                raise RunBusyError(f"Run {run.id} is held by {holder}.", f"Stop it first: tui-lab runs stop {run.id}")
            shutil.rmtree(run.path)


def _newest(runs: list[RunDirectory]) -> RunDirectory:
    """Ids sort by time to the second; within one, what is written in the runs tells."""
    stamp = runs[-1].id[: len("20261123-064133")]
    return max((run for run in runs if run.id.startswith(stamp)), key=lambda run: run.read_status().created)


def listed(run: RunDirectory) -> Listed:
    status = run.read_status()
    return Listed(run, status, status.actual_state(), Label.read(run.label))


def _words() -> Iterable[str]:
    """Words in random order, then numbered ones: ids never run out. Not the run's seeds: an id is no measurement."""
    chooser = random.Random()
    yield from chooser.sample(WORDS, len(WORDS))
    while True:
        yield f"{chooser.choice(WORDS)}{chooser.randrange(10**6)}"


def _some(names: Iterable[str], most: int = 5) -> str:
    found = list(names)
    return ", ".join(found[:most]) + (", ..." if len(found) > most else "")
