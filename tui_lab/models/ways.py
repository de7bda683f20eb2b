"""A model that computes the same in several ways, of which the fastest depends on the machine."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class HasWays(Protocol):
    """What a model has that leaves it to a self-test how it computes.

    Attributes:
        ways: their names, the one that is usually fastest first; empty where the hyperparameters have decided.
    """

    ways: tuple[str, ...]

    def use(self, way: str) -> None:
        """Compute in this way from now on, with the same weights and, but for rounding, the same results."""
