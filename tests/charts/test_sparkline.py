"""Curves in one line."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.charts.sparkline import sparkline

anything = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(anything, max_size=200), st.integers(0, 30), st.booleans())
def test_it_is_exactly_as_wide_as_asked(values, width, ascii_only):
    text = sparkline(values, width, ascii=ascii_only)
    assert len(text) == width
    assert set(text) <= set(" .:-=+*#@" if ascii_only else " ▁▂▃▄▅▆▇█")


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=300, unique=True), st.integers(2, 30))
def test_highest_and_lowest_show_where_they_are(values, width):
    text = sparkline(values, width)
    length = max(len(values), width) if len(values) <= width else len(values)
    cell = {
        i: next(c for c in range(width) if c * length // width <= i < (c + 1) * length // width)
        for i in range(len(values))
    }
    highest = cell[values.index(max(values))]
    assert text[highest] == "█"
    lowest = cell[values.index(min(values))]
    if lowest != highest:
        assert text[lowest] == "▁"


@given(st.floats(-1e300, 1e300), st.integers(1, 100), st.integers(1, 20))
def test_a_constant_stays_at_the_middle(value, length, width):
    assert set(sparkline([value] * length, width).rstrip()) == {"▄"}


@given(st.integers(0, 999))
def test_a_spike_of_one_value_survives(place):
    values = [math.sin(i) for i in range(1000)]
    values[place] = 9.0
    assert sparkline(values, 10)[place // 100] == "█"


@pytest.mark.parametrize(
    ("values", "width", "text"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], 8, "▁▂▃▄▅▆▇█"),
        ([1, math.nan, 3, math.inf], 6, "▁ █   "),
        ([], 3, "   "),
        ([math.nan] * 9, 3, "   "),
        ([1, 1, math.nan, math.nan, 2, 2], 3, "▁ █"),
        ([1.0], 2, "▄ "),
    ],
)
def test_known_curves(values, width, text):
    assert sparkline(values, width) == text


def test_ascii_levels_rise_in_weight():
    assert sparkline(range(8), 8, ascii=True) == ".:-=+*#@"
