"""`receptive-field`: which pixels a unit of each layer depends on, layer by layer (question 2.7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.pictures import Picture
from tui_lab.tools.conv import output_side
from tui_lab.tools.tool import Cell, Gallery, Result, Table, Tool

CONVNET_LAYERS = "5/1/2 2/2 5/1/2 2/2 5/1/2 2/2/0/ceil"  # the practical's, up to its dense layers
PATTERN = re.compile(r"(\d{1,3})(?:/(\d{1,3})(?:/(\d{1,3})(/ceil)?)?)?", re.ASCII)
MOST_LAYERS = 40
MOST = 512
LARGEST_PICTURE = 64  # pixels of a side: a terminal shows no more
TILE = 16
OUTSIDE, FAINTEST, BRIGHTEST = 24, 72, 255  # shades of grey: of what has no part, of the least part, of the largest


@dataclass(frozen=True)
class Window:
    """A layer as far as sizes go: the side of its window, its step, cells added on every side, and torch's ceil_mode.

    A convolution and a pool are alike in this.
    """

    kernel: int
    stride: int = 1
    padding: int = 0
    rounds_up: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """`5/1/2` is kernel/stride/padding; `3` and `2/2` leave out the usual 1 and 0; `2/2/0/ceil` rounds up.

        Raises ValueError for anything else.
        """
        found = PATTERN.fullmatch(text)
        if found is None:
            raise ValueError(text)
        kernel, stride, padding = (int(found[i] or usual) for i, usual in ((1, 1), (2, 1), (3, 0)))
        if not kernel or not stride:
            raise ValueError(text)
        return cls(kernel, stride, padding, rounds_up=found[4] is not None)

    def output(self, side: int) -> int:
        """The side of what comes out; below 1 where not one window fits."""
        return output_side(side, self.kernel, self.stride, self.padding, rounds_up=self.rounds_up)

    def __str__(self) -> str:
        return f"{self.kernel}/{self.stride}/{self.padding}{'/ceil' if self.rounds_up else ''}"


class ReceptiveFieldInputs(Declared):
    layers: str = setting(
        CONVNET_LAYERS,
        "of each convolution and pool kernel/stride/padding, separated by blanks",
        topic="Network",
        question="2.7",
        allowed="such as 5/1/2 2/2, a stride of 1 and a padding of 0 left out",
    )
    side: int = setting(32, "rows and columns of the image", topic="Image", ge=1, le=MOST)

    @property
    def windows(self) -> tuple[Window, ...]:
        return tuple(map(Window.parse, self.layers.split()))

    @property
    def sides(self) -> tuple[int, ...]:
        """Of the image, and of what comes out of each layer."""
        found = [self.side]
        for window in self.windows:
            found.append(window.output(found[-1]))
        return tuple(found)

    @model_validator(mode="after")
    def _check_layers(self) -> Self:
        words = self.layers.split()
        wrong = next((word for word in words if not _is_window(word)), None)
        refuse_combinations(
            (not words, "layers", "has none: write kernel/stride/padding for each, such as 5/1/2"),
            (len(words) > MOST_LAYERS, "layers", f"has {len(words)}: at most {MOST_LAYERS} are drawn"),
            (wrong is not None, "layers", f"has {wrong!r}: a layer is kernel/stride/padding, such as 5/1/2 or 2/2"),
        )
        sides = self.sides
        empty = next((i for i, side in enumerate(sides) if side < 1), None)
        if empty is not None:
            window = self.windows[empty - 1]
            problem = f"has {window} as number {empty}: it covers {window.kernel} cells, and {sides[empty - 1]} come in"
            refuse_combinations((True, "layers", problem))
        return self


def _is_window(word: str) -> bool:
    try:
        Window.parse(word)
    except ValueError:
        return False
    return True


def fields(windows: Sequence[Window]) -> list[tuple[int, int, float]]:
    """(field, jump, start) of every layer, in pixels of an image without borders.

    `field` is the side of the square that a unit depends on, `jump` the distance between those of neighbours, and
    `start` the middle of the first one, where 0.5 is the middle of the first pixel:

        field ← field + (kernel − 1)·jump     start ← start + ((kernel − 1)/2 − padding)·jump     jump ← jump·stride
    """
    field, jump, start = 1, 1, 0.5
    found = []
    for window in windows:
        field += (window.kernel - 1) * jump
        start += ((window.kernel - 1) / 2 - window.padding) * jump
        jump *= window.stride
        found.append((field, jump, start))
    return found


def paths(windows: Sequence[Window], sides: Sequence[int], unit: int) -> list[int]:
    """How many paths lead from each pixel of a line to one unit of the last layer; 0 = it does not depend on it.

    In the plane it is the product of those of the row and of the column: all windows are squares.

    Args:
        windows: the layers.
        sides: of the image, and of what comes out of each layer.
        unit: its place in the last layer, from 0 on.
    """
    counts = [0] * sides[len(windows)]
    counts[unit] = 1
    for window, side in zip(reversed(windows), reversed(sides[: len(windows)]), strict=True):
        below = [0] * side
        for place, count in enumerate(counts):
            first = place * window.stride - window.padding
            for cell in range(max(first, 0), min(first + window.kernel, side)) if count else ():
                below[cell] += count
        counts = below
    return counts


def calculate(inputs: ReceptiveFieldInputs) -> Result:
    """Size, jump, field and start of every layer, and the field of the unit in the middle of each as a picture."""
    windows, sides = inputs.windows, inputs.sides
    found = fields(windows)
    rows: list[tuple[Cell, ...]] = []
    pictures, captions = [], []
    for i, (window, (field, jump, start)) in enumerate(zip(windows, found, strict=True), start=1):
        counts = paths(windows[:i], sides[: i + 1], sides[i] // 2)
        seen = sum(map(bool, counts))
        rows.append((i, str(window), sides[i], field, jump, start, f"{100 * seen**2 / inputs.side**2:.3g} %"))
        pictures.append(_picture(counts))
        captions.append(f"{i}: {window}\n{field}×{field}" + (f", {seen}×{seen} inside" if seen < field else ""))
    columns = ("layer", "k/s/p", "size", "field", "jump", "start", "of the image")
    gallery = Gallery("What the middle unit of each layer depends on", tuple(pictures), tuple(captions), TILE)
    return Result(_sentences(inputs, found), Table(columns, tuple(rows)), galleries=(gallery,))


def _sentences(inputs: ReceptiveFieldInputs, found: Sequence[tuple[int, int, float]]) -> tuple[str, ...]:
    (field, jump, _), size = found[-1], inputs.sides[-1]
    lines = [
        f"A unit of the last layer depends on {field} × {field} pixels; neighbours look {jump} pixels further along.",
        f"Of {inputs.side} × {inputs.side} pixels, {size} × {size} units are left.",
    ]
    whole = next((i for i, (side, _, _) in enumerate(found, start=1) if side >= inputs.side), None)
    if whole is not None:
        lines.append(f"From layer {whole} on, the field is as large as the image: it reaches over its edges.")
    return tuple(lines)


def _picture(counts: Sequence[int]) -> Picture:
    """The image, dark, with the field in it: the brighter, the more paths lead from a pixel to the unit."""
    side = min(len(counts), LARGEST_PICTURE)
    parts = [counts[i * len(counts) // side : (i + 1) * len(counts) // side] for i in range(side)]
    most = max(counts) or 1  # a window that lies in the padding sees nothing
    line = [max(part) / most for part in parts]
    levels = (_level(row * column) for row in line for column in line)
    return Picture(side, side, bytes(level for level in levels for _ in range(3)))


def _level(share: float) -> int:
    """The root of the share: from the corners of a deep field a thousandth of the paths come that its middle has."""
    return round(FAINTEST + (BRIGHTEST - FAINTEST) * share**0.5) if share else OUTSIDE


TOOL = Tool(
    name="receptive-field",
    lab=2,
    title="Receptive field, layer by layer",
    text="""\
The receptive field of a unit is the square of pixels that its output depends on. Every layer adds *(kernel − 1)* times
the **jump**, which is how far apart two neighbours look, in pixels; every stride multiplies the jump. **Start** is
where the first unit looks: the middle of its field, 0.5 being the middle of the first pixel.

Layers are written *kernel/stride/padding*: `5/1/2` is a convolution that keeps the size, `2/2` a pool that halves it,
and `/ceil` at the end rounds up. Weights and channels do not matter here.

In the pictures a pixel is the brighter, the more paths lead from it to the unit. A deep unit could see nearly
everything, but what lies at the rim of its field reaches it on few of them (Luo et al., 2016).

- What do two convolutions of 3 see, and three, beside one of 5 or of 7?
- Take the pools away, `5/1/2 5/1/2 5/1/2`. How many convolutions would see the whole image?
""",
    inputs=ReceptiveFieldInputs,
    calculate=calculate,
)
