"""What the layers of a network do, over the course of its training. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from tui_lab.inspections.content.shared import place, position

MOST_MOMENTS = 200  # that are kept, however long the training


@dataclass(frozen=True)
class LayerActivity:
    """One layer at several moments, the earliest first.

    Attributes:
        name: "hidden 1", "conv2", "block 1", "output".
        activation: "tanh", "sigmoid" or "relu"; "" of the output layer, which has none, and of blocks.
        units: of the layer; of a convolution, its channels; of a transformer, the width of a token.
        size: mean absolute value of what comes out of the layer, after its activation.
        stuck: share, 0 to 1, that no gradient gets through. With tanh and sigmoid, of all values those that are
            saturated: |a| > 0.97, or a outside 0.03 to 0.97. With relu, of all units those that are dead: 0 for every
            sample. NaN without an activation.
        gradient: Euclidean norm of the gradient of the loss with respect to the weights, without biases.
        update: what one gradient step changes in the weights, relative to them: ‖ΔW‖ / ‖W‖.
    """

    name: str
    activation: str
    units: int
    size: tuple[float, ...]
    stuck: tuple[float, ...]
    gradient: tuple[float, ...]
    update: tuple[float, ...]

    def after(self, earlier: Self, moments: Sequence[int]) -> Self:
        """With some of the moments of `earlier` before its own."""
        return replace(
            self,
            size=(*(earlier.size[i] for i in moments), *self.size),
            stuck=(*(earlier.stuck[i] for i in moments), *self.stuck),
            gradient=(*(earlier.gradient[i] for i in moments), *self.gradient),
            update=(*(earlier.update[i] for i in moments), *self.update),
        )


@dataclass(frozen=True)
class Activity:
    """All layers at moments spread over the training, the last of which is that of the other inspections.

    Attributes:
        samples: training samples, always the same, that outputs and gradients are of.
        batch_size: of them, as many as the step is made of that `update` looks at.
        epochs, total_steps: of each moment.
        layers: from the inputs on.
    """

    samples: int
    batch_size: int
    epochs: tuple[float, ...]
    total_steps: tuple[int, ...]
    layers: tuple[LayerActivity, ...]

    def __post_init__(self) -> None:
        curves = [(one.size, one.stuck, one.gradient, one.update) for one in self.layers]
        lengths = {len(self.epochs), len(self.total_steps), *(len(curve) for some in curves for curve in some)}
        if len(lengths) != 1 or not self.epochs:
            raise ValueError("layers at no moment, or at different ones")

    @property
    def epoch(self) -> float:
        return self.epochs[-1]

    @property
    def total_step(self) -> int:
        return self.total_steps[-1]

    def after(self, earlier: Self) -> Self:
        """With the moments of `earlier`, of the same layers, before its own single one.

        Those of its step or of later ones are left out: a resumed run does them again. Of more than `MOST_MOMENTS`,
        those that stand closest to others are dropped.
        """
        before = [i for i, step in enumerate(earlier.total_steps) if step < self.total_step]
        kept = spread([*(earlier.total_steps[i] for i in before), self.total_step], MOST_MOMENTS)
        moments = [before[i] for i in kept[:-1]]
        return replace(
            self,
            epochs=(*(earlier.epochs[i] for i in moments), *self.epochs),
            total_steps=(*(earlier.total_steps[i] for i in moments), *self.total_steps),
            layers=tuple(now.after(then, moments) for now, then in zip(self.layers, earlier.layers, strict=True)),
        )

    def to_json(self) -> dict[str, Any]:
        layers = [
            {
                "name": layer.name,
                "activation": layer.activation,
                "units": layer.units,
                "size": list(layer.size),
                "stuck": list(layer.stuck),
                "gradient": list(layer.gradient),
                "update": list(layer.update),
            }
            for layer in self.layers
        ]
        moments = {"epochs": list(self.epochs), "total_steps": list(self.total_steps)}
        return {**place(self), "samples": self.samples, "batch_size": self.batch_size, **moments, "layers": layers}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        layers = tuple(
            LayerActivity(
                str(layer["name"]),
                str(layer["activation"]),
                int(layer["units"]),
                *(tuple(map(float, layer[key])) for key in ("size", "stuck", "gradient", "update")),
            )
            for layer in content["layers"]
        )
        epochs, steps = tuple(map(float, content["epochs"])), tuple(map(int, content["total_steps"]))
        found = cls(int(content["samples"]), int(content["batch_size"]), epochs, steps, layers)
        if position(content) != (found.epoch, found.total_step):
            raise ValueError("the last moment is another than that of the file")
        return found


def spread(places: Sequence[float], most: int) -> list[int]:
    """Indices of at most `most` (at least 2) of the rising `places`, the first and the last among them.

    One after the other, the place is dropped whose neighbours are the nearest to each other, the earliest where
    several are: so places that come in one by one stay spread over their whole length, whatever that comes to be.
    """
    kept = list(range(len(places)))
    while len(kept) > most:
        gaps = [places[kept[i + 1]] - places[kept[i - 1]] for i in range(1, len(kept) - 1)]
        kept.pop(1 + gaps.index(min(gaps)))
    return kept
