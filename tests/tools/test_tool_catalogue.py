"""Every tool: declared completely, found by name, answering without torch."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

import pytest

from tui_lab.errors import UsageError
from tui_lab.hyperparameters import Declared, declarations, setting
from tui_lab.pictures import Picture
from tui_lab.tools.catalogue import TOOLS, find_tool
from tui_lab.tools.tool import Gallery, Result, Table, Tool, WithTorch, written

IMMEDIATE = {name: tool for name, tool in TOOLS.items() if not isinstance(tool.calculate, WithTorch)}


class Inputs(Declared):
    later: int = setting(1, "of the second topic", topic="Zebra", ge=0)
    first: float = setting(0.5, "of a topic of hyperparameters", topic="Data", gt=0, lt=1)
    second: bool = setting(False, "of the second topic too", topic="Zebra", only_if={"later": (1,)})


def test_any_declared_model_has_declarations_ordered_by_topic() -> None:
    found = declarations(Inputs)
    assert list(found) == ["first", "later", "second"]
    assert found["first"].allowed == "0 < first < 1"
    assert found["second"].has_effect({"later": 1}) and not found["second"].has_effect({"later": 2})


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_a_tool_is_declared_completely(tool: Tool[Any]) -> None:
    assert tool.name and tool.title and tool.text.strip()
    tool.inputs()
    for declaration in tool.declarations.values():
        assert declaration.help and declaration.allowed
        assert declaration.topic.isalpha()  # part of an id on the screen
        assert declaration.only_if.keys() <= tool.declarations.keys()


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_what_takes_torch_is_there(tool: Tool[Any]) -> None:
    for work in (tool.calculate, tool.measure):
        if isinstance(work, WithTorch):
            module, _, function = work.function.partition(":")
            assert callable(getattr(importlib.import_module(module), function))
    if isinstance(tool.calculate, WithTorch):
        with pytest.raises(TypeError, match=tool.name):
            tool.answer({})


@pytest.mark.parametrize("tool", IMMEDIATE.values(), ids=IMMEDIATE)
def test_a_tool_answers_its_defaults(tool: Tool[Any]) -> None:
    result = tool.answer({})
    assert result.table is not None
    assert {len(row) for row in result.table.rows} == {len(result.table.columns)}
    for chart in result.charts:
        for curve in chart.curves:
            assert len(curve.x) == len(curve.y) > 1
            assert list(curve.x) == sorted(curve.x)
    assert Result.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False))) == result


@pytest.mark.parametrize("tool", IMMEDIATE.values(), ids=IMMEDIATE)
def test_every_choice_is_answered(tool: Tool[Any]) -> None:
    for declaration in tool.declarations.values():
        for choice in declaration.choices if declaration.topic != "Measuring" else ():
            assert tool.answer({declaration.name: choice}) != tool.answer({}) or choice == declaration.default


def test_tools_come_in_the_order_of_the_labs_and_are_found_by_name() -> None:
    assert {"conv", "losses", "schedule"} <= TOOLS.keys()
    assert [tool.lab for tool in TOOLS.values()] == sorted(tool.lab for tool in TOOLS.values())
    assert all(find_tool(name) is tool for name, tool in TOOLS.items())
    with pytest.raises(UsageError, match=r"no tool 'convolution'") as caught:
        find_tool("convolution")
    assert caught.value.hint == "Did you mean 'conv'?"
    with pytest.raises(UsageError, match=r"schedule, .*, lr-find\.") as caught:
        find_tool("lr-fnd", ["lr-find"])
    assert caught.value.hint == "Did you mean 'lr-find'?"


def test_wrong_inputs_are_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"^p = 2\.0: must be 0 < p <= 1\.$"):
        find_tool("losses").answer({"p": 2.0})


def test_the_catalogue_imports_no_torch() -> None:
    code = "import sys, tui_lab.tools.catalogue; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (1191170, "1,191,170"),
        (0, "0"),
        (0.31326, "0.3133"),
        (32112.6, "32,113"),
        (1e-10, "1e-10"),
        (1e20, "1e+20"),
        (10**20, "1e+20"),
        (float("nan"), "nan"),
        (-float("inf"), "-inf"),
        ("32 × 32", "32 × 32"),
    ],
)
def test_cells_as_people_read_them(cell: str | int | float, text: str) -> None:
    assert written(cell) == text


def test_pictures_survive_json_and_each_has_a_caption() -> None:
    picture = Picture(1, 2, bytes(range(6)))
    result = Result(("a line",), galleries=(Gallery("two", (picture, picture), ("one", ""), 7),))
    assert Result.from_json(json.loads(json.dumps(result.to_json()))) == result
    with pytest.raises(ValueError, match="2 pictures do not have 1 captions"):
        Gallery("two", (picture, picture), ("one",))


def test_columns_of_numbers_are_told_from_columns_of_words() -> None:
    table = Table(("", "", ""), (("a", 1, "b"), ("c", "d", "e"), ("f", 2.0, 3)))
    assert [table.is_numeric(column) for column in range(3)] == [False, True, False]
    sparse = Table(("",), ((5,), ("",), ("",), ("",)))
    assert sparse.is_numeric(0)
