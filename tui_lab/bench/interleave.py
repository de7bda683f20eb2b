"""Comparing things on a machine that is never quite quiet: in turns, ratio by ratio.

What is compared runs in blocks A B C A B C ..., so that whatever else the machine does falls on all of them alike. Each
round gives one ratio between neighbours in time; reported are the median of the ratios and their spread.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SETTLE_S = 0.2  # between blocks: OpenMP threads still spin, DataLoader workers still fill their queues


@dataclass(frozen=True)
class Ratio:
    """Median, lowest and highest of the ratios of the rounds."""

    median: float
    low: float
    high: float


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """How many times `theirs` is `ours`, from as many positive values of each, in the order of the rounds.

    Raises ValueError when there are none, or not as many of one as of the other.
    """
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    if not ratios:
        raise ValueError("no rounds, no ratio")
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def in_turns(
    blocks: Mapping[str, Callable[[], float]], rounds: int, on_round: Callable[[int], None]
) -> dict[str, list[float]]:
    """Run every block once a round, in order, `rounds` times. Returns what each gave, by its name.

    `on_round` is told the number of each round, from 1 on, before it begins.
    """
    measured: dict[str, list[float]] = {name: [] for name in blocks}
    for i in range(rounds):
        on_round(i + 1)
        for name, block in blocks.items():
            time.sleep(SETTLE_S)
            measured[name].append(block())
    return measured
