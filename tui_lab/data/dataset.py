"""A data set in memory: what every source returns and every consumer takes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Samples and their labels.

    Attributes:
        x: uint8 of shape (N, C, H, W) for images, float32 of shape (N, 2) for points.
        y: int64 of shape (N,), the class of each sample, from 0 on.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def to(self, device: str) -> Split:
        """On `device`; the same tensors where they lie there already."""
        return Split(self.x.to(device), self.y.to(device))


@dataclass(frozen=True)
class Dataset:
    """The splits that a run uses.

    `validation` is None unless validation_fraction > 0. `class_names` has one name a class.
    """

    name: str
    class_names: tuple[str, ...]
    train: Split
    test: Split
    validation: Split | None = None

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample as stored: (C, H, W) or (2,)."""
        return tuple(self.train.x.shape[1:])

    @property
    def classes(self) -> int:
        return len(self.class_names)
