"""Finding a model of timm in the Labs area."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Input

from tests.labs.test_timm_settings import cache  # noqa: F401, a fixture
from tests.tui.conftest import screen_text, until
from tests.tui.test_labs_screen import SIZES, choose, form, opened
from tui_lab.errors import TuiLabError
from tui_lab.labs import timm_models
from tui_lab.tui.labs.models import FindModel


@pytest.fixture(autouse=True)
def sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        timm_models, "_ask", lambda *names: {name: {"parameters": 5_500_000, "blocks": 12} for name in names}
    )


@pytest.mark.parametrize("size", SIZES)
async def test_words_narrow_the_list_and_enter_takes_the_model_into_the_form(
    make_app: Callable[..., Any], size
) -> None:
    app = make_app()
    async with app.run_test(size=size) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "timm/")
        await until(pilot, lambda: form(app).values.get("model") == "vit_base_patch16_224")
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, FindModel) and "4 of 4 models" in screen_text(app))
        await pilot.press(*"vit384")
        await until(pilot, lambda: "No model has these words" in screen_text(app))
        app.screen.query_one(Input).value = "vit 384"
        await until(pilot, lambda: "pretrained: augreg" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: form(app).values["model"] == "vit_tiny_patch16_384")
        assert app.focused is form(app).fields["model"].editor
        assert form(app).changed == ["model"]


async def test_parameters_are_counted_and_arrows_choose(make_app: Callable[..., Any]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "timm/")
        await pilot.press("f4")
        await until(pilot, lambda: re.search(r"params +blocks .* 5\.5 M +12 ", screen_text(app), re.DOTALL))
        assert re.search(r" 0\.3 M +6 ", screen_text(app))
        assert "counting" not in screen_text(app)
        await pilot.press("down", "down")
        await until(pilot, lambda: "pretrained: r160" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: form(app).values["model"] == "test_vit")


async def test_that_parameters_cannot_be_counted_is_said(make_app: Callable[..., Any], monkeypatch) -> None:
    def fail(*names: str) -> None:
        raise TuiLabError("timm has not answered.")

    monkeypatch.setattr(timm_models, "_ask", fail)
    app = make_app()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "timm/")
        await pilot.press("f4")
        await until(pilot, lambda: "timm has not answered." in screen_text(app))
        assert "counting" not in screen_text(app)


async def test_escape_leaves_the_form_and_a_failure_is_said(make_app: Callable[..., Any], monkeypatch) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "timm/")

        def fail() -> None:
            raise TuiLabError("timm has not answered.")

        monkeypatch.setattr("tui_lab.tui.labs.models.timm_models", fail)
        await pilot.press("f4")
        await until(pilot, lambda: "timm has not answered." in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, FindModel)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, FindModel))
        assert form(app).values["model"] == "vit_base_patch16_224"


async def test_other_exercises_have_no_models_to_choose_among(make_app: Callable[..., Any]) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(pilot, app)
        await choose(pilot, app, "convnet/")
        await pilot.press("f4")
        await pilot.pause()
        assert not isinstance(app.screen, FindModel)
