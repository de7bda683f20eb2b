"""Lines and matrices at another size: every new value is the mean of what it covers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from operator import mul

Part = tuple[tuple[int, float], ...]  # indices of values, each with its share


@lru_cache(maxsize=64)
def parts(old: int, new: int) -> tuple[Part, ...]:
    """What each of `new` equal parts of a line of `old` values covers, with shares that add up to 1."""
    found = []
    for i in range(new):
        start, end = i * old, (i + 1) * old  # in parts of 1 / new of a value, so that nothing is rounded
        covered = range(start // new, -(-end // new))
        found.append(tuple((j, (min(end, (j + 1) * new) - max(start, j * new)) / old) for j in covered))
    return tuple(found)


def mixed_rows(rows: Sequence[Sequence[float]], part: Part) -> Sequence[float]:
    """The weighted mean of some of the rows, value by value."""
    if len(part) == 1:
        return rows[part[0][0]]
    weights = [weight for _, weight in part]
    covered = zip(*[rows[i] for i, _ in part], strict=True)
    return [sum(map(mul, weights, values)) for values in covered]


def resampled(matrix: Sequence[Sequence[float]], rows: int, columns: int) -> list[Sequence[float]]:
    """A matrix, whose rows are all as long and not empty, with so many rows and columns."""
    shorter = [mixed_rows(matrix, part) for part in parts(len(matrix), rows)]
    turned = list(zip(*shorter, strict=True))
    narrower = [mixed_rows(turned, part) for part in parts(len(turned), columns)]
    return list(zip(*narrower, strict=True))
