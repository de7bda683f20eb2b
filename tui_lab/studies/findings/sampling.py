"""By how much an accuracy is off because few samples were counted.

Claims are about the test set of their study: 10,000 images where the practical has CIFAR-10 or MNIST. All its runs are
measured on the same ones, so that other images are no part of what tells its arms apart, and the spreads that are
published or assumed are of that many. A run with fewer test samples, n in place of N, estimates what it would have got
on all N. Of a share p the error has the variance

    p (1 - p) (1/n - 1/N),    p = (k + 2) / (n + 4) where k of n are right.

It is that of n samples drawn from N without replacement (Cochran, Sampling Techniques, 3rd edition 1977, section 3.2),
and 0 at the full size. Of another data set it is what its smaller number of samples adds. Two successes and two
failures more (Agresti and Coull, The American Statistician 52, 1998) keep it above 0 where every sample is right, or
none is. The classes of a draw have their shares exactly, which makes it smaller; that is left out.

- Two arms on the same samples err alike: the variance of their difference is below the sum of the two. How far below,
  only their answers sample by sample tell (McNemar's test; Dietterich, Neural Computation 10, 1998, compares both). The
  sum is taken, which errs on the side of saying nothing. So it is for the two accuracies of a change within one run.
- A part of a data set is drawn with the run's seed, and so are points. The deviation over seeds then holds this error
  already, and their mean is of as many more samples. It is not added again; but no interval is narrower than this error
  alone makes it, because a few seeds may agree by luck.
- Of test losses nobody knows it, for want of the deviation of a single sample's loss. It is left out, which is said,
  where no seeds with samples of their own hold it.
- Train accuracies have no such error: they are about the samples that were trained on. Nor have epochs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui_lab.studies.curves import UNCOUNTED, Counted

ADDED = 2  # successes, and as many failures


@dataclass(frozen=True)
class Sampling:
    """The error that the samples of an arm leave in the mean of a measure over its runs.

    Attributes:
        variance: of that mean, as a share squared; 0 at the full size, and of what is no test accuracy.
        deviation: of one accuracy of one run.
        counted: the samples of a run.
        is_unknown: there is an error that nobody knows.
    """

    variance: float = 0.0
    deviation: float = 0.0
    counted: Counted = UNCOUNTED
    is_unknown: bool = False


EXACT = Sampling()


def variance_of(share: float, size: int, full: int) -> float:
    """Of the error of a share of `size` samples in place of `full` ones.

    Args:
        share: of them that are right, 0 to 1.
        size: how many were counted; 0 = not known, which is taken for all.
        full: how many the study has; 0 = not known, which is taken for very many.
    """
    if size <= 0 or not math.isfinite(share) or 0 < full <= size:
        return 0.0
    p = (size * share + ADDED) / (size + 2 * ADDED)
    return p * (1 - p) * (1 / size - (1 / full if full else 0.0))


def sampling(accuracies: Sequence[Sequence[float]], counted: Sequence[Counted], full: int) -> Sampling:
    """Of the mean over some runs.

    Args:
        accuracies: for each run, the test accuracies that the measure is a sum or a difference of.
        counted: for each run, what they were counted on.
        full: samples that the study has.
    """
    found = [[variance_of(p, of.size, full) for p in shares] for shares, of in zip(accuracies, counted, strict=True)]
    widest = max((variance for variances in found for variance in variances), default=0.0)
    if not widest:
        return EXACT
    total = math.fsum(variance for variances in found for variance in variances)
    # The mean of runs with samples of their own is of all of these; shared samples stay as few as they are
    runs = len(found) if all(of.is_own for of in counted) else 1
    return Sampling(total / len(found) / runs, math.sqrt(widest), counted[0])
