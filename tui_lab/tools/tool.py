"""What a tool is: a calculator that needs no training, described in one declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from tui_lab import paths
from tui_lab.hyperparameters import Declaration, Declared, build, declarations
from tui_lab.pictures import Picture

Inputs = TypeVar("Inputs", bound=Declared)
Cell = str | int | float
MOST_DIGITS = 1e15  # numbers from here on are written with an exponent


@dataclass(frozen=True)
class Table:
    """Values in rows, each as long as `columns`: the headings, of which some may be empty."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def is_numeric(self, column: int) -> bool:
        """Whether a column, from 0 on, holds more numbers than words: those are right-aligned."""
        cells = [row[column] for row in self.rows if row[column] != ""]
        words = sum(isinstance(cell, str) for cell in cells)
        return 2 * words < len(cells)

    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The rows as people read them."""
        return tuple(tuple(map(written, row)) for row in self.rows)


@dataclass(frozen=True)
class Curve:
    """Values `y` at the positions `x`, which rise. `name` is for the legend; a faint one lies under the others."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    faint: bool = False


@dataclass(frozen=True)
class Chart:
    """Curves on the same axes."""

    title: str
    x_label: str
    curves: tuple[Curve, ...]
    y_log: bool = False
    x_log: bool = False


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, each with its caption, which may be empty, under it; `columns` cells wide at most."""

    title: str
    pictures: tuple[Picture, ...]
    captions: tuple[str, ...]
    columns: int = 16

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.captions):
            raise ValueError(f"{len(self.pictures)} pictures do not have {len(self.captions)} captions")

    def to_json(self) -> dict[str, Any]:
        pictures = [picture.to_json() for picture in self.pictures]
        return {"title": self.title, "pictures": pictures, "captions": list(self.captions), "columns": self.columns}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError when `content` is no gallery."""
        pictures = tuple(map(Picture.from_json, content["pictures"]))
        return cls(str(content["title"]), pictures, tuple(content["captions"]), int(content["columns"]))


@dataclass(frozen=True)
class PictureRows:
    """Pictures beside the name of what they belong to, `across` in a row."""

    title: str
    groups: tuple[tuple[str, tuple[Picture, ...]], ...]
    across: int

    def to_json(self) -> dict[str, Any]:
        groups = [[name, [picture.to_json() for picture in pictures]] for name, pictures in self.groups]
        return {"title": self.title, "groups": groups, "across": self.across}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError when `content` has no rows of pictures."""
        groups = tuple((str(name), tuple(map(Picture.from_json, pictures))) for name, pictures in content["groups"])
        return cls(str(content["title"]), groups, int(content["across"]))


@dataclass(frozen=True)
class HeatMap:
    """A matrix whose values are shown as colours.

    Attributes:
        title: one line.
        values: rows from the top, each as long.
        largest: the value that has the strongest of the colours for positive values; its negative, that of the others.
        columns, rows: numbered from 0 on along the axes. More than there are values where several became their mean.
        x_label, y_label: what is numbered.
        is_plan: columns and rows are places in an image: drawn as squares, beside other plans. Otherwise the map is
            as wide as there is room.
    """

    title: str
    values: tuple[tuple[float, ...], ...]
    largest: float
    columns: int
    rows: int
    x_label: str
    y_label: str
    is_plan: bool = False

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError or TypeError when `content` is no heat map."""
        return cls(**{**content, "values": tuple(map(tuple, content["values"]))})


@dataclass(frozen=True)
class Result:
    """What a tool answers: sentences, values, pictures, curves. Each part may be empty."""

    lines: tuple[str, ...] = ()
    table: Table | None = None
    charts: tuple[Chart, ...] = ()
    galleries: tuple[Gallery | PictureRows, ...] = ()
    heat_maps: tuple[HeatMap, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "lines": list(self.lines),
            "table": None if self.table is None else asdict(self.table),
            "charts": [asdict(chart) for chart in self.charts],
            "galleries": [gallery.to_json() for gallery in self.galleries],
            "heat_maps": [asdict(heat_map) for heat_map in self.heat_maps],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises KeyError, TypeError or ValueError when `content` is no result."""
        table = content["table"]
        return cls(
            tuple(content["lines"]),
            None if table is None else Table(tuple(table["columns"]), tuple(map(tuple, table["rows"]))),
            tuple(
                Chart(**{**chart, "curves": tuple(Curve(**_with_tuples(curve)) for curve in chart["curves"])})
                for chart in content["charts"]
            ),
            tuple((PictureRows if "groups" in one else Gallery).from_json(one) for one in content["galleries"]),
            tuple(map(HeatMap.from_json, content["heat_maps"])),
        )


@dataclass(frozen=True)
class Folders:
    """Where a tool that needs more than its inputs finds it: `home` has the runs, `data` the data sets."""

    home: Path
    data: Path


@dataclass(frozen=True)
class WithFolders(Generic[Inputs]):
    """What reads runs or data, but needs no torch for it: a function of (inputs, `Folders`) to a `Result`. It raises
    TuiLabError where there is nothing to read."""

    function: Callable[[Inputs, Folders], Result]


@dataclass(frozen=True)
class WithTorch:
    """What takes torch, and so a process of its own (`tui_lab.previews`): a function of (inputs, `Folders`) to a
    `Result`, named as "module:function", so that nothing is imported where tools are listed."""

    function: str


@dataclass(frozen=True)
class Tool(Generic[Inputs]):
    """One calculator.

    Attributes:
        name: as on the command line.
        lab: the chapter that it belongs to.
        title: one line.
        text: Markdown: what it calculates and what to look at.
        inputs: the model of its inputs; their declarations make the flags and the form.
        calculate: inputs to answer, at once and without side effects; or what takes more than the inputs for that.
        measure: inputs to what only trying tells, such as times. It takes seconds, so it waits to be asked for, and
            runs best in a process that does nothing else. None for most tools.
        measuring: what that does, in a few words.
    """

    name: str
    lab: int
    title: str
    text: str
    inputs: type[Inputs]
    calculate: Callable[[Inputs], Result] | WithFolders[Inputs] | WithTorch
    measure: Callable[[Inputs], Result] | WithTorch | None = None
    measuring: str = "measure the time"

    @property
    def declarations(self) -> Mapping[str, Declaration]:
        """Its inputs by name, ordered by topic."""
        return declarations(self.inputs)

    def answer(self, values: Mapping[str, Any], folders: Folders | None = None) -> Result:
        """The result for `values`, defaults for the others. Raises UsageError with every mistake in them.

        Not for what is answered with torch: that is `tui_lab.previews.client`'s to ask.

        Args:
            values: inputs by name.
            folders: of what some tools read; None = the user's own.
        """
        if isinstance(self.calculate, WithTorch):
            raise TypeError(f"{self.name} is answered in a process with torch")
        inputs = build(self.inputs, values)
        if isinstance(self.calculate, WithFolders):
            return self.calculate.function(inputs, folders or Folders(paths.home_dir(), paths.data_dir()))
        return self.calculate(inputs)


def written(cell: Cell) -> str:
    """A cell as people read it: `1,191,170`, `0.3133`, `32 × 16 × 16`."""
    if isinstance(cell, str):
        return cell
    if abs(cell) >= MOST_DIGITS:
        return f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.0f}" if abs(cell) >= 1e4 else f"{cell:.4g}"


def _with_tuples(curve: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in curve.items()}
