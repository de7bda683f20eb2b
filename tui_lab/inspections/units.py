"""What each hidden unit of a network responds to, for points in the plane."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_lab.inspections.content import UnitLayer, UnitMap, UnitMaps
from tui_lab.inspections.passes import hidden_outputs
from tui_lab.inspections.plane import Grid
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_by_hand import ByHandMLP

CELLS = 24  # of the grid along each side: the maps are small pictures
MOST_IN_LAYER, MOST_MAPS = 32, 64  # units of a layer, and of all layers together
BOUNDED = {"tanh": 1.0, "sigmoid": 0.5}  # how far an activation goes from its middle


def unit_maps(model: MLP | ByHandMLP, grid: Grid, position: tuple[float, int]) -> UnitMaps | None:
    """The first units of each hidden layer, all over the grid.

    A map of tanh or sigmoid is scaled by what the activation can give, so that a unit that is hardly used looks it; one
    of relu by the most that the unit gives on the grid.

    Args:
        model: on the device of the grid.
        grid: of `CELLS` along each side.
        position: epoch and total step of the weights.

    Returns:
        None for a model without hidden layers.
    """
    x, _ = grid.batches.first(grid.cells**2)
    with torch.no_grad():
        layers = [h.float().cpu() for h in hidden_outputs(model, x)]
    if not layers:
        return None
    most = max(1, min(MOST_IN_LAYER, MOST_MAPS // len(layers)))
    middle = 0.5 if model.activation == "sigmoid" else 0.0
    found = tuple(
        UnitLayer(f"hidden {i}", h.shape[1], _maps(h[:, :most] - middle, BOUNDED.get(model.activation)))
        for i, h in enumerate(layers, start=1)
    )
    return UnitMaps(*position, model.activation, *grid.square, grid.cells, found)


def _maps(distances: Tensor, bound: float | None) -> tuple[UnitMap, ...]:
    """Of each column of distances from the middle, (cells², units)."""
    largest = distances.amax(0) if bound is None else torch.full((distances.shape[1],), bound)
    scale = largest.masked_fill(largest == 0, 1.0)
    levels = (128 + 127 * distances / scale).round().clamp(1, 255).to(torch.uint8).T.contiguous().numpy()
    return tuple(
        UnitMap(i, one.tobytes(), float(f"{most:.4g}"))
        for i, (one, most) in enumerate(zip(levels, largest.tolist(), strict=True), start=1)
    )
