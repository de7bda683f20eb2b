"""What weights look like, and whether their gradients are right. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from tui_lab.inspections.content.shared import place, position
from tui_lab.pictures import Picture


@dataclass(frozen=True)
class Filters:
    """The weights of the first layer as pictures: mid-grey is 0, and each filter is scaled by itself.

    Attributes:
        layer: its name in the model, and what it is: "features.0, Conv2d".
        pictures: one a filter, from the first on; grey, or red, green and blue as the weights on those channels.
        largest: the largest absolute weight of each, which is white (positive) or black (negative).
        filters: how many the layer has; there may be fewer pictures.
        unit: what each is called: "filter", or "word" of a vocabulary.
    """

    epoch: float
    total_step: int
    layer: str
    pictures: tuple[Picture, ...]
    largest: tuple[float, ...]
    filters: int
    unit: str = "filter"

    def to_json(self) -> dict[str, Any]:
        pictures = [picture.to_json() for picture in self.pictures]
        found = {"layer": self.layer, "filters": self.filters, "largest": list(self.largest), "pictures": pictures}
        return {**place(self), "unit": self.unit, **found}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        pictures = tuple(map(Picture.from_json, content["pictures"]))
        largest = tuple(map(float, content["largest"]))
        if len(pictures) != len(largest):
            raise ValueError(f"{len(pictures)} pictures with {len(largest)} scales")
        unit = str(content.get("unit", "filter"))
        return cls(*position(content), str(content["layer"]), pictures, largest, int(content["filters"]), unit)


@dataclass(frozen=True)
class TensorCheck:
    """How far the gradient of one tensor of weights, made by hand, is from what it should be.

    Attributes:
        name: in the state dict of the model.
        layer: number of the hidden layer that it belongs to, from 1 on; 0 = the output layer.
        is_bias: or the weights that the inputs of the layer are multiplied by.
        shape: of the tensor.
        autograd: relative error against autograd's gradient.
        differences: relative error against central differences; None where there are none to compare with.
        entries: of the tensor that were compared with differences.
    """

    name: str
    layer: int
    is_bias: bool
    shape: tuple[int, ...]
    autograd: float
    differences: float | None
    entries: int

    @property
    def symbol(self) -> str:
        """As in the formulas: W_1, b_1, W_y, b_y."""
        return f"{'b' if self.is_bias else 'W'}_{self.layer or 'y'}"

    @property
    def title(self) -> str:
        """In words: `bias of hidden layer 1`."""
        layer = f"hidden layer {self.layer}" if self.layer else "the output layer"
        return f"{'bias' if self.is_bias else 'weights'} of {layer}"

    def to_json(self) -> dict[str, Any]:
        errors = {"autograd": self.autograd, "differences": self.differences}
        place = {"name": self.name, "layer": self.layer, "is_bias": self.is_bias, "shape": list(self.shape)}
        return {**place, **errors, "entries": self.entries}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        differences = content["differences"]
        return cls(
            str(content["name"]),
            int(content["layer"]),
            bool(content["is_bias"]),
            tuple(map(int, content["shape"])),
            float(content["autograd"]),
            None if differences is None else float(differences),
            int(content["entries"]),
        )


@dataclass(frozen=True)
class GradientCheck:
    """The gradients of a network by hand, against autograd and against central differences, in float64.

    Attributes:
        reduction: of the gradient over the samples, "sum" or "mean".
        samples: of the batch that was used.
        tolerance: the largest relative error of a right gradient.
        hidden_bias_gradient: "pooled" where the gradients of hidden biases were added up over their units.
        tensors: from the first layer on.
    """

    epoch: float
    total_step: int
    reduction: str
    samples: int
    tolerance: float
    hidden_bias_gradient: str
    tensors: tuple[TensorCheck, ...]

    def passes(self, error: float | None) -> bool:
        """Whether a relative error is within the tolerance, or there is none; NaN is not."""
        return error is None or error <= self.tolerance

    @property
    def wrong(self) -> tuple[TensorCheck, ...]:
        """The tensors whose gradient by hand is not the gradient."""
        return tuple(t for t in self.tensors if not (self.passes(t.autograd) and self.passes(t.differences)))

    @property
    def sentence(self) -> str:
        """The verdict: which gradients are wrong, and why where that is known."""
        wrong = self.wrong
        if not wrong:
            return "Every gradient by hand is right: autograd and central differences agree with it."
        named = _listed([f"the {tensor.title}" for tensor in wrong])
        named = f"The gradients of {named} are wrong" if len(wrong) > 1 else f"The gradient of {named} is wrong"
        are_pooled = self.hidden_bias_gradient == "pooled" and all(t.is_bias and t.layer for t in wrong)
        return f"{named}: pooled, one sum for all units of the layer." if are_pooled else f"{named}."

    def to_json(self) -> dict[str, Any]:
        how = {"reduction": self.reduction, "samples": self.samples, "tolerance": self.tolerance}
        verdict = {"hidden_bias_gradient": self.hidden_bias_gradient, "passed": not self.wrong}
        return {**place(self), **how, **verdict, "tensors": [tensor.to_json() for tensor in self.tensors]}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(
            *position(content),
            str(content["reduction"]),
            int(content["samples"]),
            float(content["tolerance"]),
            str(content["hidden_bias_gradient"]),
            tuple(map(TensorCheck.from_json, content["tensors"])),
        )


def _listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
