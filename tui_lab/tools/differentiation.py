"""One network, and its gradient in three ways: the same numbers for very different amounts of work (question 1.12).

Plain Python on purpose: every multiplication takes about as long as every other, so the time is that of the algorithm
and not that of a library. Each `..._cost` counts the multiplications of the function beside it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise
from math import prod, tanh

from tui_lab.tools.softmax import softmax, stable_loss

Layer = list[list[float]]  # a row for each unit: its weights, one for each unit before it, then its bias
STEP = 1e-6  # of the finite differences
SLOPE = 2  # multiplications for the slope of a tanh, 1 − h·h, and for passing through it


def random_network(sizes: Sequence[int], seed: int = 0) -> list[Layer]:
    """Layers between `sizes` units, of which the first are the inputs, with weights that keep tanh from saturating."""
    draw = random.Random(seed)
    return [
        [[draw.gauss(0, before**-0.5) for _ in range(before + 1)] for _ in range(after)]
        for before, after in pairwise(sizes)
    ]


def parameters(sizes: Sequence[int]) -> int:
    """Weights and biases of a network."""
    return sum((before + 1) * after for before, after in pairwise(sizes))


def forward(network: Sequence[Layer], x: Sequence[float]) -> list[list[float]]:
    """The values of every layer, the inputs first; tanh after each layer but the last."""
    values = [list(x)]
    for number, layer in enumerate(network, 1):
        before = [*values[-1], 1.0]
        sums = [sum(weight * value for weight, value in zip(row, before, strict=True)) for row in layer]
        values.append(sums if number == len(network) else [tanh(total) for total in sums])
    return values


def back_propagation(network: Sequence[Layer], x: Sequence[float], target: int) -> list[Layer]:
    """The gradient of the cross-entropy: what reaches a layer is worked out once, from what reached the next."""
    values = forward(network, x)
    delta = [p - (i == target) for i, p in enumerate(softmax(values[-1]))]
    gradient: list[Layer] = []
    for layer, before in zip(reversed(network), reversed(values[:-1]), strict=True):
        gradient.insert(0, [[d * value for value in (*before, 1.0)] for d in delta])
        if len(gradient) < len(network):
            columns = zip(*(row[:-1] for row in layer), strict=True)
            arriving = [sum(w * d for w, d in zip(column, delta, strict=True)) for column in columns]
            delta = [(1 - h * h) * total for h, total in zip(before, arriving, strict=True)]
    return gradient


def back_propagation_cost(sizes: Sequence[int]) -> int:
    """Forward, every entry of the gradient once, and back through every layer but the first."""
    back = sum(before * (after + SLOPE) for before, after in pairwise(sizes[1:]))
    return 2 * parameters(sizes) + back


def finite_differences(network: Sequence[Layer], x: Sequence[float], target: int) -> list[Layer]:
    """(l(w + h) − l(w)) / h for each weight by itself: a whole forward pass each."""
    moved = [[list(row) for row in layer] for layer in network]
    here = stable_loss(forward(moved, x)[-1], target)
    gradient: list[Layer] = [[[0.0] * len(row) for row in layer] for layer in network]
    for layer, slopes in zip(moved, gradient, strict=True):
        for row, row_slopes in zip(layer, slopes, strict=True):
            for i, weight in enumerate(row):
                row[i] = weight + STEP
                row_slopes[i] = (stable_loss(forward(moved, x)[-1], target) - here) / STEP
                row[i] = weight
    return gradient


def finite_differences_cost(sizes: Sequence[int]) -> int:
    """A forward pass for each parameter, and one besides."""
    return (parameters(sizes) + 1) * parameters(sizes)


def chain_rule_alone(network: Sequence[Layer], x: Sequence[float], target: int) -> list[Layer]:
    """The chain rule written out for each weight by itself: along every path from it to the loss, nothing kept."""
    values = forward(network, x)
    p = softmax(values[-1])
    last = len(network) - 1

    def delta(number: int, unit: int) -> float:
        if number == last:
            return p[unit] - (unit == target)
        h = values[number + 1][unit]
        return (1 - h * h) * sum(row[unit] * delta(number + 1, k) for k, row in enumerate(network[number + 1]))

    return [
        [[delta(number, unit) * value for value in (*values[number], 1.0)] for unit in range(len(layer))]
        for number, layer in enumerate(network)
    ]


def chain_rule_cost(sizes: Sequence[int]) -> int:
    """Forward, and for each parameter a walk along every path from it to the loss."""
    walk, total = 0, parameters(sizes)  # multiplications from a unit to the loss
    for number in range(len(sizes) - 1, 0, -1):
        total += sizes[number] * (sizes[number - 1] + 1) * (walk + 1)
        walk = sizes[number] * (walk + 1) + SLOPE
    return total


def paths(sizes: Sequence[int]) -> int:
    """Ways from one weight of the first layer to the loss."""
    return prod(sizes[2:])
