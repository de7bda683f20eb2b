"""Warm-up and layers that learn at rates of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.test_features import prepared, settings
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.labs.timm import TimmHyperparameters
from tui_lab.training.engine import Engine
from tui_lab.training.schedules import learning_rate, schedule_curve, warmup_factor


def rates(engine: Engine, epochs: int) -> list[list[float]]:
    """The learning rate of each group at each step of some epochs."""
    assert engine.optimizer is not None
    found = []
    for _ in range(epochs):
        engine.begin_epoch()
        for _ in range(engine.steps_per_epoch):
            engine.train_step()
            found.append([group["lr"] for group in engine.optimizer.param_groups])
            assert engine.lr == pytest.approx(max(found[-1]))
        engine.end_epoch()
    return found


@given(warmup=st.floats(0.01, 20), progress=st.floats(0, 40))
def test_the_factor_rises_in_a_line_and_stays_at_one(warmup: float, progress: float) -> None:
    factor = warmup_factor(TimmHyperparameters(warmup_epochs=warmup, epochs=30), progress)
    assert factor == pytest.approx(min(1, progress / warmup))
    assert warmup_factor(TimmHyperparameters(), progress) == warmup_factor(GradientHyperparameters(), progress) == 1


@pytest.mark.parametrize("warmup", [0.0, 0.5, 1.0, 1.3, 2.0])
def test_every_step_has_the_rate_of_its_progress(tmp_path: Path, warmup: float) -> None:
    hp = settings(lr=0.01, warmup_epochs=warmup, epochs=3, scheduler="exponential")
    engine = prepared(hp, tmp_path).engine
    steps = engine.steps_per_epoch
    expected = [
        learning_rate(hp, step // steps) * (min(1, (step + 1) / steps / warmup) if warmup else 1)
        for step in range(3 * steps)
    ]
    assert [group for (group,) in rates(engine, 3)] == pytest.approx(expected)
    assert expected[0] > 0


def test_a_rate_changed_while_it_warms_up_goes_on_warming_up(tmp_path: Path) -> None:
    engine = prepared(settings(lr=0.01, warmup_epochs=2, epochs=2), tmp_path).engine
    assert engine.optimizer is not None
    engine.begin_epoch()
    engine.train_step()
    engine.set_lr(0.08)
    engine.train_step()
    assert engine.optimizer.param_groups[0]["lr"] == pytest.approx(0.08 * 2 / (2 * engine.steps_per_epoch))


def test_each_layer_learns_at_its_part_of_the_rate(tmp_path: Path) -> None:
    hp = settings(
        trainable="all", layer_decay=0.5, lr=0.01, warmup_epochs=1, weight_decay=0.1, scheduler="cosine", epochs=2
    )
    engine = prepared(hp, tmp_path).engine
    assert engine.optimizer is not None
    scales = [group["lr_scale"] for group in engine.optimizer.param_groups]
    assert max(scales) == 1 and min(scales) == 0.5**7  # head, six blocks, stem
    for step in rates(engine, 2):
        assert step == pytest.approx([scale * max(step) for scale in scales])
    decays = {group["weight_decay"] for group in engine.optimizer.param_groups}
    assert decays == {0.0, 0.1}


def test_what_is_frozen_has_no_part_in_the_optimiser_and_does_not_move(tmp_path: Path) -> None:
    engine = prepared(settings(trainable="last-1", optimizer="adam", lr=0.01, clip_norm=1.0), tmp_path).engine
    assert engine.optimizer is not None
    before = {name: p.detach().clone() for name, p in engine.model.named_parameters()}
    rates(engine, 1)
    moved = {name for name, p in engine.model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name, p in engine.model.named_parameters() if p.requires_grad}
    assert len(engine.optimizer.state) == len(moved) < len(before)


def test_a_drawn_schedule_has_the_warm_up_in_it() -> None:
    epochs, drawn = schedule_curve(TimmHyperparameters(warmup_epochs=1.5, epochs=4, lr=0.2))
    assert epochs == sorted(epochs) and {0, 1, 1.5, 2, 3} <= set(epochs)
    assert drawn[0] == 0 and drawn[epochs.index(0.75)] == pytest.approx(0.1) and drawn[epochs.index(1.5)] == 0.2
    assert schedule_curve(GradientHyperparameters(epochs=3, lr=0.1)) == ([0, 1, 2], [0.1] * 3)
