"""A run directory: held by one process at a time, and its request is read as it was written."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.conftest import make_run
from tui_lab.errors import RunBusyError, UsageError
from tui_lab.runs import directory
from tui_lab.runs.directory import Request, RunDirectory, git_commit, versions
from tui_lab.runs.status import Status

HOLD = """
import sys
from pathlib import Path
from tui_lab.runs.directory import RunDirectory
with RunDirectory(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def holder(run):
    """Another process that holds the run."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


# Holding


def test_a_run_that_is_held_is_refused_and_free_again_when_its_holder_is_killed(run):
    with holder(run) as process:
        with pytest.raises(RunBusyError) as refused, run.held():
            raise AssertionError("held twice")
        assert refused.value.message == f"Run {run.id} is held by pid {process.pid} on {socket.gethostname()}."
        process.send_signal(signal.SIGKILL)
        process.wait()
        with run.held():
            pass


def test_the_same_process_cannot_hold_a_run_twice(run):
    with run.held():
        with pytest.raises(RunBusyError, match=f"pid {os.getpid()} "), RunDirectory(run.path).held():
            raise AssertionError("held twice")
        with pytest.raises(RunBusyError), run.held():
            raise AssertionError("held after a refusal")
    with run.held():
        pass


def test_an_error_lets_go_of_the_run(run):
    with pytest.raises(KeyboardInterrupt), run.held():
        raise KeyboardInterrupt
    with run.held():
        pass


def test_a_file_system_without_locks_is_not_taken_for_another_process(run, monkeypatch):
    def flock(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(directory.fcntl, "flock", flock)
    with pytest.raises(OSError, match="not implemented"), run.held():
        pass


def test_a_run_can_be_held_on_a_full_disk(tiny_disk, fill):
    run = make_run(tiny_disk)
    fill()
    with run.held(), pytest.raises(RunBusyError), run.held():
        pass


# The request

words = st.text(max_size=12)
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=8)
scalars = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | words
settings = st.dictionaries(names, scalars | st.lists(st.integers(0, 9)) | st.lists(words), max_size=5)
requests = st.builds(
    Request,
    exercise=words,
    hyperparameters=settings,
    preset=words,
    created=st.floats(0, 1e11),
    data_dir=words,
    versions=st.dictionaries(words, words, max_size=3),
    git_commit=words,
)


@given(requests)
def test_a_request_is_read_as_it_was_written(request):
    assert Request.from_toml(request.to_toml()) == request
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        run.write_request(request)
        assert run.read_request() == request


GARBLED = [
    "",
    "exercise = 7",
    'exercise = "mlp"',
    'exercise = "mlp"\nhyperparameters = 7',
    'exercise = "mlp"\nhyperparameters = ["lr"]',
    'exercise = "mlp"\ncreated = []\n[hyperparameters]',
    'exercise = "mlp"\ncreated = 1' + "0" * 400 + "\n[hyperparameters]",
    'exercise = "mlp"\nversions = 1\n[hyperparameters]',
    "exercise = mlp",
    "a = " + "[" * 10_000,
]


@pytest.mark.parametrize("text", GARBLED, ids=lambda text: text[:40])
def test_what_is_no_request_is_a_usage_error(run, text):
    run.request.write_text(text)
    with pytest.raises(UsageError, match=r"run\.toml"):
        run.read_request()
    assert run.read_status() == Status()


@given(st.binary())
def test_any_bytes_are_a_request_or_a_usage_error(content):
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder))
        run.request.write_bytes(content)
        with contextlib.suppress(UsageError):
            run.read_request()
        assert isinstance(run.read_status(), Status)


def test_a_missing_request_names_the_run(tmp_path):
    with pytest.raises(UsageError, match="Run nothing has no readable"):
        RunDirectory(tmp_path / "nothing").read_request()


# The status of a run whose status.json is lost


def test_a_lost_status_is_told_from_the_request(run):
    assert run.read_status() == Status(
        state="queued", exercise="mlp", hyperparameters={"epochs": 3, "lr": 0.1}, created=1.0, epochs=3
    )


def test_a_lost_status_of_a_run_that_began_is_a_crash(run):
    run.events.write_text("")
    for content in (None, b"", b"{", b'{"state": "unheard-of"}'):
        if content is not None:
            run.status.write_bytes(content)
        assert run.read_status().actual_state() == "crashed"


@pytest.mark.parametrize("epochs", ['"many"', "[1]", "-3", "inf", "nan", "true", "9" * 30])
def test_a_number_of_epochs_that_is_none_is_unknown(run, epochs):
    run.request.write_text(f'exercise = "mlp"\n[hyperparameters]\nepochs = {epochs}\n')
    assert run.read_status().exercise == "mlp"
    assert run.read_status().epochs == 0


# Where the numbers come from


def test_the_versions_are_those_of_the_packages():
    import torch

    found = versions()
    assert torch.__version__.startswith(found["torch"])
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


def test_the_commit_is_that_of_this_checkout():
    root = Path(directory.__file__).parents[2]
    head = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True)
    if head.returncode:
        pytest.skip("this is no checkout")
    assert head.stdout.startswith(git_commit().removesuffix("-dirty"))
