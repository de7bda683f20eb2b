"""`fc-as-conv`: a dense layer as a convolution, and what a network then makes of a larger image (questions 2.4-2.6)."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import model_validator

from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.tools.receptive_field import CONVNET_LAYERS, Window, fields
from tui_lab.tools.tool import Cell, Result, Table, Tool, WithTorch

CHANNELS = (32, 64, 64)  # of the practical's convolutions
FC4_UNITS = 1000
CLASSES = 10
WINDOWS = tuple(map(Window.parse, CONVNET_LAYERS.split()))
NAMES = ("conv1", "pool1", "conv2", "pool2", "conv3", "pool3")
LEAST, MOST = 8, 256


class FcAsConvInputs(Declared):
    height: int = setting(64, "rows of the larger image", topic="Image", question="2.4", ge=LEAST, le=MOST)
    width: int = setting(64, "columns of the larger image", topic="Image", question="2.4", ge=LEAST, le=MOST)
    trained_side: int = setting(
        32, "side of the images that the network was made for; of a run it is known", topic="Network", ge=LEAST, le=MOST
    )
    run: str = setting("", "a run of convnet, such as last; empty = weights at random", topic="Measuring")
    dataset: Literal["digits", "mnist", "fashion-mnist", "cifar10"] = setting(
        "cifar10", "without a run: where the samples are from", topic="Measuring"
    )
    image: Literal["mosaic", "sample"] = setting(
        "mosaic", "test samples side by side, or one of them enlarged", topic="Measuring", question="2.6"
    )
    draw: int = setting(0, "another number takes other samples", topic="Measuring", ge=0, le=9999)

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        covered = features(self.trained_side)
        refuse_combinations(
            *(
                (side < covered, name, f"leaves {side} of what fc4 as a convolution covers {covered} of")
                for name, side in (("height", features(self.height)), ("width", features(self.width)))
            )
        )
        return self


def features(side: int) -> int:
    """The side of what comes out of the last pool, for an image of this side."""
    for window in WINDOWS:
        side = window.output(side)
    return side


def calculate(inputs: FcAsConvInputs) -> Result:
    """Sizes of every layer for the image that the network was made for, and for the larger one."""
    i = inputs
    rows: list[tuple[Cell, ...]] = [("input", "", _shape(3, i.trained_side), _shape(3, i.height, i.width), "")]
    trained, height, width, channels = i.trained_side, i.height, i.width, 3
    for number, (name, window) in enumerate(zip(NAMES, WINDOWS, strict=True)):
        trained, height, width = map(window.output, (trained, height, width))
        weights: Cell = ""
        if name.startswith("conv"):
            filters = CHANNELS[number // 2]
            weights, channels = filters * channels * window.kernel**2, filters
        what = f"{window.kernel}×{window.kernel}" + (f", stride {window.stride}" if window.stride > 1 else "")
        rows.append((name, what, _shape(channels, trained), _shape(channels, height, width), weights))
    map_height, map_width = height - trained + 1, width - trained + 1
    fc4_weights = FC4_UNITS * channels * trained**2
    rows += [
        ("fc4", f"{trained}×{trained}", _shape(FC4_UNITS, 1), _shape(FC4_UNITS, map_height, map_width), fc4_weights),
        ("fc5", "1×1", _shape(CLASSES, 1), _shape(CLASSES, map_height, map_width), CLASSES * FC4_UNITS),
    ]
    columns = ("layer", "window", f"{_side(i.trained_side)}", f"{i.height}×{i.width}", "weights")
    return Result(
        _sentences(i, channels, trained, (height, width), (map_height, map_width)), Table(columns, tuple(rows))
    )


def _sentences(
    i: FcAsConvInputs, channels: int, trained: int, given: tuple[int, int], scores: tuple[int, int]
) -> tuple[str, ...]:
    values = channels * trained**2
    too_many = channels * given[0] * given[1]
    jump = fields(WINDOWS)[-1][1]
    lines = [
        f"fc4 is {FC4_UNITS:,} filters of {trained} × {trained} over {channels} channels: "
        f"the same {FC4_UNITS * values:,} weights."
    ]
    if too_many != values:
        lines.append(
            f"As a dense layer it takes {values:,} values; from {i.height} × {i.width} pixels come {too_many:,}."
        )
    places = math.prod(scores)
    if places > 1:
        once, each = multiply_adds(i.height, i.width, i.trained_side), multiply_adds(*[i.trained_side] * 3)
        lines += [
            f"So it gives a map of {scores[0]} × {scores[1]} places: the network every {jump} pixels, in one pass.",
            f"That takes {once / 1e6:,.0f} million multiply-adds, not the {places * each / 1e6:,.0f} million "
            f"of {places} windows.",
        ]
    return tuple(lines)


def multiply_adds(height: int, width: int, trained_side: int) -> int:
    """Of one image of height × width in the network that was made for `trained_side`, its dense layers convolutions."""
    total, channels = 0, 3
    for number, window in enumerate(WINDOWS):
        height, width = window.output(height), window.output(width)
        if number % 2 == 0:
            filters = CHANNELS[number // 2]
            total += height * width * filters * channels * window.kernel**2
            channels = filters
    covered = features(trained_side)
    places = (height - covered + 1) * (width - covered + 1)
    return total + places * (FC4_UNITS * channels * covered**2 + CLASSES * FC4_UNITS)


def _shape(channels: int, height: int, width: int | None = None) -> str:
    return f"{channels:,} × {height} × {height if width is None else width}"


def _side(side: int) -> str:
    return f"{side}×{side}"


TOOL = Tool(
    name="fc-as-conv",
    lab=2,
    title="A fully connected layer as a convolution",
    text="""\
Convolutions and pools take an image of any size; a dense layer takes as many values as it has weights for. But a dense
layer on *C × h × w* values **is** a convolution whose window is as large as what comes in: it fits in one place only.
Let it slide, and the practical's network works on a larger image too, and gives scores for every place: a **map**.

That map is what detection and segmentation begin with, and it costs far less than a window moved over the image, as
neighbouring windows share nearly everything below fc4.

- Enlarge `height` and `width` by 8, then by 4. When does a place come to the map?
- **Measure**: the network really runs, on four samples side by side. With a trained `run`, each class should be found
  where its sample is, and something in between where two meet.
- `image = sample` enlarges one sample instead. Does the network know it at twice the size?
""",
    inputs=FcAsConvInputs,
    calculate=calculate,
    measure=WithTorch("tui_lab.previews.score_map:score_map"),
    measuring="run the network, show the map",
)
