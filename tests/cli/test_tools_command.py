"""`tui-lab tools`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest
from typer.testing import CliRunner

from tui_lab.cli.main import app
from tui_lab.errors import USAGE, MissingDataError, UsageError
from tui_lab.pictures import Picture
from tui_lab.previews import client
from tui_lab.tools.catalogue import TOOLS
from tui_lab.tools.tool import Folders, Gallery, Result, Table
from tui_lab.training.range_test import RangeTest


def output(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["tools", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_tool_is_listed() -> None:
    rows = [line.split()[0] for line in output().splitlines()[2:]]
    assert rows == [*TOOLS, "lr-find"]
    assert [entry["name"] for entry in json.loads(output("--json"))] == [*TOOLS, "lr-find"]


@pytest.mark.parametrize("name", TOOLS)
def test_help_has_the_text_and_a_flag_for_every_input(name: str) -> None:
    help_text = output(name, "--help")
    tool = TOOLS[name]
    assert tool.title in help_text
    assert "**" not in help_text
    assert [flag for d in tool.declarations.values() if (flag := d.flag) not in help_text] == []


def test_an_answer_has_sentences_a_table_and_charts() -> None:
    text = output("losses", "--p", "0.25", "--slope", "probability")
    assert "At p = 0.25 the cross-entropy is 1.386 nats" in text
    assert any(line.split()[:3] == ["0.25", "1.386", "0.5625"] for line in text.splitlines())
    assert "Slope of the loss in p" in text
    assert "─•─ squared error" in text
    assert "\x1b" not in text


def test_flags_reach_the_tool() -> None:
    rows = [line.split() for line in output("conv", "--kernel-size", "3", "--padding", "1", "--no-bias").splitlines()]
    assert ["output", "32", "×", "32", "×", "32"] in [row[:6] for row in rows]
    assert ["parameters", "864"] in rows


def test_json_is_the_result_with_its_inputs() -> None:
    found = json.loads(output("schedule", "--scheduler", "cosine", "--epochs", "9", "--json"))
    assert found["tool"] == "schedule"
    assert found["inputs"]["epochs"] == 9
    (chart,) = found["charts"]
    assert chart["curves"][0]["name"] == "cosine"
    expected = TOOLS["schedule"].answer({"scheduler": "cosine", "epochs": 9})
    assert chart["curves"][0]["y"] == list(expected.charts[0].curves[0].y)
    assert found["table"]["columns"] == list(expected.table.columns)  # type: ignore[union-attr]


def test_seven_bits_where_nothing_else_may_appear(
    monkeypatch: pytest.MonkeyPatch, fake_process: type[FakeProcess]
) -> None:
    monkeypatch.setenv("TUI_LAB_ASCII", "1")
    for name in TOOLS:
        lines = [line for line in output(name).splitlines() if set(line) != {"─"}]  # rich's own rule of tables
        assert [line for line in lines if not line.isascii()] == []


def test_mistakes_are_told_in_a_sentence() -> None:
    for arguments, sentence, hint in (
        (["conv", "--stride", "x"], 'stride = "x": must be a whole number, 0 <= stride <= 65536.', ""),
        (
            ["conv", "--kernel-size", "99"],
            "kernel_size = 99: covers 99 cells, and with its padding the input has 32.",
            "",
        ),
        (
            ["schedul"],
            f"There is no tool 'schedul'; there are {', '.join(TOOLS)}, lr-find.",
            "Did you mean 'schedule'?",
        ),
    ):
        error = CliRunner().invoke(app, ["tools", *arguments]).exception
        assert isinstance(error, UsageError) and error.exit_code == USAGE
        assert (error.message, error.hint) == (sentence, hint)


def test_what_can_be_measured_is_measured_when_asked() -> None:
    arguments = ("backprop-cost", "--depth", "2", "--width", "2")
    counted, timed = (json.loads(output(*arguments, *more, "--json")) for more in ((), ("--measure",)))
    assert counted["inputs"] == timed["inputs"]
    assert counted["table"]["rows"][0][2] == 2 * 12 + 2 * 4
    assert [row[0] for row in timed["table"]["rows"]] == [1, 2]
    assert timed["charts"][0]["title"] == "Seconds for one gradient"
    assert "--measure" in output("backprop-cost", "--help")
    assert "--measure" not in output("losses", "--help")


class FakeProcess:
    """In place of the process with torch: every question gets the same range test."""

    asked: ClassVar[list[tuple[Any, ...]]] = []

    def __enter__(self) -> FakeProcess:
        return self

    def __exit__(self, *_: object) -> None: ...

    def ask(self, *question: Any) -> RangeTest:
        self.asked.append(question)
        rates = tuple(10.0 ** (-6 + 7 * i / 99) for i in range(100))
        losses = tuple(2.0 - 0.01 * max(0, i - 50) if i < 90 else 5.0 for i in range(100))
        return RangeTest(rates, losses, (2.0,) * 100)

    def work_out(self, tool: str, values: dict[str, Any], folders: Folders, *, measure: bool = False) -> Result:
        self.asked.append((tool, values, folders, measure))
        gallery = Gallery("5×5 pixels", (Picture(2, 2, bytes([255] * 12)),), ("a frog – perhaps",))
        return Result(("It is – perhaps – a frog.",), Table(("", "what"), (("×", 1),)), galleries=(gallery,))


@pytest.fixture
def fake_process(monkeypatch: pytest.MonkeyPatch) -> type[FakeProcess]:
    monkeypatch.setattr(client, "PreviewProcess", FakeProcess)
    monkeypatch.setattr(FakeProcess, "asked", [])
    return FakeProcess


def test_a_learning_rate_is_found_for_the_configuration_of_the_flags(fake_process: type[FakeProcess]) -> None:
    text = output("lr-find", "mlp", "--preset", "circles-quick", "--batch-size", "7")
    ((kind, exercise, values, _),) = fake_process.asked
    assert (kind, exercise) == ("rates", "mlp")
    assert (values["lr"], values["batch_size"]) == (0.1, 7)  # the preset's, and the flag's
    assert "Suggested: lr = 0.2" in text
    assert "learning rate, log x" in text
    found = json.loads(output("lr-find", "mlp", "--lr", "0.5", "--json"))
    assert (found["tool"], found["exercise"], found["preset"]) == ("lr-find", "mlp", "")
    assert found["inputs"]["lr"] == 0.5
    assert found["test"]["suggestion"] == pytest.approx(0.2, rel=0.1)
    assert found["table"]["rows"][-1][:2] == ["set now", 0.5]


def test_what_cannot_be_tested_is_told_before_anything_is_started(fake_process: type[FakeProcess]) -> None:
    for arguments, sentence in (
        (["mlp", "--lr", "-1"], "lr = -1.0: must be 0 < lr <= 100."),
        (["mlp", "--preset", "fig-2.05"], "Preset 'fig-2.05' is for 'convnet', not for 'mlp'."),
        (["mlpp"], "There is no exercise 'mlpp'"),
    ):
        error = CliRunner().invoke(app, ["tools", "lr-find", *arguments]).exception
        assert isinstance(error, UsageError) and error.message.startswith(sentence)
    missing = CliRunner().invoke(app, ["--data", "/nowhere", "tools", "lr-find", "convnet"]).exception
    assert isinstance(missing, MissingDataError)
    assert fake_process.asked == []


def test_what_takes_torch_is_worked_out_with_the_inputs_and_folders_of_this_command(
    fake_process: type[FakeProcess], tmp_path: Path
) -> None:
    folders = ("--home", str(tmp_path / "home"), "--data", str(tmp_path / "data"))
    result = CliRunner().invoke(app, [*folders, "tools", "augment", "--crop", "20", "--no-flip"])
    assert result.exit_code == 0
    assert "5×5 pixels" in result.stdout and "a frog – perhaps" in result.stdout and "██" in result.stdout
    ((tool, values, found, measure),) = fake_process.asked
    assert (tool, values["crop"], values["flip"], measure) == ("augment", 20, False, False)
    assert found == Folders(tmp_path / "home", tmp_path / "data")
    content = json.loads(output("augment", "--json"))
    assert content["galleries"][0]["captions"] == ["a frog – perhaps"]


def test_the_score_map_is_measured_when_asked(fake_process: type[FakeProcess]) -> None:
    assert "a map of 5 × 5 places" in output("fc-as-conv")
    assert fake_process.asked == []
    assert "frog" in output("fc-as-conv", "--measure", "--run", "last")
    ((tool, values, _, measure),) = fake_process.asked
    assert (tool, values["run"], measure) == ("fc-as-conv", "last", True)


def test_mistakes_are_told_before_a_process_is_begun(fake_process: type[FakeProcess]) -> None:
    for arguments, sentence in (
        (["augment", "--crop", "40"], "crop = 40: is larger than the 32×32 images of cifar10."),
        (["augment", "--crop", "0", "--crop-padding", "2"], "crop_padding = 2: needs a crop."),
        (["augment", "--image", "50000"], "image = 50000: cifar10 has 50,000, from 0 on."),
        (
            ["standardize", "--dataset", "mnist", "--standardize", "pca-published"],
            'standardize = "pca-published": needs images of three channels, and mnist has grey ones.',
        ),
        (["standardize", "--train-size", "60000"], "train_size = 60000: cifar10 has 50,000."),
        (["parameters", "--exercise", "svm"], 'exercise = "svm": must be convnet | mlp.'),
    ):
        error = CliRunner().invoke(app, ["tools", *arguments]).exception
        assert isinstance(error, UsageError)
        assert error.message.startswith(sentence[:-1])
    assert fake_process.asked == []


def test_no_tool_imports_torch() -> None:
    code = (
        "import sys\n"
        "from tui_lab.cli.main import app\n"
        "from tui_lab.previews.client import PreviewProcess\n"
        "from tui_lab.tools.catalogue import TOOLS\n"
        "from tui_lab.tools.tool import Result\n"
        "PreviewProcess.work_out = lambda *_, **__: Result()\n"
        "from typer.testing import CliRunner\n"
        "for name in ('', *TOOLS):\n"
        "    assert CliRunner().invoke(app, ['tools', name][: 1 + bool(name)]).exit_code == 0\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
