"""Models that are fitted at once: a run like any other, but for what has no steps."""

import math

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.training.workers import start, train, wait_for
from tests.waiting import wait_until
from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Split
from tui_lab.data.load import load_dataset
from tui_lab.data.standardize import fit_standardizer
from tui_lab.errors import DivergedError
from tui_lab.hyperparameters import build
from tui_lab.inspections.catalogue import read_inspections
from tui_lab.jobs.orders import resume
from tui_lab.jobs.workers import start_worker
from tui_lab.labs.catalogue import find_exercise
from tui_lab.runs.control import request
from tui_lab.runs.events import EventReader
from tui_lab.runs.export import to_csv
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.status import Status
from tui_lab.runs.store import RunStore
from tui_lab.training import fit
from tui_lab.training.fit import Fitting
from tui_lab.worker import open_session

# Points in a muddle with a price that no sample is worth: the solver does not come to an end
ENDLESS = {"train_size": 20_000, "noise": 3.0, "C": 1e5, "kernel_gamma": 0.1}


def create_svm(home, **values):
    """A queued run of the support vector machine on one thread."""
    settled = build(find_exercise("svm").hyperparameters, {"threads": 1, **values})
    return RunStore(home).create("svm", settled.model_dump(), data_dir=home / "data")


def events(run, *kinds):
    return [event for event in EventReader(run.events).read() if event["kind"] in kinds]


def is_fitting(status):
    return status.is_fitted and status.elapsed > 0


# To the end


def test_it_leaves_one_epoch_and_no_steps(tmp_path):
    run = create_svm(tmp_path, validation_fraction=0.25)
    status = train(run)
    assert (status.state, status.epoch, status.epochs, status.progress) == ("finished", 1, 1, 1.0)
    assert (status.is_fitted, status.steps_per_epoch, status.device, status.precision) == (True, 0, "cpu", "fp64")
    kinds = [event["kind"] for event in EventReader(run.events).read() if event["kind"] != "system"]
    inspections = ["inspection"] * len(read_inspections(run))
    assert kinds == ["started", "log", "epoch", *inspections, "finished"]
    (epoch,) = events(run, "epoch")
    splits = {f"{split}_{metric}" for split in ("train", "validation", "test") for metric in ("loss", "accuracy")}
    assert epoch.keys() - {"kind", "seq", "t"} == splits | {
        *("epoch", "total_step", "elapsed", "is_best", "evaluation_seconds", "support_vectors")
    }
    assert status.best == {"epoch": 1, **status.last}
    assert status.last["test_accuracy"] > 0.85
    assert status.curve == [round(status.last["test_accuracy"], 4)]


def test_its_weights_predict_what_was_measured(tmp_path):
    run = create_svm(tmp_path, dataset="digits", kernel="poly", pca=20, standardize="channel")
    status = train(run)
    hp = build(find_exercise("svm").hyperparameters, run.read_request().hyperparameters)
    data = load_dataset(hp, tmp_path)
    model = find_exercise("svm").build_model(hp, data.sample_shape, data.classes)
    model.load_state_dict(load_file(run.best_weights))
    x = fit_standardizer("channel", data.train.x)(data.test.x / 255)
    accuracy = (model(x).argmax(1) == data.test.y).double().mean().item()
    assert accuracy == status.last["test_accuracy"]
    assert len(model.support_indices) == status.last["support_vectors"]


def test_the_same_seed_ends_with_the_same_numbers(tmp_path):
    first, second = (create_svm(tmp_path, dataset="digits", kernel="linear-svc", seed=3) for _ in range(2))
    assert train(first).last == train(second).last
    assert first.weights.read_bytes() == second.weights.read_bytes()


def test_a_table_of_it_has_no_empty_cells(tmp_path):
    run = create_svm(tmp_path)
    train(run)
    heading, row = to_csv(run).splitlines()
    assert "nan" not in row.lower()
    assert all(row.split(","))
    assert "lr" not in heading.split(",")


def test_a_solver_that_gives_up_is_a_warning(tmp_path):
    run = create_svm(tmp_path, dataset="digits", kernel="linear-svc", max_iter=2)
    assert train(run).state == "finished"
    assert [event["message"] for event in events(run, "warning")] == [
        "Liblinear failed to converge, increase the number of iterations."
    ]


def test_one_class_alone_fails_the_run_in_a_sentence(tmp_path):
    status = train(create_svm(tmp_path, train_size=1))
    assert (status.state, status.exit_code) == ("failed", 2)
    assert "there is nothing to separate" in status.message
    assert "train_size" in status.hint


# What it looks at


def test_its_inspections_tell_of_the_support_vectors(tmp_path):
    run = create_svm(tmp_path)
    status = train(run)
    found = read_inspections(run)
    assert found.keys() == {"confusion", "samples", "top-loss", "boundary", "standardize", "supports"}
    count = status.last["support_vectors"]
    assert sum(found["supports"].counts) == len(found["boundary"].supports) == count
    assert found["supports"].samples == (100, 100)
    assert set(found["boundary"].supports) < set(found["boundary"].train)
    assert found["confusion"].accuracy == status.last["test_accuracy"]
    losses = [sample.loss for sample in found["supports"].hardest]
    assert losses[::2] == sorted(losses[::2], reverse=True)  # the classes take turns


def test_a_linear_one_on_images_shows_what_each_class_looks_for(tmp_path):
    run = create_svm(tmp_path, dataset="digits", kernel="linear-svc", pca=30)
    train(run)
    found = read_inspections(run)
    assert found["filters"].filters == 10
    assert (found["filters"].pictures[0].width, found["filters"].pictures[0].height) == (8, 8)
    assert found["supports"].hardest[0].shown.width == 8


# Stopping


@pytest.mark.parametrize("how", ["control", "signal"])
def test_a_fit_that_would_not_end_stops_at_once(how, tmp_path):
    run = create_svm(tmp_path, **ENDLESS)
    worker = start(run)
    wait_for(run, is_fitting)
    request(run.control, "pause")
    wait_until(lambda: events(run, "log"))
    if how == "control":
        request(run.control, "stop")
    else:
        worker.terminate()
    worker.join()
    status = run.read_status()
    assert (worker.exitcode, status.state, status.epoch) == (0, "stopped", 0)
    assert "from the start" in status.hint
    assert [event["message"] for event in events(run, "log")] == [fit.NO_STEPS]
    assert not run.weights.exists()


def test_a_worker_of_its_own_ends_while_the_solver_goes_on(tmp_path):
    """`python -m tui_lab.worker`: the interpreter must not wait for the thread, nor crash in it."""
    run = create_svm(tmp_path, **ENDLESS)
    with start_worker(run, 1) as worker:
        wait_for(run, is_fitting)
        request(run.control, "stop")
    assert worker.returncode == 0
    assert run.read_status().state == "stopped"
    assert run.log.read_text() == ""


def test_a_stopped_one_is_fitted_from_the_start(tmp_path):
    run = create_svm(tmp_path)
    request(run.control, "stop")
    assert train(run).state == "stopped"
    assert (run.read_status().epoch, run.read_status().last) == (0, {})
    status = train(resume(run))
    assert (status.state, status.epoch) == ("finished", 1)
    assert len(events(run, "epoch")) == 1


def test_a_killed_one_is_fitted_from_the_start(tmp_path):
    run = create_svm(tmp_path, **ENDLESS)
    worker = start(run)
    wait_for(run, is_fitting)
    worker.kill()
    worker.join()
    assert run.read_status().actual_state() == "crashed"
    request(run.control, "stop")
    again = start(run)
    again.join()
    assert run.read_status().state == "stopped"


# How long it will take


class Clock:
    """Time that passes only when something is fitted."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    thread_time = perf_counter


class Slow(nn.Module):
    """Takes a billionth of a second times a power of the number of samples."""

    def __init__(self, clock, power):
        super().__init__()
        self.clock, self.power = clock, power
        self.precision = "fp64"

    def fit(self, x, y, seed):
        self.clock.now += 1e-9 * len(y) ** self.power
        return []


def fitting(samples, power, clock):
    hp = build(find_exercise("svm").hyperparameters, {})
    split = Split(torch.zeros(samples, 2), torch.arange(samples) % 2)
    train_split = Batches(split, None, fit_standardizer("none", split.x), is_training=False, seed=0, device="cpu")
    return Fitting(hp, lambda: Slow(clock, power), train_split, threads=1)


@pytest.mark.parametrize("power", [1.0, 1.7, 2.0, 3.0])
def test_what_a_fit_may_take_is_told_from_a_few_samples(power, monkeypatch):
    clock = Clock()
    monkeypatch.setattr(fit, "time", clock)
    expected = fitting(60_000, power, clock).expected_seconds()
    assert expected == pytest.approx(1e-9 * 60_000**power)
    assert clock.now < expected


def test_one_long_trial_is_enough(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(fit, "time", clock)
    assert fitting(8_000, 4.0, clock).expected_seconds() == pytest.approx(1e-9 * 500**4 * 16**fit.USUAL_GROWTH)
    assert clock.now == pytest.approx(1e-9 * 500**4)


def test_few_samples_are_not_tried_with(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(fit, "time", clock)
    assert fitting(1_999, 2.0, clock).expected_seconds() is None


def test_a_long_fit_is_warned_of_before_it_begins(tmp_path, monkeypatch):
    run, svm = create_svm(tmp_path), find_exercise("svm")
    asked = run.read_request()
    with Recorder(run) as recorder:
        session = open_session(run, recorder, asked, svm, build(svm.hyperparameters, asked.hyperparameters), threads=1)
        monkeypatch.setattr(session.engine, "expected_seconds", lambda: 600.0)
        assert session.run() == ""
        assert recorder.status.expected >= 600
    (warning,) = events(run, "warning")
    (epoch,) = events(run, "epoch")
    assert warning["message"] == (
        "Fitting 200 samples is expected to take about 10 min. If that is too long, stop it and set train_size."
    )
    assert warning["seq"] < epoch["seq"]


def test_progress_follows_what_was_expected_and_never_says_that_it_is_done():
    shares = [Status(is_fitted=True, epochs=1, elapsed=t, expected=10.0).progress for t in (0, 5, 10, 1e9)]
    assert shares == [0, 0.5, 0.99, 0.99]
    assert Status(is_fitted=True, epochs=1, elapsed=3.0).progress == 0
    assert Status(is_fitted=True, epochs=1, epoch=1, elapsed=3.0, expected=10.0).progress == 1


def test_weights_that_are_not_finite_are_no_result():
    engine = fitting(10, 1.0, Clock())
    engine.model.register_buffer("coefficients", torch.tensor([1.0, math.nan]))
    with pytest.raises(DivergedError, match="coefficients that are not finite"):
        engine.fit()
    assert engine.epoch == 0
