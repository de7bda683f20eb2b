"""`tui-lab preview`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.cli.terminal import Terminal
from tui_lab.cli.main import app
from tui_lab.errors import MISSING, TuiLabError, UsageError
from tui_lab.labs.convnet import ConvNetHyperparameters
from tui_lab.previews import client
from tui_lab.previews.client import PreviewProcess
from tui_lab.previews.content import LayerTable, SampleGrid
from tui_lab.training.schedules import learning_rate


class Shared:
    """One preview process for all commands of this file: each would import torch anew."""

    process: PreviewProcess

    def __enter__(self) -> PreviewProcess:
        return self.process

    def __exit__(self, *_: object) -> None:
        return None


@pytest.fixture(scope="module", autouse=True)
def one_process() -> Iterator[None]:
    with PreviewProcess() as Shared.process, pytest.MonkeyPatch.context() as patched:
        patched.setattr(client, "PreviewProcess", Shared)
        yield


def invoke(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), "--data", str(home / "none"), "preview", *arguments])


def output(home: Path, *arguments: str) -> str:
    result = invoke(home, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def as_json(home: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output(home, *arguments, "--json"))
    return found


def test_everything_is_shown_in_turn(tmp_path: Path) -> None:
    text = output(tmp_path, "convnet", "--dataset", "digits", "--standardize", "channel", "--scheduler", "step")
    headings = [
        "digits: 1,437 training samples, 360 test samples",
        "As the network sees them, standardize = channel: black is",
        "layer ",
        "Learning rate",
    ]
    places = [text.index(heading) for heading in headings]
    assert places == sorted(places)
    assert "\x1b" not in text


def test_flags_and_presets_reach_the_layers(tmp_path: Path) -> None:
    text = output(tmp_path, "convnet", "--preset", "2.19", "--dropout", "0.25", "--what", "layers")
    rows = {line.split()[0]: " ".join(line.split()) for line in text.splitlines() if line}
    assert rows["input"] == "input 3 × 28 × 28"
    assert rows["dropout"] == "dropout Dropout 0.25 1000"
    assert rows["fc4"] == "fc4 Linear 1,000 1000 1,025,000 86.0 %"
    assert "Learning rate" not in text and "training samples" not in text


def test_json_has_what_was_asked_for(tmp_path: Path) -> None:
    everything = as_json(tmp_path, "convnet", "--dataset", "digits", "--epochs", "4", "--scheduler", "exponential")
    assert everything.keys() == {"exercise", "preset", "samples", "layers", "schedule"}
    grid = SampleGrid.from_json(everything["samples"])
    assert len(grid.samples) == 30
    assert LayerTable.from_json(everything["layers"]).input_shape == (1, 8, 8)
    hp = ConvNetHyperparameters(epochs=4, scheduler="exponential")
    assert everything["schedule"]["learning_rates"] == [learning_rate(hp, epoch) for epoch in range(4)]
    assert as_json(tmp_path, "mlp", "--what", "schedule").keys() == {"exercise", "preset", "schedule"}
    again = as_json(tmp_path, "convnet", "--dataset", "digits", "--what", "samples", "--draw", "1")
    assert SampleGrid.from_json(again["samples"]) != grid


def test_what_is_fitted_at_once_has_samples_and_nothing_else(tmp_path: Path) -> None:
    assert as_json(tmp_path, "svm").keys() == {"exercise", "preset", "samples"}
    for what in ("layers", "schedule"):
        error = invoke(tmp_path, "svm", "--what", what).exception
        assert isinstance(error, UsageError)
        assert error.message == f"svm is fitted at once: it has no {what}."


def test_missing_data_do_not_hide_the_rest(tmp_path: Path) -> None:
    result = invoke(tmp_path, "convnet")
    assert "1,191,170" in result.stdout and "Learning rate" in result.stdout
    assert isinstance(result.exception, TuiLabError)
    assert result.exception.exit_code == MISSING
    assert "cifar10 is not in" in result.exception.message
    assert "data fetch cifar10" in result.exception.hint
    assert invoke(tmp_path, "convnet", "--what", "layers").exit_code == 0


def test_mistakes_are_told_before_a_process_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(client, "PreviewProcess")
    for arguments, sentence in (
        (["convnt"], "There is no exercise 'convnt'"),
        (["convnet", "--lr", "0"], "lr = 0.0: must be 0 < lr <= 100"),
        (["convnet", "--crop", "99"], "crop = 99: is larger than the 32×32 images"),
        (["mlp", "--preset", "2.5"], "Preset 'fig-2.05' is for 'convnet', not for 'mlp'."),
    ):
        error = invoke(tmp_path, *arguments).exception
        assert isinstance(error, UsageError) and sentence in error.message
    assert error.hint == "Write: tui-lab preview convnet --preset fig-2.05"


def test_seven_bits_where_nothing_else_may_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUI_LAB_ASCII", "1")
    for arguments in (["mlp"], ["convnet", "--dataset", "digits", "--standardize", "gcn"]):
        lines = [line for line in output(tmp_path, *arguments).splitlines() if set(line) != {"─"}]
        assert [line for line in lines if not line.isascii()] == []


def test_in_a_terminal_pictures_have_colours_and_fit(tmp_path: Path) -> None:
    with Terminal(
        "preview", "convnet", "--dataset", "digits", "--what", "samples", environment={"COLORTERM": "truecolor"}
    ) as terminal:
        assert terminal.wait() == 0
    assert "\x1b[38;2;255;255;255" in terminal.output
    assert "▀" in terminal.output
