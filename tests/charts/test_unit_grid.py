"""Maps of hidden units: their colours, their signs, the line between, and the room that they take."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.look import DARK, LIGHT, Look
from tui_lab.charts.shading import contrast
from tui_lab.charts.units import unit_grid
from tui_lab.inspections.content import UnitLayer, UnitMap, UnitMaps

CELLS = 24


def maps(count=1, activation="tanh", level=lambda column, row: 1 if column < CELLS / 2 else 255, largest=1.0, layers=1):
    """By default the left half of the plane is below the middle, and the right half above it."""
    levels = bytes(level(column, row) for row in range(CELLS) for column in range(CELLS))
    units = tuple(UnitMap(i, levels, largest) for i in range(1, count + 1))
    found = tuple(UnitLayer(f"hidden {i}", count, units) for i in range(1, layers + 1))
    return UnitMaps(1.0, 20, activation, -1.5, -1.5, 3.0, CELLS, found)


def pixels(text, line):
    """The colours of the upper and the lower pixel of each cell in one line of a single map."""
    drawn = text.split("\n")[line]
    styles = {i: span.style for span in drawn.spans for i in range(span.start, span.end)}
    return [(tuple(styles[i].color.triplet), tuple(styles[i].bgcolor.triplet)) for i in range(len(drawn))]


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_both_sides_have_colours_and_the_line_between_another(palette):
    row = pixels(unit_grid(maps(), width=76, look=Look(palette)), 3)
    below, above = palette.runs[:2]
    assert len(row) == CELLS
    assert [upper for upper, _ in row] == [below] * 11 + [palette.axis] + [above] * 12
    assert len({below, above, palette.axis}) == 3


def test_rows_are_drawn_from_the_top_and_strength_is_distance():
    found = maps(level=lambda column, row: 128 + 5 * row)
    drawn = unit_grid(found, width=76)
    first, last = pixels(drawn, 3)[0][0], pixels(drawn, 14)[0][1]
    assert contrast(last, DARK.background) > contrast(first, DARK.background)


def test_without_colours_signs_stand_for_them():
    def level(column, row):
        return (1, 100, 128, 160, 255)[column * 5 // CELLS]

    for look in (Look(color=False), Look(ascii=True)):
        drawn = unit_grid(maps(level=level), width=76, look=look)
        assert drawn.plain.isascii() and not [span for span in drawn.spans if span.style != "bold"]
        lines = drawn.plain.split("\n")
        assert "- and = below, to -1" in lines[0]
        start = lines.index("hidden 1: 1 unit") + 1
        assert set(lines[start : start + 12]) == {"=====-----     +++++####"}
        assert lines[start + 12] == "1"


def test_the_middle_and_the_limits_are_those_of_the_activation():
    assert unit_grid(maps(), width=76).plain.startswith("tanh: ■ to -1   ■ 0   ■ to 1   x -1.50 to 1.50")
    assert "■ to 0   ■ 0.5   ■ to 1" in unit_grid(maps(activation="sigmoid"), width=76).plain
    relu = maps(activation="relu", largest=2.345)
    assert "where it turns on" in unit_grid(relu, width=76).plain and "1 to 2.3" in unit_grid(relu, width=76).plain
    off = maps(activation="relu", level=lambda column, row: 128, largest=0.0)
    drawn = unit_grid(off, width=76)
    assert "1 off" in drawn.plain and len({pixel for line in range(3, 15) for pixel in pixels(drawn, line)}) == 1


def test_a_part_of_the_units_says_so():
    found = maps(8)
    found = replace(found, layers=(replace(found.layers[0], units=100),))
    assert "hidden 1: 8 of 100 units" in unit_grid(found, width=76).plain


@pytest.mark.parametrize(
    ("width", "rows", "side"), [(153, 40, 24), (153, 18, 12), (76, 11, 12), (76, None, 12), (150, None, 24)]
)
def test_maps_are_as_large_as_there_is_room_for(width, rows, side):
    lines = unit_grid(maps(10), width=width, rows=rows, look=Look(color=False)).plain.split("\n")
    assert lines[lines.index("hidden 1: 10 units") + 1].startswith("=" * (side // 2) + "#" * (side // 2) + "  =")
    assert rows is None or side == 12 or len(lines) <= rows


@given(
    width=st.integers(20, 170),
    rows=st.none() | st.integers(0, 60),
    count=st.integers(1, 12),
    layers=st.integers(1, 3),
    activation=st.sampled_from(["tanh", "sigmoid", "relu", "odd"]),
    color=st.booleans(),
    ascii=st.booleans(),
)
def test_any_maps_stay_within_the_width_with_all_their_numbers(width, rows, count, layers, activation, color, ascii):
    found = maps(count, activation, layers=layers)
    drawn = unit_grid(found, width=width, rows=rows, look=Look(color=color, ascii=ascii))
    assert max(map(cell_len, drawn.plain.split("\n"))) <= width
    assert drawn.plain.isascii() or not ascii
    words = drawn.plain.replace("=", " ").replace("#", " ").split()
    assert all(words.count(str(number)) >= layers for number in range(1, count + 1))
