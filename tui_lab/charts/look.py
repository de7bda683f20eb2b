"""How charts are drawn: their colours and characters, or the lack of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from rich.style import Style

from tui_lab.charts.series import Series
from tui_lab.charts.shading import Colour, mixed, style
from tui_lab.charts.text import printable

Marker = Literal["braille", "blocks"]

# Okabe and Ito's colours, told apart with every common colour blindness (https://jfly.uni-koeln.de/color/).
_ORANGE, _SKY, _GREEN, _YELLOW = (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)
_BLUE, _VERMILION, _PURPLE = (0, 114, 178), (213, 94, 0), (204, 121, 167)
_OCHRE = (150, 110, 0)  # instead of the yellow, which a light background swallows
_FAINT = 0.4  # of a curve's colour
_BLANK = 0.15  # of the colour of axes, where a map has nothing: so that it still has edges


@dataclass(frozen=True)
class Palette:
    """Colours of a chart, as (red, green, blue) of 0..255.

    Attributes:
        kinds: one for each of `series.KINDS`.
        runs: for overlaid runs, by number, from the first again after the last.
        axis: axes, tick labels and notes.
        background: what the chart stands on; faint curves are mixed with it.
    """

    kinds: Mapping[str, Colour]
    runs: tuple[Colour, ...]
    axis: Colour
    background: Colour

    def run(self, number: int) -> Colour:
        """The colour of a run, or of a class, by number from 0 on."""
        return self.runs[number % len(self.runs)]

    def signed(self, share: float) -> Colour:
        """Of a number from -1 to 1: the colour of run 0 below 0, that of run 1 above, the stronger the larger."""
        below, above = self.runs[:2]
        blank = mixed(self.axis, self.background, _BLANK)
        return mixed(above if share > 0 else below, blank, min(abs(share), 1.0))

    def colour(self, series: Series) -> Colour:
        """The colour a series is drawn in."""
        index = series.run_index
        full = self.kinds[series.kind] if index is None else self.run(index)
        return mixed(full, self.background, _FAINT) if series.faint else full


DARK = Palette(
    kinds={
        "train": _SKY,
        "test": _ORANGE,
        "validation": _GREEN,
        "train_eval": _PURPLE,
        "lr": _YELLOW,
        "published": (190, 190, 190),
    },
    runs=(_SKY, _ORANGE, _GREEN, _PURPLE, _YELLOW, _VERMILION, (150, 140, 230)),
    axis=(140, 140, 140),
    background=(18, 18, 18),
)
LIGHT = Palette(
    kinds={
        "train": _BLUE,
        "test": _VERMILION,
        "validation": _GREEN,
        "train_eval": _PURPLE,
        "lr": _OCHRE,
        "published": (90, 90, 90),
    },
    runs=(_BLUE, _VERMILION, _GREEN, _PURPLE, _OCHRE, _SKY, (80, 60, 160)),
    axis=(110, 110, 110),
    background=(250, 250, 250),
)


@dataclass(frozen=True)
class Look:
    """What a terminal can show: every chart is drawn with one.

    Attributes:
        palette: the colours. Heads, axes and notes have that of its axes; what else it is used for, each chart says.
        marker: what curves are made of: "braille" has 2x4 dots a cell, "blocks" 2x2 quarters of one, which more fonts
            have.
        color: 24-bit colours. Without any, pictures are drawn in shades, and marks, letters or signs tell things apart.
        ascii: 7-bit characters only, in axes and texts too. Pictures have no colours then.
    """

    palette: Palette = DARK
    marker: Marker = "braille"
    color: bool = True
    ascii: bool = False

    @property
    def has_colours(self) -> bool:
        """Whether pictures have colours."""
        return self.color and not self.ascii

    @property
    def of_pictures(self) -> Look:
        """The same without colours where pictures have none: for pages whose words go with their pictures."""
        return replace(self, color=self.has_colours)

    @property
    def faint(self) -> Style:
        """Of what is not read first: heads, axes, notes."""
        return self.style(self.palette.axis)

    def kind(self, kind: str, *, bold: bool = False) -> Style:
        """Of one of `series.KINDS`."""
        return self.style(self.palette.kinds[kind], bold=bold)

    def style(self, colour: Colour, *, bold: bool = False) -> Style:
        """A colour where there are colours, else none."""
        return style(colour if self.color else None, bold=bold)

    def printable(self, text: str) -> str:
        """`text` in one line, without control characters, in 7 bits where nothing else may appear."""
        return printable(text, ascii=self.ascii)


DEFAULT = Look()
