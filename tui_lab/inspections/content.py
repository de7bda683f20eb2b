"""What inspections found: plain values that a process without torch reads and draws. Imports no torch.

Positions are those of the weights that were looked into: `epoch` in epochs done (3.25 = a quarter into the fourth) and
`total_step` in gradient steps. Labels are numbers of classes, from 0 on, and index `class_names`.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from tui_lab.pictures import Picture

Point = tuple[float, float]


@dataclass(frozen=True)
class Guess:
    """A class and the probability, 0 to 1, that the model gives it."""

    label: int
    probability: float


@dataclass(frozen=True)
class Sample:
    """A test sample as it is stored, before standardisation, and what the model makes of it.

    Attributes:
        index: in the test split, from 0 on.
        shown: an image (a large one reduced), or a point.
        label: the true class.
        guesses: the most probable classes, the most probable first; at least one.
        loss: cross-entropy of the sample, in nats.
    """

    index: int
    shown: Picture | Point
    label: int
    guesses: tuple[Guess, ...]
    loss: float

    @property
    def predicted(self) -> int:
        """The most probable class."""
        return self.guesses[0].label

    @property
    def is_right(self) -> bool:
        return self.predicted == self.label

    def to_json(self) -> dict[str, Any]:
        shown = {"picture": self.shown.to_json()} if isinstance(self.shown, Picture) else {"point": list(self.shown)}
        guesses = [[guess.label, guess.probability] for guess in self.guesses]
        return {"index": self.index, **shown, "label": self.label, "guesses": guesses, "loss": self.loss}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        shown = Picture.from_json(content["picture"]) if "picture" in content else _point(*content["point"])
        guesses = tuple(Guess(int(label), float(probability)) for label, probability in content["guesses"])
        if not guesses:
            raise ValueError("a sample without guesses")
        return cls(int(content["index"]), shown, int(content["label"]), guesses, float(content["loss"]))


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of the test split.

    Attributes:
        counts: samples by true class (row) and predicted class (column).
        mistakes: misclassified samples by (true class, predicted class), those the model is surest of first. Not every
            cell has all of its samples: see `tui_lab.inspections.outcomes`.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    mistakes: Mapping[tuple[int, int], tuple[Sample, ...]]

    @property
    def accuracy(self) -> float:
        """Share of all samples that are predicted right; 0 where there are none."""
        total = sum(map(sum, self.counts))
        return sum(row[i] for i, row in enumerate(self.counts)) / total if total else 0.0

    @property
    def accuracies(self) -> tuple[float | None, ...]:
        """Share of each true class that is predicted right (its recall); None where there are no samples."""
        return tuple(row[i] / sum(row) if sum(row) else None for i, row in enumerate(self.counts))

    def most_confused(self, most: int = 5) -> list[tuple[int, int, int]]:
        """(true class, predicted class, samples) of the largest counts off the diagonal, the largest first."""
        cells = [
            (true, predicted, count)
            for true, row in enumerate(self.counts)
            for predicted, count in enumerate(row)
            if count and true != predicted
        ]
        return sorted(cells, key=lambda cell: -cell[2])[:most]

    def to_json(self) -> dict[str, Any]:
        mistakes = [
            {"true": true, "predicted": predicted, "samples": [sample.to_json() for sample in samples]}
            for (true, predicted), samples in self.mistakes.items()
        ]
        accuracies = {"accuracy": self.accuracy, "accuracies": list(self.accuracies)}
        return {**_heading(self), **accuracies, "counts": list(map(list, self.counts)), "mistakes": mistakes}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = _class_names(content)
        counts = tuple(tuple(map(int, row)) for row in content["counts"])
        if [len(row) for row in counts] != [len(names)] * len(names):
            raise ValueError(f"counts of {len(names)} classes are not {len(names)} by {len(names)}")
        mistakes = {
            (_label(cell["true"], len(names)), _label(cell["predicted"], len(names))): tuple(
                _known_labels(Sample.from_json(sample), len(names)) for sample in cell["samples"]
            )
            for cell in content["mistakes"]
        }
        return cls(*_position(content), names, counts, mistakes)


@dataclass(frozen=True)
class Samples:
    """Test samples one by one.

    Attributes:
        chosen: the same throughout the run: the first ones of the test split, the classes taking turns.
        hardest: misclassified ones with the highest loss, the highest first.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    chosen: tuple[Sample, ...]
    hardest: tuple[Sample, ...]

    def to_json(self) -> dict[str, Any]:
        chosen, hardest = ([sample.to_json() for sample in samples] for samples in (self.chosen, self.hardest))
        return {**_heading(self), "chosen": chosen, "hardest": hardest}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = _class_names(content)
        chosen, hardest = (
            tuple(_known_labels(Sample.from_json(sample), len(names)) for sample in content[key])
            for key in ("chosen", "hardest")
        )
        return cls(*_position(content), names, chosen, hardest)


@dataclass(frozen=True)
class Filters:
    """The weights of the first layer as pictures: mid-grey is 0, and each filter is scaled by itself.

    Attributes:
        layer: its name in the model, and what it is: "features.0, Conv2d".
        pictures: one a filter, from the first on; grey, or red, green and blue as the weights on those channels.
        largest: the largest absolute weight of each, which is white (positive) or black (negative).
        filters: how many the layer has; there may be fewer pictures.
    """

    epoch: float
    total_step: int
    layer: str
    pictures: tuple[Picture, ...]
    largest: tuple[float, ...]
    filters: int

    def to_json(self) -> dict[str, Any]:
        pictures = [picture.to_json() for picture in self.pictures]
        found = {"layer": self.layer, "filters": self.filters, "largest": list(self.largest), "pictures": pictures}
        return {**_place(self), **found}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        pictures = tuple(map(Picture.from_json, content["pictures"]))
        largest = tuple(map(float, content["largest"]))
        if len(pictures) != len(largest):
            raise ValueError(f"{len(pictures)} pictures with {len(largest)} scales")
        return cls(*_position(content), str(content["layer"]), pictures, largest, int(content["filters"]))


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
            for name, given in (("train", self.train), ("test", self.test))
        }
        return {**_heading(self), **square, "probabilities": base64.b64encode(self.probabilities).decode(), **points}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = _class_names(content)
        try:
            probabilities = base64.b64decode(content["probabilities"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"no probabilities: {error}") from error
        left, bottom, side = (float(content[key]) for key in ("left", "bottom", "side"))
        train, test = (
            tuple(LabelledPoint(float(x), float(y), _label(label, len(names))) for x, y, label in content[key])
            for key in ("train", "test")
        )
        return cls(*_position(content), names, left, bottom, side, int(content["cells"]), probabilities, train, test)


Content = Confusion | Samples | Filters | Boundary


def _place(content: Content) -> dict[str, Any]:
    return {"epoch": content.epoch, "total_step": content.total_step}


def _heading(content: Confusion | Samples | Boundary) -> dict[str, Any]:
    return {**_place(content), "class_names": list(content.class_names)}


def _position(content: dict[str, Any]) -> tuple[float, int]:
    return float(content["epoch"]), int(content["total_step"])


def _class_names(content: dict[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, content["class_names"]))


def _point(x: Any, y: Any) -> Point:
    return float(x), float(y)


def _label(value: Any, classes: int) -> int:
    label = int(value)
    if not 0 <= label < classes:
        raise ValueError(f"{label} is none of {classes} classes")
    return label


def _known_labels(sample: Sample, classes: int) -> Sample:
    for label in (sample.label, *(guess.label for guess in sample.guesses)):
        _label(label, classes)
    return sample
