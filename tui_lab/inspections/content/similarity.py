"""How alike the first weights of a vision transformer are: filters of patches, and positions. Imports no torch."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Self

from tui_lab.inspections.content.shared import decoded, place, position


def cosine_of(level: int) -> float:
    """What a level of 0..255 stands for, from -1 to 1."""
    return level / 127.5 - 1


@dataclass(frozen=True)
class PatchSimilarity:
    """The filters that patches are embedded with, each beside each.

    Attributes:
        filters: of the layer.
        shown: the first ones, that are compared.
        levels: shown² cosines, row by row; see `cosine_of`.
    """

    epoch: float
    total_step: int
    filters: int
    shown: int
    levels: bytes

    def __post_init__(self) -> None:
        if self.shown < 1 or len(self.levels) != self.shown**2:
            raise ValueError(f"{len(self.levels)} levels are not those of {self.shown} filters")

    def cosine(self, one: int, other: int) -> float:
        """Of two filters, both from 0 on."""
        return cosine_of(self.levels[one * self.shown + other])

    def to_json(self) -> dict[str, Any]:
        levels = base64.b64encode(self.levels).decode()
        return {**place(self), "filters": self.filters, "shown": self.shown, "levels": levels}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(*position(content), int(content["filters"]), int(content["shown"]), decoded(content["levels"]))


@dataclass(frozen=True)
class PositionSimilarity:
    """The positions of the patches, each beside all others, laid out as the patches are in the image.

    Attributes:
        is_learned: else they are a formula's.
        rows, columns: of the patches.
        at_rows, at_columns: numbers, from 0 on, of the rows and columns whose positions are compared: all, or some
            spread evenly.
        tile_rows, tile_columns: of the cosines of each of these: as the patches, or fewer, each the mean of several.
        tiles: cosines, row by row, of each place in `at_rows` and `at_columns`, row by row; see `cosine_of`.
    """

    epoch: float
    total_step: int
    is_learned: bool
    rows: int
    columns: int
    at_rows: tuple[int, ...]
    at_columns: tuple[int, ...]
    tile_rows: int
    tile_columns: int
    tiles: tuple[bytes, ...]

    def __post_init__(self) -> None:
        size = self.tile_rows * self.tile_columns
        if not self.tiles or min(self.tile_rows, self.tile_columns, self.rows, self.columns) < 1:
            raise ValueError("no positions")
        if len(self.tiles) != len(self.at_rows) * len(self.at_columns) or any(len(one) != size for one in self.tiles):
            raise ValueError(f"these are not {len(self.at_rows)} by {len(self.at_columns)} tiles")

    def to_json(self) -> dict[str, Any]:
        return {
            **place(self),
            "is_learned": self.is_learned,
            "rows": self.rows,
            "columns": self.columns,
            "at_rows": list(self.at_rows),
            "at_columns": list(self.at_columns),
            "tile_rows": self.tile_rows,
            "tile_columns": self.tile_columns,
            "tiles": [base64.b64encode(one).decode() for one in self.tiles],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(
            *position(content),
            bool(content["is_learned"]),
            int(content["rows"]),
            int(content["columns"]),
            tuple(map(int, content["at_rows"])),
            tuple(map(int, content["at_columns"])),
            int(content["tile_rows"]),
            int(content["tile_columns"]),
            tuple(decoded(one) for one in content["tiles"]),
        )
