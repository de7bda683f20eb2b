"""Runs of timm's networks with real workers: begun, killed, resumed, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from tests.training.test_resume import killed_once
from tests.training.workers import create, train
from tui_lab.errors import MISSING
from tui_lab.runs.control import request
from tui_lab.runs.events import EventReader
from tui_lab.runs.recorder import Recorder
from tui_lab.training.session import Stopped
from tui_lab.worker import _go_on

SMALL: dict[str, Any] = {
    "dataset": "digits",
    "model": "test_vit",
    "pretrained": False,
    "image_size": 32,
    "train_size": 200,
    "test_size": 50,
    "batch_size": 10,
}


def test_a_run_of_a_head_says_what_it_does_and_keeps_little(tmp_path: Path) -> None:
    run = create(tmp_path, "timm", **SMALL, epochs=3)
    status = train(run)
    assert (status.state, status.epoch, status.doing) == ("finished", 3, "")
    said = [event["message"] for event in EventReader(run.events).read() if event["kind"] == "log"]
    assert any(message.startswith("Features of 250 images ") for message in said)  # computed, or kept from another test
    (started,) = [event for event in EventReader(run.events).read() if event["kind"] == "started"]
    assert started["parameters"] > 300_000
    assert started["trained_parameters"] == 650
    assert run.checkpoint.stat().st_size < 100_000
    assert set(load_file(run.weights)) == {"body_digest", "network.head.weight", "network.head.bias"}


@pytest.mark.parametrize(
    "more",
    [
        {"dropout": 0.5, "warmup_epochs": 4.0, "epochs": 600},  # of kept features: an epoch is over at once
        {"trainable": "last-1", "flip": True, "model": "resnet10t"},
        {"trainable": "all", "layer_decay": 0.8, "scheduler": "cosine", "weight_decay": 0.01},
    ],
)
def test_a_run_that_is_killed_and_resumed_ends_with_the_same_bits(tmp_path: Path, more: dict[str, Any]) -> None:
    settings = {**SMALL, "train_size": 100, "epochs": 6, **more}
    whole, killed = create(tmp_path, "timm", **settings), create(tmp_path, "timm", **settings)
    assert train(whole).state == "finished"
    killed_once(killed)
    status = train(killed)
    assert status.state == "finished", status.message
    assert status.last == whole.read_status().last
    expected, actual = load_file(whole.weights), load_file(killed.weights)
    assert expected.keys() == actual.keys()
    assert all(torch.equal(expected[name], actual[name]) for name in expected)


def test_a_resumed_run_notices_that_the_weights_are_others(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model("test_vit").state_dict(), path)
    run = create(tmp_path, "timm", **{**SMALL, "pretrained": True}, weights=str(path), epochs=2)
    assert train(run).state == "finished"
    save_file(timm.create_model("test_vit").state_dict(), path)
    status = train(run)
    assert (status.state, status.message) == (
        "failed",
        "The pretrained weights are not those that this was trained on.",
    )


def test_missing_weights_fail_the_run_by_name(tmp_path: Path) -> None:
    status = train(create(tmp_path, "timm", **{**SMALL, "pretrained": True}, weights=str(tmp_path / "gone.pth")))
    assert (status.state, status.exit_code) == ("failed", MISSING)
    assert status.message == f"There is no file {tmp_path / 'gone.pth'}."


def test_a_stop_is_heard_while_features_are_computed(tmp_path: Path) -> None:
    run = create(tmp_path, "timm", **SMALL)
    with run.held(), Recorder(run) as recorder:
        _go_on(recorder, "features of 10 of 20 images, 5 s left")
        assert recorder.status.doing == "features of 10 of 20 images, 5 s left"
        request(run.control, "stop")
        with pytest.raises(Stopped):
            _go_on(recorder, "features of 20 of 20 images")
