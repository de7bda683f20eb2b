"""Standardisation in words, numbers and bars."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.inputs import standardization_table
from tui_lab.charts.look import Look
from tui_lab.hyperparameters import Standardize
from tui_lab.inspections.content import ChannelValues, Histogram, Spread, Standardization

COLOURS = tuple(
    ChannelValues(name, Spread(0.4914, 0.247, 0.0, 1.0), Spread(0.01, 0.99, -1.99, 2.06))
    for name in ("red", "green", "blue")
)
FOUND = Standardization(
    1.0,
    20,
    "channel",
    45_000,
    (0.4914, 0.4822, 0.4465),
    (0.247, 0.2435, 0.2616),
    500,
    COLOURS,
    Histogram(0.0, 1.0, tuple(range(48))),
    Histogram(-1.99, 2.06, (0, 1) + (0,) * 45 + (1000,)),
)


@given(width=st.integers(30, 200), color=st.booleans(), ascii=st.booleans())
def test_any_width_holds_it(width: int, color: bool, ascii: bool) -> None:
    drawn = standardization_table(FOUND, width=width, look=Look(color=color, ascii=ascii))
    assert max(map(cell_len, drawn.plain.split("\n"))) <= width
    assert not ascii or drawn.plain.isascii()
    assert color or not [span for span in drawn.spans if span.style != "bold"]


def test_it_says_what_was_fitted_to_what() -> None:
    text = standardization_table(FOUND, width=120).plain
    assert text.startswith("channel: (x − mean) / std of each channel, fitted on 45,000 training samples.")
    assert "Mean and std: red 0.4914 and 0.247, green 0.4822 and 0.2435, blue 0.4465 and 0.2616." in text
    assert [line.split() for line in text.split("\n") if line.startswith("green")] == [
        ["green", "0.491", "0.247", "0", "1", "0.01", "0.99", "-1.99", "2.06"]
    ]
    alone = standardization_table(replace(FOUND, method="gcn", fitted_on=0, fitted_means=(), fitted_stds=()), width=120)
    assert "each sample by itself" in alone.plain and "fitted" not in alone.plain and "Mean and std" not in alone.plain


def test_numbers_stand_below_each_other_where_it_is_narrow() -> None:
    lines = standardization_table(FOUND, width=50).plain.split("\n")
    rows = [line.split() for line in lines if line.startswith(("before", "after", "red"))]
    assert [row[0] for row in rows if len(row) == 5] == [
        "before",
        "red",
        "after",
        "red",
    ]


def test_bars_are_as_high_as_their_counts_and_what_occurs_is_seen() -> None:
    lines = standardization_table(FOUND, width=60, look=Look(ascii=True)).plain.split("\n")
    start = lines.index("Values after") + 1
    rows = lines[start : start + 5]
    assert [row.ljust(48)[47] for row in rows] == ["#"] * 5
    assert [row.ljust(48)[1] for row in rows] == [" "] * 4 + ["#"]
    assert [row.ljust(48)[0] for row in rows] == [" "] * 5
    assert lines[start + 5].split() == ["-1.99", "2.06"]


@pytest.mark.parametrize("method", get_args(Standardize))
def test_every_method_is_told_in_words(method: str) -> None:
    told = standardization_table(replace(FOUND, method=method), width=120).plain
    assert re.match(f"{method}: .{{8,}}, fitted on", told)
