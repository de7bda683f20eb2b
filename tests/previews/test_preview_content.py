"""What previews show survives its way through JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.inspections.content import LabelledPoint
from tui_lab.pictures import Picture
from tui_lab.previews.content import Layer, LayerTable, Sample, SampleGrid
from tui_lab.training.range_test import RangeTest

FINITE = st.floats(allow_nan=False, allow_infinity=False)
LABELS = st.integers(0, 2)
PICTURES = st.binary(min_size=12, max_size=12).map(lambda rgb: Picture(2, 2, rgb))
SAMPLES = st.builds(Sample, PICTURES, st.none() | PICTURES, LABELS)
POINTS = st.builds(LabelledPoint, FINITE, FINITE, LABELS)
GRIDS = st.builds(
    SampleGrid,
    dataset=st.text(),
    class_names=st.tuples(st.text(), st.text(), st.text()),
    train_size=st.integers(0),
    test_size=st.integers(0),
    samples=st.lists(SAMPLES, max_size=3).map(tuple),
    seen_range=st.none() | st.tuples(FINITE, FINITE),
    train=st.lists(POINTS, max_size=3).map(tuple),
    test=st.lists(POINTS, max_size=3).map(tuple),
)
SHAPES = st.lists(st.integers(1), max_size=3).map(tuple)
TABLES = st.builds(
    LayerTable, SHAPES, st.lists(st.builds(Layer, st.text(), st.text(), st.none() | SHAPES, st.integers(0))).map(tuple)
)


def through_json(content: Any) -> Any:
    return type(content).from_json(json.loads(json.dumps(content.to_json(), allow_nan=False)))


TESTS = st.lists(st.tuples(*3 * [st.floats(0.01, 100)]), min_size=1, max_size=9).map(
    lambda steps: RangeTest(*zip(*steps, strict=True))
)


@given(GRIDS | TABLES | TESTS)
def test_content_survives_json(content: SampleGrid | LayerTable | RangeTest) -> None:
    assert through_json(content) == content


@given(TABLES)
def test_shares_add_up(table: LayerTable) -> None:
    shares = sum(map(table.share, table.layers))
    assert shares == pytest.approx(1.0 if table.parameters else 0.0)
    assert table.to_json()["parameters"] == table.parameters


def test_labels_must_have_a_class() -> None:
    with pytest.raises(ValueError, match="2 is none of 2 classes"):
        SampleGrid("circles", ("outer", "inner"), 1, 0, train=(LabelledPoint(0.0, 0.0, 2),))


@pytest.mark.parametrize("content", [{}, {"input_shape": [2]}, {"input_shape": [2], "layers": [{"name": "x"}]}])
def test_what_is_no_layer_table_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        LayerTable.from_json(content)


def test_whoever_draws_imports_no_torch() -> None:
    code = "import sys, tui_lab.previews.client, tui_lab.charts.previews; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
