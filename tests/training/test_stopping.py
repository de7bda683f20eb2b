"""A wish to stop is heard within an evaluation, which may take minutes with a large network."""

import pytest
import torch

from tests.inspections.runs import opened
from tui_lab.runs.control import request
from tui_lab.training.checkpoint import load_checkpoint
from tui_lab.training.session import Stopped

IN_THREE_BATCHES = {"train_size": 40, "test_size": 1200, "epochs": 3}  # an evaluation


def trained(it):
    metrics = [
        {name: event[name] for name in event if "_loss" in name or "_acc" in name} for event in it.events("epoch")
    ]
    return metrics, it.session.engine.weights()


def test_a_stop_within_an_evaluation_is_heard_and_whoever_goes_on_evaluates_again(tmp_path):
    with opened(tmp_path / "whole", "mlp", **IN_THREE_BATCHES) as it:
        it.session.run()
        metrics, weights = trained(it)
    with opened(tmp_path / "stopped", "mlp", **IN_THREE_BATCHES) as it:
        engine, listen, heard_in = it.session.engine, it.session._listen, []

        def asked_in_the_second_epoch():
            heard_in.append(engine.epoch)
            if engine.epoch == 1:
                request(it.run.control, "stop")
            listen()

        it.session._listen = asked_in_the_second_epoch
        with pytest.raises(Stopped):
            it.session.run()
        before, _ = trained(it)
        assert heard_in == [0, 0, 1]
        assert engine.model.training
        state = load_checkpoint(it.run.checkpoint)
        stopped = it
    with opened(tmp_path / "resumed", "mlp", **IN_THREE_BATCHES) as it:
        it.session.load_state(state)
        assert (it.session.engine.epoch, it.session.engine.step) == (1, it.session.engine.steps_per_epoch)
        it.session.run()
        after, resumed = trained(it)
    assert before + after == metrics
    told = [event["steps"] for run in (stopped, it) for event in run.events("step")]
    assert sum(told) == 3 * it.session.engine.steps_per_epoch  # none is lost, none is told twice
    assert all(torch.equal(resumed[name], tensor) for name, tensor in weights.items())


def test_a_pause_within_an_evaluation_begins_after_it(tmp_path):
    with opened(tmp_path, "mlp", **IN_THREE_BATCHES) as it:
        engine, listen, wait = it.session.engine, it.session._listen, it.session._wait
        waited_at = []

        def asked():
            if engine.epoch == 0:
                request(it.run.control, "pause")
            listen()

        def let_go_on():
            waited_at.append(engine.total_step)
            request(it.run.control, "run")
            wait()

        it.session._listen, it.session._wait = asked, let_go_on
        it.session.run()
        assert waited_at == [engine.steps_per_epoch + 1]
        assert len(it.events("epoch")) == 3
