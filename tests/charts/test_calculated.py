"""Pictures of tools as text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.calculated import gallery_text
from tui_lab.pictures import Picture
from tui_lab.tools.tool import Gallery

GALLERY = Gallery("5×5 pixels – of which many", (Picture(8, 8, bytes([255] * 192)),) * 3, ("one", "", "three ö"), 6)


@given(st.integers(2, 60), st.booleans(), st.booleans())
def test_a_gallery_fits_and_loses_nothing(width: int, color: bool, ascii: bool) -> None:
    lines = gallery_text(GALLERY, width=width, color=color, ascii=ascii).plain.split("\n")
    assert max(map(cell_len, lines)) <= width
    text = "".join("".join(lines).split())
    assert "5x5pixels-ofwhichmany" in text if ascii else "5×5pixels–ofwhichmany" in text
    assert not ascii or text.isascii()


def test_pictures_stand_side_by_side_over_their_captions() -> None:
    lines = gallery_text(GALLERY, width=40, color=False).plain.split("\n")
    assert lines[0] == "5×5 pixels – of which many"
    assert [line.split() for line in lines[1:4]] == [["██████"] * 3] * 3
    assert lines[4].split() == ["one", "three", "ö"]
