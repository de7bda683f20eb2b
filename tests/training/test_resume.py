"""A run that is killed and resumed ends with the bits of one that never was."""

import itertools
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.workers import create, start, train, wait_for
from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.labs.convnet import ConvNetHyperparameters
from tui_lab.models.convnet import ConvNet
from tui_lab.runs.control import read_control, request
from tui_lab.runs.export import events_as_trained
from tui_lab.training.checkpoint import load_checkpoint, save_checkpoint
from tui_lab.training.engine import Engine
from tui_lab.training.plan import Plan

OPTIMIZERS = ("sgd", "adam", "adamw", "adagrad", "adadelta", "rmsprop")
SCHEDULERS = ("none", "constant", "linear", "step", "exponential", "polynomial", "cosine")
EVERYTHING_RANDOM = {"crop": 8, "crop_padding": 1, "flip": True, "erasing": 0.5, "rotation": 20.0, "dropout": 0.5}


def small_engine(optimizer: str, scheduler: str) -> Engine:
    hp = ConvNetHyperparameters(
        dataset="digits",
        batch_size=8,
        epochs=3,
        optimizer=optimizer,
        scheduler=scheduler,
        step_size=1,
        momentum=0.9 if optimizer == "sgd" else 0.0,
        nesterov=optimizer == "sgd",
        weight_decay=1e-3,
        batch_norm=True,
        lr=0.01,
        **EVERYTHING_RANDOM,
    )
    x = torch.randint(0, 256, (20, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    split = Split(x, torch.arange(20) % 10)
    standardizer = fit_standardizer("channel", x, epsilon=0.0)
    batches = Batches(split, Augmentation.of(hp), standardizer, is_training=True, batch_size=8, seed=0, device="cpu")
    torch.manual_seed(0)
    return Engine(hp, ConvNet((1, 8, 8), 10, dropout=0.5, batch_norm=True), batches, Plan())


def advance(engine: Engine, steps: int) -> None:
    """Train `steps` steps on from wherever the engine stands, across ends of epochs."""
    engine.begin_epoch()
    for _ in range(steps):
        if engine.step == engine.steps_per_epoch:
            engine.end_epoch()
            engine.begin_epoch()
        engine.train_step()


@pytest.mark.parametrize(("optimizer", "scheduler"), itertools.product(OPTIMIZERS, SCHEDULERS))
def test_a_checkpoint_in_mid_epoch_continues_to_the_same_bits(optimizer, scheduler, tmp_path):
    whole, first, second = (small_engine(optimizer, scheduler) for _ in range(3))
    advance(whole, 8)
    advance(first, 4)  # the first of the three steps of epoch 2
    save_checkpoint(tmp_path / "checkpoint.pt", first.state())
    second.load_state(load_checkpoint(tmp_path / "checkpoint.pt"))
    assert (second.epoch, second.step) == (1, 1)
    advance(second, 4)
    assert second.metered() == whole.metered()
    for name, tensor in whole.weights().items():
        assert torch.equal(tensor, second.weights()[name]), name


# Every optimiser and every scheduler at least once, each with a real SIGKILL
PAIRS = list(zip(itertools.cycle(OPTIMIZERS), SCHEDULERS, strict=False))[: len(SCHEDULERS)]


def killed_once(run) -> None:
    """Train until a step in mid-epoch, after a checkpoint, and SIGKILL the worker there."""
    worker = start(run)
    wait_for(run, lambda _: run.checkpoint.exists())
    saved = run.checkpoint.read_bytes()
    request(run.control, "pause")
    wait_for(run, lambda status: status.state == "paused")
    worker.kill()
    worker.join()
    run.checkpoint.write_bytes(saved)  # a pause saves; an unexpected kill finds an older checkpoint
    assert run.read_status().actual_state() == "crashed"


@pytest.mark.parametrize(("optimizer", "scheduler"), PAIRS)
def test_sigkill_in_mid_epoch_then_resume_is_bit_identical(optimizer, scheduler, tmp_path):
    settings = {
        "dataset": "digits",
        "train_size": 300,
        "test_size": 100,
        "batch_size": 10,
        "epochs": 10,
        "lr": 0.01,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "step_size": 2,
        **EVERYTHING_RANDOM,
    }
    whole, killed = create(tmp_path, "convnet", **settings), create(tmp_path, "convnet", **settings)
    assert train(whole).state == "finished"
    killed_once(killed)
    status = train(killed)
    assert status.state == "finished", status.message
    assert status.last == whole.read_status().last
    assert status.best == whole.read_status().best
    for name in ("weights", "best_weights"):
        expected, actual = load_file(getattr(whole, name)), load_file(getattr(killed, name))
        assert all(torch.equal(expected[key], actual[key]) for key in expected), name
    metrics = [
        [
            {k: v for k, v in e.items() if "loss" in k or "accuracy" in k}
            for e in events_as_trained(run)
            if e["kind"] == "epoch"
        ]
        for run in (whole, killed)
    ]
    assert metrics[0] == metrics[1]


def test_a_killed_vision_transformer_too_ends_with_the_same_bits(tmp_path):
    settings = {
        "dataset": "digits",
        "train_size": 300,
        "test_size": 100,
        "patch_size": 2,
        "epochs": 8,
        "batch_size": 10,
        "dropout": 0.1,
        "drop_path": 0.2,
        "position": "learned",
    }
    whole, killed = create(tmp_path, "vit", **settings), create(tmp_path, "vit", **settings)
    assert train(whole).state == "finished"
    killed_once(killed)
    status = train(killed)
    assert status.state == "finished", status.message
    assert status.last == whole.read_status().last
    expected, actual = load_file(whole.weights), load_file(killed.weights)
    assert all(torch.equal(expected[key], actual[key]) for key in expected)


def test_stop_saves_at_the_very_step_and_resume_goes_on_from_it(tmp_path):
    run = create(tmp_path, "mlp", epochs=100_000)
    worker = start(run)
    wait_for(run, lambda status: status.epoch >= 2)
    request(run.control, "stop")
    worker.join()
    status = run.read_status()
    assert (worker.exitcode, status.state) == (0, "stopped")
    saved = load_checkpoint(run.checkpoint)["engine"]
    last_step = [event for event in events_as_trained(run) if event["kind"] == "step"][-1]
    assert saved["epoch"] * status.steps_per_epoch + saved["step"] == last_step["total_step"]


def test_a_new_learning_rate_applies_from_the_next_step_and_survives_a_stop(tmp_path):
    run = create(tmp_path, "mlp", epochs=100_000)
    worker = start(run)
    wait_for(run, lambda status: status.epoch >= 1)
    request(run.control, lr=0.5)
    wait_for(run, lambda _: "0.5" in run.events.read_text())
    request(run.control, "stop")
    worker.join()
    assert load_checkpoint(run.checkpoint)["engine"]["base_lr"] == 0.5
    assert read_control(run.control).lr == 0.5


def test_a_new_learning_rate_survives_a_crash_right_after_it(tmp_path):
    run = create(tmp_path, "mlp", epochs=100_000)
    worker = start(run)
    wait_for(run, lambda status: status.epoch >= 1)
    request(run.control, "pause", lr=0.5)
    wait_for(run, lambda status: status.state == "paused")
    worker.kill()
    worker.join()
    assert load_checkpoint(run.checkpoint)["engine"]["base_lr"] == 0.5


def test_every_step_is_in_exactly_one_event(tmp_path):
    run = create(tmp_path, "mlp", epochs=30)
    status = train(run)
    steps = [event for event in events_as_trained(run) if event["kind"] == "step"]
    assert sum(event["steps"] for event in steps) == steps[-1]["total_step"] == 30 * status.steps_per_epoch


def test_single_steps_of_a_paused_run_are_single_and_none_is_lost(tmp_path):
    run = create(tmp_path, "mlp", epochs=100_000)
    worker = start(run)
    wait_for(run, lambda status: status.epoch >= 1)
    request(run.control, "pause")
    wait_for(run, lambda status: status.state == "paused")

    def steps() -> list[dict]:
        return [event for event in events_as_trained(run) if event["kind"] == "step"]

    before = len(steps())
    total = steps()[-1]["total_step"]
    for asked, in_a_row in ((1, 1), (2, 1), (10, 8)):
        for _ in range(in_a_row):  # eight of them are asked for faster than the worker looks
            request(run.control, "step")
        wait_for(run, lambda _, asked=asked: steps()[-1]["total_step"] >= total + asked)
    request(run.control, "stop")
    worker.join()
    assert run.read_status().state == "stopped"
    assert [(event["total_step"], event["steps"]) for event in steps()[before:]] == [
        (total + i, 1) for i in range(1, 11)
    ]


def test_a_finished_run_says_so_in_its_last_record(tmp_path):
    run = create(tmp_path, "mlp", epochs=3)
    assert train(run).state == "finished"
    last = json.loads(run.events.read_bytes().splitlines()[-1])
    assert (last["kind"], last["state"]) == ("finished", "finished")


def test_resume_keeps_the_threads_and_the_plan_of_the_first_worker(tmp_path, monkeypatch):
    run = create(tmp_path, "mlp", epochs=100_000, threads=2)
    worker = start(run)
    wait_for(run, lambda status: status.epoch >= 1)
    request(run.control, "stop")
    worker.join()
    checkpoint = load_checkpoint(run.checkpoint)
    assert checkpoint["plan"] == {"device": "cpu", "threads": 2, "precision": "fp32", "channels_last": False, "way": ""}


def test_early_stopping_ends_the_run_and_says_why(tmp_path):
    run = create(tmp_path, "mlp", epochs=1000, lr=1e-9, early_stopping=3)
    status = train(run)
    assert (status.state, status.epoch) == ("finished", 4)
    assert "has not improved for 3 epochs" in status.message
    assert any("test split" in e["message"] for e in events_as_trained(run) if e["kind"] == "warning")


def test_selection_looks_at_the_validation_split_when_there_is_one(tmp_path):
    run = create(tmp_path, "mlp", epochs=5, validation_fraction=0.2, evaluate_train=True)
    status = train(run)
    epochs = [event for event in events_as_trained(run) if event["kind"] == "epoch"]
    best = max(epochs, key=lambda e: (e["validation_accuracy"], -e["epoch"]))
    assert status.best["epoch"] == best["epoch"]
    assert {"train_eval_loss", "validation_loss", "test_loss"} <= set(epochs[0])
    assert Path(run.best_weights).exists()
