"""The app without processes: what it submits and asks for is kept, and nothing is trained."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot

from tui_lab.errors import TuiLabError
from tui_lab.pictures import Picture
from tui_lab.previews.content import Layer, LayerTable, Sample, SampleGrid
from tui_lab.runs import store as store_module
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.store import RunStore
from tui_lab.tools.tool import Folders, Gallery, Result, Table
from tui_lab.tui.app import LabApp

DEADLINE_S = 30.0


class FakeQueue:
    """A queue whose runs never start."""

    def __init__(self) -> None:
        self.jobs = 1
        self.runs: list[RunDirectory] = []
        self.is_closed = False

    @property
    def submitted(self) -> frozenset[str]:
        return frozenset(run.id for run in self.runs)

    def start(self) -> None: ...

    def submit(self, run: RunDirectory) -> None:
        self.runs.append(run)

    def set_jobs(self, jobs: int) -> None:
        self.jobs = jobs

    def close(self) -> None:
        self.is_closed = True


class FakePreviews:
    """Two grey samples and one layer, or the error that a test sets."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.error: TuiLabError | None = None

    def ask(self, kind: str, exercise: str, values: Mapping[str, Any], data_dir: Path, draw: int = 0) -> Any:
        self.asked.append((kind, exercise, dict(values)))
        if self.error is not None:
            raise self.error
        if kind == "layers":
            return LayerTable((1, 8, 8), (Layer("fc", "Linear 64 to 10", (10,), 650),))
        picture = Picture(4, 4, bytes(48))
        return SampleGrid("digits", ("zero", "one"), 2, 2, (Sample(picture, None, 0), Sample(picture, None, 1)))

    def close(self) -> None: ...


class FakeAnswers:
    """What tools would be told by a process with torch: a picture and their inputs, or the error that a test sets."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any], bool]] = []
        self.error: TuiLabError | None = None

    def work_out(self, tool: str, values: Mapping[str, Any], folders: Folders, *, measure: bool = False) -> Result:
        self.asked.append((tool, dict(values), measure))
        if self.error is not None:
            raise self.error
        rows = tuple((name, str(value)) for name, value in values.items())
        gallery = Gallery(f"Pictures of {tool}", (Picture(4, 4, bytes(48)),) * 2, ("first", "second"))
        return Result((f"{tool} has answered.",), Table(("input", "value"), rows), galleries=(gallery,))

    def close(self) -> None: ...


@pytest.fixture(autouse=True, scope="package")
def _imports_are_no_garbage() -> Iterator[None]:
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _garbage_goes_at_the_end() -> Iterator[None]:
    """Of the hundreds of thousands of objects that an app makes while it mounts, few die: looking for them is slow."""
    gc.disable()
    yield
    gc.enable()
    gc.collect(1)


@pytest.fixture(autouse=True, scope="package")
def _sheets_parsed_once() -> Iterator[None]:
    """Apps with the same theme share what their style sheets were parsed to; nothing changes it."""
    parse, parsed = Stylesheet._parse_rules, {}

    def parse_once(self: Stylesheet, css: str, *place: Any, **options: Any) -> Any:
        key = (css, place, tuple(options.items()), tuple(self._variables.items()))
        if key not in parsed:
            parsed[key] = parse(self, css, *place, **options)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


@pytest.fixture
def first_area() -> str:
    """The area in which apps open; a module that tests another area than Labs has its own."""
    return "labs"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """The runs of the home that apps are made on."""
    monkeypatch.setattr("tui_lab.runs.store.git_commit", lambda: "")
    monkeypatch.setattr("tui_lab.runs.store.versions", dict)
    return RunStore(tmp_path / "home")


@pytest.fixture
def make_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_area: str) -> Callable[..., LabApp]:
    """Makes an app on a home and a data folder of the test's own."""
    monkeypatch.setattr(store_module, "git_commit", lambda: "")

    def make(area: str = first_area, **options: Any) -> LabApp:
        monkeypatch.setattr(LabApp, "DEFAULT_MODE", area)  # not by way of the opening, which is gone in a moment
        app = LabApp(tmp_path / "home", tmp_path / "data", standby=False, **options)
        app.workspace.queue = FakeQueue()  # type: ignore[assignment]
        app.workspace.previews = FakePreviews()  # type: ignore[assignment]
        app.workspace.answers = FakeAnswers()  # type: ignore[assignment]
        return app

    return make


async def until(pilot: Pilot[None], condition: Callable[[], Any]) -> Any:
    """The first true value of `condition()`, while the app goes on. Fails when there is none before the deadline."""
    end = time.monotonic() + DEADLINE_S
    while True:
        await pilot.pause()
        value = condition()
        if value:
            return value
        assert pilot.app._exception is None, "the app has failed"
        assert time.monotonic() < end, f"not within {DEADLINE_S:g} s; on the screen:\n{screen_text(pilot.app)}"
        await asyncio.sleep(0.01)  # between two looks: threads work meanwhile


def screen_text(app: App[None]) -> str:
    """What is on the screen, line by line, without styles."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
