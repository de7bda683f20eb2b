"""What a study would cost: told by the runs of this machine, or by a measurement."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.studies.making import finish
from tui_lab.presets import Preset, find_preset
from tui_lab.runs.store import RunStore
from tui_lab.studies.cost import Cost, Speeds, kind_of
from tui_lab.studies.plan import Trial, trials
from tui_lab.studies.start import Plan, plan
from tui_lab.training.timing import Timing

EPOCHS = 15  # of figure 2.2


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path)


@pytest.fixture
def preset(tmp_path: Path) -> Preset:
    return find_preset("fig-2.02", tmp_path)


def trained(store: RunStore, preset: Preset, trial: Trial, *, elapsed: float = 60.0, **fields: object) -> None:
    """A run of a trial on this machine, which took `elapsed` seconds for all its epochs."""
    run = finish(store, preset, trial, {"test_accuracy": [0.5] * EPOCHS}, elapsed=elapsed)
    replace(run.read_status(), **{"host": socket.gethostname(), **fields}).write(run.status)  # type: ignore[arg-type]


def asked_of(store: RunStore, preset: Preset) -> Plan:
    return plan(preset, trials(preset), store.list())


def test_the_median_of_the_runs_of_this_machine_tells_it(store: RunStore, preset: Preset) -> None:
    planned = trials(preset)
    assert Speeds([]).estimate(asked_of(store, preset)) == Cost(7, None)
    for trial, elapsed in zip(planned, (30.0, 60.0, 600.0), strict=False):
        trained(store, preset, trial, elapsed=elapsed)
    trained(store, preset, planned[0].with_seed(9), elapsed=1.0, host="elsewhere")
    cost = Speeds(store.list()).estimate(asked_of(store, preset))
    assert cost == Cost(4, pytest.approx(4 * 60.0), measured_on=3)
    assert cost.sentence == "4 runs to train, about 4 min 00 s here one after the other (by 3 runs trained here)."


def test_of_an_interrupted_run_the_rest_is_missing(store: RunStore, preset: Preset) -> None:
    planned = trials(preset)
    for trial in planned[:-1]:
        trained(store, preset, trial)
    trained(store, preset, planned[-1], state="stopped", epoch=5)
    cost = Speeds(store.list()).estimate(asked_of(store, preset))
    assert (cost.runs, cost.seconds) == (1, pytest.approx(60.0 * 10 / EPOCHS))


def test_a_run_that_finished_without_an_epoch_tells_nothing(store: RunStore, preset: Preset) -> None:
    trained(store, preset, trials(preset)[0], epoch=0)
    assert Speeds(store.list()).estimate(asked_of(store, preset)).seconds is None


def test_a_measurement_tells_it_where_no_run_does(store: RunStore, preset: Preset) -> None:
    asked = asked_of(store, preset)
    (trial,) = Speeds([]).untold(asked)  # rates cost nothing
    kind = kind_of(preset.exercise, trial.hyperparameters.model_dump())
    timing = Timing(step_s=0.02, steps=391, evaluation_s=2.18, took_s=3.0, others=0.0)
    speeds = Speeds([], {kind: timing})
    assert speeds.untold(asked) == []
    cost = speeds.estimate(asked)
    assert (cost.seconds, cost.timed_s) == (pytest.approx(7 * EPOCHS * 10.0), 3.0)
    assert cost.time == "about 17 min 30 s here one after the other (from a 3 s measurement)"
    crowded = Speeds([], {kind: replace(timing, others=1.5)}).estimate(asked)
    assert crowded.time.endswith("(from a 3 s measurement, while other programs took 1.5 cores)")


@pytest.mark.parametrize(("name", "count"), [("fig-2.02", 1), ("fig-2.03", 7), ("fig-2.16", 1), ("svm-1.2.6-C", 0)])
def test_what_costs_the_same_is_measured_once_and_fits_never(store: RunStore, name: str, count: int) -> None:
    assert len(Speeds([]).untold(asked_of(store, find_preset(name, store.root.parent)))) == count
