"""Activations, gradients and updates of the layers, beside values calculated another way, and their thinned history."""

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.inspections.runs import EVERYTHING_RANDOM, SMALL_IMAGES, SMALL_POINTS, opened
from tests.inspections.test_inspector import assert_same
from tui_lab.data.standardize import to_float
from tui_lab.inspections import inspector as inspecting
from tui_lab.inspections import looks
from tui_lab.inspections.activity import activity
from tui_lab.inspections.catalogue import read_inspection, write_inspection
from tui_lab.inspections.content import Activity, LayerActivity
from tui_lab.inspections.content.activity import MOST_MOMENTS, spread
from tui_lab.inspections.passes import look_through

IMPLEMENTATIONS = ("by-hand", "autograd", "nn", "optim")
FULL_BATCH = {**SMALL_POINTS, "batch_size": 40}


def one_moment(step, value=0.5, layers=("hidden 1", "output")):
    curves = ((value,), (0.0,), (value,), (value,))
    return Activity(40, 10, (step / 20,), (step,), tuple(LayerActivity(name, "tanh", 3, *curves) for name in layers))


def look(it):
    return activity(it.session.engine, (0.0, 0), None)


def by_numpy(x, y, layers, activation):
    """Outputs and gradients of the weights of a network with one hidden layer, in float64, by closed forms."""
    (W, b), (V, c) = [[np.asarray(tensor, dtype=np.float64) for tensor in layer] for layer in layers]
    h_tilde = x @ W.T + b
    h = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "sigmoid": lambda a: 1 / (1 + np.exp(-a))}[activation](
        h_tilde
    )
    scores = h @ V.T + c
    exp = np.exp(scores - scores.max(1, keepdims=True))
    d_scores = (exp / exp.sum(1, keepdims=True) - np.eye(scores.shape[1])[y]) / len(y)
    slope = {"tanh": 1 - h**2, "relu": (h > 0).astype(float), "sigmoid": h * (1 - h)}[activation]
    return (h, scores), ((d_scores @ V * slope).T @ x, d_scores.T @ h)


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_outputs_gradients_and_plain_steps_are_those_of_closed_forms(implementation, activation, tmp_path):
    values = {"implementation": implementation, "activation": activation, "weight_std": 3.0, "init": "normal"}
    with opened(tmp_path, "mlp", lr=0.3, **FULL_BATCH, **values) as it:
        found = look(it)
        weights = list(it.session.engine.model.state_dict().values())
        x, y = it.dataset.train.x.double().numpy(), it.dataset.train.y.numpy()
        outputs, gradients = by_numpy(x, y, [weights[:2], weights[2:]], activation)
    assert (found.samples, found.batch_size) == (40, 40)
    assert [(one.name, one.activation, one.units) for one in found.layers] == [
        ("hidden 1", activation, 10),
        ("output", "", 2),
    ]
    for layer, output, gradient, W in zip(found.layers, outputs, gradients, weights[::2], strict=True):
        assert layer.size[0] == pytest.approx(np.abs(output).mean(), rel=1e-4)
        assert layer.gradient[0] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
        expected = 0.3 * np.linalg.norm(gradient) / np.linalg.norm(W.double().numpy())
        assert layer.update[0] == pytest.approx(expected, rel=2e-3)  # a difference of float32 weights
    h = outputs[0]
    expected = {
        "tanh": (np.abs(h) > 0.97).mean(),
        "relu": (h == 0).all(0).mean(),
        "sigmoid": ((h > 0.97) | (h < 0.03)).mean(),
    }[activation]
    assert found.layers[0].stuck[0] == pytest.approx(expected, abs=1e-4)
    assert activation == "relu" or 0.05 < expected < 0.99
    assert math.isnan(found.layers[1].stuck[0])


def test_units_that_give_nothing_for_any_sample_are_dead(tmp_path):
    with opened(tmp_path, "mlp", activation="relu", **SMALL_POINTS) as it:
        with torch.no_grad():
            it.session.engine.model[1].bias[:3] = -100.0
        assert look(it).layers[0].stuck[0] >= 0.3
        with torch.no_grad():
            it.session.engine.model[1].bias[:] = 100.0
        assert look(it).layers[0].stuck[0] == 0.0


STEPS = {
    "sum by hand": {"implementation": "by-hand", "reduction": "sum", "lr": 0.01},
    "momentum": {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1},
    "adam": {"optimizer": "adam", "label_smoothing": 0.1},
    "clipped": {"optimizer": "sgd", "clip_norm": 0.001, "lr": 1.0},
    "schedule": {"optimizer": "sgd", "scheduler": "step", "gamma": 0.5, "step_size": 1},
}


@pytest.mark.parametrize("values", STEPS.values(), ids=STEPS)
def test_the_update_is_what_the_next_step_of_the_run_changes(values, tmp_path):
    with opened(tmp_path, "mlp", **{**FULL_BATCH, **values}) as it:
        engine = it.session.engine
        for _ in range(2):  # the optimiser has a state, the schedule has begun
            engine.begin_epoch()
            engine.train_step()
            engine.end_epoch()
        engine.begin_epoch()
        engine.step = 1  # within the epoch: the rate of the last step is that of the next one
        expected = look(it)
        engine.step = 0
        before = engine.weights()
        engine.train_step()
        after = engine.weights()
    for layer, name in zip(expected.layers, ("1.weight", "3.weight"), strict=True):
        ratio = (after[name] - before[name]).norm() / before[name].norm()
        assert layer.update[0] == pytest.approx(float(ratio), rel=5e-3)


def test_between_epochs_the_rate_is_that_of_the_last_step(tmp_path):
    with opened(tmp_path, "mlp", lr=0.1, scheduler="step", gamma=1e-6, step_size=1, **FULL_BATCH) as it:
        engine = it.session.engine
        engine.begin_epoch()
        engine.train_step()
        within = look(it)
        engine.end_epoch()
        assert repr(look(it)) == repr(within)  # NaN is not equal to itself


@pytest.mark.parametrize("batch_norm", [True, False])
def test_every_layer_of_a_convolutional_network_is_there(batch_norm, tmp_path):
    values = {"batch_norm": batch_norm, "dropout": 0.5, "softmax_output": True}
    with opened(tmp_path, "convnet", **SMALL_IMAGES, **values) as it:
        engine = it.session.engine
        found = look(it)
        assert [(one.name, one.activation, one.units) for one in found.layers] == [
            ("conv1", "relu", 32),
            ("conv2", "relu", 64),
            ("conv3", "relu", 64),
            ("fc4", "relu", 1000),
            ("fc5", "", 10),
        ]
        assert all(0 < value < 10 for one in found.layers for value in one.size + one.gradient + one.update)
        engine.model.eval()
        x, _ = engine.train.first(20)
        layers, output = look_through(engine.model, x)
        assert torch.equal(output, engine.model(x))
        assert torch.equal(layers[0].output, F.relu(engine.model.features[: 2 if batch_norm else 1](x)))
        assert layers[3].output.shape == (20, 1000)
        with torch.no_grad():
            engine.model.features[0].weight[:8] = 0.0
            engine.model.features[0].bias[:8] = -1.0
            if batch_norm:
                engine.model.features[1].bias[:8] = -1.0
        assert look(it).layers[0].stuck[0] >= 0.25


def test_no_hidden_layer_leaves_the_output_layer(tmp_path):
    with opened(tmp_path, "mlp", hidden=[], **SMALL_POINTS) as it:
        (only,) = look(it).layers
    assert (only.name, only.units) == ("output", 2)


def test_the_samples_are_the_first_ones_without_augmentation(tmp_path):
    values = {key: value for key, value in EVERYTHING_RANDOM.items() if key != "dropout"}
    with opened(tmp_path, "convnet", **SMALL_IMAGES, **{**values, "crop": 6}, standardize="none") as it:
        x, y = it.session.engine.train.first(7)
        raw = it.dataset.train
        assert torch.equal(x, to_float(raw.x[:7, :, 1:7, 1:7]))
        assert torch.equal(y, raw.y[:7])
        assert len(it.session.engine.train.first(1000)[0]) == 100


# That nothing changes


@pytest.mark.parametrize(
    ("exercise", "values"),
    [
        ("convnet", {**SMALL_IMAGES, **EVERYTHING_RANDOM, "batch_norm": True, "optimizer": "sgd", "momentum": 0.9}),
        ("mlp", {**SMALL_POINTS, "optimizer": "adam"}),
        *(("mlp", {**SMALL_POINTS, "implementation": name}) for name in IMPLEMENTATIONS),
    ],
)
def test_glances_between_inspections_change_no_bit(exercise, values, tmp_path, monkeypatch):
    monkeypatch.setattr(inspecting, "LEAST_INTERVAL_S", 1e9)  # only the first epoch and the end are inspected
    monkeypatch.setattr(inspecting, "GLANCES_S", 1e9)
    monkeypatch.setattr(inspecting, "GLANCES", 1000)
    values = {**values, "epochs": 4}
    with opened(tmp_path, exercise, **values) as seen, opened(tmp_path, exercise, inspected=False, **values) as unseen:
        seen.session.run()
        unseen.session.run()
        assert_same(seen.session, unseen.session)
        assert seen.recorder.status.last == unseen.recorder.status.last
        assert read_inspection(seen.run, "activations").epochs == (1.0, 2.0, 3.0, 4.0)
        assert [event["epoch"] for event in seen.events("inspection") if event["name"] == "activations"] == [1.0, 4.0]


# When


def test_glances_are_spread_over_the_run_within_their_budget(tmp_path, monkeypatch):
    with opened(tmp_path, "mlp", **{**SMALL_POINTS, "epochs": 1000}) as it:
        engine, inspector, clock, glanced = it.session.engine, it.inspector, [0.0], []
        monkeypatch.setattr(inspecting.time, "perf_counter", lambda: clock[0])
        taken = one_moment(4)

        def read(engine, position):
            clock[0] += 0.006
            glanced.append(engine.epoch)
            inspector._layers.last = replace(taken, epochs=(position[0],), total_steps=(position[1],))

        monkeypatch.setattr(inspector._layers, "read", read)
        inspector.glance(engine, 0.0)
        assert not glanced  # before the first inspection
        inspector._layers.last, inspector._first_due_at = taken, 0.0
        for engine.epoch in range(1, 1001):
            inspector.glance(engine, 0.0)
        assert len(glanced) == 10
        assert {later - earlier for earlier, later in pairwise(glanced[1:])} <= {99, 100, 101}
        for engine.epoch in range(1001, 1101):
            inspector.glance(engine, 1e9)  # a long run has time enough, and glances seldom all the same
        assert len(glanced) <= 15


def test_a_glance_that_fails_is_warned_of_once(tmp_path, monkeypatch, capfd):
    def broken(*_):
        raise ValueError("odd weights")

    monkeypatch.setattr(inspecting, "LEAST_INTERVAL_S", 1e9)
    monkeypatch.setattr(inspecting, "GLANCES", 1000)
    with opened(tmp_path, "mlp", **{**SMALL_POINTS, "epochs": 4}) as it:
        whole = looks.activity
        calls = iter([whole])  # the first epoch is read, and nothing after it
        monkeypatch.setattr(looks, "activity", lambda *given: next(calls, broken)(*given))
        assert it.session.run() == ""
        warnings = [event["message"] for event in it.events("warning")]
    assert len(warnings) == 1 and "activations" in warnings[0] and "odd weights" in warnings[0]
    assert capfd.readouterr().err.count("Traceback") == 1


# The history


def test_a_resumed_run_goes_on_and_does_again_what_was_not_saved(tmp_path):
    with opened(tmp_path, "mlp", **SMALL_POINTS) as it:
        engine = it.session.engine
        earlier = one_moment(60, 0.1).after(one_moment(40, 0.2)).after(one_moment(4, 0.3))
        layers = tuple(
            replace(one, activation=activation, units=units)
            for one, activation, units in zip(earlier.layers, ("tanh", ""), (10, 2), strict=True)
        )
        write_inspection(it.run, "activations", replace(earlier, layers=layers))
        engine.epoch = 10  # of four steps
        it.inspector.inspect(engine, None)
        found = read_inspection(it.run, "activations")
    assert found.total_steps == (4, 40)
    assert found.layers[0].size[0] == 0.3 and found.layers[0].size[1] not in (0.1, 0.2)


def test_moments_of_other_layers_are_not_continued(tmp_path):
    with opened(tmp_path, "mlp", **SMALL_POINTS) as it:
        found = activity(it.session.engine, (1.0, 4), one_moment(2))
    assert found.total_steps == (4,)


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=600))
def test_a_history_stays_bounded_and_keeps_its_ends(gaps):
    steps = np.cumsum(gaps).tolist()
    found = None
    for step in steps:
        now = one_moment(step, float(step), ("hidden 1",))
        found = now if found is None else now.after(found)
    assert len(found.total_steps) == min(len(steps), MOST_MOMENTS)
    assert (found.total_steps[0], found.total_steps[-1]) == (steps[0], steps[-1])
    assert set(found.total_steps) <= set(steps) and list(found.total_steps) == sorted(found.total_steps)
    assert found.layers[0].size == tuple(map(float, found.total_steps))
    assert found.epochs == tuple(step / 20 for step in found.total_steps)


@given(st.integers(2, 40), st.integers(1, 3000))
def test_what_comes_in_evenly_stays_spread(most, count):
    kept: list[int] = []
    for step in range(count):
        kept = [[*kept, step][i] for i in spread([*kept, step], most)]
    assert len(kept) == min(count, most)
    assert count == 1 or max(np.diff(kept)) <= max(1, 4 * count / most)


@given(
    st.lists(
        st.tuples(st.floats(0, 1e6), st.integers(0, 10**12), *(st.floats() for _ in range(4))), min_size=1, max_size=20
    )
)
def test_any_history_survives_its_file(tmp_path_factory, moments):
    from tui_lab.runs.directory import RunDirectory

    run = RunDirectory(tmp_path_factory.mktemp("run"))
    epochs, steps, *curves = zip(*moments, strict=True)
    given_ = Activity(128, 10, epochs, steps, (LayerActivity("conv1", "relu", 32, *curves),))
    write_inspection(run, "activations", given_)
    assert repr(read_inspection(run, "activations")) == repr(given_)  # NaN is not equal to itself


def test_layers_at_different_moments_are_none():
    whole = json.loads(json.dumps(one_moment(4).to_json()))
    assert Activity.from_json(whole) == one_moment(4)
    for key, value in (("epochs", []), ("total_steps", [4, 5]), ("total_step", 5)):
        with pytest.raises(ValueError):
            Activity.from_json({**whole, key: value})
    whole["layers"][1]["update"] = []
    with pytest.raises(ValueError):
        Activity.from_json(whole)
