"""Points in the plane with labels: small, generated, and drawn anew for every seed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tui_lab.data.dataset import Split
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import PointSet
from tui_lab.seeding import stream_seed

LARGEST = 1_000_000  # points in a split
_SPIRAL_RADIUS = 1.5


def load_points(
    name: PointSet, train_size: int = 200, test_size: int = 200, noise: float = 0.2, seed: int = 0
) -> tuple[Split, Split]:
    """Draw a train and a test split of one of the point sets.

    Args:
        name: "circles" (scikit-learn's `make_circles`, radii 1 and 0.3), "moons" (`make_moons`), "spirals",
            "gaussians" or "xor" (see below).
        train_size, test_size: points in each split, shared out over the classes as evenly as possible.
        noise: standard deviation, per coordinate, of the normal noise added to every point.
        seed: of the run. The splits are independent draws.

    Returns:
        Train and test, x float32 of shape (N, 2), y int64 of shape (N,).

    Raises:
        UsageError: a split of more than `LARGEST` points.
    """
    for key, size in (("train_size", train_size), ("test_size", test_size)):
        if size > LARGEST:
            raise UsageError(f"{key} = {size:,} is more than the {LARGEST:,} points that {name} goes up to.")
    train = _draw(name, train_size, noise, stream_seed(seed, "points", 0))
    test = _draw(name, test_size, noise, stream_seed(seed, "points", 1))
    return train, test


def spirals(size: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two interleaved arms of one turn each, the second half a turn behind the first.

    With t = √u, u uniform in [0, 1): the angle is θ = 2πt + πk for arm k, the radius r = 1.5t, and the point
    (r cos θ, r sin θ) + noise · N(0, I). The root spreads the points evenly over the area, where t itself would crowd
    the centre.

    Returns:
        x float32 of shape (size, 2) and y int64 of shape (size,), the arms taking turns.
    """
    y = torch.arange(size) % 2
    t = torch.rand(size, generator=generator).sqrt()
    angle = 2 * math.pi * t + math.pi * y
    centre = _SPIRAL_RADIUS * t[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    return centre + noise * torch.randn(size, 2, generator=generator), y


def gaussians(size: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Four isotropic clouds around (1, 0), (0, 1), (-1, 0) and (0, -1) with standard deviation `noise`.

    The best classifier is linear, its boundary the two diagonals, its accuracy Φ(1 / (√2 · noise))².

    Returns:
        x float32 of shape (size, 2) and y int64 of shape (size,), the clouds taking turns.
    """
    y = torch.arange(size) % 4
    centres = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    return centres[y] + noise * torch.randn(size, 2, generator=generator), y


def xor(size: int, noise: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Four isotropic clouds around (1, 1), (1, -1), (-1, -1) and (-1, 1) with standard deviation `noise`, class 0 where
    the coordinates of the centre have the same sign and class 1 where they differ: the exclusive or.

    The best classifier asks whether x₁ and x₂ have the same sign; with p = Φ(1 / noise) its accuracy is p² + (1 - p)².
    A straight line gets at most three of the four clouds right.

    Returns:
        x float32 of shape (size, 2) and y int64 of shape (size,), the clouds taking turns, and so the classes.
    """
    cloud = torch.arange(size) % 4
    centres = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]])
    return centres[cloud] + noise * torch.randn(size, 2, generator=generator), cloud % 2


_OURS = {"spirals": spirals, "gaussians": gaussians, "xor": xor}


def _draw(name: PointSet, size: int, noise: float, seed: int) -> Split:
    if name in _OURS:
        return Split(*_OURS[name](size, noise, torch.Generator().manual_seed(seed)))

    from sklearn.datasets import make_circles, make_moons  # slow to import, and only these two need it

    random_state = seed % 2**32  # numpy takes no larger seed
    if name == "circles":
        x, y = make_circles(size, noise=noise, factor=0.3, random_state=random_state)
    else:
        x, y = make_moons(size, noise=noise, random_state=random_state)
    return Split(torch.from_numpy(x).float(), torch.from_numpy(y))
