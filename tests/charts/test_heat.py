"""Matrices as colours and as signs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from tui_lab.charts.heat import heat_blocks, heat_maps_text
from tui_lab.charts.look import DARK, LIGHT, Look, Palette
from tui_lab.charts.resampling import resampled
from tui_lab.tools.catalogue import TOOLS
from tui_lab.tools.tool import HeatMap


def heat_map(rows: int, columns: int, *, is_plan: bool = False, **options: Any) -> HeatMap:
    values = tuple(tuple((row + column) / (rows + columns) for column in range(columns)) for row in range(rows))
    return HeatMap("A title – long enough", values, 1.0, columns, rows, "across", "down", is_plan, **options)


def lines(*maps: HeatMap, width: int = 80, **options: Any) -> list[str]:
    return heat_maps_text(maps, width=width, **options).plain.split("\n")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 150), st.booleans()), min_size=1, max_size=3),
    st.integers(10, 130),
    st.sampled_from([Look(), Look(color=False), Look(ascii=True), Look(LIGHT)]),
)
def test_maps_fit_any_width_and_lose_no_words(sizes: list[tuple[int, int, bool]], width: int, look: Look) -> None:
    maps = [heat_map(rows, rows if is_plan else columns, is_plan=is_plan) for rows, columns, is_plan in sizes]
    drawn = lines(*maps, width=width, look=look)
    assert max(map(cell_len, drawn)) <= width
    assert "".join("".join(drawn).split()).count("long") == len(maps)
    assert not look.ascii or all(line.isascii() for line in drawn)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 20), st.integers(1, 20))
def test_resampling_keeps_the_mean(rows: int, columns: int, new_rows: int, new_columns: int) -> None:
    matrix = [[float((3 * row + 5 * column) % 7) for column in range(columns)] for row in range(rows)]
    found = resampled(matrix, new_rows, new_columns)
    assert (len(found), {len(row) for row in found}) == (new_rows, {new_columns})
    mean = sum(map(sum, matrix)) / (rows * columns)
    assert sum(map(sum, found)) / (new_rows * new_columns) == pytest.approx(mean)


def colours(text: Text) -> list[tuple[Any, Any]]:
    return [(span.style.color.triplet, span.style.bgcolor.triplet) for span in text.spans]  # type: ignore[union-attr]


@pytest.mark.parametrize("palette", [DARK, LIGHT])
def test_signs_have_colours_of_their_own_and_zero_has_neither(palette: Palette) -> None:
    ((positive, negative),) = colours(heat_blocks([[1.0], [-1.0]], lines=1, columns=1, largest=1.0, look=Look(palette)))
    ((blank, faint),) = colours(heat_blocks([[0.0], [0.4]], lines=1, columns=1, largest=1.0, look=Look(palette)))
    assert (positive, negative) == (palette.runs[1], palette.runs[0])
    assert len({positive, negative, blank, faint}) == 4


def test_without_colours_the_sign_and_the_size_can_be_read() -> None:
    values = [[-1.0, -0.8, -0.5, -0.2, 0.0, 0.2, 0.5, 0.8, 1.0]]
    assert heat_blocks(values, lines=1, columns=9, largest=1.0, look=Look(color=False)).plain == "Oo=- +*#@"


def test_what_is_larger_than_the_largest_is_as_strong() -> None:
    assert heat_blocks([[7.0, -7.0]], lines=1, columns=2, largest=1.0, look=Look(color=False)).plain == "@O"


def test_rows_and_columns_stay_whole_where_there_is_room() -> None:
    drawn = lines(heat_map(4, 5), width=60)
    body = [line for line in drawn if "▀" in line]
    assert {line.count("▀") for line in body} == {55}  # 58 cells beside the numbers, 11 for each column
    assert len(body) == 12
    assert body[0].startswith("0 ") and body[-1].startswith("3 ")


def test_axes_are_numbered_to_what_the_values_stand_for() -> None:
    one = HeatMap("t", ((0.0,) * 50,) * 20, 1.0, 1000, 160, "position", "dimension")
    drawn = lines(one, width=70)
    numbers = drawn[-2].split()
    assert numbers == ["0", "500", "999"]
    assert [line.split()[0] for line in drawn if "▀" in line and line.strip()[0] != "▀"] == ["0", "159"]
    assert drawn[-1] == "position across, dimension down"


def test_plans_stand_side_by_side_with_their_titles_in_line() -> None:
    first = heat_map(4, 4, is_plan=True)
    second = HeatMap("A title that takes " + "many words " * 6, first.values, 1.0, 4, 4, "x", "y", is_plan=True)
    wide = lines(first, second, width=80)
    assert sum(line.count("A title") for line in wide[:1]) == 2
    assert any(line.count("▀") == 48 for line in wide)
    narrow = lines(first, second, width=36)
    assert max(line.count("A title") for line in narrow) == 1


@pytest.mark.parametrize(("width", "look"), [(80, Look()), (60, Look(color=False)), (40, Look(ascii=True))])
def test_a_network_of_few_tokens_fills_the_width(width: int, look: Look) -> None:
    vectors = TOOLS["positional"].answer({"layout": "image", "embed_dim": 32}).heat_maps[0]
    drawn = heat_maps_text([vectors], width=width, look=look).plain.split("\n")
    assert max(map(cell_len, drawn)) > width - 20
    assert len(drawn) < 32
