"""Short trainings on the real MNIST and CIFAR-10, and what a damaged file of theirs does to a run."""

import os
import shutil

import pytest

from tests.training.workers import create, train
from tui_lab.runs.export import events_as_trained
from tui_lab.runs.store import RunStore

pytestmark = pytest.mark.data


def with_data(run, folder):
    """The same run, with its data in `folder`."""
    request = run.read_request()
    return RunStore(run.path.parents[1]).create(request.exercise, request.hyperparameters, data_dir=folder)


def test_the_mlp_learns_mnist_as_published_in_its_first_epoch(tmp_path, real_data):
    settings = {"hidden": [100], "standardize": "raw", "lr": 0.03, "batch_size": 100, "softmax_output": True}
    run = create(tmp_path, "mlp", dataset="mnist", epochs=1, evaluate_train=True, **settings)
    status = train(with_data(run, real_data))
    assert status.state == "finished", status.message
    # published: 87.62 / 88.01 % after epoch 1, of one run, unseeded
    assert status.last["train_eval_accuracy"] == pytest.approx(0.8762, abs=0.04)
    assert status.last["test_accuracy"] == pytest.approx(0.8801, abs=0.04)


def test_everything_of_lab_2_at_once_runs_on_cifar10(tmp_path, real_data):
    sizes = {"train_size": 500, "test_size": 200, "validation_fraction": 0.2, "epochs": 2, "evaluate_train": True}
    inputs = {"standardize": "channel", "crop": 28, "flip": True, "erasing": 0.5, "rotation": 10.0}
    model = {"batch_norm": True, "dropout": 0.5, "clip_norm": 1.0, "label_smoothing": 0.1}
    steps = {"optimizer": "adam", "scheduler": "cosine", "lr": 0.001}
    run = with_data(create(tmp_path, "convnet", dataset="cifar10", **sizes, **inputs, **model, **steps), real_data)
    status = train(run)
    assert status.state == "finished", status.message
    started = next(event for event in events_as_trained(run) if event["kind"] == "started")
    assert (started["train_samples"], started["validation_samples"], started["test_samples"]) == (400, 100, 200)
    assert {"train_loss", "validation_loss", "test_loss", "train_eval_loss"} <= set(status.last)


def test_a_truncated_file_is_named_and_the_run_fails_with_exit_code_3(tmp_path, real_data):
    batches = tmp_path / "data" / "cifar-10-batches-py"
    batches.mkdir(parents=True)
    for file in (real_data / "cifar-10-batches-py").iterdir():
        (batches / file.name).symlink_to(file)
    (batches / "data_batch_3").unlink()
    shutil.copyfile(real_data / "cifar-10-batches-py" / "data_batch_3", batches / "data_batch_3")
    os.truncate(batches / "data_batch_3", 1_000_000)
    run = create(tmp_path, "convnet", dataset="cifar10", train_size=100, epochs=1)
    status = train(run)
    assert (status.state, status.exit_code) == ("failed", 3)
    assert "data_batch_3" in status.message
    assert "tui-lab data fetch cifar10" in status.message + status.hint
