"""`conv`: sizes, weights and work of a convolution or a pooling layer."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import model_validator

from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.tools.tool import Cell, Result, Table, Tool

POOLS = ("max-pool", "avg-pool")
MOST = 65_536


class ConvInputs(Declared):
    layer: Literal["conv", "max-pool", "avg-pool"] = setting("conv", "what is calculated", topic="Layer")
    in_channels: int = setting(3, "channels that come in", topic="Input", ge=1, le=MOST)
    height: int = setting(32, "rows that come in", topic="Input", ge=1, le=MOST)
    width: int = setting(32, "columns that come in", topic="Input", ge=1, le=MOST)
    out_channels: int = setting(32, "filters", topic="Layer", only_if={"layer": ("conv",)}, ge=1, le=MOST)
    kernel_size: int = setting(5, "side of the window", topic="Layer", question="2.1", ge=1, le=MOST)
    stride: int = setting(
        0,
        "step of the window; 0 = the usual: 1 for a convolution, its own side for a pool",
        topic="Layer",
        question="2.1",
        ge=0,
        le=MOST,
    )
    padding: int = setting(0, "cells added on every side", topic="Layer", question="2.8", ge=0, le=MOST)
    dilation: int = setting(
        1,
        "distance between the cells of the window",
        topic="Layer",
        only_if={"layer": ("conv", "max-pool")},
        ge=1,
        le=MOST,
    )
    groups: int = setting(
        1, "parts that the channels are divided into", topic="Layer", only_if={"layer": ("conv",)}, ge=1, le=MOST
    )
    bias: bool = setting(True, "a number added by each filter", topic="Layer", only_if={"layer": ("conv",)})
    ceil_mode: bool = setting(
        False, "round the size up: a last window may reach over the edge", topic="Layer", only_if={"layer": POOLS}
    )

    @property
    def is_conv(self) -> bool:
        return self.layer == "conv"

    @property
    def step(self) -> int:
        """The stride, or the usual one where it is 0."""
        return self.stride or (1 if self.is_conv else self.kernel_size)

    @property
    def span(self) -> int:
        """Rows (and columns) from the first to the last cell of the window."""
        dilation = 1 if self.layer == "avg-pool" else self.dilation
        return dilation * (self.kernel_size - 1) + 1

    @property
    def output(self) -> tuple[int, int, int]:
        """(channels, height, width) of what comes out."""
        rounds_up = self.ceil_mode and not self.is_conv
        height, width = (
            output_side(side, self.span, self.step, self.padding, rounds_up=rounds_up)
            for side in (self.height, self.width)
        )
        return self.out_channels if self.is_conv else self.in_channels, height, width

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        _, height, width = self.output
        smaller = min(self.height, self.width) + 2 * self.padding
        covers = f"covers {self.span} cells, and with its padding the input has {smaller}"
        refuse_combinations(
            (min(height, width) < 1, "kernel_size", covers),
            (
                not self.is_conv and 2 * self.padding > self.kernel_size,
                "padding",
                "is more than half the side of the pool",
            ),
            (
                self.is_conv and self.in_channels % self.groups > 0,
                "groups",
                f"must divide in_channels = {self.in_channels}",
            ),
            (
                self.is_conv and self.out_channels % self.groups > 0,
                "groups",
                f"must divide out_channels = {self.out_channels}",
            ),
        )
        return self


def output_side(side: int, span: int, stride: int, padding: int, *, rounds_up: bool = False) -> int:
    """How many windows fit along one side: floor((side + 2 padding − span) / stride) + 1.

    Args:
        side: cells of the input.
        span: cells that the window covers: dilation · (kernel − 1) + 1.
        stride, padding: of the layer.
        rounds_up: ceil instead of floor (torch's ceil_mode), except for a window that would begin beyond the input and
            its padding on the left.

    Returns:
        A number below 1 where not even one window fits.
    """
    free = side + 2 * padding - span
    if not rounds_up:
        return free // stride + 1
    size = -(-free // stride) + 1
    return size - 1 if (size - 1) * stride >= side + padding else size


def calculate(inputs: ConvInputs) -> Result:
    """Output size, weights and multiply-adds, with how each of them comes about."""
    i = inputs
    channels, height, width = i.output
    rows: list[tuple[Cell, ...]] = [("output", _shape(channels, height, width), _size_formula(i, height))]
    if i.is_conv:
        rows += _conv_rows(i)
    else:
        cells = channels * height * width
        rows += [
            ("parameters", 0, "a pool has nothing to learn"),
            ("cells read", cells * i.kernel_size**2, f"{cells:,} windows × {i.kernel_size} × {i.kernel_size}"),
        ]
    return Result(tuple(_sentences(i)), Table(("", "", "how"), tuple(rows)))


def _conv_rows(i: ConvInputs) -> list[tuple[Cell, ...]]:
    channels, height, width = i.output
    window = i.in_channels // i.groups * i.kernel_size**2
    weights, biases = channels * window, channels if i.bias else 0
    values_in, values_out = i.in_channels * i.height * i.width, channels * height * width
    seen = f"{i.in_channels // i.groups} × {i.kernel_size} × {i.kernel_size}"
    return [
        ("weights", weights, f"{channels} filters × {seen}"),
        ("biases", biases, "one a filter" if i.bias else "none"),
        ("parameters", weights + biases, ""),
        ("multiply-adds", values_out * window, f"{height} × {width} places × {weights:,} weights"),
        ("fully connected", values_in * values_out, f"weights: {values_in:,} values in × {values_out:,} out"),
        (
            "times as many",
            values_in * values_out / weights,
            "weights of a fully connected layer over those of this one",
        ),
    ]


def _sentences(i: ConvInputs) -> list[str]:
    _, height, width = i.output
    name = {"conv": "convolution", "max-pool": "max pool", "avg-pool": "average pool"}[i.layer]
    inside, outside = (i.in_channels, i.height, i.width), i.output
    sentences = [
        f"A {i.kernel_size}×{i.kernel_size} {name} turns {_shape(*inside)} = {math.prod(inside):,} values "
        f"into {_shape(*outside)} = {math.prod(outside):,}."
    ]
    if i.is_conv and i.step == 1 and (height, width) != (i.height, i.width):
        if i.span % 2:
            sentences.append(f"Padding {i.span // 2} would keep {i.height} × {i.width}.")
        else:
            sentences.append(f"No padding keeps {i.height} × {i.width}: that takes a window with an odd span.")
    if not i.is_conv and i.span == i.kernel_size and i.height % 2 == 0 and 2 * height != i.height:
        halving = f"Stride 2 and padding {(i.kernel_size - 1) // 2} would halve {i.height}"
        sentences.append(f"{halving} to {i.height // 2}.")
    unused = (i.height + 2 * i.padding - i.span) % i.step
    if unused and (i.is_conv or not i.ceil_mode):
        rows = "row" if unused == 1 else f"{unused} rows"
        sentences.append(f"No window reaches the last {rows} of {i.height + 2 * i.padding}, padding included.")
    return sentences


def _size_formula(i: ConvInputs, height: int) -> str:
    rounding = "ceil" if i.ceil_mode and not i.is_conv else "floor"
    text = f"{rounding}(({i.height} + 2 × {i.padding} − {i.span}) / {i.step}) + 1"
    by_formula = math.ceil((i.height + 2 * i.padding - i.span) / i.step) + 1
    if rounding == "ceil" and by_formula != height:
        text += " − 1, as the last window would begin beyond the input"
    return f"{'' if i.height == i.width else 'rows: '}{text} = {height}"


def _shape(*sides: int) -> str:
    return " × ".join(map(str, sides))


TOOL = Tool(
    name="conv",
    lab=2,
    title="Convolution and pooling: sizes, weights, work",
    text="""\
A window of *kernel* cells slides over the input in steps of *stride*, after *padding* cells were added around it. It
stops at

    floor((side + 2 × padding − dilation × (kernel − 1) − 1) / stride) + 1

places along each side. A convolution has one set of weights for each filter and uses it at every place, so its weights
do not depend on the size of the image, but its multiply-adds do.

- Compare its weights with those of a **fully connected** layer between the same values.
- Find the padding that keeps the size, for windows of 3, 5 and 7.
- Let a max pool of 2 halve 32, 28 and 7; then switch `ceil_mode`.
""",
    inputs=ConvInputs,
    calculate=calculate,
)
