"""`backprop-cost`: a gradient weight by weight against back-propagation, counted and timed (question 1.12)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tui_lab.hyperparameters import Declared, setting
from tui_lab.tools.differentiation import (
    Layer,
    back_propagation,
    back_propagation_cost,
    chain_rule_alone,
    chain_rule_cost,
    finite_differences,
    finite_differences_cost,
    parameters,
    paths,
    random_network,
)
from tui_lab.tools.tool import Cell, Chart, Curve, Result, Table, Tool

BUDGET_S = 0.3  # for one gradient; what would take longer is estimated
LEAST_S, LEAST_PASSES = 0.02, 3  # of repetitions, of which the shortest counts
GUESS_S = 2e-7  # of one multiplication, before any was timed
UNITS_OF_TIME = ((1.0, "s"), (60.0, "min"), (3600.0, "h"), (86_400.0, "days"), (31_557_600.0, "years"))


class BackpropCostInputs(Declared):
    depth: int = setting(8, "hidden layers of the deepest network", topic="Network", question="1.12", ge=1, le=20)
    width: int = setting(8, "units of each hidden layer", topic="Network", question="1.12", ge=1, le=64)
    inputs: int = setting(2, "values that come in", topic="Network", ge=1, le=64)
    outputs: int = setting(2, "classes", topic="Network", ge=2, le=64)

    def sizes(self, depth: int) -> tuple[int, ...]:
        """Units of every layer of the network with `depth` hidden layers, the inputs first."""
        return (self.inputs, *([self.width] * depth), self.outputs)


@dataclass(frozen=True)
class Way:
    """One way to the gradient: its name, as the heading of a column too, the function, and its number of
    multiplications for layers of given sizes."""

    name: str
    heading: str
    gradient: Callable[[Sequence[Layer], Sequence[float], int], list[Layer]]
    cost: Callable[[Sequence[int]], int]


WAYS = (
    Way("back-propagation", "back-prop", back_propagation, back_propagation_cost),
    Way("finite differences", "differences", finite_differences, finite_differences_cost),
    Way("chain rule, alone", "chain rule", chain_rule_alone, chain_rule_cost),
)


def calculate(inputs: BackpropCostInputs) -> Result:
    """Multiply-adds for the gradient of one sample, by depth."""
    depths = range(1, inputs.depth + 1)
    counts = {depth: [way.cost(inputs.sizes(depth)) for way in WAYS] for depth in depths}
    rows = tuple((depth, parameters(inputs.sizes(depth)), *counts[depth]) for depth in depths)
    curves = tuple(
        Curve(way.name, tuple(map(float, depths)), tuple(float(counts[depth][i]) for depth in depths))
        for i, way in enumerate(WAYS)
    )
    return Result(
        _sentences(inputs.sizes(inputs.depth), counts[inputs.depth]),
        Table(("depth", "parameters", *(way.heading for way in WAYS)), rows),
        _charts("Multiply-adds for one gradient", curves),
    )


def _charts(title: str, curves: tuple[Curve, ...]) -> tuple[Chart, ...]:
    return (Chart(title, "hidden layers", curves, y_log=True),)


def _sentences(sizes: Sequence[int], counts: Sequence[int]) -> tuple[str, ...]:
    once, each, alone = counts
    hidden = len(sizes) - 2
    return (
        f"With {hidden} hidden layer{'s' * (hidden > 1)}, one forward pass takes {parameters(sizes):,} multiply-adds.",
        f"Back-propagation takes {once / parameters(sizes):.2g} forward passes for the whole gradient.",
        f"A forward pass a parameter takes {_times(each / once)} as much work as back-propagation.",
        f"The chain rule for each weight alone takes {_times(alone / once)} as much: "
        f"{_paths(paths(sizes))} from a weight of the first layer to the loss.",
    )


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} times" if 10 <= ratio < 1e9 else f"{ratio:.2g} times"


def _paths(count: int) -> str:
    if count == 1:
        return "one path leads"
    return f"{count:,} paths lead" if count < 10**9 else f"{count:.2g} paths lead"


def measure(inputs: BackpropCostInputs) -> Result:
    """Seconds for the gradient of one sample, by depth; estimated from the counts where it would take too long."""
    draw = random.Random(0)
    x = [draw.gauss(0, 1) for _ in range(inputs.inputs)]
    depths = range(1, inputs.depth + 1)
    seconds_each = [GUESS_S] * len(WAYS)  # of one multiplication
    rows: list[tuple[Cell, ...]] = []
    timed: list[tuple[list[float], list[float]]] = [([], []) for _ in WAYS]
    apart = 0.0
    for depth in depths:
        sizes = inputs.sizes(depth)
        network = random_network(sizes)
        cells: list[Cell] = []
        reference: list[Layer] = []
        for i, way in enumerate(WAYS):
            expected = way.cost(sizes) * seconds_each[i]
            if expected > BUDGET_S:
                cells.append(f"≈ {_duration(expected)}")
                continue
            seconds, gradient = _timed(partial(way.gradient, network, x, 0))
            seconds_each[i] = seconds / way.cost(sizes)
            reference = reference or gradient
            apart = max(apart, _apart(gradient, reference))
            cells.append(_duration(seconds))
            timed[i][0].append(float(depth))
            timed[i][1].append(seconds)
        rows.append((depth, *cells))
    curves = tuple(Curve(way.name, tuple(xs), tuple(ys)) for way, (xs, ys) in zip(WAYS, timed, strict=True) if xs)
    return Result(
        (
            "Time for the gradient of one sample; ≈ is estimated, from the count and the time of a shallower network.",
            f"Where they were worked out, the three gradients are {apart:.1e} apart at most.",
        ),
        Table(("depth", *(way.heading for way in WAYS)), tuple(rows)),
        _charts("Seconds for one gradient", curves),
    )


def _timed(work: Callable[[], list[Layer]]) -> tuple[float, list[Layer]]:
    """The shortest of several repetitions, in seconds, and what came out."""
    seconds: list[float] = []
    while len(seconds) < LEAST_PASSES or sum(seconds) < LEAST_S:
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    return min(seconds), result


def _apart(one: list[Layer], other: list[Layer]) -> float:
    """The largest difference of two gradients."""
    return max(
        abs(a - b)
        for layers in zip(one, other, strict=True)
        for rows in zip(*layers, strict=True)
        for a, b in zip(*rows, strict=True)
    )


def _duration(seconds: float) -> str:
    """`35 µs`, `1.2 ms`, `3.4 h`, `2e+05 years`."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.3g} µs"
    if seconds < 1:
        return f"{seconds * 1e3:.3g} ms"
    size, unit = next(found for found in reversed(UNITS_OF_TIME) if seconds >= found[0])
    return f"{seconds / size:.2g} {unit}" if seconds / size >= 1000 else f"{seconds / size:.3g} {unit}"


TOOL = Tool(
    name="backprop-cost",
    lab=1,
    title="Back-propagation against weight by weight",
    text="""\
Each weight's part in the loss can be found by itself: by **finite differences**, which move it a little and send the
sample through the whole network again, or by the **chain rule** written out for this weight **alone**, along every path
from it to the loss. **Back-propagation** is the same chain rule, and keeps what it has worked out: what reaches a layer
follows from what reached the next, and all the weights before it share it.

With *L* layers of *n* units there are about *L n²* weights, and a forward pass takes as many multiplications.
Back-propagation takes about three times that, finite differences *(L n²)²*, and the number of paths is *n* to the power
of *L*: one more layer multiplies it by the width.

- Let `depth` grow, and look at the last column. Which of the three lines stays straight on a logarithmic axis?
- A `width` of 1 has one path only. What is left of the difference?
- Measure the time: the three functions really run, and their gradients are compared.
""",
    inputs=BackpropCostInputs,
    calculate=calculate,
    measure=measure,
)
