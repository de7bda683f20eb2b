"""Sessions of tiny runs in this process, for tests of what looks inside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.training.workers import create
from tui_lab.data.dataset import Dataset
from tui_lab.data.load import load_dataset
from tui_lab.hyperparameters import build
from tui_lab.inspections.inspector import Inspector
from tui_lab.labs.catalogue import find_exercise
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.recorder import Recorder
from tui_lab.training.prepare import prepare
from tui_lab.training.session import Session

EVERYTHING_RANDOM = {"crop": 8, "crop_padding": 1, "flip": True, "erasing": 0.5, "rotation": 20.0, "dropout": 0.5}
SMALL_IMAGES = {"dataset": "digits", "train_size": 100, "test_size": 60, "batch_size": 20, "epochs": 2}
SMALL_POINTS = {"train_size": 40, "test_size": 30, "epochs": 3}


@dataclass
class Opened:
    """A run ready to be trained here."""

    run: RunDirectory
    recorder: Recorder
    dataset: Dataset
    session: Session
    inspector: Inspector

    def events(self, kind: str) -> list[dict[str, Any]]:
        from tui_lab.runs.events import EventReader

        return [event for event in EventReader(self.run.events).read() if event["kind"] == kind]


@contextmanager
def opened(home: Path, exercise: str, *, inspected: bool = True, **values: Any) -> Iterator[Opened]:
    """A run of `exercise` at its start; without `inspected`, its session has no inspector."""
    run = create(home, exercise, **values)
    found = find_exercise(exercise)
    hp = build(found.hyperparameters, run.read_request().hyperparameters)
    dataset = load_dataset(hp, home / "data")
    prepared = prepare(
        hp, dataset, lambda shape, classes: found.build_model(hp, shape, classes), cache=home / "cache", threads=1
    )
    with Recorder(run) as recorder:
        inspector = Inspector(recorder, dataset, prepared.evaluations["test"])
        used = inspector if inspected else None
        session = Session(prepared.engine, prepared.evaluations, recorder, dataset.classes, used)
        yield Opened(run, recorder, dataset, session, inspector)
