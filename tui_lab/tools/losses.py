"""`losses`: cross-entropy beside squared error, over the probability that the true class is given (figure 1.1)."""

from __future__ import annotations

import math
from typing import Literal

from tui_lab.hyperparameters import Declared, setting
from tui_lab.tools.tool import Chart, Curve, Result, Table, Tool

POINTS = 200
ALWAYS_SHOWN = (0.01, 0.1, 0.5, 0.9, 0.99)
NAMES = ("cross-entropy", "squared error")
COLUMNS = ("p", "−log p", "(1−p)²", "d(−log p)/dp", "d(1−p)²/dp", "d(−log p)/dz", "d(1−p)²/dz")


class LossesInputs(Declared):
    p: float = setting(
        0.1, "probability that the network gives to the true class", topic="Input", question="1.8", gt=0, le=1
    )
    slope: Literal["logit", "probability"] = setting(
        "logit", "in what the slopes are drawn: z before the sigmoid, or p after it", topic="Input", question="1.9"
    )
    lowest: float = setting(0.02, "where the curves begin", topic="Input", ge=1e-6, le=0.9)


def cross_entropy(p: float) -> float:
    """−log p, in nats."""
    return -math.log(p)


def squared_error(p: float) -> float:
    """(1 − p)²."""
    return (1 - p) ** 2


def slopes_in_probability(p: float) -> tuple[float, float]:
    """d/dp of the cross-entropy, −1/p, and of the squared error, −2(1 − p)."""
    return -1 / p, -2 * (1 - p)


def slopes_in_logit(p: float) -> tuple[float, float]:
    """d/dz of both, where p = 1 / (1 + e^−z): p − 1, and −2p(1 − p)².

    The same holds for the logit of the true class in a softmax, where dp/dz = p(1 − p) too.
    """
    return p - 1, -2 * p * (1 - p) ** 2


def calculate(inputs: LossesInputs) -> Result:
    """Both losses and their slopes: at `p`, in a table, and drawn."""
    xs = (*(inputs.lowest + (1 - inputs.lowest) * i / (POINTS - 1) for i in range(POINTS - 1)), 1.0)
    slopes = slopes_in_logit if inputs.slope == "logit" else slopes_in_probability
    letter = "z" if inputs.slope == "logit" else "p"
    rows = tuple(
        (p, cross_entropy(p), squared_error(p), *slopes_in_probability(p), *slopes_in_logit(p))
        for p in sorted({*ALWAYS_SHOWN, inputs.p})
    )
    return Result(
        _sentences(inputs.p),
        Table(COLUMNS, rows),
        (
            _chart("Loss", xs, tuple(map(cross_entropy, xs)), tuple(map(squared_error, xs))),
            _chart(f"Slope of the loss in {letter}", xs, *zip(*map(slopes, xs), strict=True)),
        ),
    )


def _sentences(p: float) -> tuple[str, ...]:
    ours, theirs = slopes_in_logit(p)
    return (
        f"At p = {p:g} the cross-entropy is {cross_entropy(p):.4g} nats, the squared error {squared_error(p):.4g}.",
        f"What reaches the logit: {ours:.4g} from the cross-entropy, {theirs:.4g} from the squared error.",
    )


def _chart(title: str, xs: tuple[float, ...], *ys: tuple[float, ...]) -> Chart:
    curves = tuple(Curve(name, xs, y) for name, y in zip(NAMES, ys, strict=True))
    return Chart(title, "p of the true class", curves)


TOOL = Tool(
    name="losses",
    lab=1,
    title="Cross-entropy beside squared error",
    text="""\
Both losses are 0 when the network gives the true class the probability 1. They differ in how much they mind a
confident mistake: towards p = 0 the cross-entropy **−log p** grows without limit, the squared error **(1 − p)²** stops
at 1.

What a network learns from is the slope, and it arrives at the logit *z* through the sigmoid or the softmax. Of the
cross-entropy **p − 1** arrives: the more wrong, the stronger. Of the squared error **−2p(1 − p)²** arrives, which is
next to nothing exactly where the network is most wrong.

- Move `p` from 0.5 towards 0 and compare the two slopes in z.
- Draw the slopes in p instead: there the squared error looks harmless.
""",
    inputs=LossesInputs,
    calculate=calculate,
)
