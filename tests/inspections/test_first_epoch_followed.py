"""The first epoch: measured at even steps, with the weights of the moment, within a budget, and taken up again."""

import math

import pytest
import torch

from tests.inspections.runs import SMALL_IMAGES, SMALL_POINTS, opened
from tui_lab.inspections import first_epoch as module
from tui_lab.inspections.catalogue import read_inspection
from tui_lab.inspections.first_epoch import FirstEpochFollower
from tui_lab.training.session import Stopped

FINE = {**SMALL_POINTS, "batch_size": 1, "epochs": 1}  # 40 steps


def test_moments_are_even_and_what_the_weights_of_the_moment_can_do(tmp_path):
    with opened(tmp_path, "mlp", **FINE) as it:
        engine = it.session.engine
        follower = FirstEpochFollower(it.run, it.session.evaluations["test"])
        engine.begin_epoch()
        asked = follower.follow(engine)
        expected = {}
        while engine.step < engine.steps_per_epoch:
            engine.train_step()
            if engine.step == asked:
                whole = engine.train.part(torch.arange(40)), it.session.evaluations["test"]
                expected[asked] = [engine.evaluate(batches) for batches in whole]
                asked = follower.follow(engine)
        found = follower.content()
        losses, accuracies = engine.metered()
    assert asked is None and follower.content() is None  # nothing new
    assert [one.step for one in found.moments] == [0, *(round(40 * i / 12) for i in range(1, 13))]
    assert (found.epoch, found.total_step, found.train_samples, found.test_samples) == (1.0, 40, 40, 30)
    assert math.isnan(found.moments[0].running.accuracy)
    for moment in found.moments[1:]:
        train, test = expected[moment.step]
        assert (moment.train.accuracy, moment.train.loss) == pytest.approx((train.accuracy, train.loss), rel=1e-5)
        assert (moment.test.accuracy, moment.test.loss) == pytest.approx((test.accuracy, test.loss), rel=1e-5)
        assert moment.running.loss == pytest.approx(sum(losses[: moment.step]) / moment.step, rel=1e-5)
        assert moment.running.accuracy == pytest.approx(sum(accuracies[: moment.step]) / moment.step, rel=1e-5)


def test_the_running_mean_ends_where_the_epoch_is_said_to(tmp_path):
    with opened(tmp_path, "convnet", **SMALL_IMAGES, dropout=0.5, crop=8, crop_padding=1) as it:
        it.session.run()
        last = read_inspection(it.run, "first-epoch").moments[-1]
        first = it.events("epoch")[0]
    assert last.running.accuracy == pytest.approx(first["train_accuracy"], rel=1e-5)
    assert last.running.loss == pytest.approx(first["train_loss"], rel=1e-5)
    assert last.test.accuracy == pytest.approx(first["test_accuracy"], rel=1e-5)  # on the whole split, for it is small


def test_it_is_no_part_of_the_throughput(tmp_path, monkeypatch):
    with opened(tmp_path, "mlp", **FINE) as it:
        session = it.session
        session.watch.start()
        session._reported_at = 5.0
        monkeypatch.setattr(it.inspector, "follow", lambda engine: session.watch.set(session.watch.elapsed + 100) or 3)
        assert session._follow() == 3
        assert session._reported_at == pytest.approx(105.0, abs=1.0)


def test_what_costs_too_much_is_asked_of_fewer_then_less_often_then_not_at_all(tmp_path, monkeypatch):
    with opened(tmp_path, "convnet", **{**SMALL_IMAGES, "train_size": 200, "test_size": 200, "batch_size": 10}) as it:
        engine, test = it.session.engine, it.session.evaluations["test"]
        clock = [0.0]
        monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])
        monkeypatch.setattr(module, "COST_S", 0.5)
        evaluate = engine.evaluate

        def slow(batches, *rest):
            clock[0] += batches.samples * each
            return evaluate(batches, *rest)

        monkeypatch.setattr(engine, "evaluate", slow)
        made = {}
        for each in (1e-4, 2.5e-4, 5e-4, 1e-2):
            follower = FirstEpochFollower(it.run, test)
            step, found = follower.follow(engine), follower.content()
            made[each] = (step, found.train_samples if found else 0, bool(follower.reason))
        monkeypatch.setattr(module, "MOST_COST_S", 0.0)  # however long the training
        made["hurried"] = FirstEpochFollower(it.run, test).follow(engine)
    # Half a second, for 13 moments of two splits or for seven
    assert made.pop("hurried") is None
    assert made == {1e-4: (2, 192, False), 2.5e-4: (2, 76, False), 5e-4: (3, 71, False), 1e-2: (None, 0, True)}


def test_where_it_is_left_out_the_log_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_affordable_passes", lambda engine: 0.0)
    with opened(tmp_path, "mlp", **FINE) as it:
        it.session.run()
        assert read_inspection(it.run, "first-epoch") is None
        (said,) = [event["message"] for event in it.events("log")]
    assert "too long beside the training" in said


def test_an_epoch_that_was_interrupted_goes_on(tmp_path):
    with opened(tmp_path, "mlp", **FINE) as it:
        engine, inspector = it.session.engine, it.inspector
        follow, asked = inspector.follow, []

        def stopping(engine):
            asked.append(engine.step)
            if engine.step >= 20:
                it.session.interrupt()
            return follow(engine)

        inspector.follow = stopping
        with pytest.raises(Stopped):
            it.session.run()
        state = it.session.state()
        before = read_inspection(it.run, "first-epoch")
        assert before.total_step == 20 and before.epoch == 0.5
        later = type(inspector)(it.recorder, it.dataset, it.session.evaluations["test"])
        it.session._inspector, it.session._is_interrupted = later, False
        engine.load_state(state["engine"])
        it.session.run()
        after = read_inspection(it.run, "first-epoch")
    assert asked[-1] == 20
    assert [one.step for one in after.moments] == [0, *(round(40 * i / 12) for i in range(1, 13))]
    assert [one.test for one in after.moments[: len(before.moments)]] == [one.test for one in before.moments]


def test_an_epoch_whose_beginning_nobody_saw_is_not_followed(tmp_path):
    with opened(tmp_path, "mlp", **FINE) as it:
        engine = it.session.engine
        engine.begin_epoch()
        engine.train_step()
        follower = FirstEpochFollower(it.run, it.session.evaluations["test"])
        assert follower.follow(engine) is None and follower.content() is None
        engine.end_epoch()
        assert follower.follow(engine) is None


def test_a_loss_that_is_not_finite_is_left_to_the_session(tmp_path):
    with opened(tmp_path, "mlp", **FINE) as it:
        engine = it.session.engine
        engine.begin_epoch()
        it.inspector.follow(engine)
        with torch.no_grad():
            next(engine.model.parameters()).fill_(math.nan)
        engine.train_step()
        assert it.inspector.follow(engine) is None
        assert not it.events("warning")
