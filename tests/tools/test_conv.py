"""The arithmetic of convolutions and pools, against torch."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tui_lab.hyperparameters import mistakes_in
from tui_lab.tools.conv import TOOL, ConvInputs

SHAPES = {
    "in_channels": st.integers(1, 6),
    "height": st.integers(1, 20),
    "width": st.integers(1, 20),
    "kernel_size": st.integers(1, 6),
    "stride": st.integers(0, 5),
    "padding": st.integers(0, 4),
    "dilation": st.integers(1, 3),
}


def layer_of(i: ConvInputs) -> nn.Module:
    """torch's layer; torch's own names and defaults."""
    if i.layer == "conv":
        return nn.Conv2d(
            i.in_channels, i.out_channels, i.kernel_size, i.stride or 1, i.padding, i.dilation, i.groups, i.bias
        )
    if i.layer == "max-pool":
        return nn.MaxPool2d(i.kernel_size, i.stride or None, i.padding, i.dilation, ceil_mode=i.ceil_mode)
    return nn.AvgPool2d(i.kernel_size, i.stride or None, i.padding, ceil_mode=i.ceil_mode)


def values(inputs: dict[str, Any]) -> dict[str, Any]:
    table = TOOL.answer(inputs).table
    assert table is not None
    return {str(row[0]): row[1] for row in table.rows}


@settings(deadline=None, max_examples=150)
@given(
    st.fixed_dictionaries({**SHAPES, "layer": st.sampled_from(["max-pool", "avg-pool"]), "ceil_mode": st.booleans()})
)
def test_pools_have_torchs_sizes_or_are_refused_where_torch_refuses(inputs: dict[str, Any]) -> None:
    check_size(inputs)


@settings(deadline=None, max_examples=150)
@given(
    st.fixed_dictionaries(
        {**SHAPES, "out_channels": st.integers(1, 6), "groups": st.integers(1, 3), "bias": st.booleans()}
    )
)
def test_convolutions_have_torchs_sizes_and_parameters(inputs: dict[str, Any]) -> None:
    if not check_size(inputs):
        return
    layer = layer_of(ConvInputs(**inputs))
    found = values(inputs)
    assert isinstance(layer, nn.Conv2d)
    assert found["weights"] == layer.weight.numel()
    assert found["parameters"] == sum(parameter.numel() for parameter in layer.parameters())


def check_size(inputs: dict[str, Any]) -> bool:
    """Whether the inputs are allowed; fails where torch thinks otherwise."""
    if mistakes_in(ConvInputs, inputs):
        with pytest.raises((RuntimeError, ValueError)):
            built = ConvInputs.model_construct(**{**ConvInputs().model_dump(), **inputs})
            layer_of(built)(torch.zeros(1, built.in_channels, built.height, built.width))
        return False
    i = ConvInputs(**inputs)
    shape = layer_of(i)(torch.zeros(1, i.in_channels, i.height, i.width)).shape[1:]
    assert values(inputs)["output"] == " × ".join(map(str, shape))
    return True


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2))
def test_multiply_adds_and_the_dense_layer_are_counted_one_by_one(
    side: int, out: int, kernel: int, stride: int
) -> None:
    if kernel > side:
        return
    places = [
        (row, column) for row in range(0, side - kernel + 1, stride) for column in range(0, side - kernel + 1, stride)
    ]
    found = values(
        {"in_channels": 2, "height": side, "width": side, "out_channels": out, "kernel_size": kernel, "stride": stride}
    )
    assert found["multiply-adds"] == sum(1 for _ in places for _ in range(out) for _ in range(2 * kernel * kernel))
    dense = nn.Linear(2 * side * side, out * len(places), bias=False)
    assert found["fully connected"] == dense.weight.numel()
    assert found["times as many"] == pytest.approx(found["fully connected"] / found["weights"])


def test_the_first_layer_of_the_practical() -> None:
    found = values({"padding": 2})
    assert found["output"] == "32 × 32 × 32"
    assert found["parameters"] == 2_432
    assert found["multiply-adds"] == 32 * 32 * 2_400
    assert found["fully connected"] == 3_072 * 32_768


def test_the_padding_that_keeps_the_size_is_named_and_does() -> None:
    lines = TOOL.answer({"kernel_size": 7}).lines
    assert "Padding 3 would keep 32 × 32." in lines
    assert values({"kernel_size": 7, "padding": 3})["output"] == "32 × 32 × 32"
    assert not any("would keep" in line for line in TOOL.answer({"kernel_size": 7, "padding": 3}).lines)
    assert any("No padding keeps" in line for line in TOOL.answer({"kernel_size": 4}).lines)


@given(st.integers(1, 9), st.sampled_from([20, 32]), st.sampled_from(["max-pool", "avg-pool"]))
def test_the_stride_and_padding_that_halve_are_named_and_do(kernel: int, side: int, layer: str) -> None:
    pool = {"layer": layer, "kernel_size": kernel, "stride": 1, "height": side, "width": side}
    (sentence,) = [line for line in TOOL.answer(pool).lines if "would halve" in line]
    stride, padding = map(int, re.findall(r"\d+", sentence)[:2])
    halving = {**pool, "stride": stride, "padding": padding}
    assert values(halving)["output"] == f"3 × {side // 2} × {side // 2}"
    assert not any("would halve" in line for line in TOOL.answer(halving).lines)


def test_rows_that_no_window_reaches_are_told() -> None:
    pool = {"layer": "max-pool", "kernel_size": 2, "height": 7, "width": 7}
    assert "No window reaches the last row of 7, padding included." in TOOL.answer(pool).lines
    assert len(TOOL.answer({**pool, "ceil_mode": True}).lines) == 1


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"kernel_size": 9, "height": 5}, "kernel_size = 9: covers 9 cells, and with its padding the input has 5"),
        ({"groups": 2}, "groups = 2: must divide in_channels = 3"),
        ({"groups": 3}, "groups = 3: must divide out_channels = 32"),
        ({"layer": "avg-pool", "kernel_size": 2, "padding": 2}, "padding = 2: is more than half the side of the pool"),
    ],
)
def test_what_does_not_fit_is_named(inputs: dict[str, Any], sentence: str) -> None:
    assert [mistake.sentence for mistake in mistakes_in(ConvInputs, inputs)] == [sentence]
