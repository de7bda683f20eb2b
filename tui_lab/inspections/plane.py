"""The decision boundary of a model on points in the plane."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.inspections.content import Boundary, LabelledPoint
from tui_lab.training.engine import Engine

CELLS = 60  # of the grid along each side
MARGIN = 0.08  # on each side, as a part of the points' extent
MOST_POINTS = 400  # of each split


class Plane:
    """A square grid that covers all points of a data set, ready to be evaluated again and again.

    Args:
        dataset: of points.
        engine: whose hyperparameters and device are used.
    """

    def __init__(self, dataset: Dataset, engine: Engine) -> None:
        hp = engine.hyperparameters
        self._class_names = dataset.class_names
        points = torch.cat([dataset.train.x, dataset.test.x])
        low, high = points.amin(0), points.amax(0)
        self._side = float((high - low).max()) * (1 + 2 * MARGIN) or 1.0
        self._left, self._bottom = ((low + high) / 2 - self._side / 2).tolist()
        steps = (torch.arange(CELLS) + 0.5) * (self._side / CELLS)  # centres of the cells
        y, x = torch.meshgrid(self._bottom + steps.flip(0), self._left + steps, indexing="ij")
        grid = torch.stack([x, y], dim=2).reshape(-1, 2)
        self._cells = Batches(
            Split(grid, torch.zeros(len(grid), dtype=torch.long)),
            None,
            fit_standardizer(hp.standardize, dataset.train.x, epsilon=hp.whiten_epsilon),
            is_training=False,
            seed=hp.seed,
            device=engine.plan.device,
        )
        self._train, self._test = (_spread(split) for split in (dataset.train, dataset.test))

    def boundary(self, engine: Engine, position: tuple[float, int], *, are_probabilities: bool) -> Boundary:
        """What the model says in each cell of the grid; `are_probabilities` tells of its outputs that they are some."""
        kept: list[Tensor] = []
        engine.evaluate(self._cells, kept)
        outputs = torch.cat(kept).float()
        probabilities = outputs if are_probabilities else outputs.softmax(1)
        levels = (255 * probabilities).round().to(torch.uint8).cpu().contiguous()
        return Boundary(
            *position,
            self._class_names,
            self._left,
            self._bottom,
            self._side,
            CELLS,
            levels.numpy().tobytes(),
            self._train,
            self._test,
        )


def _spread(split: Split) -> tuple[LabelledPoint, ...]:
    """At most `MOST_POINTS` of the points, evenly spread over the split."""
    count = min(len(split), MOST_POINTS)
    chosen = [i * len(split) // count for i in range(count)]
    points = zip(split.x[chosen].tolist(), split.y[chosen].tolist(), strict=True)
    return tuple(LabelledPoint(round(x, 4), round(y, 4), label) for (x, y), label in points)
