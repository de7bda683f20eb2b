"""What the convolutions of a network make of some images. Imports no torch."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any, Self

from tui_lab.inspections.content.outcomes import Sample, known_labels
from tui_lab.inspections.content.shared import decoded, heading, known_classes, position


@dataclass(frozen=True)
class FeatureMap:
    """What one channel of a layer gives for one image.

    Attributes:
        channel: its number in the layer, from 1 on.
        mean: of its values, before they became levels.
        levels: 0..255, row by row from the top left, from the layer's `low` to its `high`.
    """

    channel: int
    mean: float
    levels: bytes


@dataclass(frozen=True)
class MapLayer:
    """What one convolution gives for one image, after the activation that follows it.

    Attributes:
        name: "conv1", "conv2", ... in the order of the forward pass.
        module: its name in the model: "features.0".
        activation: "relu"; "" where none follows.
        channels: of the layer, of which there may be fewer maps.
        silent: of these, the channels that give 0 everywhere.
        width, height: of each map as it is kept; a large one is reduced.
        low, high: what levels of 0 and 255 stand for, the same for all maps of the layer.
        maps: the channels with the largest means, the largest first.
    """

    name: str
    module: str
    activation: str
    channels: int
    silent: int
    width: int
    height: int
    low: float
    high: float
    maps: tuple[FeatureMap, ...]

    def __post_init__(self) -> None:
        if any(len(one.levels) != self.width * self.height for one in self.maps):
            raise ValueError(f"a map of {self.name} is not {self.width} by {self.height}")

    def to_json(self) -> dict[str, Any]:
        about = {"name": self.name, "module": self.module, "activation": self.activation}
        size = {"channels": self.channels, "silent": self.silent, "width": self.width, "height": self.height}
        maps = [
            {"channel": one.channel, "mean": one.mean, "levels": base64.b64encode(one.levels).decode()}
            for one in self.maps
        ]
        return {**about, **size, "low": self.low, "high": self.high, "maps": maps}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        maps = (FeatureMap(int(one["channel"]), float(one["mean"]), decoded(one["levels"])) for one in content["maps"])
        return cls(
            name=str(content["name"]),
            module=str(content["module"]),
            activation=str(content["activation"]),
            channels=int(content["channels"]),
            silent=int(content["silent"]),
            width=int(content["width"]),
            height=int(content["height"]),
            low=float(content["low"]),
            high=float(content["high"]),
            maps=tuple(maps),
        )


@dataclass(frozen=True)
class SampleMaps:
    """An image, what the model takes it for, and its maps from the first layer on."""

    sample: Sample
    layers: tuple[MapLayer, ...]


@dataclass(frozen=True)
class FeatureMaps:
    """What the convolutions make of some images of the test split, the same throughout the run.

    Attributes:
        samples: at least one, each with the same layers.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    samples: tuple[SampleMaps, ...]

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("feature maps of no sample")

    def to_json(self) -> dict[str, Any]:
        samples = [
            {"sample": one.sample.to_json(), "layers": [layer.to_json() for layer in one.layers]}
            for one in self.samples
        ]
        return {**heading(self), "samples": samples}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = known_classes(content)
        samples = (
            SampleMaps(
                known_labels(Sample.from_json(one["sample"]), len(names)),
                tuple(map(MapLayer.from_json, one["layers"])),
            )
            for one in content["samples"]
        )
        return cls(*position(content), names, tuple(samples))
