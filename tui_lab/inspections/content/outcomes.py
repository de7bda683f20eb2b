"""What a model makes of samples: the confusion matrix, samples one by one, support vectors. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from tui_lab.inspections.content.shared import heading, known_classes, known_label, position
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

    @property
    def precisions(self) -> tuple[float | None, ...]:
        """Share of what each class is predicted for that is of it; None where it is never predicted."""
        predicted = [sum(column) for column in zip(*self.counts, strict=True)]
        return tuple(self.counts[i][i] / count if count else None for i, count in enumerate(predicted))

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
        return {**heading(self), **accuracies, "counts": list(map(list, self.counts)), "mistakes": mistakes}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = known_classes(content)
        counts = tuple(tuple(map(int, row)) for row in content["counts"])
        if [len(row) for row in counts] != [len(names)] * len(names):
            raise ValueError(f"counts of {len(names)} classes are not {len(names)} by {len(names)}")
        mistakes = {
            (known_label(cell["true"], len(names)), known_label(cell["predicted"], len(names))): tuple(
                known_labels(Sample.from_json(sample), len(names)) for sample in cell["samples"]
            )
            for cell in content["mistakes"]
        }
        return cls(*position(content), names, counts, mistakes)


@dataclass(frozen=True)
class Samples:
    """Test samples one by one.

    Attributes:
        chosen: the same throughout the run: the first ones of the test split, the classes taking turns.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    chosen: tuple[Sample, ...]

    def to_json(self) -> dict[str, Any]:
        return {**heading(self), "chosen": [sample.to_json() for sample in self.chosen]}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = known_classes(content)
        chosen = (known_labels(Sample.from_json(sample), len(names)) for sample in content["chosen"])
        return cls(*position(content), names, tuple(chosen))


@dataclass(frozen=True)
class TopLoss:
    """The test samples that the model does worst on.

    Attributes:
        total: samples of the split.
        wrong: of these, how many are misclassified.
        samples: those with the highest loss and, where they are others, the misclassified ones with the highest loss;
            the highest first.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    total: int
    wrong: int
    samples: tuple[Sample, ...]

    @property
    def misclassified(self) -> tuple[Sample, ...]:
        """Those of the samples that are."""
        return tuple(sample for sample in self.samples if not sample.is_right)

    def to_json(self) -> dict[str, Any]:
        samples = [sample.to_json() for sample in self.samples]
        return {**heading(self), "total": self.total, "wrong": self.wrong, "samples": samples}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = known_classes(content)
        samples = (known_labels(Sample.from_json(sample), len(names)) for sample in content["samples"])
        return cls(*position(content), names, int(content["total"]), int(content["wrong"]), tuple(samples))


@dataclass(frozen=True)
class Supports:
    """The support vectors of a support vector machine: the training samples that its boundary rests on.

    Attributes:
        counts: support vectors of each class.
        samples: training samples of each class.
        hardest: some of the support vectors, the classes taking turns, those with the highest loss first. Their index
            is that in the training split.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    counts: tuple[int, ...]
    samples: tuple[int, ...]
    hardest: tuple[Sample, ...]

    def to_json(self) -> dict[str, Any]:
        hardest = [sample.to_json() for sample in self.hardest]
        return {**heading(self), "counts": list(self.counts), "samples": list(self.samples), "hardest": hardest}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = known_classes(content)
        counts, samples = (tuple(map(int, content[key])) for key in ("counts", "samples"))
        if not len(counts) == len(samples) == len(names):
            raise ValueError(f"{len(counts)} and {len(samples)} counts of {len(names)} classes")
        hardest = (known_labels(Sample.from_json(sample), len(names)) for sample in content["hardest"])
        return cls(*position(content), names, counts, samples, tuple(hardest))


def _point(x: Any, y: Any) -> Point:
    return float(x), float(y)


def known_labels(sample: Sample, classes: int) -> Sample:
    """The sample. Raises ValueError where it has a label that is none of so many classes."""
    for label in (sample.label, *(guess.label for guess in sample.guesses)):
        known_label(label, classes)
    return sample
