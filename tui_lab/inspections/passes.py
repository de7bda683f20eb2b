"""A forward pass that keeps what every layer gives."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.models.convnet import ConvNet
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_by_hand import ByHandMLP, Layer, forward
from tui_lab.models.vit import ViT

Layered = MLP | ByHandMLP | ConvNet | ViT  # models that can be looked through, those by autograd and by nn among them


@dataclass(frozen=True)
class LayerPass:
    """One layer in a forward pass, or a block of several that is told as one.

    Attributes:
        name: "hidden 1", "conv2", "block 1", "output".
        activation: "tanh", "sigmoid" or "relu"; "" of the output layer, which has none, and of blocks.
        weights: the model's own, each with more than one dimension: biases, and what normalises, have one.
        units: of a layer, channels of a convolution, width of a token.
        output: after the activation, (B, units) or (B, units, h, w); tokens (B, T, units).
    """

    name: str
    activation: str
    weights: tuple[Tensor, ...]
    units: int
    output: Tensor


def look_through(model: Layered, x: Tensor) -> tuple[list[LayerPass], Tensor]:
    """Every layer for the inputs x, (B, *input_shape), and the output of the model, (B, classes).

    The output layer gives scores, also where a softmax follows it. Batch normalisation and dropout do as in
    `model(x)`: to leave the model as it is, look through a copy, or in eval mode.
    """
    match model:
        case ConvNet():
            return _convnet(model, x)
        case ViT():
            return _vit(model, x)
        case _:
            return _mlp(model, x)


def hidden_outputs(model: MLP | ByHandMLP, x: Tensor) -> list[Tensor]:
    """What each hidden layer gives for the inputs x, (B, units)."""
    return forward(_layers(model), x, model.activation).h[1:]


def _mlp(model: MLP | ByHandMLP, x: Tensor) -> tuple[list[LayerPass], Tensor]:
    layers = _layers(model)
    *hidden, (W_y, b_y) = layers
    passed = forward(layers, x, model.activation, model.softmax_output)
    found = [
        LayerPass(f"hidden {i}", model.activation, (W,), len(W), h)
        for i, ((W, _), h) in enumerate(zip(hidden, passed.h[1:], strict=True), start=1)
    ]
    return [*found, LayerPass("output", "", (W_y,), len(W_y), F.linear(passed.h[-1], W_y, b_y))], passed.output


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
            found.append(_of_module(f"conv{i + 1}", "relu", convolutions[i], h))
    h = model.fc4(h.flatten(1)).relu()
    scores = model.fc5(model.dropout(h))
    found += [_of_module("fc4", "relu", model.fc4, h), _of_module("fc5", "", model.fc5, scores)]
    return found, model.output(scores)


def _vit(model: ViT, x: Tensor) -> tuple[list[LayerPass], Tensor]:
    tokens = model.embed(x)
    own = [parameter for parameter in model.parameters(recurse=False) if parameter.dim() > 1]  # class token, positions
    width = tokens.shape[-1]
    found = [LayerPass("tokens", "", (model.patch_embedding.weight, *own), width, tokens)]
    for i, block in enumerate(model.blocks, start=1):
        tokens = block(tokens)
        found.append(LayerPass(f"block {i}", "", _matrices(block), width, tokens))
    scores = model.classify(tokens)
    return [*found, _of_module("head", "", model.head, scores)], model.output(scores)


def _of_module(name: str, activation: str, module: nn.Module, output: Tensor) -> LayerPass:
    return LayerPass(name, activation, _matrices(module), output.shape[1], output)


def _matrices(module: nn.Module) -> tuple[Tensor, ...]:
    return tuple(parameter for parameter in module.parameters() if parameter.dim() > 1)
