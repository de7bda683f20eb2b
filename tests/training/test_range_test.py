"""The learning-rate range test: what it measures, what it concludes, and that it leaves no trace."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.errors import DivergedError
from tui_lab.labs.mlp import MLPHyperparameters
from tui_lab.models.mlp import MLP
from tui_lab.training.engine import Engine
from tui_lab.training.plan import Plan
from tui_lab.training.range_test import (
    DIVERGENCE,
    HIGHEST,
    LOWEST,
    SAFETY,
    SMOOTHING,
    STEPS,
    RangeTest,
    moving_average,
    range_test,
)


def make(scale=1.0, flipped=0, **settings):
    """An engine on 60 points of two clouds, in batches of 16 (the last has 12), the first labels `flipped`."""
    hp = MLPHyperparameters(dataset="gaussians", batch_size=16, **settings)
    generator = torch.Generator().manual_seed(1)
    y = torch.arange(60) % 2
    x = (torch.randn(60, 2, generator=generator) * 0.5 + (2 * y[:, None] - 1)) * scale
    y[:flipped] = 1 - y[:flipped]
    standardizer = fit_standardizer("none", x, epsilon=0.0)
    split = Split(x, y)
    train = Batches(
        split, Augmentation.of(hp), standardizer, is_training=True, batch_size=16, seed=hp.seed, device="cpu"
    )
    torch.manual_seed(0)
    return Engine(hp, MLP((2,), 2, hidden=[8], activation=hp.activation), train, Plan())


def advance(engine, steps):
    """Train like a session does, from epoch to epoch."""
    for _ in range(steps):
        engine.train_step()
        if engine.step == engine.steps_per_epoch:
            engine.end_epoch()
            engine.begin_epoch()


def curve(fall, *, rates=None, unlearned=None):
    """A test whose losses lie by these shares below those without learning, which are 1 by default."""
    rates = rates or [LOWEST * (HIGHEST / LOWEST) ** (i / (len(fall) - 1)) for i in range(len(fall))]
    unlearned = unlearned or [1.0] * len(fall)
    return RangeTest(tuple(rates), tuple(u * (1 - f) for u, f in zip(unlearned, fall, strict=True)), tuple(unlearned))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("steps", [0, 3, 6])  # at the start, within the first epoch, within the second
def test_training_goes_on_with_the_same_bits_as_without_it(optimizer, steps):
    tested, other = (make(optimizer=optimizer, momentum=0.9 * (optimizer == "sgd")) for _ in range(2))
    for engine in (tested, other):
        engine.begin_epoch()
        advance(engine, steps)
    range_test(tested)
    assert (tested.epoch, tested.step, tested.lr) == (other.epoch, other.step, other.lr)
    assert tested.losses == other.metered()[0]
    for engine in (tested, other):
        advance(engine, 9)
    for name, tensor in other.weights().items():
        assert torch.equal(tested.weights()[name], tensor)
    assert tested.metered() == other.metered()


def test_rates_grow_by_the_same_factor_and_losses_are_those_of_the_engines_own_steps():
    found = range_test(make())
    assert found.rates[0] == pytest.approx(LOWEST)
    factor = (HIGHEST / LOWEST) ** (1 / (STEPS - 1))
    assert all(b / a == pytest.approx(factor) for a, b in zip(found.rates, found.rates[1:], strict=False))
    if not found.diverged:
        assert found.rates[-1] == pytest.approx(HIGHEST)
    again = make()
    again.begin_epoch()
    for rate in found.rates[:7]:  # beyond the four batches of an epoch
        again.set_lr(rate)
        advance(again, 1)
    parameters = again.weights()
    fresh = make()
    plain = MLP((2,), 2, hidden=[8], activation="tanh")
    plain.load_state_dict(fresh.weights())
    optimizer = torch.optim.SGD(plain.parameters(), lr=1.0)
    for i, rate in enumerate(found.rates[:7]):
        x, y = fresh.train.batch(fresh.train.draw(i // 4), i % 4)
        loss = F.cross_entropy(plain(x), y)
        assert found.losses[i] == pytest.approx(loss.item(), rel=1e-5)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(parameters[name], tensor)


def test_unlearned_losses_are_of_the_same_batches_with_the_first_weights():
    engine = make()
    found = range_test(engine)
    assert len(found.rates) == len(found.losses) == len(found.unlearned)
    for i in range(10):
        x, y = engine.train.batch(engine.train.draw(i // 4), i % 4)
        with torch.no_grad():
            assert found.unlearned[i] == pytest.approx(F.cross_entropy(engine.model(x), y).item(), rel=1e-5)


def test_the_same_seed_finds_the_same_and_another_one_something_else():
    assert range_test(make()) == range_test(make())
    assert range_test(make()) != range_test(make(seed=1))


def test_a_problem_that_can_be_learned_gets_a_suggestion_that_learns_it():
    engine = make()
    rate = range_test(engine).suggestion
    assert rate is not None and LOWEST < rate < HIGHEST
    engine.set_lr(rate)
    advance(engine, 43)
    assert max(engine.metered()[0]) < 0.35  # from 0.7, within eleven epochs


def test_it_ends_where_the_loss_is_far_above_the_least_one():
    found = range_test(make(scale=10.0, flipped=15, activation="relu"))
    assert found.diverged and len(found.rates) < STEPS
    assert all(map(math.isfinite, found.losses))
    averages = list(moving_average(found.losses))
    least = [min(averages[: i + 1]) for i in range(len(averages))]
    assert all(a <= DIVERGENCE * m for a, m in zip(averages[:-1], least[:-1], strict=True))


def test_a_loss_that_is_never_finite_is_told_and_the_engine_is_as_it_was():
    engine = make(scale=math.nan)
    before = engine.weights()
    with pytest.raises(DivergedError, match="however small the learning rate"):
        range_test(engine)
    assert all(torch.equal(tensor, before[name]) for name, tensor in engine.weights().items())
    assert (engine.epoch, engine.step, engine.base_lr) == (0, 0, 0.03)


def test_the_suggestion_is_a_tenth_of_the_rate_at_the_least_loss():
    fall = [0.0] * 40 + [0.01 * i for i in range(20)] + [0.2 - 0.05 * i for i in range(20)]
    found = curve(fall)
    assert found.least is not None and found.steepest is not None
    assert found.smoothed[found.least] == min(found.smoothed)
    assert found.suggestion == pytest.approx(found.rates[found.least] / SAFETY, rel=0.05)
    assert f"{found.suggestion:.1e}" == f"{found.rates[found.least] / SAFETY:.1e}"
    assert 40 <= found.steepest <= found.least


@pytest.mark.parametrize("fall", [[0.0] * 30, [-0.01 * i for i in range(30)], [1e-6 * i for i in range(30)]])
def test_without_a_fall_there_is_no_suggestion(fall):
    found = curve(fall)
    assert (found.least, found.steepest, found.suggestion) == (None, None, None)


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.1, 5)), min_size=2, max_size=40))
def test_hard_and_easy_batches_make_no_difference(steps):
    falls, unlearned = [list(values) for values in zip(*steps, strict=True)]
    found = curve(falls, unlearned=unlearned)
    average = math.fsum(unlearned) / len(unlearned)
    assert found.corrected == pytest.approx([average * (1 - fall) for fall in falls])


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30))
def test_the_moving_average_is_the_weighted_mean_of_what_came_before(values):
    for k, average in enumerate(moving_average(values)):
        weights = [SMOOTHING ** (k - i) for i in range(k + 1)]
        expected = math.fsum(w * v for w, v in zip(weights, values, strict=False)) / math.fsum(weights)
        assert average == pytest.approx(expected, abs=1e-9)


def test_it_survives_json_with_what_follows_from_it():
    found = range_test(make())
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert RangeTest.from_json(written) == found
    assert written["suggestion"] == found.suggestion
    assert written["least"] == found.rates[found.least]


def test_a_batch_that_gives_nothing_by_itself_does_not_count_beyond_measure():
    found = RangeTest((1e-6, 1e-5, 1e-4), (0.5, 0.0, 0.5), (0.5, 0.0, 0.5))
    assert found.corrected == pytest.approx([1 / 3, 0.0, 1 / 3])
