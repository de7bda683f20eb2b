"""The first epoch as two charts and a sentence."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.first_epoch import first_epoch_curves
from tui_lab.charts.look import Look
from tui_lab.inspections.content import EpochMoment, FirstEpoch, Measured

START = EpochMoment(0, Measured(math.nan, math.nan), Measured(0.1, 2.3), Measured(0.09, 2.31))
FOUND = FirstEpoch(
    120,
    125,
    130,
    (
        START,
        *(
            EpochMoment(10 * i, Measured(0.01 * i, 2.3), Measured(0.03 * i, 2.0), Measured(0.02 * i, 2.1))
            for i in range(1, 13)
        ),
    ),
)


@given(width=st.integers(20, 200), color=st.booleans(), ascii=st.booleans())
def test_any_width_holds_it(width: int, color: bool, ascii: bool) -> None:
    drawn = first_epoch_curves(FOUND, width=width, look=Look(color=color, ascii=ascii))
    assert max(map(cell_len, drawn.plain.split("\n"))) <= width
    assert not ascii or drawn.plain.isascii()
    assert color or not drawn.spans


def test_three_curves_and_what_the_gap_is_made_of() -> None:
    lines = first_epoch_curves(FOUND, width=120).plain.split("\n")
    assert any("Accuracy, %" in line and "Loss" in line for line in lines)
    assert any(line.count("running mean") == 2 for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "At the end of epoch 1: running mean 12.0 %, train 36.0 %, test 24.0 %." in text
    assert "From running mean to train +24.0 points" in text and "From train to test -12.0 points" in text
    assert "on 125 and 130 samples" in text


def test_a_part_of_the_epoch_is_told_as_one() -> None:
    part = first_epoch_curves(replace(FOUND, moments=FOUND.moments[:4]), width=120).plain
    assert "After 30 steps: running mean 3.0 %" in part
    start = first_epoch_curves(replace(FOUND, moments=(START,)), width=120).plain
    assert "Before the first step: 10.0 % on train, 9.0 % on test." in start
