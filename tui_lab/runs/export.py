"""Exports of runs: epochs as CSV, everything as JSON, curves for TensorBoard."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui_lab.errors import UsageError
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import Event, EventReader, finite, number
from tui_lab.runs.files import write_atomically
from tui_lab.runs.history import metrics_of
from tui_lab.runs.label import Label

LEADING_COLUMNS = ("epoch", "total_step", "elapsed")


def events_as_trained(run: RunDirectory) -> list[Event]:
    """Every event of the log, without what a resumed worker did again."""
    kept: list[Event] = []
    for event in EventReader(run.events).read():
        resumed = event.get("resumed_from") if event["kind"] == "started" else None
        if event["kind"] == "started":
            from_step = number(resumed.get("total_step")) or 0.0 if isinstance(resumed, dict) else 0.0
            kept = [
                e for e in kept if e["kind"] not in ("step", "epoch") or (number(e.get("total_step")) or 0) <= from_step
            ]
        kept.append(event)
    return kept


def to_csv(run: RunDirectory, kind: str = "epoch") -> str:
    """One row an event of `kind` ("epoch" or "step"): position first, then every metric in order of appearance."""
    return _table(_of_kind(run, kind), LEADING_COLUMNS)


def to_one_csv(runs: Sequence[RunDirectory], kind: str = "epoch") -> str:
    """The rows of several runs, one run after the other; the first column, `run`, has the id."""
    rows = [{**event, "run": run.id} for run in runs for event in _of_kind(run, kind)]
    return _table(rows, ("run", *LEADING_COLUMNS))


def _of_kind(run: RunDirectory, kind: str) -> list[Event]:
    return [event for event in events_as_trained(run) if event["kind"] == kind]


def _table(events: Sequence[Event], leading: Sequence[str]) -> str:
    """CSV of the `leading` columns, then of every metric in order of appearance."""
    metrics: dict[str, None] = {}
    for event in events:
        metrics.update(dict.fromkeys(name for name in metrics_of(event) if name not in leading))
    columns = [*leading, *metrics]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([event.get(column, "") for column in columns] for event in events)
    return text.getvalue()


def to_json(run: RunDirectory) -> str:
    """What was asked, how it stands, and every event."""
    return _json(_content(run))


def to_one_json(runs: Sequence[RunDirectory]) -> str:
    """A list with what `to_json` tells of each run."""
    return _json([_content(run) for run in runs])


def _content(run: RunDirectory) -> dict[str, Any]:
    return {
        "id": run.id,
        "label": dataclasses.asdict(Label.read(run.label)),
        "request": dataclasses.asdict(run.read_request()),
        "status": dataclasses.asdict(run.read_status()),
        "events": events_as_trained(run),
    }


def _json(content: Any) -> str:
    return json.dumps(finite(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def to_tensorboard(run: RunDirectory, folder: Path) -> None:
    """Scalars of steps and epochs as a TensorBoard log in `folder`, written without torch.

    What an earlier export of the run left there is replaced.

    Raises UsageError when the extra `tensorboard` is not installed.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event as Record
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError as error:
        raise UsageError(
            "TensorBoard is not installed.", "Install the extra: pip install 'tui-lab[tensorboard]'"
        ) from error

    folder.mkdir(parents=True, exist_ok=True)
    suffix = f".{run.id}"
    for earlier in folder.glob(f"events.out.tfevents.*{suffix}"):  # its curves would be drawn beside the new ones
        earlier.unlink()
    writer = EventFileWriter(str(folder), filename_suffix=suffix)
    for event in events_as_trained(run):
        step = number(event.get("total_step"))
        if event["kind"] not in ("step", "epoch") or step is None or not 0 <= step < 2**63:
            continue
        values = [
            Summary.Value(tag=f"{event['kind']}/{name}", simple_value=value)
            for name, value in metrics_of(event).items()
        ]
        writer.add_event(Record(wall_time=number(event.get("t")) or 0.0, step=int(step), summary=Summary(value=values)))
    writer.close()


ONE_FILE_FORMATS = ("csv", "json")
FORMATS = (*ONE_FILE_FORMATS, "tensorboard")


def export(run: RunDirectory, format: str, target: Path) -> None:
    """Write the export of a run to `target`: a file, or a folder for TensorBoard."""
    if format == "tensorboard":
        to_tensorboard(run, target)
    else:
        _write(target, to_csv(run) if format == "csv" else to_json(run))


def export_together(runs: Sequence[RunDirectory], format: str, target: Path) -> None:
    """Write several runs to one file. Raises UsageError for a format that has none."""
    if format not in ONE_FILE_FORMATS:
        raise UsageError(
            f"{format} keeps each run in a folder of its own.", f"One file: {' or '.join(ONE_FILE_FORMATS)}."
        )
    _write(target, to_one_csv(runs) if format == "csv" else to_one_json(runs))


def _write(target: Path, content: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, content)
