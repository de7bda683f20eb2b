"""What a tool is: a calculator that needs no training, described in one declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from tui_lab.hyperparameters import Declaration, Declared, build, declarations

Inputs = TypeVar("Inputs", bound=Declared)
Cell = str | int | float


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
    """Values `y` at the positions `x`, which rise. `name` is for the legend."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """Curves on the same axes."""

    title: str
    x_label: str
    curves: tuple[Curve, ...]
    y_log: bool = False


@dataclass(frozen=True)
class Result:
    """What a tool answers: sentences, values, curves. Each part may be empty."""

    lines: tuple[str, ...] = ()
    table: Table | None = None
    charts: tuple[Chart, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


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
    """

    name: str
    lab: int
    title: str
    text: str
    inputs: type[Inputs]
    calculate: Callable[[Inputs], Result]

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
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.0f}" if 1e4 <= abs(cell) < 1e15 else f"{cell:.4g}"
