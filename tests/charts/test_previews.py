"""Previews as text, and curves that are calculated."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.calculated import schedule_series, tool_series
from tui_lab.charts.look import Look
from tui_lab.charts.previews import LAYER_COLUMNS, layer_rows, preview_samples
from tui_lab.inspections.content import LabelledPoint
from tui_lab.labs.convnet import ConvNetHyperparameters
from tui_lab.pictures import Picture
from tui_lab.previews.content import Layer, LayerTable, Sample, SampleGrid
from tui_lab.tools.catalogue import TOOLS
from tui_lab.training.schedules import learning_rate

COORDINATES = st.floats(-1e6, 1e6)
POINTS = st.lists(st.builds(LabelledPoint, COORDINATES, COORDINATES, st.integers(0, 1)), max_size=20).map(tuple)


def images(classes: int, of_each: int = 2, side: int = 32) -> SampleGrid:
    names = tuple(f"class {label}" for label in range(classes))
    grey, white = (Picture(side, side, bytes([value]) * (3 * side * side)) for value in (90, 255))
    samples = tuple(Sample(grey, white, label) for _ in range(of_each) for label in range(classes))
    return SampleGrid("made up", names, 100, 10, samples, (-1.0, 1.0))


def lines(grid: SampleGrid, width: int, **options: Any) -> list[str]:
    return preview_samples(grid, width=width, **options).plain.split("\n")


@pytest.mark.parametrize(
    ("classes", "width", "across"), [(10, 80, 5), (10, 160, 10), (10, 200, 10), (7, 80, 5), (2, 80, 2)]
)
def test_as_many_classes_stand_side_by_side_as_have_room(classes: int, width: int, across: int) -> None:
    drawn = lines(images(classes), width)
    assert max(map(cell_len, drawn)) <= width
    captions = [line.split("class")[1:] for line in drawn if "class" in line]
    assert [int(label) for label in captions[0]] == list(range(across))
    assert sum(map(len, captions)) == 2 * classes


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(2, 130), st.booleans())
def test_images_fit_any_width_and_every_class_is_named(classes: int, width: int, color: bool) -> None:
    drawn = lines(images(classes, of_each=1, side=8), width, look=Look(color=color))
    assert max(map(cell_len, drawn)) <= width
    assert sum(line.count("class") for line in drawn) == classes or width < len("class 0")


def test_what_the_network_sees_is_another_picture() -> None:
    grid = images(2)
    assert "█" in "".join(lines(grid, 80, seen=True, look=Look(color=False)))
    assert "█" not in "".join(lines(grid, 80, seen=False, look=Look(color=False)))


def points(*train: LabelledPoint, test: tuple[LabelledPoint, ...] = ()) -> SampleGrid:
    return SampleGrid("made up", ("left", "right"), len(train), len(test), train=train, test=test)


def test_points_lie_where_they_are_and_training_points_on_top() -> None:
    corners = [LabelledPoint(-1, 1, 0), LabelledPoint(1, -1, 1)]
    drawn = lines(points(*corners, test=(LabelledPoint(-1, 1, 1), LabelledPoint(1, 1, 1))), 40, look=Look(color=False))
    plane = drawn[:-3]
    assert len(plane) == 20
    places = {(row, column): mark for row, line in enumerate(plane) for column, mark in enumerate(line) if mark != " "}
    assert sorted(places.values()) == ["A", "B", "b"]
    where = {mark: place for place, mark in places.items()}
    assert where["A"][0] == where["b"][0] < where["B"][0]
    assert where["A"][1] < where["b"][1] == where["B"][1]
    assert drawn[-3:] == ["A a left", "B b right", "capital: train, small: test"]


def test_points_have_the_colour_of_their_class() -> None:
    text = preview_samples(points(LabelledPoint(0, 0, 0), LabelledPoint(1, 1, 1)), width=40)
    colours = {str(span.style) for span in text.spans if text.plain[span.start : span.end] == "•"}
    legend = {str(span.style) for span in text.spans if text.plain[span.start : span.end] == "■"}
    assert len(colours) == 2
    assert colours == legend


@settings(deadline=None)
@given(POINTS, POINTS, st.integers(1, 90), st.none() | st.integers(1, 30), st.booleans())
def test_the_plane_fits_wherever_points_lie(
    train: tuple[LabelledPoint, ...], test: tuple[LabelledPoint, ...], width: int, rows: int | None, ascii: bool
) -> None:
    drawn = preview_samples(points(*train, test=test), width=width, rows=rows, look=Look(ascii=ascii)).plain
    assert not ascii or drawn.isascii()
    plane = drawn.split("\n")
    assert rows is None or len(plane) <= max(rows, 1)
    marks = sum(char in "ABab•○" for line in plane[:-3] for char in line)
    assert marks <= len(train) + len(test)
    assert not drawn or bool(marks) == bool(train or test)


def test_layers_come_between_the_input_and_the_sum() -> None:
    table = LayerTable(
        (3, 32, 32),
        (Layer("conv", "Conv2d", (8, 32, 32), 9), Layer("relu", "ReLU", None, 0), Layer("fc", "Linear", (10,), 99_991)),
    )
    rows = layer_rows(table)
    assert {len(row) for row in rows} == {len(LAYER_COLUMNS)}
    assert rows[0] == ("input", "", "3 × 32 × 32", "", "")
    assert rows[1] == ("conv", "Conv2d", "8 × 32 × 32", "9", "< 0.1 %")
    assert rows[2] == ("relu", "ReLU", "", "", "")
    assert rows[3] == ("fc", "Linear", "10", "99,991", "100.0 %")
    assert rows[-1] == ("all", "", "", "100,000", "")


@given(st.integers(1, 100_000), st.sampled_from(["none", "exponential", "cosine"]))
def test_a_schedule_is_drawn_in_a_few_hundred_points_of_the_rate_itself(epochs: int, scheduler: Any) -> None:
    hp = ConvNetHyperparameters(epochs=epochs, scheduler=scheduler)
    series = schedule_series(hp)
    assert series.kind == "lr"
    assert len(series.x) == min(epochs, 300)
    assert (series.x[0], series.x[-1]) == (0, epochs - 1)
    assert list(series.y) == [learning_rate(hp, int(epoch)) for epoch in series.x]
    assert sorted(set(series.x)) == list(series.x)


def test_the_curves_of_a_tool_have_kinds_of_their_own() -> None:
    (chart,) = TOOLS["schedule"].answer({}).charts
    series = tool_series(chart)
    assert [one.name for one in series] == [curve.name for curve in chart.curves]
    assert [one.run_index for one in series] == list(range(6))
