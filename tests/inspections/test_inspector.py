"""When inspections are made, and that they change nothing and fail nothing."""

import errno
import random

import pytest
import torch
from torch import nn

from tests.inspections.runs import EVERYTHING_RANDOM, SMALL_IMAGES, SMALL_POINTS, opened
from tests.training.workers import create, start, train, wait_for
from tests.waiting import wait_until
from tui_lab.inspections import inspector as module
from tui_lab.inspections import looks
from tui_lab.inspections.catalogue import read_inspection, read_inspections
from tui_lab.runs.control import request
from tui_lab.runs.events import EventReader

RANDOM_IMAGES = {**SMALL_IMAGES, **EVERYTHING_RANDOM, "batch_norm": True, "optimizer": "sgd", "momentum": 0.9}


ONCE = ["first-epoch", "standardize"]  # they tell nothing of later weights
OF_IMAGES = ["confusion", "samples", "top-loss", "filters", "feature-maps", "activations", *ONCE]
OF_POINTS = ["confusion", "samples", "top-loss", "boundary", "units", "activations", *ONCE, "gradient-check"]


@pytest.fixture
def unlimited(monkeypatch):
    """Inspections after every epoch."""
    monkeypatch.setattr(module, "MOST_OF_TRAINING", 1e9)
    monkeypatch.setattr(module, "LEAST_INTERVAL_S", 0.0)


def names(events):
    return [event["name"] for event in events]


# What is made


def test_a_run_on_images_has_confusion_samples_and_filters(tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES) as it:
        it.session.run()
        found = read_inspections(it.run)
        assert list(found) == OF_IMAGES
        once = {name: (one.epoch, one.total_step) for name, one in found.items() if name in ONCE}
        assert once == dict.fromkeys(ONCE, (1.0, 5))
        assert {(one.epoch, one.total_step) for name, one in found.items() if name not in ONCE} == {(2.0, 10)}
        correct = round(it.recorder.status.last["test_accuracy"] * 60)
        assert sum(row[i] for i, row in enumerate(found["confusion"].counts)) == correct
        assert sum(map(sum, found["confusion"].counts)) == 60
        events = it.events("inspection")
    again = [name for name in OF_IMAGES if name not in ONCE]
    assert sorted(names(events)) == sorted(OF_IMAGES + again)
    assert [event["total_step"] for event in events] == [5] * len(OF_IMAGES) + [10] * len(again)


def test_a_run_on_points_has_a_boundary_that_is_what_the_model_says(tmp_path):
    with opened(tmp_path, "mlp", standardize="channel", **SMALL_POINTS) as it:
        it.session.run()
        found = read_inspections(it.run)
        assert list(found) == OF_POINTS
        boundary = found["boundary"]
        x = it.dataset.train.x
        mean, std = x.mean(0), x.std(0)
        for column, row in ((0, 0), (59, 0), (30, 20), (7, 59)):
            step = boundary.side / boundary.cells
            place = torch.tensor([boundary.left + (column + 0.5) * step, boundary.bottom + (59.5 - row) * step])
            expected = it.session.engine.model(((place - mean) / std)[None]).softmax(1)[0]
            assert [value / 255 for value in boundary.at(column, row)] == pytest.approx(expected.tolist(), abs=0.003)
    points = torch.cat([it.dataset.train.x, it.dataset.test.x])
    for axis, low in enumerate((boundary.left, boundary.bottom)):
        assert low < float(points[:, axis].min()) and low + boundary.side > float(points[:, axis].max())
    assert (len(boundary.train), len(boundary.test)) == (40, 30)
    assert boundary.train[3].label == int(it.dataset.train.y[3])
    assert (boundary.train[3].x, boundary.train[3].y) == pytest.approx(tuple(x[3].tolist()), abs=1e-4)


@pytest.mark.parametrize("values", [{}, {"hidden_bias_gradient": "pooled", "reduction": "sum"}])
def test_gradients_by_hand_are_checked_after_the_first_epoch_and_the_last(values, tmp_path, unlimited):
    with opened(tmp_path, "mlp", implementation="by-hand", **SMALL_POINTS, **values) as it:
        it.session.run()
        found = read_inspection(it.run, "gradient-check")
        made = [event["epoch"] for event in it.events("inspection") if event["name"] == "gradient-check"]
    assert [tensor.symbol for tensor in found.wrong] == ["b_1"] * bool(values)
    assert (found.epoch, found.samples, found.reduction) == (3.0, 20, values.get("reduction", "mean"))
    assert made == [1.0, 3.0]


def test_the_gradients_of_a_network_on_images_are_checked_too(tmp_path):
    with opened(tmp_path, "mlp", **SMALL_IMAGES) as it:
        it.session.run()
        assert read_inspection(it.run, "gradient-check").wrong == ()
        assert read_inspection(it.run, "filters").filters == 10


def test_points_of_large_splits_are_an_even_part(tmp_path):
    with opened(tmp_path, "mlp", train_size=1000, test_size=450, epochs=1) as it:
        it.session.run()
        boundary = read_inspection(it.run, "boundary")
    assert (len(boundary.train), len(boundary.test)) == (400, 400)
    assert boundary.train[-1].label == int(it.dataset.train.y[997])


def test_a_softmax_output_is_not_taken_for_logits(tmp_path):
    with opened(tmp_path, "mlp", softmax_output=True, lr=1.0, **SMALL_POINTS) as it:
        it.session.run()
        sample = read_inspection(it.run, "samples").chosen[0]
        x, _ = it.session.evaluations["test"].batch(it.session.evaluations["test"].draw(0), 0)
        expected = it.session.engine.model(x[sample.index : sample.index + 1])[0].max().detach()
    assert sample.guesses[0].probability == pytest.approx(float(expected), abs=1e-4)


# When


def test_the_first_epoch_is_inspected_and_then_what_the_budget_allows(tmp_path, monkeypatch):
    with opened(tmp_path, "mlp", **SMALL_POINTS) as it:
        clock = [100.0]
        monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
        monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])
        inspector = it.inspector
        inspector._looks = {"slow": lambda _: clock.__setitem__(0, clock[0] + 0.5)}
        assert inspector.is_due(3.0)
        inspector.inspect(it.session.engine, None)  # takes half a second, and the next one may as well
        assert not inspector.is_due(4.0)
        clock[0] += 100
        assert not inspector.is_due(3.0 + 49)
        assert inspector.is_due(3.0 + 51)
        inspector.inspect(it.session.engine, None)
        assert not inspector.is_due(3.0 + 10_000)  # not twice within a second
        clock[0] += 1
        assert inspector.is_due(3.0 + 10_000)


def test_what_is_inspected_while_the_run_stands_is_not_counted(tmp_path, monkeypatch):
    with opened(tmp_path, "mlp", **SMALL_POINTS) as it:
        clock = [100.0]
        monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
        monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])
        it.inspector._looks = {"slow": lambda _: clock.__setitem__(0, clock[0] + 0.5)}
        assert it.inspector.is_due(0.0)
        for _ in range(100):
            it.inspector.inspect(it.session.engine, None)
        clock[0] += 2
        assert it.inspector.is_due(51.0)


@pytest.fixture
def paused(tmp_path):
    """A run on points that its worker has paused."""
    run = create(tmp_path, "mlp", epochs=100_000)
    worker = start(run)
    try:
        wait_for(run, lambda status: status.epoch >= 1)
        request(run.control, "pause")
        wait_for(run, lambda status: status.state == "paused")
        yield run, worker
    finally:
        worker.kill()
        worker.join()


def of_weights(run):
    """The steps at which the inspections were made that tell of the weights."""
    return {one.total_step for name, one in read_inspections(run).items() if name not in ONCE}


def test_files_fit_the_weights_of_a_run_wherever_it_comes_to_stand(paused):
    run, worker = paused

    def steps():
        events = [event for event in EventReader(run.events).read() if event["kind"] in ("step", "inspection")]
        return {kind: [e["total_step"] for e in events if e["kind"] == kind] for kind in ("step", "inspection")}

    at = steps()["step"][-1]
    made = len(OF_POINTS) - len(ONCE)
    wait_until(lambda: steps()["inspection"][-made:] == [at] * made)
    request(run.control, "step")  # every single step of a paused run is shown
    wait_until(lambda: steps()["inspection"][-made:] == [at + 1] * made)
    assert of_weights(run) == {at + 1}
    assert read_inspection(run, "boundary").epoch == pytest.approx((at + 1) / 20, abs=1e-4)
    request(run.control, "run")
    wait_for(run, lambda status: status.state == "running")
    request(run.control, "stop")
    worker.join()
    assert run.read_status().state == "stopped"
    assert of_weights(run) == {steps()["step"][-1]}


def test_a_pass_over_the_test_split_that_would_take_long_is_left_out(tmp_path, monkeypatch):
    with opened(tmp_path, "mlp", **SMALL_POINTS) as it:
        engine = it.session.engine
        engine.begin_epoch()
        engine.train_step()
        it.session.watch.set(60.0)  # ten samples in a minute
        it.session._look_inside(5.0)
        alone = ["boundary", "units", "activations", "gradient-check"]
        assert names(it.events("inspection")) == [*alone[:3], "standardize", *alone[3:]]
        it.session.watch.set(0.1)
        engine.train_step()
        it.session._look_inside(5.0)
        assert names(it.events("inspection"))[5:] == ["confusion", "samples", "top-loss", *alone]
        it.session._look_inside(5.0)  # of the same weights
        assert len(it.events("inspection")) == 12


# That nothing changes


def everything(session):
    """Weights, buffers and optimiser state, flat."""
    state = session.engine.state()
    tensors = dict(state["model"])
    for key, slots in state["optimizer"].get("state", {}).items():
        tensors |= {f"{key}.{slot}": value for slot, value in slots.items() if isinstance(value, torch.Tensor)}
    return tensors


def assert_same(first, second):
    one, other = everything(first), everything(second)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("exercise", "values"), [("convnet", RANDOM_IMAGES), ("mlp", {**SMALL_POINTS, "optimizer": "adam"})]
)
def test_a_run_ends_with_the_same_bits_with_and_without(exercise, values, tmp_path, unlimited):
    with (
        opened(tmp_path, exercise, **values) as seen,
        opened(tmp_path, exercise, inspected=False, **values) as unseen,
    ):
        seen.session.run()
        unseen.session.run()
        assert_same(seen.session, unseen.session)
        assert seen.recorder.status.last == unseen.recorder.status.last
        made = names(seen.events("inspection"))
        assert made.count("activations") == made.count("confusion") == values["epochs"]
        assert made.count("first-epoch") == 1 and not unseen.events("inspection")


@pytest.mark.parametrize(("exercise", "values"), [("convnet", RANDOM_IMAGES), ("mlp", SMALL_POINTS)])
def test_looking_between_any_two_steps_changes_no_bit(exercise, values, tmp_path):
    with (
        opened(tmp_path, exercise, **values) as seen,
        opened(tmp_path, exercise, inspected=False, **values) as unseen,
    ):
        for it in (seen, unseen):
            engine = it.session.engine
            engine.begin_epoch()
            for _ in range(engine.steps_per_epoch):
                engine.train_step()
                if it is seen:
                    torch.manual_seed(random.randrange(99))  # whatever state the draws are in
                    before = torch.get_rng_state()
                    it.inspector.follow(engine)
                    it.inspector.inspect(engine, None, may_evaluate=True)
                    assert torch.equal(torch.get_rng_state(), before)
                    assert all(module.training for module in engine.model.modules())
        assert_same(seen.session, unseen.session)
        assert seen.session.engine.metered() == unseen.session.engine.metered()


# That nothing fails


def test_a_failing_inspection_is_warned_of_once_and_the_run_goes_on(tmp_path, monkeypatch, unlimited, capfd):
    def broken(*_: object) -> None:
        raise ValueError("odd weights")

    monkeypatch.setattr(looks, "filters", broken)
    with opened(tmp_path, "convnet", **SMALL_IMAGES) as it:
        assert it.session.run() == ""
        warnings = [event["message"] for event in it.events("warning")]
        assert len(warnings) == 1
        assert "filters" in warnings[0] and "odd weights" in warnings[0]
        assert list(read_inspections(it.run)) == [name for name in OF_IMAGES if name != "filters"]
    assert "Traceback" in capfd.readouterr().err


def test_an_evaluation_that_fails_leaves_the_model_in_train_mode(tmp_path, monkeypatch):
    with opened(tmp_path, "mlp", **SMALL_POINTS) as it:
        engine = it.session.engine
        engine.begin_epoch()

        def full(*_: object) -> None:
            raise torch.OutOfMemoryError("out of memory")

        monkeypatch.setattr(engine, "_forward", full)
        it.inspector.inspect(engine, None, may_evaluate=True)
        assert engine.model.training
        messages = [event["message"] for event in it.events("warning")]
    assert len(messages) == 4 and all("Out of memory." in message for message in messages)


def test_a_disk_that_is_full_for_inspections_only_is_said_and_the_run_goes_on(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_inspection", full)
    with opened(tmp_path, "mlp", **SMALL_POINTS) as it:
        it.session.run()
        assert ["The disk is full" in event["message"] for event in it.events("warning")] == [True] * len(OF_POINTS)
        assert not it.events("inspection")


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path):
    run = create(tmp_path, "mlp", epochs=2)
    run.inspections.write_text("a file where the folder should be")
    assert train(run).state == "finished"
    assert read_inspections(run) == {}


def test_what_a_killed_worker_left_half_written_is_removed(tmp_path):
    with opened(tmp_path, "mlp", **SMALL_POINTS) as it:
        it.run.inspections.mkdir()
        half = it.run.inspections / ".boundary.json.1-2.partial"
        half.touch()
        module.Inspector(it.recorder, it.dataset, it.session.evaluations["test"])
        assert not half.exists()


def test_a_model_without_layers_that_can_be_shown_has_no_filters(tmp_path, monkeypatch):
    with opened(tmp_path, "convnet", **SMALL_IMAGES) as it:
        it.session.engine.begin_epoch()
        it.session.engine.train_step()
        engine = it.session.engine
        monkeypatch.setattr(engine, "model", nn.Sequential(nn.Flatten(), nn.ReLU()))
        it.inspector.inspect(engine, None)
        assert names(it.events("inspection")) == ["standardize"] and not it.events("warning")
