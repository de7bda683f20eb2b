"""Smoothing, thinning, gaps, logarithms and ticks."""

import math
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tui_lab.charts.series import (
    KINDS,
    Series,
    axis_ticks,
    clip_for_log,
    log_ticks,
    run_kind,
    short_number,
    smooth,
    split_at_gaps,
    thin,
    tick_labels,
    with_smoothing,
)
from tui_lab.errors import UsageError

finite = st.floats(-1e100, 1e100)
anything = st.one_of(finite, st.sampled_from([math.nan, math.inf, -math.inf]))
weights = st.floats(0, 0.99)
UNITS = {"k": 3, "M": 6, "G": 9, "T": 12}


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


def test_series_wants_as_many_positions_as_values():
    with pytest.raises(ValueError, match="2 positions for 1 values"):
        Series("loss", [0, 1], [1.0])


@pytest.mark.parametrize("kind", [*KINDS, run_kind(0), run_kind(12)])
def test_known_kinds_are_accepted(kind):
    assert Series("", [], [], kind).kind == kind


@pytest.mark.parametrize("kind", ["", "run", "run x", "run -1", "training"])
def test_unknown_kinds_are_refused(kind):
    with pytest.raises(ValueError, match="unknown kind"):
        Series("", [], [], kind)


def test_run_index_is_the_number_of_the_run():
    assert Series("", [], [], run_kind(7)).run_index == 7
    assert Series("", [], [], "test").run_index is None


@given(finite, weights, st.integers(1, 300))
def test_smoothing_a_constant_leaves_it_exactly(value, weight, length):
    assert set(smooth([value] * length, weight)) == {value}


@given(st.lists(st.floats(-1e6, 1e6), max_size=60), weights)
def test_smoothing_agrees_with_the_formula_of_adam(values, weight):
    moment = 0.0
    for k, (value, smoothed) in enumerate(zip(values, smooth(values, weight), strict=True), start=1):
        moment = weight * moment + (1 - weight) * value
        assert smoothed == pytest.approx(moment / (1 - weight**k), rel=1e-9, abs=1e-6)


@given(st.lists(anything, max_size=60), weights)
def test_smoothing_passes_gaps_through_and_forgets_them(values, weight):
    smoothed = smooth(values, weight)
    rest = iter(smooth([v for v in values if math.isfinite(v)], weight))
    for value, result in zip(values, smoothed, strict=True):
        assert same(result, next(rest) if math.isfinite(value) else value)


@given(st.lists(anything, max_size=20))
def test_no_smoothing_changes_nothing(values):
    assert all(map(same, smooth(values, 0), values))


@pytest.mark.parametrize("weight", [-0.1, 0.995, 1, math.nan])
def test_smoothing_out_of_range_is_a_usage_error(weight):
    with pytest.raises(UsageError, match="out of range"):
        smooth([1.0], weight)


def test_raw_values_lie_faint_under_their_smoothed_line():
    series = Series("train", [0, 1], [1.0, 3.0])
    raw, line = with_smoothing(series, 0.5)
    assert (raw.faint, raw.y, raw.kind) == (True, series.y, "train")
    assert (line.faint, line.name, list(line.y)) == (False, "train", smooth(series.y, 0.5))
    assert with_smoothing(series, 0) == (series,)


@st.composite
def curves(draw, values=anything):
    y = draw(st.lists(values, max_size=400))
    steps = draw(st.lists(st.floats(0, 1e3), min_size=len(y), max_size=len(y)))
    return sorted(steps), y


@given(curves(), st.integers(1, 40))
def test_thinning_keeps_extremes_and_ends_and_is_bounded(curve, columns):
    x, y = curve
    thin_x, thin_y = thin(x, y, columns)
    assert len(thin_x) == len(thin_y) <= 3 * columns + 2
    assert thin_x == sorted(thin_x)
    points = {(a, repr(b)) for a, b in zip(x, y, strict=True)}
    assert all((a, repr(b)) in points for a, b in zip(thin_x, thin_y, strict=True))
    before, after = ([v for v in values if math.isfinite(v)] for values in (y, thin_y))
    assert (min(before, default=0), max(before, default=0)) == (min(after, default=0), max(after, default=0))
    assert any(not math.isfinite(v) for v in y) == any(not math.isfinite(v) for v in thin_y)
    assert thin_x[:1] + thin_x[-1:] == x[:1] + x[-1:]


@given(st.integers(0, 4999), st.sampled_from([50.0, -50.0, math.nan, math.inf]), st.integers(1, 320))
def test_a_spike_of_one_point_survives(place, spike, columns):
    y = [math.sin(i) for i in range(5000)]
    y[place] = spike
    kept = dict(zip(*thin(range(5000), y, columns), strict=True))
    assert same(kept[place], spike)


def test_every_column_keeps_its_own_extremes():
    y = [0.0, 3.0, 1.0, 2.0] * 25
    assert thin(range(100), y, 5) == thin(range(100), y, 5)
    kept_x, kept_y = thin(range(100), y, 5)
    for column in range(5):
        inside = [v for position, v in zip(kept_x, kept_y, strict=True) if 20 * column <= position < 20 * column + 20]
        assert {0.0, 3.0} <= set(inside)


@given(curves(), st.integers(1, 20))
def test_thinning_twice_keeps_the_extremes(curve, columns):
    x, y = curve
    twice = thin(*thin(x, y, 3 * columns), columns)[1]
    finite_values = [v for v in y if math.isfinite(v)]
    if finite_values:
        assert min(finite_values) in twice
        assert max(finite_values) in twice


def test_short_curves_come_back_whole():
    assert thin([1, 2, 3], [5.0, math.inf, 4.0], 2) == ([1, 2, 3], [5.0, math.inf, 4.0])


def test_positions_out_of_order_are_sorted_and_lost_ones_left_out():
    assert thin([3, 1, math.nan, 2, math.inf], [30.0, 10.0, 99.0, 20.0, 98.0], 10) == ([1, 2, 3], [10.0, 20.0, 30.0])


def test_positions_as_far_apart_as_floats_go_are_thinned():
    x = [-1.7e308, *([0.0] * 50), 1.7e308]
    assert len(thin(x, [float(i) for i in range(52)], 4)[0]) <= 14


def test_thinning_wants_as_many_positions_as_values():
    with pytest.raises(ValueError, match="2 positions for 1 values"):
        thin([1, 2], [1.0], 5)


@given(curves())
def test_segments_and_gaps_are_the_curve(curve):
    x, y = curve
    segments, gaps = split_at_gaps(x, y)
    assert sum(len(positions) for positions, _ in segments) + len(gaps) == len(x)
    assert [v for _, values in segments for v in values] == [v for v in y if math.isfinite(v)]
    assert all(values for _, values in segments)


def test_a_gap_ends_a_segment():
    segments, gaps = split_at_gaps([1, 2, 3, 4, 5], [1.0, math.nan, 3.0, 4.0, math.inf])
    assert segments == [([1], [1.0]), ([3, 4], [3.0, 4.0])]
    assert gaps == [2, 5]


def test_log_values_are_clipped_at_the_smallest_positive_one():
    assert clip_for_log([0.0, -3.0, 0.5, 0.1, math.inf]) == [0.1, 0.1, 0.5, 0.1, math.inf]
    assert clip_for_log([0.0, 0.001], floor=0.01) == [0.01, 0.01]
    assert math.isnan(clip_for_log([math.nan, 1.0])[0])


def test_log_values_none_of_which_is_positive_are_gaps():
    assert all(map(math.isnan, clip_for_log([0.0, -1.0, math.inf])))


limits = st.tuples(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9)).map(sorted).filter(lambda pair: pair[1] - pair[0] > 1e-3)


@given(limits, st.integers(2, 12))
def test_ticks_are_round_few_and_inside(pair, count):
    low, high = pair
    ticks = axis_ticks(low, high, count)
    slack = 1e-6 * (high - low)
    assert 2 <= len(ticks) <= count + 4
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    step = ticks[1] - ticks[0]
    leading = step / 10 ** math.floor(math.log10(step) + 1e-6)
    assert min(abs(leading - m) for m in (1, 2, 5)) < 1e-3


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [(0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]), (1, 100, 5, [20, 40, 60, 80, 100]), (0.3, 2.7, 5, [0.5, 1, 1.5, 2, 2.5])],
)
def test_ticks_are_what_one_would_draw_by_hand(low, high, count, ticks):
    assert axis_ticks(low, high, count) == pytest.approx(ticks)


def test_an_axis_that_counts_has_whole_ticks():
    assert axis_ticks(1, 4, 10, whole=True) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [
        (1e-4, 1, 5, [1e-4, 1e-3, 1e-2, 1e-1, 1]),
        (0.3, 2.5, 8, [0.3, 0.5, 1, 2]),
        (1, 1e12, 5, [1, 1e3, 1e6, 1e9, 1e12]),
        (2.1, 2.9, 4, [2.2, 2.4, 2.6, 2.8]),
    ],
)
def test_log_ticks_are_what_one_would_draw_by_hand(low, high, count, ticks):
    assert log_ticks(low, high, count) == pytest.approx(ticks)


@given(st.floats(1e-200, 1e200), st.floats(1.01, 1e60), st.integers(2, 12))
def test_log_ticks_are_few_and_inside(low, ratio, count):
    ticks = log_ticks(low, low * ratio, count)
    assert 1 <= len(ticks) <= count + 4
    assert all(low * (1 - 1e-6) <= tick <= low * ratio * (1 + 1e-6) for tick in ticks)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.5, "0.5"), (1e-3, "1e-3"), (-0.00025, "-2.5e-4"), (1e-3 * 2, "0.002"), (1500, "1500"),
        (10_000, "10k"), (1_250_000, "1.25M"), (3e9, "3G"), (7e12, "7T"), (1e15, "1e15"), (1e-100, "1e-100"),
    ],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert short_number(value) == text


def test_labels_of_one_axis_have_the_same_decimals():
    assert tick_labels([0.0, 0.5, 1.0]) == ["0.0", "0.5", "1.0"]
    assert tick_labels([20, 40, 100]) == ["20", "40", "100"]
    assert tick_labels([0.0, 20_000.0]) == ["0", "20k"]
    assert tick_labels([1e-3, 1e-2, 10.0], log=True) == ["1e-3", "0.01", "10"]


@given(limits, st.integers(2, 12))
def test_labels_of_neighbours_differ_and_are_true(pair, count):
    low, high = pair
    assume(high - low > 1e-6 * max(abs(low), abs(high)))
    ticks = axis_ticks(low, high, count)
    labels = tick_labels(ticks)
    assert len(set(labels)) == len(labels)
    assert max(map(len, labels)) <= 13
    said = [float(label.translate({ord(unit): f"e{power}" for unit, power in UNITS.items()})) for label in labels]
    assert said == pytest.approx(ticks, abs=1e-3 * (ticks[1] - ticks[0]))


def test_importing_costs_no_heavy_library():
    code = "import sys, tui_lab.charts.series; print([m for m in ('numpy', 'plotext', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
