"""How long an epoch takes: what a few steps and batches tell, and what they leave alone."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.test_range_test import make
from tui_lab.errors import DivergedError
from tui_lab.training import timing
from tui_lab.training.prepare import Prepared
from tui_lab.training.timing import Timing, time_epoch

seconds = st.floats(0, 1e6)


@dataclass
class Clock:
    """A clock that only moves when somebody works."""

    now: float = 0.0

    def perf_counter(self) -> float:
        return self.now

    def process_time(self) -> float:
        return self.now


def test_a_slow_first_step_does_not_count_and_evaluations_are_extrapolated(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, taken = Clock(), 0
    engine = make()
    step, draw = engine.train_step, engine.train.batch

    def slowly() -> None:
        nonlocal taken
        taken += 1
        step()
        clock.now += 7.0 if taken == 1 else 0.01

    def batch(draws: object, i: int) -> object:
        clock.now += 0.3
        return draw(draws, i)

    monkeypatch.setattr(timing, "time", clock)
    monkeypatch.setattr(engine, "train_step", slowly)
    found = time_epoch(Prepared(engine, {}))
    assert found.step_s == pytest.approx(0.01)
    assert found.steps == 4
    assert found.evaluation_s == 0
    assert found.took_s == pytest.approx(clock.now)
    monkeypatch.setattr(engine, "train_step", step)
    monkeypatch.setattr(engine.train, "batch", batch)
    assert timing._evaluation_seconds(engine, engine.train) == pytest.approx(4 * 0.3)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_weights_stay_as_they_are(monkeypatch: pytest.MonkeyPatch, optimizer: str) -> None:
    monkeypatch.setattr(timing, "GOAL_S", 0.01)
    engine = make(optimizer=optimizer)
    before = engine.weights()
    found = time_epoch(Prepared(engine, {"test": engine.train}))
    assert all(torch.equal(before[name], tensor) for name, tensor in engine.weights().items())
    assert found.step_s > 0
    assert found.evaluation_s > 0
    assert found.epoch_s == pytest.approx(4 * found.step_s + found.evaluation_s)


def test_a_loss_that_is_not_finite_is_said() -> None:
    with pytest.raises(DivergedError):
        time_epoch(Prepared(make(scale=float("inf")), {}))


@given(seconds, st.integers(1, 10**6), seconds, seconds, seconds)
def test_a_timing_survives_json(step_s: float, steps: int, evaluation_s: float, took_s: float, others: float) -> None:
    found = Timing(step_s, steps, evaluation_s, took_s, others)
    assert Timing.from_json(json.loads(json.dumps(found.to_json()))) == found
