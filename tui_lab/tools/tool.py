"""What a tool is: a calculator that needs no training, described in one declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, Self, TypeVar

from tui_lab.hyperparameters import Declaration, Declared, build, declarations

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
        words = sum(isinstance(row[column], str) for row in self.rows)
        return 2 * words < len(self.rows)

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
class Result:
    """What a tool answers: sentences, values, curves. Each part may be empty."""

    lines: tuple[str, ...] = ()
    table: Table | None = None
    charts: tuple[Chart, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """What `to_json` gave. Raises KeyError or TypeError when `content` is no result."""
        table = content["table"]
        return cls(
            tuple(content["lines"]),
            None if table is None else Table(tuple(table["columns"]), tuple(map(tuple, table["rows"]))),
            tuple(
                Chart(**{**chart, "curves": tuple(Curve(**_with_tuples(curve)) for curve in chart["curves"])})
                for chart in content["charts"]
            ),
        )


@dataclass(frozen=True)
class Tool(Generic[Inputs]):
    """One calculator.

    Attributes:
        name: as on the command line.
        lab: the chapter that it belongs to.
        title: one line.
        text: Markdown: what it calculates and what to look at.
        inputs: the model of its inputs; their declarations make the flags and the form.
        calculate: inputs to answer, at once and without side effects.
        measure: inputs to what only trying tells, such as times. It takes seconds, so it waits to be asked for, and
            runs best in a process that does nothing else. None for most tools.
    """

    name: str
    lab: int
    title: str
    text: str
    inputs: type[Inputs]
    calculate: Callable[[Inputs], Result]
    measure: Callable[[Inputs], Result] | None = None

    @property
    def declarations(self) -> dict[str, Declaration]:
        """Its inputs by name, ordered by topic."""
        return declarations(self.inputs)

    def answer(self, values: Mapping[str, Any]) -> Result:
        """The result for `values`, defaults for the others. Raises UsageError with every mistake in them."""
        return self.calculate(build(self.inputs, values))


def written(cell: Cell) -> str:
    """A cell as people read it: `1,191,170`, `0.3133`, `32 × 16 × 16`."""
    if isinstance(cell, str):
        return cell
    if abs(cell) >= MOST_DIGITS:
        return f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.0f}" if abs(cell) >= 1e4 else f"{cell:.4g}"


def _with_tuples(curve: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in curve.items()}
