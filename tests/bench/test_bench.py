"""The performance page: what is compared is the same training, and the numbers are put together as they should be."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import typer
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from typer.testing import CliRunner

from tui_lab.bench import interleave, measurements, startup, training
from tui_lab.bench.bare import BareLoop
from tui_lab.bench.engine import EngineLoop
from tui_lab.bench.files import FilesRequest, filled_home, write_long_log
from tui_lab.bench.interleave import Ratio, in_turns, ratio_of
from tui_lab.bench.page import Line, Section, Settings, Target
from tui_lab.bench.plain import PlainLoop
from tui_lab.bench.process import Child
from tui_lab.bench.rivals import RIVALS
from tui_lab.bench.tensors import load
from tui_lab.bench.workload import WORKLOADS, LoopRequest
from tui_lab.cli.bench import bench
from tui_lab.data.dataset import Dataset
from tui_lab.errors import TuiLabError
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.runs.events import EventReader
from tui_lab.runs.history import read_history
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.store import RunStore
from tui_lab.training.plan import Plan
from tui_lab.training.prepare import prepare

speeds = st.floats(1e-3, 1e6)
rounds = st.lists(st.tuples(speeds, speeds), min_size=1, max_size=9)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleave, "SETTLE_S", 0.0)


def nothing(_: object) -> None:
    """For whoever wants to be told."""


# Ratios


@given(rounds)
def test_the_median_lies_within_the_spread_and_is_a_middle_ratio(pairs: list[tuple[float, float]]) -> None:
    ratio = ratio_of(*zip(*pairs, strict=True))
    ratios = sorted(our / their for our, their in pairs)
    assert (ratio.low, ratio.high) == (ratios[0], ratios[-1])
    assert sum(r < ratio.median for r in ratios) <= len(ratios) / 2 >= sum(r > ratio.median for r in ratios)


@given(rounds, st.floats(0.01, 100))
def test_a_ratio_grows_with_ours_and_not_with_the_unit(pairs: list[tuple[float, float]], factor: float) -> None:
    ours, theirs = zip(*pairs, strict=True)
    ratio = ratio_of(ours, theirs)
    faster, other_unit = (
        ratio_of([factor * x for x in ours], theirs),
        ratio_of(*([factor * x for x in y] for y in (ours, theirs))),
    )
    assert faster.median == pytest.approx(factor * ratio.median)
    assert other_unit.median == pytest.approx(ratio.median)


@given(rounds)
def test_the_spread_seen_from_the_other_side_is_its_inverse(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = zip(*pairs, strict=True)
    there, back = ratio_of(ours, theirs), ratio_of(theirs, ours)
    assert there.low == pytest.approx(1 / back.high) and there.high == pytest.approx(1 / back.low)


@pytest.mark.parametrize("ours", [[], [1.0], [1.0, 2.0, 3.0]])
def test_rounds_that_do_not_pair_up_are_refused(ours: list[float]) -> None:
    with pytest.raises(ValueError):
        ratio_of(ours, [1.0, 2.0] if ours else [])


def test_blocks_take_turns() -> None:
    calls: list[str] = []

    def block(name: str) -> float:
        calls.append(name)
        return len(calls)

    seen: list[int] = []
    measured = in_turns({name: partial(block, name) for name in "ABC"}, 2, seen.append)
    assert calls == list("ABCABC")
    assert measured == {"A": [1, 4], "B": [2, 5], "C": [3, 6]}
    assert seen == [1, 2]


@pytest.mark.parametrize(
    ("sign", "below", "equal", "above"),
    [(">=", False, True, True), ("<=", True, True, False), ("<", True, False, False)],
)
def test_a_target_is_of_the_ratio_or_else_of_our_value(sign: Any, below: bool, equal: bool, above: bool) -> None:
    target = Target(sign, 2.0)
    assert [Line("", value, target=target).is_met for value in (1.9, 2.0, 2.1)] == [below, equal, above]
    assert Line("", 100.0, 50.0, Ratio(1.9, 1.0, 3.0), target).is_met is below
    assert Line("", 1.0).is_met is None


# The three loops


def settings_of(workload: str, **changes: Any) -> GradientHyperparameters:
    exact = {"precision": "fp32", "channels_last": "off", **changes}
    return WORKLOADS[workload].hyperparameters("cpu").model_copy(update=exact)


def tensors(workload: str, samples: int) -> Dataset:
    return load(LoopRequest(workload, "engine", "", "cpu", samples))[0]


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    run = RunStore(tmp_path).create("mlp", {})
    with run.held(), Recorder(run) as recorder:
        yield recorder


Build = Callable[[GradientHyperparameters, Dataset], dict[str, Any]]


@pytest.fixture
def build(recorder: Recorder, tmp_path: Path) -> Build:
    """Makes the three loops, each with the same initial weights."""

    def model(hp: GradientHyperparameters, dataset: Dataset, workload: str) -> Any:
        torch.manual_seed(0)
        channels, height, width = dataset.sample_shape
        shape = (channels, hp.crop or height, hp.crop or width)
        return WORKLOADS[workload].exercise.build_model(hp, shape, dataset.classes)

    def loops(hp: GradientHyperparameters, dataset: Dataset) -> dict[str, Any]:
        made = partial(model, hp, dataset, "convnet" if hp.crop else "mlp")
        models = {name: made() for name in ("plain", "bare", "engine")}
        return {
            "plain": (PlainLoop(hp, dataset, models["plain"], device="cpu", workers=0), models["plain"]),
            "bare": (BareLoop(hp, dataset, models["bare"], Plan()), models["bare"]),
            "engine": (
                EngineLoop(
                    prepare(hp, dataset, lambda *_: models["engine"], cache=tmp_path, threads=1, plan=Plan()), recorder
                ),
                models["engine"],
            ),
        }

    return loops


def test_the_three_loops_learn_the_same_weights(build: Build) -> None:
    """One batch is the whole set, so that the order of the samples does not matter."""
    hp = settings_of("mlp", batch_size=64, lr=0.5)
    loops = build(hp, tensors("mlp", 64))
    for loop, _ in loops.values():
        loop.train(10)
    weights = {
        name: torch.cat([p.detach().flatten() for p in model.parameters()]) for name, (_, model) in loops.items()
    }
    torch.manual_seed(0)
    start = WORKLOADS["mlp"].exercise.build_model(hp, (1, 28, 28), 10).state_dict()["1.weight"].flatten()
    assert not torch.allclose(weights["plain"][: len(start)], start, atol=1e-3)
    for name in ("bare", "engine"):
        torch.testing.assert_close(weights[name], weights["plain"], atol=1e-5, rtol=1e-4)


def test_a_rival_is_of_the_size_of_the_model_it_is_compared_with() -> None:
    for workload in WORKLOADS.values():
        if workload.rival:
            hp = workload.hyperparameters("cpu")
            ours = workload.exercise.build_model(hp, (1, 28, 28), 10)
            theirs = RIVALS[workload.rival].build(hp, (1, 28, 28), 10)
            counts = [sum(p.numel() for p in model.parameters()) for model in (ours, theirs)]
            assert counts[0] == counts[1]
            assert theirs(torch.rand(2, 1, 28, 28)).shape == (2, 10)


def test_the_plain_loop_has_the_optimiser_of_the_workload() -> None:
    hp = WORKLOADS["vit"].hyperparameters("cpu")
    loop = PlainLoop(hp, tensors("mlp", 8), torch.nn.Linear(2, 2), device="cpu", workers=0)
    assert type(loop.optimizer) is torch.optim.Adam
    assert loop.optimizer.param_groups[0]["lr"] == hp.lr


@pytest.mark.parametrize("workload", ["mlp", "convnet"])
def test_each_loop_counts_the_samples_it_used(build: Build, workload: str) -> None:
    hp = settings_of(workload, batch_size=8)
    for loop, _ in build(hp, tensors(workload, 20)).values():
        assert loop.train(2) == 16
        assert loop.train(1) == 4  # the last batch of the epoch
        assert loop.train(4) == 28


def windows(image: Tensor, side: int) -> Tensor:
    """Every crop of the image (C, H, W) and every mirrored one, (n, C, side, side)."""
    crops = image.unfold(1, side, 1).unfold(2, side, 1).permute(1, 2, 0, 3, 4).flatten(0, 1)
    return torch.cat([crops, crops.flip(3)])


@pytest.mark.parametrize("name", ["plain", "bare"])
def test_samples_are_random_crops_each_with_its_label(build: Build, name: str) -> None:
    dataset = tensors("convnet", 32)
    dataset = replace(dataset, train=replace(dataset.train, y=torch.arange(32)))
    loop, _ = build(settings_of("convnet", batch_size=32), dataset)[name]
    x, y = next(loop.batches)
    pixels = dataset.train.x / 255
    mean, std = pixels.mean((0, 2, 3), keepdim=True)[0], pixels.std((0, 2, 3), keepdim=True)[0]
    found = []
    for sample, label in zip(x, y, strict=True):
        distance = (windows(pixels[label], 28) - (sample * std + mean)).abs().amax((1, 2, 3))
        assert distance.min() < 1e-4
        found.append(int(distance.argmin()))
    assert sorted(y.tolist()) == list(range(32))
    assert len(set(found)) > 5 and min(found) < 25 <= max(found)  # several corners, mirrored and not


def test_what_the_engine_does_is_recorded(build: Build, recorder: Recorder) -> None:
    engine, _ = build(settings_of("mlp", batch_size=8), tensors("mlp", 20))["engine"]
    engine.train(3)
    steps = [event for event in EventReader(recorder.run.events).read() if event["kind"] == "step"]
    assert steps and all(math.isfinite(event["loss"]) for event in steps)
    assert 0 <= engine.evaluate().accuracy <= 1


# Processes


def test_a_loop_trains_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Child("loop", LoopRequest("mlp", "engine", str(tmp_path), "cpu", 200).to_json()) as engine:
        assert engine.facts["data"] == "random pixels in the shape of mnist"
        assert engine.facts["plan"]["device"] == "cpu" and engine.facts["threads"] == 1
        answer = engine.ask("train", steps=3)
        assert answer["samples"] == 128 + 72 + 128 and answer["seconds"] > 0
        assert engine.ask("evaluate")["peak_bytes"] >= answer["peak_bytes"] > 50e6


def test_a_process_that_ends_by_itself_says_why() -> None:
    with pytest.raises(TuiLabError, match="JSONDecodeError"):
        Child("files", "{")


class FakeChild:
    """Trains at the speed that its request implies; the clock is arithmetic."""

    started: list[FakeChild]

    def __init__(self, role: str, request: str) -> None:
        self.request = LoopRequest.from_json(request)
        name = self.request.loop
        threads = self.request.threads or 2
        self.speed = {"engine": 1000.0, "bare": 1010.0, "plain": 100.0 * (1 + self.request.workers) / threads}[name]
        self.facts = {"data": "fake", "threads": threads, "has_bf16": False}
        self.facts["plan"] = {"device": "cpu", "threads": 1, "precision": "fp32", "channels_last": True}
        self.blocks: list[int] = []
        self.is_closed = False
        self.started.append(self)

    def ask(self, what: str, steps: int = 0) -> dict[str, float]:
        assert not self.is_closed
        self.blocks.append(steps)
        return {"samples": 10 * steps, "seconds": 10 * steps / self.speed, "peak_bytes": 10**9}

    def close(self) -> None:
        self.is_closed = True

    def __enter__(self) -> FakeChild:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[FakeChild]:
    FakeChild.started = []
    monkeypatch.setattr(training, "Child", FakeChild)
    return FakeChild.started


def test_the_engine_is_compared_with_the_fastest_plain_loop(fakes: list[FakeChild]) -> None:
    section = training.compare_loops("mlp", Settings(rounds=3, block_s=2.0), nothing)
    plain, bare = section.lines
    assert plain.ratio is not None and bare.ratio is not None
    assert plain.theirs == pytest.approx(300)  # 1 thread and 2 workers
    assert plain.ratio.median == pytest.approx(1000 / 300) and plain.is_met is False
    assert bare.ratio.median == pytest.approx(1000 / 1010) and bare.is_met is True
    assert "Plain loop: fp32, 1 thread, 2 DataLoader workers." in section.how
    assert all(fake.is_closed for fake in fakes)
    assert [f.request.plan["channels_last"] for f in fakes if f.request.loop != "engine"] == [True] * 5
    engine = fakes[0]
    assert engine.blocks[-3:] == [200] * 3  # 2 s at 1000 samples a second, 10 a step


def test_a_target_for_bf16_is_none_where_there_is_no_bf16(fakes: list[FakeChild]) -> None:
    section = training.compare_loops("convnet", Settings(rounds=1), nothing)
    assert section.lines[0].target is None and section.lines[1].target is not None
    assert "2.3 times the plain loop" in section.how


def test_memory_is_the_peak_after_training_and_evaluation(fakes: list[FakeChild]) -> None:
    section = training.measure_memory(Settings(), nothing)
    assert section.lines == [Line("convnet", 1.0, target=Target("<", 1.5))]
    assert fakes[0].is_closed


# Files and start-up


def test_a_home_is_filled_with_runs_that_are_read() -> None:
    with filled_home(FilesRequest(runs=5, events=1500)) as (facts, commands):
        assert commands["list"]()["count"] == 5
        assert commands["open"]()["count"] == 1500
        listed = RunStore(Path(facts["home"])).list()
        assert {entry.state for entry in listed} == {"finished"}
        assert len({entry.run.id for entry in listed}) == 5
    assert not Path(facts["home"]).exists()


@pytest.mark.parametrize("events", [1, 600, 601, 3000])
def test_only_the_last_minute_of_a_long_log_is_left_to_read(tmp_path: Path, events: int) -> None:
    run = RunStore(tmp_path).create("mlp", {})
    write_long_log(run, events)
    offset = json.loads(run.history.read_bytes())["offset"]
    reader = EventReader(run.events)
    assert [event["seq"] for event in reader.read()] == list(range(1, events + 1)) and reader.skipped == 0
    rest = [event["seq"] for event in EventReader(run.events, offset).read()]
    assert rest == list(range(max(0, events - 600) + 1, events + 1))
    assert read_history(run).steps.buckets[-1].position[0] == events


def test_files_are_measured_round_by_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurements, "seconds_of", lambda arguments, home: 0.25)
    section = measurements.measure_files(Settings(rounds=2, runs=3, events=700), nothing)
    assert [line.what for line in section.lines] == [
        "read 3 runs",
        "tui-lab runs list of 3 runs",
        "open a run of 700 step events",
    ]
    assert section.lines[0].is_met and section.lines[1].ours == 0.25


def test_startup_is_beside_the_imports_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    took = {arguments: 0.1 * (i + 1) for i, arguments in enumerate(startup.COMMANDS.values())}
    monkeypatch.setattr(startup, "seconds_of", lambda arguments, home: took[arguments])
    section = startup.measure_startup(Settings(rounds=3), nothing)
    assert [line.theirs for line in section.lines] == [pytest.approx(0.1)] * 3
    assert [line.is_met for line in section.lines] == [True, None, None]


def test_a_command_that_fails_is_not_timed(tmp_path: Path) -> None:
    with pytest.raises(TuiLabError, match="no such thing"):
        startup.seconds_of(("-c", "raise SystemExit('no such thing')"), str(tmp_path))


# The command


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    def fake(settings: Settings, tell: Callable[[str], None]) -> Section:
        tell("measuring")
        lines = [
            Line.comparing(
                "beside the plain loop", [4600.0] * settings.rounds, [2000.0] * settings.rounds, Target(">=", 2.3)
            ),
            Line.comparing("beside the bare loop", [4600.0], [5000.0], Target(">=", 0.97)),
        ]
        return Section("mlp", "training", "images/s", lines, "On random pixels.")

    def unwanted(settings: Settings, tell: Callable[[str], None]) -> Section:
        raise AssertionError("not asked for")

    monkeypatch.setattr(measurements, "MEASUREMENTS", {"convnet": unwanted, "mlp": fake, "files": unwanted})
    made = typer.Typer()
    made.command()(bench)
    return made


def test_the_page_says_in_words_what_is_met(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--only", "mlp", "--rounds", "1"])
    assert result.exit_code == 0, result.output
    rows = {line.split("  ")[0]: line for line in result.stdout.splitlines()}
    assert rows["beside the plain loop"].rstrip().endswith("≥ 2.3   met")
    assert "2.30 (2.30–2.30)" in rows["beside the plain loop"]
    assert rows["beside the bare loop"].rstrip().endswith("not met")
    assert "On random pixels." in result.stdout


def test_the_page_as_json(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["--only", " mlp,", "--rounds", "3", "--json"])
    page = json.loads(result.stdout)
    assert page["machine"]["cores"] >= 1 and page["machine"]["torch"] and page["rounds"] == 3
    plain, bare = page["sections"][0]["lines"]
    assert plain["ratio"] == {"median": 2.3, "low": 2.3, "high": 2.3}
    assert plain["target"] == {"sign": ">=", "value": 2.3}
    assert [line["is_met"] for line in (plain, bare)] == [True, False]


def test_an_unknown_measurement_is_refused_with_the_nearest(app: typer.Typer) -> None:
    error = CliRunner().invoke(app, ["--only", "mpl"]).exception
    assert isinstance(error, TuiLabError) and error.exit_code == 2
    assert "'mpl'" in str(error) and "Did you mean 'mlp'?" in str(error)


def test_the_command_and_the_measurements_import_no_torch() -> None:
    code = "import sys, tui_lab.cli.bench, tui_lab.bench.measurements; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
