"""A number with its interval of 95 %: what seeds differ by anyway.

Between two arms with several runs each it is Welch's, with a spread of its own for each. Where an arm has a single run,
the spread of the other arm stands for it; where both have, the one that is known or assumed of the measure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui_lab.runs.compare import Spread
from tui_lab.studies.findings.finding import Answer
from tui_lab.studies.findings.measures import Measure

ONE_EACH = "one run each, with a deviation of "
KNOWN = 1.96  # of a normal distribution: the quantile for a spread that is not estimated from these runs
# Student's t, two-sided 95 %, by degrees of freedom from 1 on
T95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


@dataclass(frozen=True)
class Estimate:
    """A number with half the width of its interval, and what the interval is made of."""

    value: float
    margin: float
    spread: str

    def answer(self, low: float = -math.inf, high: float = math.inf) -> Answer:
        """Whether the number lies between `low` and `high`: certainly, certainly not, or who knows."""
        if math.isnan(self.value):
            return "undecided"
        bottom, top = self.value - self.margin, self.value + self.margin
        if low <= bottom and top <= high:
            return "supported"
        return "refuted" if top < low or bottom > high else "undecided"


def estimate(value: float, spreads: Sequence[Spread], measure: Measure) -> Estimate:
    """The interval of a mean, or of a difference of two means."""
    known = [(spread.deviation, spread.n) for spread in spreads if spread.deviation is not None]
    if not known:
        error = measure.deviation * math.sqrt(sum(1 / spread.n for spread in spreads))
        said = f"{ONE_EACH}{measure.distance(measure.deviation)} {measure.why}"
        return Estimate(value, KNOWN * error, said if measure.deviation else "")
    stand_in = max(deviation for deviation, _ in known)  # for an arm of a single run
    variances = [((stand_in if s.deviation is None else s.deviation) ** 2 / s.n, s.n) for s in spreads]
    total = sum(variance for variance, _ in variances)
    parts = sum(variance**2 / (n - 1) for variance, n in variances if n > 1)
    if parts == 0 or not math.isfinite(total):  # no spread, or one whose square is too small for a float
        return Estimate(value if math.isfinite(total) else math.nan, 0.0, _runs_text(spreads))
    # Welch and Satterthwaite; an arm of a single run has no degree of freedom of its own
    freedom = total**2 / parts if len(known) == len(spreads) else min(n for _, n in known) - 1
    quantile = T95[max(1, int(freedom)) - 1] if freedom < len(T95) + 1 else KNOWN
    return Estimate(value, quantile * math.sqrt(total), _runs_text(spreads))


def _runs_text(spreads: Sequence[Spread]) -> str:
    return f"{' and '.join(map(str, dict.fromkeys(spread.n for spread in spreads)))} seeds"
