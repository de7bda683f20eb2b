"""Pictures in character cells: the right pixels, the right size, nothing cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.look import Look
from tui_lab.charts.pictures import half_blocks, mosaic
from tui_lab.pictures import Picture

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def picture(*lines):
    return Picture(len(lines[0]), len(lines), bytes(value for line in lines for pixel in line for value in pixel))


def plain(width, height, pixel=RED):
    return Picture(width, height, bytes(pixel) * (width * height))


def cells(text):
    """(foreground, background) of each cell of each line, as rich would print them."""
    found = []
    for line in text.split("\n"):
        row = [(None, None)] * len(line.plain)
        for span in line.spans:
            style = span.style
            pair = tuple(tuple(c.triplet) if c else None for c in (style.color, style.bgcolor))
            row[span.start : span.end] = [pair] * (span.end - span.start)
        found.append(row)
    return found


@st.composite
def pictures(draw, most=20):
    width, height = draw(st.integers(1, most)), draw(st.integers(1, most))
    return Picture(width, height, draw(st.binary(min_size=3 * width * height, max_size=3 * width * height)))


def test_a_cell_is_an_upper_and_a_lower_pixel():
    drawn = half_blocks(picture([RED, GREEN], [BLUE, WHITE], [BLACK, RED]))
    assert drawn.plain == "▀▀\n▀▀"
    assert cells(drawn) == [[(RED, BLUE), (GREEN, WHITE)], [(BLACK, None), (RED, None)]]


@given(given=pictures())
def test_at_its_own_size_every_pixel_is_where_it_was(given):
    found = cells(half_blocks(given))
    for y in range(given.height):
        for x in range(given.width):
            assert found[y // 2][x][y % 2] == given.pixel(x, y)


@given(
    given=pictures(),
    columns=st.none() | st.integers(1, 60),
    rows=st.none() | st.integers(1, 40),
    color=st.booleans(),
    ascii=st.booleans(),
)
def test_it_fits_keeps_its_aspect_and_uses_the_room(given, columns, rows, color, ascii):
    drawn = half_blocks(given, columns=columns, rows=rows, look=Look(color=color, ascii=ascii))
    lines = drawn.plain.split("\n")
    width = len(lines[0])
    assert {len(line) for line in lines} == {width}
    assert width <= (columns or width) and len(lines) <= (rows or len(lines))
    across = [columns / given.width] if columns else []
    down = [2 * rows / given.height] if rows else []
    factor = min(across + down or [1])
    expected = int(factor) if factor >= 1 else factor
    assert abs(width - expected * given.width) <= 1
    assert abs(len(lines) - expected * given.height / 2) <= 1
    assert not ascii or drawn.plain.isascii()
    assert bool(drawn.spans) == (color and not ascii)


def test_enlarging_repeats_pixels():
    drawn = half_blocks(picture([RED, GREEN], [BLUE, WHITE]), columns=5)
    assert cells(drawn) == [[(RED, RED)] * 2 + [(GREEN, GREEN)] * 2, [(BLUE, BLUE)] * 2 + [(WHITE, WHITE)] * 2]


def test_reducing_averages():
    drawn = half_blocks(picture([BLACK, WHITE], [WHITE, RED], [BLUE] * 2, [BLUE] * 2), columns=1, rows=1)
    ((upper, lower),) = cells(drawn)[0]
    assert upper == pytest.approx((191, 127, 127), abs=1)
    assert lower == BLUE
    thirds = half_blocks(picture([BLACK, WHITE, BLACK]), columns=2)  # each covers a pixel and a half
    assert [pair[0] for pair in cells(thirds)[0]] == [(85, 85, 85)] * 2


@given(given=pictures(), columns=st.integers(1, 20))
def test_a_plain_picture_stays_plain(given, columns):
    same = plain(given.width, given.height, given.pixel(0, 0))
    for row in cells(half_blocks(same, columns=columns)):
        assert {pair[0] for pair in row} == {given.pixel(0, 0)}


def test_shades_follow_the_luminance_of_both_pixels():
    greys = [(level,) * 3 for level in (0, 63, 127, 191, 255)]
    assert half_blocks(picture(greys, greys), look=Look(color=False)).plain == " ░▒▓█"
    assert half_blocks(picture([WHITE, BLACK], [BLACK, BLACK]), look=Look(color=False)).plain == "▒ "
    ascii = half_blocks(picture(greys, greys), look=Look(ascii=True)).plain
    assert ascii[0] == " " and ascii[-1] == "@" and len(set(ascii)) == 5
    light = [half_blocks(picture([colour], [colour]), look=Look(ascii=True)).plain for colour in (GREEN, RED, BLUE)]
    assert [" .:-=+*#%@".index(one) for one in light] == sorted(
        (" .:-=+*#%@".index(one) for one in light), reverse=True
    )


@pytest.mark.parametrize("room", [{"columns": 0}, {"rows": 0}, {"columns": -3, "rows": 4}])
def test_without_room_there_is_nothing(room):
    assert half_blocks(plain(4, 4), **room).plain == ""
    assert half_blocks(Picture(0, 0, b""), columns=4).plain == ""


# A grid of them


@given(
    many=st.lists(st.tuples(pictures(8), st.text("abc ü×", max_size=30)), max_size=7),
    width=st.integers(2, 60),
    columns=st.none() | st.integers(1, 12),
    gap=st.integers(0, 3),
    ascii=st.booleans(),
)
def test_a_mosaic_stays_within_its_width_and_shows_everything(many, width, columns, gap, ascii):
    shown = [one for one, _ in many]
    captions, look = [caption for _, caption in many], Look(ascii=ascii)
    drawn = mosaic(shown, captions, width=width, columns=columns, gap=gap, look=look)
    lines = drawn.plain.split("\n")
    assert all(cell_len(line) <= width for line in lines)
    if not ascii:
        blocks = sum(
            len(half_blocks(one, columns=min(columns or one.width, width)).plain.replace("\n", "")) for one in shown
        )
        assert drawn.plain.count("▀") == blocks
        letters = sorted("".join(caption for _, caption in many).replace(" ", ""))
        assert sorted(char for char in drawn.plain if char not in "▀ \n") == letters


def test_pictures_stand_side_by_side_over_their_captions():
    drawn = mosaic([plain(2, 4), plain(2, 2), plain(2, 2)], ["one", "two\n  2", "three"], width=12)
    assert drawn.plain.split("\n") == [
        "▀▀",
        "▀▀     ▀▀",
        "one    two",
        "         2",
        "",
        "▀▀",
        "three",
    ]


def test_as_many_stand_in_a_row_as_fit():
    ten = [plain(4, 2)] * 10
    assert mosaic(ten, [""] * 10, width=22).plain.split("\n")[0].count("▀▀▀▀") == 4
    assert len(mosaic(ten, [""] * 10, width=22).plain.split("\n")) == 3 + 2  # with a blank line between rows
    assert mosaic(ten, [""] * 10, width=3).plain.count("\n") == 18


def test_every_picture_has_a_caption():
    with pytest.raises(ValueError, match="shorter"):
        mosaic([plain(1, 1)] * 2, ["one"], width=10)
    assert mosaic([], [], width=10).plain == ""
