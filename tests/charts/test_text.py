"""Users' texts are made to fit without losing what could be kept."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.text import folded, printable, shortened


@given(text=st.text(), width=st.integers(2, 30))
def test_folding_loses_nothing_but_blanks(text, width):
    text = printable(text)
    lines = folded(text, width)
    assert lines and all(cell_len(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_folding_breaks_at_blanks_and_cuts_only_long_words():
    assert folded("one two three", 7) == ["one two", "three"]
    assert folded("  kept  as it is", 20) == ["  kept  as it is"]
    assert folded("abcdefgh ij", 3) == ["abc", "def", "gh", "ij"]


@given(text=st.text(), width=st.integers(0, 30))
def test_a_shortened_text_fits(text, width):
    assert cell_len(shortened(printable(text), width)) <= width


@given(text=st.text())
def test_printable_text_is_one_line_without_controls_and_ascii_where_asked(text):
    assert all(char.isprintable() for char in printable(text))
    assert printable(text, ascii=True).isascii()


def test_signs_have_their_ascii_spelling():
    assert printable("8×8 – naïve", ascii=True) == "8x8 - naive"
