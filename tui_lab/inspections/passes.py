"""A forward pass that keeps what every layer gives."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.models.convnet import ConvNet
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_by_hand import ByHandMLP, Layer, forward

Layered = MLP | ByHandMLP | ConvNet  # models that can be looked through, those by autograd and by nn among them


@dataclass(frozen=True)
class LayerPass:
    """One layer in a forward pass.

    Attributes:
        name: "hidden 1", "conv2", "output".
        activation: "tanh", "sigmoid" or "relu"; "" of the output layer, which has none.
        weight: the model's own, (units, ...).
        output: after the activation, (B, units) or (B, units, h, w).
    """

    name: str
    activation: str
    weight: Tensor
    output: Tensor


def look_through(model: Layered, x: Tensor) -> tuple[list[LayerPass], Tensor]:
    """Every layer for the inputs x, (B, *input_shape), and the output of the model, (B, classes).

    The output layer gives scores, also where a softmax follows it. Batch normalisation and dropout do as in
    `model(x)`: to leave the model as it is, look through a copy, or in eval mode.
    """
    return _convnet(model, x) if isinstance(model, ConvNet) else _mlp(model, x)


def hidden_outputs(model: MLP | ByHandMLP, x: Tensor) -> list[Tensor]:
    """What each hidden layer gives for the inputs x, (B, units)."""
    return forward(_layers(model), x, model.activation).h[1:]


def _mlp(model: MLP | ByHandMLP, x: Tensor) -> tuple[list[LayerPass], Tensor]:
    layers = _layers(model)
    *hidden, (W_y, b_y) = layers
    passed = forward(layers, x, model.activation, model.softmax_output)
    found = [
        LayerPass(f"hidden {i}", model.activation, W, h)
        for i, ((W, _), h) in enumerate(zip(hidden, passed.h[1:], strict=True), start=1)
    ]
    return [*found, LayerPass("output", "", W_y, F.linear(passed.h[-1], W_y, b_y))], passed.output


def _layers(model: MLP | ByHandMLP) -> list[Layer]:
    parameters = list(model.parameters())
    return list(zip(parameters[::2], parameters[1::2], strict=True))


def _convnet(model: ConvNet, x: Tensor) -> tuple[list[LayerPass], Tensor]:
    convolutions = [module for module in model.features if isinstance(module, nn.Conv2d)]
    found: list[LayerPass] = []
    h = x
    for module in model.features:
        h = module(h)
        if isinstance(module, nn.ReLU):
            i = len(found)
            found.append(LayerPass(f"conv{i + 1}", "relu", convolutions[i].weight, h))
    h = model.fc4(h.flatten(1)).relu()
    scores = model.fc5(model.dropout(h))
    found += [LayerPass("fc4", "relu", model.fc4.weight, h), LayerPass("fc5", "", model.fc5.weight, scores)]
    return found, model.output(scores)
