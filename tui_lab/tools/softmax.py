"""`softmax`: the cross-entropy of a softmax and its gradient, the long way and simplified (questions 1.14 and 1.15)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

from pydantic import model_validator

from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.tools.tool import Chart, Curve, Result, Table, Tool

LARGEST = 10_000.0  # of a logit: beyond, a difference of two losses has too few digits left to check a gradient
MOST_CLASSES = 100
STEP = 1e-5  # of the central differences
REACH = 8.0  # of the chart, on both sides of the true class's logit
POINTS = 121


class SoftmaxInputs(Declared):
    logits: str = setting(
        "2, 1, -1",
        "what the last layer gives, one number a class",
        topic="Input",
        question="1.14",
        allowed=f"2 to {MOST_CLASSES} numbers from {-LARGEST:g} to {LARGEST:g}, such as 2,1,-1",
        max_length=4096,
    )
    target: int = setting(0, "the true class, counted from 0", topic="Input", question="1.15", ge=0, lt=MOST_CLASSES)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The logits. Raises ValueError for text that is no list of numbers."""
        return tuple(map(float, self.logits.replace(",", " ").split()))

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            logits = self.numbers
        except ValueError:
            logits = ()
        fits = 2 <= len(logits) <= MOST_CLASSES and all(abs(logit) <= LARGEST for logit in logits)
        allowed = f"must be 2 to {MOST_CLASSES} numbers from {-LARGEST:g} to {LARGEST:g}, such as 2,1,-1"
        classes = f"is none of the {len(logits)} classes, which are 0 to {len(logits) - 1}"
        refuse_combinations((not fits, "logits", allowed), (fits and self.target >= len(logits), "target", classes))
        return self


def naive_softmax(logits: Sequence[float]) -> tuple[float, ...]:
    """e^ỹᵢ / Σ e^ỹⱼ as it is written. In floating point: NaN where e^ỹ or the sum of all is infinite or 0."""
    powers = tuple(map(_exp, logits))
    total = sum(powers)
    return tuple(power / total if total else math.nan for power in powers)


def naive_loss(logits: Sequence[float], target: int) -> float:
    """−log ŷ of the true class, of the naive softmax: infinite where ŷ is 0, NaN where it is NaN."""
    p = naive_softmax(logits)[target]
    return -math.log(p) if p else math.inf


def log_sum_exp(logits: Sequence[float]) -> float:
    """log Σ e^ỹᵢ = m + log Σ e^(ỹᵢ − m), with m the largest: no power is above 1, and one of them is 1."""
    largest = max(logits)
    return largest + math.log(math.fsum(math.exp(logit - largest) for logit in logits))


def softmax(logits: Sequence[float]) -> tuple[float, ...]:
    """e^(ỹᵢ − m) / Σ e^(ỹⱼ − m), with m the largest: the same, and always finite."""
    largest = max(logits)
    powers = tuple(math.exp(logit - largest) for logit in logits)
    total = math.fsum(powers)
    return tuple(power / total for power in powers)


def stable_loss(logits: Sequence[float], target: int) -> float:
    """−ỹ of the true class + log Σ e^ỹᵢ, in nats, with ỹ of the true class subtracted first, which loses no digits."""
    return log_sum_exp([logit - logits[target] for logit in logits])


def simple_gradient(logits: Sequence[float], target: int) -> tuple[float, ...]:
    """∂l/∂ỹ = ŷ − y."""
    return tuple(p - (i == target) for i, p in enumerate(softmax(logits)))


def long_gradient(logits: Sequence[float], target: int) -> tuple[float, ...]:
    """∂l/∂ỹᵢ = Σⱼ ∂ŷⱼ/∂ỹᵢ · ∂l/∂ŷⱼ, with ∂ŷⱼ/∂ỹᵢ = ŷⱼ(1[i = j] − ŷᵢ) and ∂l/∂ŷⱼ = −yⱼ/ŷⱼ, of the naive softmax."""
    p = naive_softmax(logits)
    in_p = [0.0 if j != target else -1 / p[j] if p[j] else -math.inf for j in range(len(p))]
    return tuple(sum(p[j] * ((i == j) - p[i]) * in_p[j] for j in range(len(p))) for i in range(len(p)))


def central_differences(logits: Sequence[float], target: int) -> tuple[float, ...]:
    """(l(ỹᵢ + h) − l(ỹᵢ − h)) / 2h of the stable loss, for each logit by itself."""

    def loss(i: int, step: float) -> float:
        return stable_loss([*logits[:i], logits[i] + step, *logits[i + 1 :]], target)

    return tuple((loss(i, STEP) - loss(i, -STEP)) / (2 * STEP) for i in range(len(logits)))


def _exp(x: float) -> float:
    """e^x as floating point has it: infinite where Python would raise."""
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf


def calculate(inputs: SoftmaxInputs) -> Result:
    """Class by class: ŷ, and the gradient in three ways; the loss in two; and how it moves with the true logit."""
    logits, target = inputs.numbers, inputs.target
    simple, differences = simple_gradient(logits, target), central_differences(logits, target)
    long = long_gradient(logits, target)
    ways = (naive_softmax(logits), softmax(logits), simple, long, differences)
    rows = tuple(
        (f"{i} (true)" if i == target else str(i), logit, *values)
        for i, (logit, *values) in enumerate(zip(logits, *ways, strict=True))
    )
    return Result(
        _sentences(logits, target, simple, long, differences),
        Table(("class", "ỹ", "naive ŷ", "ŷ", "ŷ − y", "chain rule", "differences"), rows),
        (_chart(logits, target),),
    )


def _sentences(
    logits: Sequence[float],
    target: int,
    simple: Sequence[float],
    long: Sequence[float],
    differences: Sequence[float],
) -> tuple[str, ...]:
    naive, stable = naive_loss(logits, target), stable_loss(logits, target)
    found = [
        f"−ỹ + log Σ e^ỹ: the loss is {stable:.6g} nats.",
        f"−log ŷ, with the softmax as it is written: {naive:.6g}.",
        f"ŷ − y and the central differences of the loss are {_apart(simple, differences):.1e} apart at most.",
    ]
    if all(map(math.isfinite, long)):
        found.append(f"ŷ − y and the chain rule through the softmax are {_apart(simple, long):.1e} apart at most.")
    if not math.isfinite(naive):
        found.append(_what_happened(logits))
    return tuple(found)


def _what_happened(logits: Sequence[float]) -> str:
    """Why the naive loss is not a number of any use."""
    powers = list(map(_exp, logits))
    if math.isinf(sum(powers)):
        return "e^ỹ is too large for a floating-point number; subtracting the largest ỹ first changes nothing else."
    if not any(powers):
        return "Every e^ỹ is rounded to 0, and so is their sum; subtracting the largest ỹ first changes nothing else."
    return "ŷ of the true class is rounded to 0, and its logarithm is lost; log Σ e^ỹ never needs it."


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _chart(logits: Sequence[float], target: int) -> Chart:
    """The loss and its slope while the logit of the true class moves and the others stay."""
    middle = logits[target]
    xs = tuple(middle - REACH + 2 * REACH * i / (POINTS - 1) for i in range(POINTS))
    moved = [[*logits[:target], x, *logits[target + 1 :]] for x in xs]
    return Chart(
        f"While ỹ of class {target} moves",
        "ỹ of the true class",
        (
            Curve("loss", xs, tuple(stable_loss(values, target) for values in moved)),
            Curve("slope ŷ − y", xs, tuple(simple_gradient(values, target)[target] for values in moved)),
        ),
    )


TOOL = Tool(
    name="softmax",
    lab=1,
    title="Softmax with cross-entropy, simplified",
    text="""\
The last layer gives logits **ỹ**, the softmax makes probabilities of them, **ŷᵢ = e^ỹᵢ / Σ e^ỹⱼ**, and the loss is
**−log ŷ** of the true class. The logarithm undoes the exponential: **l = −ỹ + log Σ e^ỹⱼ**, with ỹ of the true class in
front. The gradient is simpler still, **∂l/∂ỹ = ŷ − y**: what was predicted, minus what is true.

Three ways lead to that gradient here: the formula, the chain rule through every entry of the softmax's Jacobian, and
central differences of the loss, which know no formula at all.

- Make one logit 1000. Written naively, the softmax divides infinity by infinity; the simplified loss does not notice.
- Make them all −1000, and then only the true one.
- Add the same number to every logit. What changes?
- Networks compute in single precision, where e^ỹ is infinite from ỹ = 89 on already; here, in double, from 710 on.
""",
    inputs=SoftmaxInputs,
    calculate=calculate,
)
