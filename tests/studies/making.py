"""Finished runs of a study without any training: in memory for findings, and as real run directories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tui_lab.presets import Preset
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import EventWriter
from tui_lab.runs.history import read_history
from tui_lab.runs.store import RunStore
from tui_lab.studies.curves import Curve, Trained
from tui_lab.studies.findings.finding import Sample
from tui_lab.studies.plan import Trial

Curves = Mapping[str, Sequence[float]]


def trained(curves: Curves, *, seed: int = 0, elapsed: float = 60.0) -> Trained:
    """A run with these values after its epochs 1, 2, 3, ..."""
    last = {name: values[-1] for name, values in curves.items()}
    kept = {name: Curve(tuple(map(float, range(1, len(v) + 1))), tuple(v)) for name, v in curves.items()}
    return Trained(seed, last, last, elapsed, lambda: kept)


def arm(name: str, *runs: Trained) -> Sample:
    return Sample(name, tuple(replace(run, seed=seed) for seed, run in enumerate(runs)))


def ended(**values: float) -> Trained:
    """A run of which only the end matters: `ended(test_accuracy=0.7)`."""
    return trained({name: [value] for name, value in values.items()})


def finish(store: RunStore, preset: Preset, trial: Trial, curves: Curves, *, elapsed: float = 60.0) -> RunDirectory:
    """A run directory as a worker leaves it: log, history and status."""
    values = trial.hyperparameters.model_dump()
    run = store.create(preset.exercise.name, values, preset=preset.name)
    length = len(next(iter(curves.values())))
    writer = EventWriter(run.events)
    writer.write("started", resumed_from=None)
    for i in range(length):
        metrics = {name: points[i] for name, points in curves.items()}
        writer.write("epoch", epoch=i + 1, total_step=10 * (i + 1), elapsed=elapsed * (i + 1) / length, **metrics)
    writer.write("finished", state="finished")
    writer.close()
    read_history(run).save(run, run.events.stat().st_size)
    accuracy = curves.get("test_accuracy", [0.0] * length)
    top = max(range(length), key=lambda i: accuracy[i])
    replace(
        run.read_status(),
        state="finished",
        epoch=length,
        elapsed=elapsed,
        heartbeat=1.0,
        host="bench",
        device="cpu",
        threads=2,
        precision="fp32",
        last={name: points[-1] for name, points in curves.items()},
        best={"epoch": float(top + 1), **{name: points[top] for name, points in curves.items()}},
    ).write(run.status)
    return run
