"""Charts are blocks of text of the size asked for, whatever the data, and plotext gets little and harmless data."""

import math
import re
from unittest.mock import patch

import plotext
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts import plot
from tui_lab.charts.look import DARK, LIGHT, Look
from tui_lab.charts.plot import MIN_HEIGHT, MIN_WIDTH
from tui_lab.charts.series import KINDS, Series, run_kind, with_smoothing

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
EPOCHS = list(range(1, 31))
FALLING = [2.3 * math.exp(-epoch / 8) + 0.2 for epoch in EPOCHS]
LOSS = [Series("train", EPOCHS, FALLING), Series("test", EPOCHS, [v + 0.2 for v in FALLING], "test")]

values = st.floats(allow_nan=True, allow_infinity=True)
kinds = st.sampled_from([*KINDS, *map(run_kind, range(11))])


@st.composite
def series(draw_from):
    y = draw_from(st.lists(values, max_size=40))
    x = draw_from(st.one_of(st.just(list(range(len(y)))), st.lists(values, min_size=len(y), max_size=len(y))))
    return Series(draw_from(st.text(max_size=12)), x, y, draw_from(kinds), faint=draw_from(st.booleans()))


def draw(*given, **more):
    """The text of a chart."""
    return plot.draw(*given, **more).text


def block(text):
    """The lines of a chart without their colours."""
    return ESCAPE.sub("", text).split("\n")


def colours(text):
    """The colours on each line, from the parser that the screen uses."""
    return [{str(span.style) for span in line.spans} for line in Text.from_ansi(text).split("\n")]


@settings(max_examples=80, deadline=None)
@given(
    curves=st.lists(series(), max_size=5),
    width=st.integers(1, 90),
    height=st.integers(1, 30),
    title=st.text(max_size=30),
    x_log=st.booleans(),
    y_log=st.booleans(),
    look=st.builds(Look, marker=st.sampled_from(["braille", "blocks"]), color=st.booleans(), ascii=st.booleans()),
)
def test_any_data_gives_a_block_of_the_size_asked_for(curves, width, height, title, x_log, y_log, look):
    asked = {"title": title, "x_label": title, "x_log": x_log, "y_log": y_log, "look": look}
    text = draw(curves, width=width, height=height, **asked)
    assert [cell_len(line) for line in block(text)] == [width] * height
    assert look.color or "\x1b" not in text
    assert not look.ascii or text.isascii()


@pytest.mark.parametrize("y_log", [False, True])
@pytest.mark.parametrize(
    "y",
    [
        [5e-324, 1e-310, 0.0],
        [1.7e308, -1.7e308],
        [1.7e308, 1e-320, 1.0],
        [1.0, 1.0 + 1e-15],
        [0.0, 0.0],
        [-5.0, -3.0],
        [1e15, 1e15 + 1],
        [math.nan, 1.0, math.inf, 2.0, -math.inf],
    ],
)
def test_values_at_the_edges_of_floating_point_are_drawn(y, y_log):
    lines = block(draw([Series("run", range(len(y)), y)], width=40, height=10, y_log=y_log))
    assert [len(line) for line in lines] == [40] * 10
    assert any("┤" in line for line in lines) or "no positive value for a log axis" in "".join(lines)


@pytest.mark.parametrize("size", [(0, 5), (20, 0), (-1, -1)])
def test_no_cells_no_text(size):
    assert draw(LOSS, width=size[0], height=size[1]) == ""


@pytest.mark.parametrize(
    ("curves", "y_log", "sentence"),
    [
        ([], False, "no data yet"),
        ([], True, "no data yet"),
        ([Series("train", [], [])], True, "no data yet"),
        ([Series("train", [1, 2], [math.nan, math.inf])], False, "every value is NaN or infinite"),
        ([Series("train", [1, 2], [math.nan, math.inf])], True, "every value is NaN or infinite"),
        ([Series("train", [1, 2], [0.0, -1.0])], True, "no positive value for a log axis"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(curves, y_log, sentence):
    lines = block(draw(curves, width=40, height=9, title="Loss", y_log=y_log))
    assert lines[0].strip() == "Loss"
    assert [line.strip() for line in lines[1:] if line.strip()] == [sentence]


def test_too_small_a_chart_says_so():
    assert "a chart needs 20x5 cells" in draw(LOSS, width=30, height=MIN_HEIGHT - 1, look=Look(color=False))
    assert "⠤" in draw(LOSS, width=MIN_WIDTH, height=MIN_HEIGHT, look=Look(color=False))


def test_title_legend_and_label_stand_outside_the_canvas():
    lines = block(draw(LOSS, width=60, height=14, title="Loss", x_label="epoch", y_log=True))
    assert lines[0].strip() == "Loss"
    assert re.fullmatch(r"── train  ─•─ test +epoch, log y", lines[-1])
    assert not any("train" in line for line in lines[:-1])


def test_a_falling_curve_falls():
    lines = block(draw(LOSS[:1], width=60, height=14))
    rows = [next(r for r, line in enumerate(lines) if "\u2800" < line[column] <= "\u28ff") for column in (8, 20, 59)]
    assert rows == sorted(set(rows))


def test_ticks_are_round_and_where_they_belong():
    lines = block(draw([Series("", [0, 100], [0.0, 1.0])], width=60, height=23))
    labels = {row: line.split("┤")[0].strip() for row, line in enumerate(lines) if "┤" in line}
    assert labels == {0: "1.0", 4: "0.8", 8: "0.6", 12: "0.4", 16: "0.2", 20: "0.0"}
    assert lines[-1].split() == ["0", "20", "40", "60", "80", "100"]


@given(st.integers(1, 30), st.lists(st.floats(0, 1), min_size=1, max_size=12, unique=True))
def test_no_two_ticks_share_a_row(rows, places):
    """plotext would draw one of them, and in another process the other."""
    labelled = plot._Axis(0.0, 1.0, sorted(places)).labelled_on(rows).ticks
    assert len({round(tick * (rows - 1)) for tick in labelled}) == len(labelled)
    assert labelled[0] == min(places)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_leaves_a_gap_and_a_mark_above_it(bad):
    y = [1.0] * 20 + [bad] * 20 + [2.0] * 20
    lines = block(draw([Series("train", range(60), y)], width=62, height=12))
    middle = [line[25:40] for line in lines[:-3]]
    assert set(middle[0]) == {"×"}
    assert set("".join(middle[1:])) == {" "}
    assert "× not finite" in lines[-1]


def test_one_bad_value_among_very_many_is_marked():
    y = [1.0 + i % 7 for i in range(100_000)]
    y[54_321] = math.nan
    assert "×" in block(draw([Series("train", range(100_000), y)], width=80, height=20))[0]


def test_a_spike_among_very_many_reaches_the_top():
    y = [1.0] * 100_000
    y[54_321] = 100.0
    top = block(draw([Series("train", range(100_000), y)], width=80, height=20))[0]
    assert len(top.split("┤")[-1].split()) == 1


def test_series_are_told_apart_without_colour():
    text = draw(LOSS, width=60, height=14, look=Look(color=False))
    canvas, legend = text.rsplit("\n", 1)
    assert canvas.count("•") >= 3
    assert "── train  ─•─ test" in legend
    text = draw(LOSS, width=60, height=14, look=Look(color=False, ascii=True))
    assert "*" in text and "o" in text and "** train  oo test" in text


def test_a_marked_curve_shows_its_mark_however_short_it_is():
    short = Series("test", [29, 30], [0.4, 0.41], "test")
    assert "•" in draw([LOSS[0], short], width=60, height=14, look=Look(color=False)).rsplit("\n", 1)[0]


def test_a_single_point_is_seen():
    points = [Series("train", [1], [2.3]), Series("test", [1], [2.2], "test")]
    text = draw(points, width=40, height=12, look=Look(color=False))
    assert [line[5:].strip() for line in text.split("\n")[:2]] == ["─", ""]
    assert "•" in text


def test_each_kind_has_its_colour_in_both_palettes():
    for palette in (DARK, LIGHT):
        everything = [palette.colour(Series("", [], [], kind)) for kind in KINDS]
        assert len(set(everything)) == len(KINDS)
        assert len(set(palette.runs)) == len(palette.runs)
    assert any("#56b4e9" in line for line in colours(draw(LOSS, width=60, height=14))[-1])
    assert any("#0072b2" in line for line in colours(draw(LOSS, width=60, height=14, look=Look(LIGHT)))[-1])


def test_raw_values_are_fainter_than_their_line_and_under_it():
    raw, line = with_smoothing(Series("train", EPOCHS, FALLING), 0.6)
    for palette in (DARK, LIGHT):
        contrast = [
            sum(abs(a - b) for a, b in zip(palette.colour(one), palette.background, strict=True)) for one in (raw, line)
        ]
        assert contrast[0] < contrast[1]
    assert draw([line, raw], width=60, height=14) == draw([raw, line], width=60, height=14)
    assert "── train  ⠒⠒ raw" in draw([raw, line], width=60, height=14, look=Look(color=False))


def test_raw_values_without_colour_are_dots_not_a_line():
    raw = Series("raw", [0, 1, 2], [0.0, 1.0, 0.0], faint=True)
    rows = draw([raw], width=40, height=12, look=Look(color=False, ascii=True)).split("\n")[:-3]
    assert sum(row[4:].count(".") for row in rows) == 3


def test_a_long_legend_is_folded_and_then_counted():
    arms = [Series(f"dropout 0.{i}", EPOCHS, FALLING, run_kind(i)) for i in range(10)]
    lines = block(draw(arms, width=60, height=15))
    assert "dropout 0.0" in lines[-3]
    assert re.search(r"\+\d more", lines[-1])
    named = sum(line.count("dropout") for line in lines)
    assert int(re.search(r"\+(\d) more", lines[-1])[1]) == 10 - named


def test_texts_of_users_cannot_break_the_block():
    name = "a\nb\x1b[31m\tσ=½ × “wide” 模型"
    for look in (Look(color=False), Look(color=False, ascii=True)):
        text = draw([Series(name, [1, 2], [1.0, 2.0])], width=40, height=10, title=name, look=look)
        assert [cell_len(line) for line in text.split("\n")] == [40] * 10
        assert "\x1b" not in text
    assert "a b" in text


def test_drawing_leaves_nothing_behind_for_the_next_chart():
    first = draw(LOSS, width=60, height=14)
    draw([Series("other", [0, 1], [1e9, -1e9], run_kind(3))], width=33, height=7, y_log=True, look=Look(ascii=True))
    assert draw(LOSS, width=60, height=14) == first


def points_given_to_plotext(length, width=80):
    """How many points plotext is asked to draw for a curve of `length` points, all checked to be harmless."""
    given_points = []

    def spy(x, y, **_):
        assert all(0 <= v <= 1 for v in (*x, *y))
        given_points.append(len(x))

    y = [math.exp(-i / length) + 0.1 * math.sin(1.7 * i) for i in range(length)]
    y[length // 3] = math.nan
    curves = with_smoothing(Series("train", range(length), y), 0.9)
    with patch.object(plotext, "plot", spy), patch.object(plotext, "scatter", spy):
        draw(curves, width=width, height=24)
    return sum(given_points)


def test_plotext_gets_as_many_points_for_a_long_run_as_for_a_short_one():
    bound = (2 + 1) * 3 * 80 + 20  # three a column: two columns a cell for the line, one for the raw values under it
    assert points_given_to_plotext(2_000) <= bound
    assert points_given_to_plotext(60_000) <= bound


@given(places=st.lists(st.integers(0, 1000), min_size=2, max_size=9, unique=True), width=st.integers(MIN_WIDTH, 120))
def test_a_cursor_finds_the_column_of_a_position_and_back(places, width):
    xs = sorted(places)
    drawing = plot.draw([Series("train", xs, [1.0] * len(xs))], width=width, height=9, look=Look(color=False))
    columns = [drawing.column(x) for x in (xs[0], xs[-1])]
    assert columns == [drawing.left, drawing.right - 1]
    axis = next(line for line in drawing.text.split("\n") if "└" in line)
    assert axis.index("└") + 1 == drawing.left
    cell = (xs[-1] - xs[0]) / (drawing.right - 1 - drawing.left)
    assert all(abs(drawing.position(drawing.column(x)) - x) <= cell / 2 + 1e-9 for x in xs)
    assert drawing.position(-5) == xs[0]
    assert drawing.position(width + 5) == xs[-1]


@given(exponents=st.lists(st.integers(-40, 40), min_size=2, max_size=9, unique=True), width=st.integers(MIN_WIDTH, 120))
def test_on_a_log_axis_decades_are_equally_wide_and_a_cursor_finds_them(exponents, width):
    low, high = min(exponents), max(exponents)
    xs = [10.0**exponent for exponent in sorted(exponents)]
    drawing = plot.draw([Series("", [-1.0, 0.0, *xs], [1.0] * (len(xs) + 2))], width=width, height=9, x_log=True)
    cells = drawing.right - 1 - drawing.left
    for exponent, x in zip(sorted(exponents), xs, strict=True):
        exact = drawing.left + cells * (exponent - low) / (high - low)
        assert abs(drawing.column(x) - exact) <= 0.5 + 1e-6
        found = math.log10(drawing.position(drawing.column(x)))
        assert abs(found - exponent) <= (high - low) / cells / 2 + 1e-6
    assert drawing.column(0.0) == drawing.column(-1.0) == drawing.left


def test_a_log_axis_has_a_tick_a_decade_and_says_so():
    lines = block(draw([Series("", [1e-4, 1e-1], [0.0, 1.0])], width=60, height=9, x_label="rate", x_log=True))
    assert [float(label) for label in lines[-2].split()] == [1e-4, 1e-3, 1e-2, 1e-1]
    assert lines[-1].strip() == "rate, log x"
