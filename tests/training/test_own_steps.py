"""Models that take their own steps, in the engine and in runs: as exact as all others."""

import pytest
import torch
from safetensors.torch import load_file

from tests.training.test_resume import advance
from tests.training.workers import create, train
from tui_lab.data.load import load_dataset
from tui_lab.errors import DivergedError
from tui_lab.labs.mlp import MLP, MLPHyperparameters
from tui_lab.runs.export import events_as_trained
from tui_lab.training.checkpoint import load_checkpoint, save_checkpoint
from tui_lab.training.engine import Engine
from tui_lab.training.prepare import prepare

IMPLEMENTATIONS = ("by-hand", "autograd", "nn", "optim")
OWN_STEPS = IMPLEMENTATIONS[:3]
CIRCLES = {"train_size": 60, "test_size": 40}
DIGITS = {"dataset": "digits", "train_size": 100, "test_size": 50, "hidden": [12, 8], "flip": True, "batch_size": 30}


def prepared(tmp_path, **values):
    """Engine and test batches of a run of `mlp` at its start."""
    hp = MLPHyperparameters(**{"device": "cpu", "precision": "fp32", **values})
    made = prepare(
        hp,
        load_dataset(hp, tmp_path),
        lambda shape, classes: MLP.build_model(hp, shape, classes),
        cache=tmp_path / "cache",
        threads=1,
    )
    return made.engine, made.evaluations["test"]


def curve(engine: Engine, test, epochs=4):
    """(train loss, train accuracy, test loss, test accuracy) after each epoch."""
    rows = []
    for _ in range(epochs):
        engine.begin_epoch()
        for _ in range(engine.steps_per_epoch):
            engine.train_step()
        trained, tested = engine.train_score(), engine.evaluate(test)
        engine.end_epoch()
        rows.append((trained.loss, trained.accuracy, tested.loss, tested.accuracy))
    return rows


@pytest.mark.parametrize(
    "values",
    [
        {**CIRCLES, "lr": 0.1},
        {**CIRCLES, "reduction": "sum", "init": "normal", "bias_std": 1.0},
        {**CIRCLES, "softmax_output": True, "scheduler": "exponential", "gamma": 0.5, "hidden": []},
        {**DIGITS, "activation": "relu", "standardize": "channel", "lr": 0.05},
        {**DIGITS, "activation": "sigmoid", "softmax_output": True, "reduction": "sum"},
    ],
    ids=["circles", "sum", "double softmax", "digits", "digits, sum"],
)
def test_the_four_implementations_coincide_epoch_by_epoch(values, tmp_path):
    *others, reference = (curve(*prepared(tmp_path, implementation=name, **values)) for name in IMPLEMENTATIONS)
    assert reference[0] != reference[-1]
    for other in others:
        for ours, theirs in zip(other, reference, strict=True):
            assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_summed_gradient_is_that_of_a_larger_learning_rate_and_the_loss_is_told_as_a_mean(implementation, tmp_path):
    values = {**CIRCLES, "implementation": implementation}  # six batches of ten
    summed = curve(*prepared(tmp_path, reduction="sum", lr=0.01, **values))
    mean = curve(*prepared(tmp_path, reduction="mean", lr=0.1, **values))
    for ours, theirs in zip(summed, mean, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_a_pooled_bias_gradient_is_another_training(tmp_path):
    exact, pooled = (
        curve(*prepared(tmp_path, implementation="by-hand", hidden_bias_gradient=how, **CIRCLES))
        for how in ("exact", "pooled")
    )
    assert exact != pooled


@pytest.mark.parametrize("implementation", OWN_STEPS)
def test_a_checkpoint_in_mid_epoch_continues_to_the_same_bits(implementation, tmp_path):
    values = {**DIGITS, "implementation": implementation, "scheduler": "exponential", "gamma": 0.7}
    (whole, _), (first, _), (second, _) = (prepared(tmp_path, **values) for _ in range(3))
    advance(whole, 10)
    advance(first, 5)
    state = first.state()
    assert state["optimizer"] == {}
    save_checkpoint(tmp_path / "checkpoint.pt", state)
    second.load_state(load_checkpoint(tmp_path / "checkpoint.pt"))
    advance(second, 5)
    assert second.metered() == whole.metered()
    for name, tensor in whole.weights().items():
        assert torch.equal(tensor, second.weights()[name]), name


def test_a_new_learning_rate_is_that_of_the_next_step(tmp_path):
    engine, _ = prepared(tmp_path, implementation="by-hand", **CIRCLES)
    engine.begin_epoch()
    engine.set_lr(1e-30)
    before = engine.weights()
    engine.train_step()
    assert all(torch.equal(before[name], tensor) for name, tensor in engine.weights().items())


@pytest.mark.parametrize("implementation", OWN_STEPS)
def test_divergence_names_the_step_and_the_weights(implementation, tmp_path):
    engine, _ = prepared(tmp_path, implementation=implementation, **CIRCLES)
    engine.begin_epoch()
    engine.train_step()
    with torch.no_grad():
        next(engine.model.parameters()).fill_(float("nan"))
    engine.train_step()
    with pytest.raises(DivergedError, match="nan at epoch 1, step 2 of 6"):
        engine.metered()
    with pytest.raises(DivergedError, match=r"1\.weight"):
        engine.check_weights()


def test_the_weights_of_a_run_by_hand_are_those_of_torchs_layers(tmp_path):
    run = create(tmp_path, "mlp", implementation="by-hand", epochs=2, hidden=[3])
    assert train(run).state == "finished"
    started = next(event for event in events_as_trained(run) if event["kind"] == "started")
    assert (started["parameters"], started["precision"]) == (2 * 3 + 3 + 3 * 2 + 2, "fp32")
    hp = MLPHyperparameters(hidden=[3])
    MLP.build_model(hp, (2,), 2).load_state_dict(load_file(run.weights))
