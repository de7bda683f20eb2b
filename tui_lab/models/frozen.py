"""A model whose body is not trained, and that learns from what the body makes of each sample."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class HasFrozenBody(Protocol):
    """Where nothing random happens to the samples, the body makes the same of them in every epoch: once is enough.

    Attributes:
        body_key: a digest of whatever decides what the body makes of a sample, its weights above all; None where the
            body is trained too, or is no part by itself.
    """

    body_key: str | None

    def features(self, x: Tensor) -> Tensor:
        """What the body makes of samples (B, *input_shape): float32 (B, F), which the model takes in their place."""
