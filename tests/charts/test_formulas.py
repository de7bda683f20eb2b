"""Formulas in 7-bit characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.charts.formulas import spelled_out


@pytest.mark.parametrize(
    ("formula", "spelled"),
    [
        ("∇_ỹ ℓ = ŷ − y", "grad_y~ l = y^ - y"),
        ("h̃ = W_h x + b_h", "h~ = W_h x + b_h"),
        ("δ_h = (W_yᵀ δ_y) ⊙ (1 − h²)", "delta_h = (W_y^T delta_y) .* (1 - h^2)"),
        ("∂ℓ/∂w → 0", "dl/dw -> 0"),
        ("log Σ_j e^ỹ_j ≤ ½ λ", "log sum_j e^y~_j <= 1/2 lambda"),
        ("  plain\n\ttext", "  plain\n\ttext"),
        ("naïve ☃", "naive ?"),
    ],
)
def test_symbols_stay_apart(formula: str, spelled: str) -> None:
    assert spelled_out(formula) == spelled


@given(st.text())
def test_anything_becomes_seven_bits_line_by_line(text: str) -> None:
    spelled = spelled_out(text)
    assert spelled.isascii()
    assert spelled.count("\n") == text.count("\n")
