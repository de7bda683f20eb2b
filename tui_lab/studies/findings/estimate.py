"""A number with its interval of 95 %: what seeds differ by anyway, and what few test samples leave open.

Between two arms with several runs each it is Welch's, with a spread of its own for each. Where an arm has a single run,
the spread of the other arm stands for it; where both have, the one that is known or assumed of the measure. On top of
that comes the error of fewer test samples than the study has, unless the seeds differ by it already: see `sampling`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tui_lab.runs.compare import Spread
from tui_lab.studies.findings.finding import Answer
from tui_lab.studies.findings.measures import Measure
from tui_lab.studies.findings.sampling import EXACT, Sampling

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
    """A number with half the width of its interval, and what the interval is made of.

    Attributes:
        sampling: of the arm whose test samples leave more open.
        of_samples: half the width that the test samples alone give it.
        of_seeds: that without them; None = `margin`.
    """

    value: float
    margin: float
    spread: str
    sampling: Sampling = EXACT
    of_samples: float = 0.0
    of_seeds: float | None = None

    def has_too_few_samples(self, low: float = -math.inf, high: float = math.inf) -> bool:
        """Whether the test samples leave the answer open: all of them would give one, or no number of seeds would."""
        if not self.of_samples or self.of_seeds is None or self.answer(low, high) != "undecided":
            return False
        on_all, of_no_spread = (replace(self, margin=margin) for margin in (self.of_seeds, self.of_samples))
        return on_all.answer(low, high) != "undecided" or of_no_spread.answer(low, high) == "undecided"

    def answer(self, low: float = -math.inf, high: float = math.inf) -> Answer:
        """Whether the number lies between `low` and `high`: certainly, certainly not, or who knows."""
        if math.isnan(self.value):
            return "undecided"
        bottom, top = self.value - self.margin, self.value + self.margin
        if low <= bottom and top <= high:
            return "supported"
        return "refuted" if top < low or bottom > high else "undecided"


def estimate(value: float, spreads: Sequence[Spread], measure: Measure, samplings: Sequence[Sampling] = ()) -> Estimate:
    """The interval of a mean, or of a difference of two means.

    Args:
        value: the one or the other.
        spreads: of the runs of the one arm, or of both.
        measure: what is measured of them.
        samplings: the error that the test samples leave in each of the means; without any there is none.
    """
    found = _of_seeds(value, spreads, measure)
    of_samples = KNOWN * math.sqrt(sum(one.variance for one in samplings))
    few = [one for one in samplings if one.variance or one.is_unknown]
    has_seeds = any(spread.n > 1 for spread, one in zip(spreads, samplings, strict=False) if one in few)
    is_held = has_seeds and all(one.counted.is_own for one in few)
    if not of_samples:
        return found if is_held or not few else replace(found, sampling=few[0])
    return replace(
        found,
        margin=max(found.margin, of_samples) if is_held else math.hypot(found.margin, of_samples),
        sampling=max(samplings, key=lambda one: one.deviation),
        of_samples=of_samples,
        of_seeds=found.margin,
    )


def _of_seeds(value: float, spreads: Sequence[Spread], measure: Measure) -> Estimate:
    """From what the runs differ by."""
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
