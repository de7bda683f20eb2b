"""The tabs of a vision transformer: keys choose image, block and head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.inspections.transformers import OF_TRANSFORMERS
from tests.tui.conftest import screen_text, until
from tui_lab.inspections.catalogue import write_inspection
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.store import RunStore
from tui_lab.tui.app import LabApp
from tui_lab.tui.run.inspecting import Inspections


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A finished one of `vit` with all that is found in it."""
    made = RunStore(tmp_path / "home").create("vit", {"dataset": "digits", "epochs": 3})
    status = made.read_status()
    status.state, status.epoch, status.epochs = "finished", 3, 3
    status.write(made.status)
    for name, content in OF_TRANSFORMERS.items():
        write_inspection(made, name, content)
    return made


async def opened(pilot: Pilot[Any], run: RunDirectory, tab: str) -> None:
    app = pilot.app
    assert isinstance(app, LabApp)
    app.open_run(run.id)
    await until(pilot, lambda: run.id in screen_text(app))
    app.screen.query_one(Inspections).open_tab(tab)


async def test_keys_choose_what_attention_is_seen(make_app: Callable[..., LabApp], run: RunDirectory) -> None:
    async with make_app("labs").run_test(size=(160, 45)) as pilot:
        await opened(pilot, run, "attention")

        async def shows(*said: str) -> None:
            await until(pilot, lambda: all(one in screen_text(pilot.app) for one in said))

        await shows("Image 1 of 2", "block 2 of 2, the mean of 2 heads")
        pilot.app.screen.query_one(Inspections).focus_tabs()
        await pilot.press("down", "n")
        await shows("Image 2 of 2")
        await pilot.press("b", "h", "h")
        await shows("Image 2 of 2", "block 1 of 2, head 2 of 2")
        await pilot.press("h", "b")
        await shows("block 2 of 2, the mean of 2 heads")
        await pilot.press("m")
        await shows("Image 2 of 2", "after block 2 of 2")
        await pilot.press("b", "p")
        await shows("Image 1 of 2", "after block 1 of 2")


async def test_the_path_and_the_similarities_have_tabs(make_app: Callable[..., LabApp], run: RunDirectory) -> None:
    async with make_app("labs").run_test(size=(160, 45)) as pilot:
        await opened(pilot, run, "class-token")
        await until(pilot, lambda: "Image 1 of 2" in screen_text(pilot.app))
        pilot.app.screen.query_one(Inspections).focus_tabs()
        await pilot.press("down", "m", "n")
        await until(pilot, lambda: "Image 2 of 2" in screen_text(pilot.app))
        pilot.app.screen.query_one(Inspections).open_tab("positions")
        await until(pilot, lambda: "2 by 2 patches" in screen_text(pilot.app))
