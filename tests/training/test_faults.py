"""Each fault ends in a named state with one clear sentence, and what was measured until then is kept."""

import errno
import os
import pickle

import pytest
import torch

from tests.training.workers import create, start, train, wait_for
from tui_lab.errors import CheckpointError, DivergedError
from tui_lab.runs.export import events_as_trained
from tui_lab.training.checkpoint import load_checkpoint, save_checkpoint
from tui_lab.training.failures import explain


class Bomb:
    """A pickle that leaves a file behind when it is opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_pickle_with_code_in_it_is_refused_and_nothing_of_it_runs(tmp_path):
    torch.save({"format": 1, "engine": Bomb(tmp_path / "boom")}, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match="more than numbers"):
        load_checkpoint(tmp_path / "checkpoint.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "boom"), protocol=2))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "plain.pt")
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a checkpoint", bytes(1000)])
def test_what_is_no_checkpoint_is_named(tmp_path, content):
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt"):
        load_checkpoint(path)


def test_a_truncated_checkpoint_is_named(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"tensor": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match="damaged"):
        load_checkpoint(path)


def test_a_disk_that_fills_up_while_saving_is_named_and_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"value": 1})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)  # where a buffered write meets the full disk at the latest
    with pytest.raises(OSError, match="No space") as caught:
        save_checkpoint(path, {"value": 2})
    assert explain(caught.value).message.startswith("The disk is full")
    assert load_checkpoint(path)["value"] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_diverging_run_fails_with_epoch_and_step_and_keeps_its_good_checkpoint(tmp_path):
    # With this rate ReLU units blow up: the loss of the first steps is finite, that of a later one is not
    run = create(tmp_path, "mlp", hidden=[50, 50], activation="relu", lr=100.0, epochs=50, batch_size=10)
    status = train(run)
    assert (status.state, status.exit_code) == ("failed", 1)
    assert "became" in status.message and "epoch" in status.message
    assert "--lr" in status.hint
    kinds = [event["kind"] for event in events_as_trained(run)]
    assert kinds[-1] == "finished" and "warning" in kinds
    if run.checkpoint.exists():
        saved = load_checkpoint(run.checkpoint)["engine"]["model"]
        assert all(bool(torch.isfinite(tensor).all()) for tensor in saved.values())


def test_a_loss_that_diverges_and_stays_finite_is_said_to_once(tmp_path):
    run = create(tmp_path, "mlp", hidden=[20], activation="tanh", lr=100.0, epochs=5)
    assert train(run).state == "finished"
    warnings = [event["message"] for event in events_as_trained(run) if event["kind"] == "warning"]
    assert len(warnings) == 1
    assert "diverges" in warnings[0] and "0.69" in warnings[0] and "--lr" in warnings[0]


def test_a_checkpoint_that_is_none_fails_the_run_with_its_name(tmp_path):
    run = create(tmp_path, "mlp", epochs=2)
    run.checkpoint.write_bytes(pickle.dumps(Bomb(tmp_path / "boom"), protocol=2))
    status = train(run)
    assert status.state == "failed" and "checkpoint.pt" in status.message
    assert not (tmp_path / "boom").exists()


def test_a_garbled_request_fails_the_run(tmp_path):
    run = create(tmp_path, "mlp", epochs=2)
    run.request.write_text("exercise = [")
    status = train(run)
    assert (status.state, status.exit_code) == ("failed", 2)
    assert "run.toml" in status.message


def test_missing_data_fail_the_run_with_exit_code_3(tmp_path):
    run = create(tmp_path, "convnet", dataset="cifar10", epochs=1)
    worker = start(run)
    worker.join()
    assert worker.exitcode == 3
    status = run.read_status()
    assert status.state == "failed" and str(tmp_path / "data") in status.message


def test_two_workers_on_one_run_the_second_is_refused_with_the_pid_of_the_first(tmp_path):
    run = create(tmp_path, "mlp", epochs=100_000)
    first = start(run)
    wait_for(run, lambda status: status.epoch >= 1)
    second = start(run)
    second.join()
    assert second.exitcode == 2
    assert f"pid {first.pid} on" in run.log.read_text()
    assert run.read_status().held_by().startswith(f"pid {first.pid}")
    first.terminate()
    first.join()
    assert run.read_status().state == "stopped"


def test_out_of_memory_is_said_in_so_many_words(tmp_path):
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    failure = explain(caught.value)
    assert failure.message == "Out of memory."
    assert "--batch-size" in failure.hint


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/events.jsonl"), "The disk is full while writing events"),
        (MemoryError(), "Out of memory."),
        (DivergedError("The loss became nan at epoch 1, step 2 of 3.", "hint"), "The loss became nan"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_failures_are_explained(error, message):
    assert explain(error).message.startswith(message)


def test_an_unforeseen_error_leaves_its_traceback_in_the_log(tmp_path):
    run = create(tmp_path, "mlp", epochs=2)
    run.inspections.parent.joinpath("model.safetensors").mkdir()  # the weights cannot take this name
    status = train(run)
    assert status.state == "failed"
    assert "Traceback" in run.log.read_text()
