"""What previews show: plain values that a process without torch reads and draws. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

from tui_lab.inspections.content import LabelledPoint
from tui_lab.pictures import Picture
from tui_lab.training.range_test import RangeTest
from tui_lab.training.timing import Timing

Kind = Literal["samples", "layers", "rates", "timing"]


@dataclass(frozen=True)
class Sample:
    """A training image after augmentation.

    Attributes:
        picture: before standardisation, as people see it; a large one is reduced.
        seen: after standardisation, as the network sees it; None where nothing is standardised.
        label: its class.
    """

    picture: Picture
    seen: Picture | None
    label: int

    def to_json(self) -> dict[str, Any]:
        seen = self.seen.to_json() if self.seen else None
        return {"picture": self.picture.to_json(), "seen": seen, "label": self.label}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        seen = Picture.from_json(content["seen"]) if content["seen"] is not None else None
        return cls(Picture.from_json(content["picture"]), seen, int(content["label"]))


@dataclass(frozen=True)
class SampleGrid:
    """Some samples of a data set: images as the network gets them, or points.

    Attributes:
        dataset: its name.
        class_names: one a class, in the order of the labels.
        train_size, test_size: samples that a run would have of each; the held out ones are not among the former.
        samples: images: one of each class, then a second of each class, and so on. Empty for points.
        seen_range: the values, after standardisation, that are black and white in every `seen`; None where none is.
        train, test: points before standardisation, an even part of them where there are many. Empty for images.
    """

    dataset: str
    class_names: tuple[str, ...]
    train_size: int
    test_size: int
    samples: tuple[Sample, ...] = ()
    seen_range: tuple[float, float] | None = None
    train: tuple[LabelledPoint, ...] = ()
    test: tuple[LabelledPoint, ...] = ()

    def __post_init__(self) -> None:
        labels = {*(sample.label for sample in self.samples), *(point.label for point in (*self.train, *self.test))}
        if unknown := labels - set(range(len(self.class_names))):
            raise ValueError(f"{min(unknown)} is none of {len(self.class_names)} classes")

    def to_json(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "class_names": list(self.class_names),
            "train_size": self.train_size,
            "test_size": self.test_size,
            "samples": [sample.to_json() for sample in self.samples],
            "seen_range": list(self.seen_range) if self.seen_range else None,
            "train": [[point.x, point.y, point.label] for point in self.train],
            "test": [[point.x, point.y, point.label] for point in self.test],
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError when `content` is no sample grid."""
        seen_range = content["seen_range"]
        return cls(
            str(content["dataset"]),
            tuple(map(str, content["class_names"])),
            int(content["train_size"]),
            int(content["test_size"]),
            tuple(map(Sample.from_json, content["samples"])),
            (float(seen_range[0]), float(seen_range[1])) if seen_range is not None else None,
            _points(content["train"]),
            _points(content["test"]),
        )


@dataclass(frozen=True)
class Layer:
    """One layer of a model.

    Attributes:
        name: where it is in the model, as in its checkpoints: `features.0`.
        kind: what it is: `Conv2d 5×5, 32`.
        output_shape: of what comes out for one sample; None for a layer that is not called by itself.
        parameters: its weights and biases; those that an earlier layer shares are counted there.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...] | None
    parameters: int

    def to_json(self) -> dict[str, Any]:
        shape = None if self.output_shape is None else list(self.output_shape)
        return {"name": self.name, "kind": self.kind, "output_shape": shape, "parameters": self.parameters}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        shape = content["output_shape"]
        return cls(
            str(content["name"]),
            str(content["kind"]),
            None if shape is None else tuple(map(int, shape)),
            int(content["parameters"]),
        )


@dataclass(frozen=True)
class LayerTable:
    """The layers of a model in the order in which a sample meets them, and the shape of that sample."""

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Of the whole model."""
        return sum(layer.parameters for layer in self.layers)

    def share(self, layer: Layer) -> float:
        """The part, 0 to 1, of all parameters that a layer has."""
        return layer.parameters / self.parameters if self.parameters else 0.0

    def to_json(self) -> dict[str, Any]:
        layers = [{**layer.to_json(), "share": self.share(layer)} for layer in self.layers]
        return {"input_shape": list(self.input_shape), "parameters": self.parameters, "layers": layers}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Raises ValueError, KeyError or TypeError when `content` is no layer table."""
        return cls(tuple(map(int, content["input_shape"])), tuple(map(Layer.from_json, content["layers"])))


Content = SampleGrid | LayerTable | RangeTest | Timing
CONTENTS: dict[Kind, type[SampleGrid] | type[LayerTable] | type[RangeTest] | type[Timing]] = {
    "samples": SampleGrid,
    "layers": LayerTable,
    "rates": RangeTest,
    "timing": Timing,
}


def _points(content: Iterable[Any]) -> tuple[LabelledPoint, ...]:
    return tuple(LabelledPoint(float(x), float(y), int(label)) for x, y, label in content)
