"""The decision boundary of a model on points in the plane."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.inspections.content import Boundary, LabelledPoint
from tui_lab.training.fit import Fitting, Subject

CELLS = 60  # of the grid along each side
MARGIN = 0.08  # on each side, as a part of the points' extent
MOST_POINTS = 400  # of each split


class Grid:
    """A square grid that covers all points of a data set, as a model sees it.

    Args:
        dataset: of points.
        engine: whose hyperparameters and device are used.
        cells: along each side.

    Attributes:
        square: its left, bottom and side, in the coordinates of the points as stored.
        batches: the centres of the cells, row by row from the top left.
    """

    def __init__(self, dataset: Dataset, engine: Subject, cells: int) -> None:
        hp = engine.hyperparameters
        points = torch.cat([dataset.train.x, dataset.test.x])
        low, high = points.amin(0), points.amax(0)
        side = float((high - low).max()) * (1 + 2 * MARGIN) or 1.0
        left, bottom = ((low + high) / 2 - side / 2).tolist()
        steps = (torch.arange(cells) + 0.5) * (side / cells)
        y, x = torch.meshgrid(bottom + steps.flip(0), left + steps, indexing="ij")
        centres = torch.stack([x, y], dim=2).reshape(-1, 2)
        self.square: tuple[float, float, float] = (left, bottom, side)
        self.cells = cells
        self.batches = Batches(
            Split(centres, torch.zeros(len(centres), dtype=torch.long)),
            None,
            fit_standardizer(hp.standardize, dataset.train.x, epsilon=hp.whiten_epsilon),
            is_training=False,
            seed=hp.seed,
            device=engine.plan.device,
        )


class Plane:
    """The plane of a data set of points, ready to be evaluated again and again.

    Args: as `Grid` has them.
    """

    def __init__(self, dataset: Dataset, engine: Subject) -> None:
        self._class_names = dataset.class_names
        self._grid = Grid(dataset, engine, CELLS)
        self._split = dataset.train
        self._train, self._test = (_spread(split) for split in (dataset.train, dataset.test))

    def boundary(self, engine: Subject, position: tuple[float, int], *, are_probabilities: bool) -> Boundary:
        """What the model says in each cell of the grid; `are_probabilities` tells of its outputs that they are some."""
        kept: list[Tensor] = []
        engine.evaluate(self._grid.batches, kept)
        outputs = torch.cat(kept).float()
        probabilities = outputs if are_probabilities else outputs.softmax(1)
        levels = (255 * probabilities).round().to(torch.uint8).cpu().contiguous()
        return Boundary(
            *position,
            self._class_names,
            *self._grid.square,
            self._grid.cells,
            levels.numpy().tobytes(),
            self._train,
            self._test,
            self._supports(engine),
        )

    def _supports(self, engine: Subject) -> tuple[LabelledPoint, ...]:
        if not isinstance(engine, Fitting):
            return ()
        held = engine.fittable.support_indices
        return _spread(Split(self._split.x[held], self._split.y[held]))


def _spread(split: Split) -> tuple[LabelledPoint, ...]:
    """At most `MOST_POINTS` of the points, evenly spread over the split."""
    count = min(len(split), MOST_POINTS)
    chosen = [i * len(split) // count for i in range(count)]
    points = zip(split.x[chosen].tolist(), split.y[chosen].tolist(), strict=True)
    return tuple(LabelledPoint(round(x, 4), round(y, 4), label) for (x, y), label in points)
