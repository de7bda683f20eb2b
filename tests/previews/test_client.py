"""The process that makes previews, and those who ask it."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import psutil
import pytest

from tests.waiting import wait_until
from tui_lab.errors import FAILED, MISSING, USAGE, TuiLabError
from tui_lab.previews import __main__ as server
from tui_lab.previews import client
from tui_lab.previews.client import PreviewProcess, SupersededError
from tui_lab.previews.content import LayerTable
from tui_lab.processes import write_line
from tui_lab.tools.tool import Folders

NOWHERE = Path("/nowhere")

# Answers "quick" at once, says something and dies at "fatal", and is for ever busy with anything else.
STAND_IN = """
import json, sys, threading
for line in sys.stdin:
    request = json.loads(line)
    if request["exercise"] == "fatal":
        sys.exit("the last word")
    if request["exercise"] != "quick":
        threading.Event().wait()
    content = {"input_shape": [request["draw"]], "layers": []}
    print(json.dumps({"id": request["id"], "content": content}), flush=True)
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[PreviewProcess]:
    """A client whose process needs no torch."""
    monkeypatch.setattr(client, "module_command", lambda module: [sys.executable, "-c", STAND_IN])
    monkeypatch.setattr(client, "PATIENCE_S", 0.02)
    with PreviewProcess() as process:
        yield process


@pytest.fixture(scope="module")
def real() -> Iterator[PreviewProcess]:
    with PreviewProcess() as process:
        yield process


class Asking(threading.Thread):
    """Asks from a thread of its own, and keeps what it gets."""

    def __init__(self, process: PreviewProcess, exercise: str, draw: int = 0) -> None:
        super().__init__(daemon=True)
        self._ask: Callable[[], LayerTable] = lambda: process.ask("layers", exercise, {}, NOWHERE, draw)
        self.answer: LayerTable | TuiLabError | None = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self._ask()
        except TuiLabError as error:
            self.answer = error

    def wait(self) -> LayerTable | TuiLabError:
        wait_until(lambda: self.answer is not None)
        assert self.answer is not None
        return self.answer


def pid_of(process: PreviewProcess) -> int:
    assert process._process is not None
    return process._process.pid


def quick(process: PreviewProcess, draw: int = 0) -> tuple[int, ...]:
    return process.ask("layers", "quick", {}, NOWHERE, draw).input_shape


def test_nothing_is_started_before_somebody_asks(stand_in: PreviewProcess) -> None:
    assert stand_in._process is None
    assert quick(stand_in, 3) == (3,)
    assert psutil.pid_exists(pid_of(stand_in))


def test_one_process_answers_many_questions(stand_in: PreviewProcess) -> None:
    quick(stand_in)
    pid = pid_of(stand_in)
    assert [quick(stand_in, draw) for draw in range(5)] == [(draw,) for draw in range(5)]
    assert pid_of(stand_in) == pid


def test_a_dead_process_is_started_again(stand_in: PreviewProcess) -> None:
    quick(stand_in)
    pid = pid_of(stand_in)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    assert quick(stand_in, 7) == (7,)
    assert pid_of(stand_in) != pid


def test_a_process_that_dies_of_a_question_is_told_with_its_last_word(stand_in: PreviewProcess) -> None:
    with pytest.raises(TuiLabError, match=r"ended with exit code 1\.") as caught:
        stand_in.ask("layers", "fatal", {}, NOWHERE)
    assert caught.value.hint == "the last word"
    assert quick(stand_in, 2) == (2,)


@pytest.mark.parametrize("disposition", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_process_that_dies_before_it_reads_is_told_and_started_again(
    stand_in: PreviewProcess, monkeypatch: pytest.MonkeyPatch, disposition: signal.Handlers
) -> None:
    """The command line lets SIGPIPE end it; it would end without a word."""
    signal.signal(signal.SIGPIPE, disposition)

    def killed_first(pipe: IO[Any], line: bytes) -> None:
        pid = pid_of(stand_in)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
        write_line(pipe, line)

    with monkeypatch.context() as patched:
        patched.setattr(client, "write_line", killed_first)
        with pytest.raises(TuiLabError, match=r"ended with SIGKILL\.") as caught:
            quick(stand_in)
    assert "memory" in caught.value.hint
    assert quick(stand_in, 4) == (4,)


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "module_command", lambda module: ["/nowhere/python"])
    with PreviewProcess() as process:
        for _ in range(2):
            with pytest.raises(TuiLabError, match="cannot be started"):
                quick(process)


def test_a_newer_question_ends_an_older_one_that_takes_long(stand_in: PreviewProcess) -> None:
    quick(stand_in)
    older = Asking(stand_in, "slow")
    wait_until(lambda: stand_in._working_on)
    assert quick(stand_in, 5) == (5,)
    assert isinstance(older.wait(), SupersededError)


def test_of_those_that_wait_only_the_newest_is_answered(
    stand_in: PreviewProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(stand_in)
    monkeypatch.setattr(client, "PATIENCE_S", 60.0)
    busy = Asking(stand_in, "slow")
    wait_until(lambda: stand_in._working_on)
    waiting = []
    for draw in range(3):
        before = stand_in._newest
        waiting.append(Asking(stand_in, "quick", draw))
        wait_until(lambda before=before: stand_in._newest > before)  # type: ignore[misc]
    os.kill(pid_of(stand_in), signal.SIGKILL)
    assert isinstance(busy.wait(), SupersededError)
    answers = [one.wait() for one in waiting]
    assert [isinstance(answer, SupersededError) for answer in answers] == [True, True, False]
    assert isinstance(answers[-1], LayerTable) and answers[-1].input_shape == (2,)


def test_a_start_is_not_interrupted(stand_in: PreviewProcess) -> None:
    """As long as it has not answered, a process is still importing: to start it anew would take as long again."""
    first = Asking(stand_in, "slow")
    wait_until(lambda: stand_in._working_on)
    pid = pid_of(stand_in)
    stand_in._interrupt_for(stand_in._newest + 1)
    assert psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    stand_in.close()
    assert isinstance(first.wait(), SupersededError)


def test_closing_ends_the_process_the_question_under_way_and_every_later_one(stand_in: PreviewProcess) -> None:
    busy = Asking(stand_in, "slow")
    wait_until(lambda: stand_in._working_on)
    pid = pid_of(stand_in)
    stand_in.close()
    assert isinstance(busy.wait(), SupersededError)
    assert not psutil.pid_exists(pid)
    with pytest.raises(SupersededError):
        quick(stand_in)
    stand_in.close()


def test_the_real_process_answers_layers_and_samples(real: PreviewProcess) -> None:
    layers = real.ask("layers", "convnet", {"crop": 28}, NOWHERE)
    assert layers.parameters == 1_191_170
    assert layers.input_shape == (3, 28, 28)
    grid = real.ask("samples", "convnet", {"dataset": "digits"}, NOWHERE)
    assert len(grid.samples) == 30
    assert grid != real.ask("samples", "convnet", {"dataset": "digits"}, NOWHERE, draw=1)


@pytest.mark.parametrize("implementation", ["by-hand", "autograd", "nn", "optim"])
def test_the_real_process_tests_learning_rates(real: PreviewProcess, implementation: str) -> None:
    values = {"implementation": implementation, "batch_size": 50, "scheduler": "exponential"}
    found = real.ask("rates", "mlp", values, NOWHERE)
    assert found.suggestion is not None and 1e-3 < found.suggestion < 1
    assert found == real.ask("rates", "mlp", {**values, "scheduler": "none", "lr": 7.0, "epochs": 3}, NOWHERE)
    assert found != real.ask("rates", "mlp", {**values, "seed": 1}, NOWHERE)


def test_what_is_not_trained_by_gradients_has_no_learning_rate_to_test(real: PreviewProcess) -> None:
    with pytest.raises(TuiLabError, match="svm is not trained by gradients") as caught:
        real.ask("rates", "svm", {}, NOWHERE)
    assert caught.value.exit_code == USAGE


def test_the_real_process_steps_back_behind_training_and_ends_with_its_stdin(real: PreviewProcess) -> None:
    real.ask("layers", "mlp", {}, NOWHERE)
    process = psutil.Process(pid_of(real))
    assert process.nice() >= min(psutil.Process().nice() + server.NICENESS, 19)
    assert real._process is not None and real._process.stdin is not None
    real._process.stdin.close()
    wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE)
    with pytest.raises(TuiLabError, match="no exercise"):  # and starts again
        real.ask("layers", "mpl", {}, NOWHERE)


@pytest.mark.parametrize(
    ("exercise", "values", "sentence", "exit_code"),
    [
        ("convnt", {}, "There is no exercise 'convnt'", USAGE),
        ("convnet", {"lr": -1}, "lr = -1: must be 0 < lr <= 100", USAGE),
        ("convnet", {"crop": 99}, "crop = 99: is larger than the 32×32 images", USAGE),
        ("convnet", {}, "cifar10 is not in /nowhere", MISSING),
        ("convnet", {"dataset": "folder", "folder": "/nowhere/mine"}, "There is no folder /nowhere/mine", MISSING),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    real: PreviewProcess, exercise: str, values: dict[str, Any], sentence: str, exit_code: int
) -> None:
    with pytest.raises(TuiLabError) as caught:
        real.ask("samples", exercise, values, NOWHERE)
    assert sentence in caught.value.message
    assert caught.value.exit_code == exit_code


def test_no_request_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError("too large\nand more")

    monkeypatch.setattr(server, "layers", fail)
    good = {"id": 9, "kind": "layers", "exercise": "mlp", "hyperparameters": {}, "data_dir": "/", "draw": 0}
    lines = ["", "null", "[]", "{", '{"id": 4}', json.dumps(good)]
    answers = io.StringIO()
    server.serve(io.StringIO("\n".join(lines) + "\n"), answers)
    found = [json.loads(line) for line in answers.getvalue().splitlines()]
    assert len(found) == len(lines)
    assert all(answer["error"] and answer["exit_code"] == FAILED for answer in found)
    assert [answer["id"] for answer in found[-2:]] == [4, 9]
    assert found[-1]["error"] == "MemoryError: too large"


def test_tools_are_worked_out_and_their_mistakes_come_back_as_errors(real: PreviewProcess) -> None:
    folders = Folders(NOWHERE, NOWHERE)
    result = real.work_out("parameters", {"dataset": "mnist"}, folders)
    assert result.table is not None and result.table.rows[0][2] == "1 × 28 × 28"
    assert real.work_out("fc-as-conv", {"dataset": "digits"}, folders, measure=True).galleries
    with pytest.raises(TuiLabError, match="cifar10 is not in /nowhere") as caught:
        real.work_out("augment", {}, folders)
    assert caught.value.exit_code == MISSING
