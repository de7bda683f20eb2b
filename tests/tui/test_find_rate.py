"""Finding a learning rate in the Labs area."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.tui.conftest import screen_text, until
from tests.tui.test_labs_screen import SIZES, choose, form, labs, opened
from tui_lab.errors import TuiLabError
from tui_lab.previews.client import SupersededError
from tui_lab.training.range_test import RangeTest
from tui_lab.tui.labs import rates
from tui_lab.tui.labs.rates import FindRate

RATES = tuple(10.0 ** (-6 + 7 * i / 99) for i in range(100))
FALLING = RangeTest(RATES, tuple(2.0 - 0.01 * max(0, i - 50) if i < 90 else 5.0 for i in range(100)), (2.0,) * 100)
FLAT = RangeTest(RATES, (2.0,) * 100, (2.0,) * 100)


class FakeProcess:
    """In place of the process with torch: what it is asked is kept, and answered once `go` is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: RangeTest | TuiLabError = FALLING
        self.go = threading.Event()
        self.is_closed = False

    def ask(self, *question: Any) -> RangeTest:
        self.asked.append(question)
        self.go.wait()
        if self.is_closed:
            raise SupersededError("closed")
        if isinstance(self.answer, TuiLabError):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.is_closed = True
        self.go.set()


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> FakeProcess:
    made = FakeProcess()
    monkeypatch.setattr(rates, "PreviewProcess", lambda: made)
    return made


def dialog(app) -> FindRate | None:
    return app.screen if isinstance(app.screen, FindRate) else None


@pytest.mark.parametrize("size", SIZES)
async def test_enter_takes_the_suggestion_into_the_form(make_app: Callable[..., Any], process: FakeProcess, size):
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "mlp/circles-quick")
        await pilot.press("F")
        await until(pilot, lambda: process.asked)
        kind, exercise, values, _ = process.asked[0]
        assert (kind, exercise, values["lr"], values["epochs"]) == ("rates", "mlp", 0.1, 100)
        await until(pilot, lambda: "Training 100 steps" in screen_text(app))
        await pilot.press("enter")  # too early
        assert dialog(app)
        process.go.set()
        await until(pilot, lambda: "Suggested: lr = " in screen_text(app))
        await until(pilot, lambda: "Take it" in screen_text(app) and "log x" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is labs(app))
        assert process.is_closed
        assert form(app).values["lr"] == FALLING.suggestion
        assert form(app).values["epochs"] == 100
        await choose(pilot, app, "convnet/")
        await choose(pilot, app, "mlp/circles-quick")
        await until(pilot, lambda: form(app).values["lr"] == FALLING.suggestion)  # kept as if it had been typed


async def test_escape_ends_the_test_and_changes_nothing(make_app, process):
    app = make_app()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, app)
        await pilot.press("F")
        await until(pilot, lambda: process.asked)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is labs(app) and process.is_closed)
        assert form(app).values["lr"] == 0.03


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [(FLAT, "At no rate did the loss fall"), (TuiLabError("Out of memory.", "Use a smaller --batch-size."), "Out of")],
)
async def test_without_a_suggestion_there_is_nothing_to_take(make_app, process, answer, sentence):
    app = make_app()
    process.answer = answer
    process.go.set()
    async with app.run_test(size=(100, 30)) as pilot:
        await opened(pilot, app)
        await pilot.press("F")
        await until(pilot, lambda: sentence in screen_text(app))
        await pilot.press("enter")
        await pilot.pause()
        if dialog(app):
            await pilot.press("escape")
        await until(pilot, lambda: app.screen is labs(app))
        assert form(app).values["lr"] == 0.03


async def test_what_cannot_be_tested_is_said_before_anything_is_started(make_app, process):
    app = make_app()
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await opened(pilot, app)
        form(app).fields["lr"].editor.value = "0"
        await until(pilot, lambda: form(app).fields["lr"].problem)
        labs(app).action_find_rate()
        await until(pilot, lambda: "must be 0 < lr <= 100" in screen_text(app))
        await pilot.press("escape")
        await choose(pilot, app, "convnet/")
        await pilot.press("F")
        await until(pilot, lambda: "fetch it now" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: app.screen is labs(app))
        assert labs(app).query_one("#practical").select("svm/")
        await until(pilot, lambda: labs(app)._entry is not None and labs(app)._entry.key == "svm/")
        await until(pilot, lambda: labs(app)._form is not None and form(app).is_mounted)
        await pilot.press("F")
        await until(pilot, lambda: "not trained by gradients" in screen_text(app))
        assert process.asked == []
