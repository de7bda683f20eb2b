"""The gradients of a multilayer perceptron: by hand, by autograd, and by central differences."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_lab.inspections.content import GradientCheck, TensorCheck
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_by_hand import ByHandMLP, Layer, Pass, backward, forward, one_hot
from tui_lab.models.stepping import Reduction

TOLERANCE = 1e-7  # relative
STEP = 1e-4  # of the differences: larger ones leave out more of the curvature, smaller ones magnify rounding
MOST_ENTRIES = 24  # of a tensor that differences are made for
MOST_WEIGHTS = 500_000  # of a model: beyond, the differences would take seconds
_ROUNDING = 4 * torch.finfo(torch.float64).eps  # of a loss, relative to the largest score


def gradient_check(
    model: MLP | ByHandMLP, x: Tensor, y: Tensor, *, reduction: Reduction = "mean", position: tuple[float, int]
) -> GradientCheck | None:
    """Check the gradient of every weight and bias, in float64 on the CPU.

    By hand it is made by the functions of `tui_lab.models.mlp_by_hand` from the model's weights, with the model's own
    `hidden_bias_gradient` where it has one; autograd and differences are taken of the model as it is. The error of a
    gradient a against b is ‖a - b‖ / (‖a‖ + ‖b‖), Euclidean norms over the entries compared. Where both are so small
    that rounding alone could exceed the tolerance, the denominator is the least at which it cannot.

    The differences are (f(-2h) - 8 f(-h) + 8 f(h) - f(2h)) / 12h, with an error of h⁴/30 times the fifth derivative and
    rounding errors of about ε/h: some 1e-11 together, far enough below the tolerance. Of a tensor with many entries
    some are taken, always the same. In a relu network an entry is passed over where a unit turns on or off within 2h,
    because there is no derivative to be compared with.

    Args:
        model: of any implementation, on any device; it stays as it is.
        x: inputs, (B, *input_shape).
        y: labels, (B,).
        reduction: of the gradient over the batch.
        position: epoch and total step of the weights.

    Returns:
        None for a model of more than `MOST_WEIGHTS` weights.
    """
    if sum(parameter.numel() for parameter in model.parameters()) > MOST_WEIGHTS:
        return None
    model = copy.deepcopy(model).cpu().double().requires_grad_(True)
    x, y = x.detach().cpu().double(), y.cpu()

    def loss() -> Tensor:
        return F.cross_entropy(model(x), y, reduction=reduction)

    names, parameters = zip(*model.named_parameters(), strict=True)
    by_autograd = torch.autograd.grad(loss(), parameters)
    with torch.no_grad():
        layers: list[Layer] = list(zip(parameters[::2], parameters[1::2], strict=True))
        passed = forward(layers, x, model.activation, model.softmax_output)
        by_hand = _by_hand(model, layers, passed, y, reduction)
        scores = forward(layers, x, model.activation).output  # without the softmax that may follow them
        rounding = _ROUNDING * (1 + float(scores.abs().max())) * (len(y) if reduction == "sum" else 1)
        checks = []
        for i, (name, parameter) in enumerate(zip(names, parameters, strict=True)):
            layer, is_bias = i // 2, i % 2 == 1
            step = STEP if is_bias else STEP / max(1.0, float(passed.h[layer].abs().max()))
            places, differences = _central_differences(model, layers, parameter, x, step, loss)
            least = math.sqrt(max(len(places), 1)) * rounding / step / TOLERANCE
            checks.append(
                TensorCheck(
                    name=name,
                    layer=layer + 1 if layer < len(layers) - 1 else 0,
                    is_bias=is_bias,
                    shape=tuple(parameter.shape),
                    autograd=_error(by_hand[i], by_autograd[i], least),
                    differences=_error(by_hand[i].flatten()[places], differences, least) if places else None,
                    entries=len(places),
                )
            )
    return GradientCheck(*position, reduction, len(y), TOLERANCE, _hidden_bias_gradient(model), tuple(checks))


def _hidden_bias_gradient(model: MLP | ByHandMLP) -> Literal["exact", "pooled"]:
    return model.hidden_bias_gradient if isinstance(model, ByHandMLP) else "exact"


def _by_hand(
    model: MLP | ByHandMLP, layers: Sequence[Layer], passed: Pass, y: Tensor, reduction: Reduction
) -> list[Tensor]:
    """The gradients of W and b of each layer in turn."""
    truth = one_hot(y, passed.log_y_hat)
    how = _hidden_bias_gradient(model)
    gradients = backward(layers, passed, truth, model.activation, model.softmax_output, reduction, how)
    return [tensor for pair in gradients for tensor in pair]


def _central_differences(
    model: MLP | ByHandMLP,
    layers: Sequence[Layer],
    parameter: Tensor,
    x: Tensor,
    step: float,
    loss: Callable[[], Tensor],
) -> tuple[list[int], Tensor]:
    """Derivatives of `loss` by some entries of one of the model's parameters, which is left as it was.

    Returns:
        The places of the entries in the flattened parameter, and the derivatives.
    """
    entries = parameter.view(-1)
    order = torch.randperm(len(entries), generator=torch.Generator().manual_seed(0)).tolist()
    places: list[int] = []
    derivatives: list[float] = []
    for place in order[: 4 * MOST_ENTRIES]:
        value = float(entries[place])

        def move(steps: int, place: int = place, value: float = value) -> None:
            entries[place] = value + steps * step

        def shifted(steps: int, move: Callable[[int], None] = move) -> float:
            move(steps)
            return float(loss())

        if model.activation != "relu" or _is_smooth(model, layers, x, move):
            places.append(place)
            derivatives.append((shifted(-2) - 8 * shifted(-1) + 8 * shifted(1) - shifted(2)) / (12 * step))
        move(0)
        if len(places) == MOST_ENTRIES:
            break
    return places, torch.tensor(derivatives, dtype=torch.float64)


def _is_smooth(model: MLP | ByHandMLP, layers: Sequence[Layer], x: Tensor, move: Callable[[int], None]) -> bool:
    """Whether the same hidden units are above 0 for every sample at both ends of what the differences span."""
    ends = []
    for steps in (-2, 2):
        move(steps)
        ends.append([h > 0 for h in forward(layers, x, model.activation).h[1:]])
    return all(torch.equal(low, high) for low, high in zip(*ends, strict=True))


def _error(one: Tensor, other: Tensor, least: float) -> float:
    return float((one - other).norm()) / max(float(one.norm() + other.norm()), least)
