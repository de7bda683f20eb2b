"""`tui-lab tools`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tui_lab.cli.main import app
from tui_lab.errors import USAGE, UsageError
from tui_lab.tools.catalogue import TOOLS


def output(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["tools", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_tool_is_listed() -> None:
    rows = [line.split()[0] for line in output().splitlines()[2:]]
    assert rows == list(TOOLS)
    assert [entry["name"] for entry in json.loads(output("--json"))] == list(TOOLS)


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


def test_seven_bits_where_nothing_else_may_appear(monkeypatch: pytest.MonkeyPatch) -> None:
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
        (["schedul"], "There is no tool 'schedul'; there are losses, conv, schedule.", "Did you mean 'schedule'?"),
    ):
        error = CliRunner().invoke(app, ["tools", *arguments]).exception
        assert isinstance(error, UsageError) and error.exit_code == USAGE
        assert (error.message, error.hint) == (sentence, hint)


def test_no_tool_imports_torch() -> None:
    code = (
        "import sys\n"
        "from tui_lab.cli.main import app\n"
        "from typer.testing import CliRunner\n"
        "for name in ('', 'conv', 'losses', 'schedule'):\n"
        "    assert CliRunner().invoke(app, ['tools', name][: 1 + bool(name)]).exit_code == 0\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
