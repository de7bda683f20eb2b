"""Pictures of tools as text."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.calculated import gallery_text, pictures_text
from tui_lab.charts.look import Look
from tui_lab.pictures import Picture
from tui_lab.tools.tool import Gallery, HeatMap, PictureRows, Result

GALLERY = Gallery("5×5 pixels – of which many", (Picture(8, 8, bytes([255] * 192)),) * 3, ("one", "", "three ö"), 6)


@given(st.integers(2, 60), st.booleans(), st.booleans())
def test_a_gallery_fits_and_loses_nothing(width: int, color: bool, ascii: bool) -> None:
    lines = gallery_text(GALLERY, width=width, look=Look(color=color, ascii=ascii)).plain.split("\n")
    assert max(map(cell_len, lines)) <= width
    text = "".join("".join(lines).split())
    assert "5x5pixels-ofwhichmany" in text if ascii else "5×5pixels–ofwhichmany" in text
    assert not ascii or text.isascii()


def test_pictures_stand_side_by_side_over_their_captions() -> None:
    lines = gallery_text(GALLERY, width=40, look=Look(color=False)).plain.split("\n")
    assert lines[0] == "5×5 pixels – of which many"
    assert [line.split() for line in lines[1:4]] == [["██████"] * 3] * 3
    assert lines[4].split() == ["one", "three", "ö"]


NAMES = ("T-shirt/top", "Ankle boot", "Ö")


def rows(of_each: int, across: int, side: int = 28) -> PictureRows:
    picture = Picture(side, side, bytes([255]) * (3 * side * side))
    return PictureRows("Three classes", tuple((name, (picture,) * of_each) for name in NAMES), across)


@settings(max_examples=30, deadline=None)
@given(st.integers(10, 150), st.integers(0, 4), st.integers(1, 8), st.booleans())
def test_rows_of_pictures_fit_and_every_name_is_beside_its_own(
    width: int, of_each: int, across: int, ascii: bool
) -> None:
    look = Look(color=False, ascii=ascii)
    lines = gallery_text(rows(of_each, across, side=8), width=width, look=look).plain.split("\n")
    assert max(map(cell_len, lines)) <= width
    text = "".join("".join(lines).replace("█", "").replace("@", "").split())
    assert text.index("T-s") < text.index("Ank")
    assert not ascii or all(line.isascii() for line in lines)


def test_three_rows_of_a_class_stand_beside_its_name() -> None:
    lines = gallery_text(rows(of_each=9, across=3), width=80, look=Look(color=False)).plain.split("\n")
    (start,) = [i for i, line in enumerate(lines) if line.startswith("Ankle boot")]
    assert lines[0] == "Three classes"
    group = lines[start : start + (len(lines) - 1) // 3]
    assert len(group) == 3 * 11  # 80 cells leave 22 for each picture, two of its lines in one
    assert {line.count("█") for line in group} == {3 * 22}
    assert {line.index("█") for line in group} == {len("T-shirt/top ")}


def test_pictures_and_heat_maps_of_an_answer_come_one_under_the_other() -> None:
    heat_map = HeatMap("the map", ((1.0,),), 1.0, 1, 1, "x", "y")
    text = pictures_text(Result(galleries=(GALLERY, rows(1, 1)), heat_maps=(heat_map,)), width=60).plain
    assert text.index("of which many") < text.index("Three classes") < text.index("the map")
    assert pictures_text(Result(), width=60).plain == ""
