"""What is told of a run while it is followed without a terminal."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.cli import follow
from tui_lab.cli.follow import FIRST_NOTE_S, Follower, _NowAndThen
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.store import RunStore

TOLD = ("features of 0 of 90 images", "features of 40 of 90 images, 5 s left", "features of 80 of 90 images, 1 s left")


class OneRun:
    """An executor whose run computes features, a little more at every look, and then ends."""

    def __init__(self, run: RunDirectory) -> None:
        self.active, self.waiting = [run], list[RunDirectory]()
        self._told = iter(TOLD)

    def poll(self) -> list[RunDirectory]:
        doing = next(self._told, "")
        with self.active[0].held(), Recorder(self.active[0]) as recorder:
            recorder.update(doing=doing)
            if not doing:
                recorder.finish("finished")
        return [] if doing else [self.active.pop()]


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunStore(tmp_path).create("timm", {"epochs": 1})


class Minutes:
    """A clock that is a minute further at every look."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 60.0
        return self._now

    def sleep(self, seconds: float) -> None:
        pass


@pytest.fixture(autouse=True)
def _minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "time", Minutes())


def followed(run: RunDirectory, **more: bool) -> None:
    Follower(OneRun(run), [run], **more).follow()  # type: ignore[arg-type]


def test_what_a_worker_does_before_it_trains_is_told_now_and_then(
    run: RunDirectory, capsys: pytest.CaptureFixture[str]
) -> None:
    followed(run)
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == [f"{run.id}: {one}" for one in TOLD[1:]]


@pytest.mark.parametrize("more", [{"as_json": True}, {"brief": True}], ids=str)
def test_many_short_runs_and_programs_that_read_do_without(
    run: RunDirectory, capsys: pytest.CaptureFixture[str], more: dict[str, bool]
) -> None:
    followed(run, **more)
    captured = capsys.readouterr()
    assert "features" not in captured.err
    assert all(json.loads(line) for line in captured.out.splitlines())


@given(st.lists(st.floats(0.01, 30.0), min_size=1, max_size=200), st.floats(1.0, 1e6))
def test_lines_are_rarer_the_longer_it_takes(pauses: list[float], began: float) -> None:
    notes, now, told = _NowAndThen(), began, []
    assert not notes.is_due(now)
    for pause in pauses:
        now += pause
        if notes.is_due(now):
            told.append(now - began)
    assert bool(told) == (now >= began + FIRST_NOTE_S)
    for earlier, later in pairwise(told):
        assert later - earlier >= max(2 * FIRST_NOTE_S, earlier / 4) - 1e-6
