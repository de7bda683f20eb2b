"""control.json: each request reaches the worker once, and what was meant for an earlier worker does not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.runs.control import COMMANDS, Control, ControlWatcher, read_control, renew, request


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.json"


# Asking


def test_nothing_asked_is_run(path):
    assert read_control(path) == Control("run", None, 0)


def test_a_request_keeps_what_it_does_not_give(path):
    assert request(path, "pause") == Control("pause", None, 1)
    assert request(path, lr=0.5) == Control("pause", 0.5, 2)
    assert request(path, "run") == Control("run", 0.5, 3)
    assert request(path, "run", 0.1) == Control("run", 0.1, 4)
    assert read_control(path) == Control("run", 0.1, 4)


def test_a_new_learning_rate_does_not_repeat_a_single_step(path):
    request(path, "step")
    assert request(path, lr=0.5) == Control("pause", 0.5, 2)


def test_renewing_forgets_what_was_asked_of_the_earlier_worker(path):
    request(path, "stop", 0.5)
    renew(path)
    assert read_control(path) == Control("run", None, 2)
    renew(path, 0.25)
    assert read_control(path) == Control("run", 0.25, 3)


@given(st.sampled_from(COMMANDS), st.none() | st.floats(1e-12, 100), st.integers(0))
def test_a_valid_request_is_read_as_it_stands(tmp_path_factory, command, lr, seq):
    path = tmp_path_factory.getbasetemp() / "valid.json"
    path.write_text(json.dumps({"command": command, "lr": lr, "seq": seq}))
    assert read_control(path) == Control(command, lr, seq, steps=1 if command == "step" else 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**308, 10**330) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["command", "lr", "seq"]), inner),
    max_leaves=5,
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_there_reads_as_a_control(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "garbled.json"
    path.write_bytes(content)
    control = read_control(path)
    assert control.command in COMMANDS
    assert control.lr is None or 0 < control.lr < float("inf")
    assert isinstance(control.seq, int)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b'{"command": "stop"}',
        b'{"command": "explode", "seq": 1}',
        b'{"command": ["stop"], "seq": 1}',
        b'{"command": "stop", "seq": "1"}',
        b"\xff\xfe",
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_a_garbled_request_is_the_default(path, content):
    path.write_bytes(content)
    assert read_control(path) == Control()


@pytest.mark.parametrize("lr", ["0", "-0.1", "NaN", "Infinity", "true", '"high"', "[0.1]", "1e999"])
def test_a_learning_rate_that_is_none_is_left_out_and_the_command_still_counts(path, lr):
    path.write_text(f'{{"command": "pause", "lr": {lr}, "seq": 3}}')
    assert read_control(path) == Control("pause", None, 3)


def test_a_learning_rate_beyond_every_float_is_left_out(path):
    path.write_text('{"command": "pause", "lr": 1' + "0" * 400 + ', "seq": 3}')
    assert read_control(path) == Control("pause", None, 3)


# Watching


def test_each_request_is_given_once(path):
    watcher = ControlWatcher(path)
    assert watcher.poll() is None
    request(path, "pause")
    assert watcher.poll() == Control("pause", None, 1)
    assert watcher.poll() is None
    request(path, "run", 0.5)
    assert watcher.poll() == Control("run", 0.5, 2)
    assert watcher.poll() is None


def test_two_single_steps_are_two(path):
    watcher = ControlWatcher(path)
    for seq in (1, 2):
        request(path, "step")
        assert watcher.poll() == Control("step", None, seq, steps=1)
        assert watcher.poll() is None


@given(st.lists(st.sampled_from([*COMMANDS, "lr", "look"])))
def test_every_single_step_asked_for_in_a_row_is_given_however_often_the_worker_looks(tmp_path_factory, asked):
    """What was asked before something else counts only if the worker looked in time."""
    path = tmp_path_factory.mktemp("control") / "control.json"
    watcher = ControlWatcher(path)
    due = 0
    for what in [*asked, "look"]:
        if what == "look":
            control = watcher.poll()
            assert (control.steps if control else 0) == due
            due = 0
        elif what == "lr":
            request(path, lr=0.5)
            due = 0
        else:
            request(path, what)
            due = due + 1 if what == "step" else 0


@pytest.mark.parametrize("steps", ["0", "-3", "2.5", "null", '"2"', "1e999"])
def test_a_number_of_steps_that_is_none_is_one(path, steps):
    path.write_text(f'{{"command": "step", "seq": 3, "steps": {steps}}}')
    assert ControlWatcher(path).poll() == Control("step", None, 3, steps=1)


def test_the_last_of_several_requests_counts_with_what_it_kept(path):
    """Many times over: files that replace each other within one tick of the clock get each other's inodes."""
    watcher = ControlWatcher(path)
    for seq in range(1, 600, 3):
        request(path, "pause", lr=seq)
        assert watcher.poll() == Control("pause", seq, seq)
        request(path, "run")
        request(path, "step")
        assert watcher.poll() == Control("step", seq, seq + 2, steps=1)


@pytest.mark.parametrize("command", ["stop", "pause", "step"])
def test_what_an_earlier_worker_took_is_not_given_to_the_next(path, command):
    request(path, "run")
    taken = request(path, command).seq
    watcher = ControlWatcher(path, taken)
    assert watcher.poll() is None
    request(path, command)
    assert watcher.poll() == Control(command, None, taken + 1, steps=1 if command == "step" else 0)


@pytest.mark.parametrize("command", ["stop", "pause"])
def test_what_was_asked_while_the_worker_was_starting_counts(path, command):
    request(path, command)
    assert ControlWatcher(path).poll() == Control(command, None, 1)


def test_a_run_that_waits_at_the_start_brings_its_learning_rate(path):
    taken = request(path, "stop").seq
    renew(path, 0.25)
    watcher = ControlWatcher(path, taken)
    assert watcher.poll() == Control("run", 0.25, 2)
    assert watcher.poll() is None


def test_a_file_that_vanishes_or_is_garbled_asks_for_nothing(path):
    request(path, "pause")
    watcher = ControlWatcher(path)
    assert watcher.poll() == Control("pause", None, 1)
    path.write_bytes(b"{")
    assert watcher.poll() is None
    path.unlink()
    assert watcher.poll() is None
    request(path, "run")
    request(path, "stop")
    assert watcher.poll() == Control("stop", None, 2)
