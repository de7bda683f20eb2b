"""`descent`: full batch, mini-batch and online gradient descent on one problem (question 1.10).

The problem is a logistic regression on two clouds of points: three parameters, a convex loss, and so little arithmetic
that plain Python answers while one types.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Self

from pydantic import model_validator

from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.tools.tool import Chart, Curve, Result, Table, Tool

MOST_GRADIENTS = 30_000  # of single points, for one variant: a tenth of a second for all three
MEASUREMENTS = 60  # of the loss, for one variant, evenly spread on a logarithmic axis
Point = tuple[float, float, int]  # x, y, class
Weights = tuple[float, float, float]  # of x, of y, and the bias


class DescentInputs(Declared):
    lr: float = setting(0.1, "learning rate, the same for all three", topic="Descent", question="1.11", gt=0, le=100)
    batch_size: int = setting(
        10, "points in a mini-batch; the gradient is their mean", topic="Descent", question="1.10", ge=1, le=1000
    )
    epochs: int = setting(20, "passes over all points", topic="Descent", ge=1, le=1000)
    points: int = setting(200, "points, half of each class", topic="Problem", question="1.2", ge=10, le=1000)
    overlap: float = setting(
        0.8, "standard deviation of the two clouds, whose centres are 2 apart", topic="Problem", ge=0.1, le=5
    )
    seed: int = setting(0, "seed of the points and of their order", topic="Problem", ge=0, lt=2**63)

    @model_validator(mode="after")
    def _check(self) -> Self:
        most = MOST_GRADIENTS // self.points
        refuse_combinations(
            (self.batch_size > self.points, "batch_size", f"is more than there are points, {self.points}"),
            (self.epochs > most, "epochs", f"must be at most {most} with {self.points} points"),
        )
        return self


@dataclass
class Descent:
    """What one variant went through. The lists have an entry for each measurement, the first before any update."""

    name: str
    batch_size: int
    updates: list[int] = field(default_factory=list)
    examples: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # mean over all points, nats


def two_clouds(points: int, overlap: float, seed: int) -> list[Point]:
    """Points of two classes in turn, normally distributed around (−1, 0) and (1, 0)."""
    draw = random.Random(f"points {seed}")
    return [(draw.gauss(2 * (i % 2) - 1, overlap), draw.gauss(0, overlap), i % 2) for i in range(points)]


def descend(name: str, points: list[Point], batch_size: int, lr: float, epochs: int, seed: int) -> Descent:
    """Train a logistic regression from zero weights: the loss now and then, and after every epoch."""
    descent = Descent(name, batch_size)
    per_epoch = math.ceil(len(points) / batch_size)
    looked_at = set(_spread(per_epoch * epochs)) | {per_epoch * epoch for epoch in range(epochs + 1)}
    weights: Weights = (0.0, 0.0, 0.0)
    examples = 0
    for update, batch in enumerate(_batches(points, batch_size, epochs, seed)):
        if update in looked_at:
            _measure(descent, update, examples, weights, points)
        slopes = gradient(weights, batch)
        weights = (weights[0] - lr * slopes[0], weights[1] - lr * slopes[1], weights[2] - lr * slopes[2])
        examples += len(batch)
    _measure(descent, per_epoch * epochs, examples, weights, points)
    return descent


def _batches(points: list[Point], size: int, epochs: int, seed: int) -> Iterator[list[Point]]:
    """Of every epoch, in an order of its own."""
    draw = random.Random(f"order {seed}")
    for _ in range(epochs):
        order = draw.sample(points, len(points))
        yield from (order[start : start + size] for start in range(0, len(order), size))


def _spread(last: int) -> Iterator[int]:
    """Numbers from 1 to `last`, evenly spread on a logarithmic axis."""
    return (round(last ** (i / MEASUREMENTS)) for i in range(MEASUREMENTS + 1))


def _measure(descent: Descent, update: int, examples: int, weights: Weights, points: list[Point]) -> None:
    descent.updates.append(update)
    descent.examples.append(examples)
    descent.losses.append(mean_loss(weights, points))


def gradient(weights: Weights, batch: list[Point]) -> Weights:
    """Of the mean cross-entropy of a batch, ŷ − y times what each weight is multiplied by."""
    a, b, c = weights
    in_a = in_b = in_c = 0.0
    for x, y, label in batch:
        delta = _sigmoid(a * x + b * y + c) - label
        in_a += delta * x
        in_b += delta * y
        in_c += delta
    size = len(batch)
    return in_a / size, in_b / size, in_c / size


def mean_loss(weights: Weights, points: list[Point]) -> float:
    """log(1 + e^−z) of the class 1, log(1 + e^z) of the class 0, in nats, averaged."""
    a, b, c = weights
    total = 0.0
    for x, y, label in points:
        z = a * x + b * y + c
        wrong = -z if label else z
        total += max(wrong, 0.0) + math.log1p(math.exp(-abs(wrong)))
    return total / len(points)


def _sigmoid(z: float) -> float:
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    power = math.exp(z)
    return power / (1 + power)


def calculate(inputs: DescentInputs) -> Result:
    """The three variants from the same start: a line each in the table, a curve each in three charts."""
    points = two_clouds(inputs.points, inputs.overlap, inputs.seed)
    sizes = {"full batch": inputs.points, "mini-batch": inputs.batch_size, "online": 1}
    variants = [descend(name, points, size, inputs.lr, inputs.epochs, inputs.seed) for name, size in sizes.items()]
    rows = tuple(
        (v.name, v.batch_size, v.updates[-1], at_epochs[1], at_epochs[-1], _largest_rise(at_epochs))
        for v in variants
        for at_epochs in [_after_epochs(v, inputs)]
    )
    return Result(
        _sentences(inputs, variants),
        Table(("variant", "batch", "updates", "after epoch 1", "at the end", "largest rise"), rows),
        (
            _chart(
                "Loss by epoch",
                "epochs",
                [(v.name, range(inputs.epochs + 1), _after_epochs(v, inputs)) for v in variants],
            ),
            _chart("Loss by update", "updates", [(v.name, v.updates, v.losses) for v in variants], x_log=True),
            _chart("Loss by example seen", "examples", [(v.name, v.examples, v.losses) for v in variants], x_log=True),
        ),
    )


def _after_epochs(descent: Descent, inputs: DescentInputs) -> list[float]:
    """The loss before training and after each epoch."""
    by_examples = dict(zip(descent.examples, descent.losses, strict=True))
    return [by_examples[epoch * inputs.points] for epoch in range(inputs.epochs + 1)]


def _largest_rise(losses: Sequence[float]) -> float:
    """From one epoch to the next."""
    return max(0.0, *(after - before for before, after in pairwise(losses)))


def _chart(
    title: str, x_label: str, curves: Iterable[tuple[str, Sequence[int], Sequence[float]]], *, x_log: bool = False
) -> Chart:
    drawn = tuple(Curve(name, tuple(map(float, x)), tuple(y)) for name, x, y in curves)
    return Chart(title, x_label, drawn, x_log=x_log)


def _sentences(inputs: DescentInputs, variants: Sequence[Descent]) -> tuple[str, ...]:
    full, _, online = variants
    level = full.losses[-1]
    examples = next((n for n, loss in zip(online.examples, online.losses, strict=True) if loss <= level), None)
    what = f"A loss of {level:.3g}, for which the full batch saw {full.examples[-1]:,} examples,"
    reached = (
        f"{what} was reached online after {examples:,}." if examples is not None else f"{what} was not reached online."
    )
    return (
        f"All three see {inputs.epochs} × {inputs.points} examples; they differ in how many updates they make of them.",
        reached,
    )


TOOL = Tool(
    name="descent",
    lab=1,
    title="Full batch, mini-batch, online",
    text="""\
Gradient descent may look at all points before each step (**full batch**), at a few (**mini-batch**), or at one
(**online**). Here all three train the same small model, a logistic regression on two clouds of points, from the same
start and with the same learning rate. The loss drawn is always that of all points.

- **By epoch** online looks best: it has made as many steps as there are points.
- **By update** they hardly differ at first. A step is a step, only that the full batch pays a whole epoch for it.
- **By example** is what the arithmetic costs. When the full batch makes its first step, online has learned most of
  what there is to learn. (A processor computes many examples at once faster than one by one: that favours batches.)
- Raise `lr` to 5: online cannot settle, each point pulls it its own way, while the full batch hardly minds.
- Set `batch_size` to 1 and then to the number of points: the middle one becomes each of its neighbours.
""",
    inputs=DescentInputs,
    calculate=calculate,
)
