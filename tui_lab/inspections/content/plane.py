"""What a model makes of the plane that its points lie in. Imports no torch."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from typing import Any, Self

from tui_lab.inspections.content.shared import decoded, heading, known_classes, known_label, place, position


@dataclass(frozen=True)
class LabelledPoint:
    x: float
    y: float
    label: int


@dataclass(frozen=True)
class Boundary:
    """What the model says everywhere in the plane, on a square grid, and the points it learns from and is tested on.

    Attributes:
        left, bottom, side: the square that is covered, in the coordinates of the points as stored.
        cells: of the grid along each side.
        probabilities: of each class in each cell, 0..255 for 0 to 1: `cells` rows from the top of the square down, each
            with `cells` cells from left to right, each with a byte a class.
        train, test: points, a fixed part of them where there are many.
        supports: the training points among the model's support vectors, a part of them where there are many; none of
            a network.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    left: float
    bottom: float
    side: float
    cells: int
    probabilities: bytes
    train: tuple[LabelledPoint, ...]
    test: tuple[LabelledPoint, ...]
    supports: tuple[LabelledPoint, ...] = ()

    def __post_init__(self) -> None:
        if len(self.probabilities) != self.cells**2 * len(self.class_names) or not self.probabilities:
            raise ValueError(f"no grid of {self.cells} by {self.cells} cells and {len(self.class_names)} classes")
        if not (0 < self.side < math.inf and math.isfinite(self.left) and math.isfinite(self.bottom)):
            raise ValueError(f"no square at {self.left}, {self.bottom} with sides of {self.side}")

    def at(self, column: int, row: int) -> bytes:
        """The probabilities of all classes in one cell, 0..255; column from the left and row from the top, from 0."""
        classes = len(self.class_names)
        start = (row * self.cells + column) * classes
        return self.probabilities[start : start + classes]

    def to_json(self) -> dict[str, Any]:
        square = {"left": self.left, "bottom": self.bottom, "side": self.side, "cells": self.cells}
        points = {
            name: [[point.x, point.y, point.label] for point in given]
            for name, given in (("train", self.train), ("test", self.test), ("supports", self.supports))
        }
        return {**heading(self), **square, "probabilities": base64.b64encode(self.probabilities).decode(), **points}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = known_classes(content)
        probabilities = decoded(content["probabilities"])
        left, bottom, side = (float(content[key]) for key in ("left", "bottom", "side"))
        points = (
            tuple(
                LabelledPoint(float(x), float(y), known_label(label, len(names)))
                for x, y, label in content.get(key, ())
            )
            for key in ("train", "test", "supports")
        )
        return cls(*position(content), names, left, bottom, side, int(content["cells"]), probabilities, *points)


@dataclass(frozen=True)
class UnitMap:
    """What one hidden unit gives in each cell of a grid.

    Attributes:
        number: of the unit in its layer, from 1 on.
        levels: 0..255, row by row from the top left: 128 where the unit gives the middle of its activation, 1 and 255
            at `largest` below and above it.
        largest: distance from the middle that the levels are scaled by; 0 of a unit that gives the middle everywhere.
    """

    number: int
    levels: bytes
    largest: float


@dataclass(frozen=True)
class UnitLayer:
    """Some units of one hidden layer; `units` is how many the layer has."""

    name: str
    units: int
    maps: tuple[UnitMap, ...]


@dataclass(frozen=True)
class UnitMaps:
    """What each hidden unit responds to, all over the plane that the points lie in.

    Attributes:
        activation: "tanh", "sigmoid" or "relu".
        left, bottom, side: the square that is covered, in the coordinates of the points as stored.
        cells: of the grid along each side.
        layers: the hidden layers, from the inputs on.
    """

    epoch: float
    total_step: int
    activation: str
    left: float
    bottom: float
    side: float
    cells: int
    layers: tuple[UnitLayer, ...]

    def __post_init__(self) -> None:
        lengths = {len(one.levels) for layer in self.layers for one in layer.maps}
        if lengths != {self.cells**2} or self.cells < 1:
            raise ValueError(f"no maps of {self.cells} by {self.cells} cells")

    @property
    def middle(self) -> float:
        """What a unit gives where its weighted sum is 0; below it, a relu gives the same."""
        return 0.5 if self.activation == "sigmoid" else 0.0

    def to_json(self) -> dict[str, Any]:
        square = {"left": self.left, "bottom": self.bottom, "side": self.side, "cells": self.cells}
        layers = [
            {
                "name": layer.name,
                "units": layer.units,
                "maps": [
                    {"number": one.number, "largest": one.largest, "levels": base64.b64encode(one.levels).decode()}
                    for one in layer.maps
                ],
            }
            for layer in self.layers
        ]
        return {**place(self), "activation": self.activation, "middle": self.middle, **square, "layers": layers}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        layers = tuple(
            UnitLayer(
                str(layer["name"]),
                int(layer["units"]),
                tuple(
                    UnitMap(int(one["number"]), decoded(one["levels"]), float(one["largest"])) for one in layer["maps"]
                ),
            )
            for layer in content["layers"]
        )
        left, bottom, side = (float(content[key]) for key in ("left", "bottom", "side"))
        return cls(*position(content), str(content["activation"]), left, bottom, side, int(content["cells"]), layers)
