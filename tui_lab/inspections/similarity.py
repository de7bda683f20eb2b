"""How alike the filters of patches are, and the positions that are added to them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_lab.inspections.content import PatchSimilarity, PositionSimilarity
from tui_lab.inspections.transformers import Transformer

MOST_FILTERS = 64
MOST_TILES = 14  # along each side
LARGEST_TILE = 28  # its side, in cosines


def patch_similarity(transformer: Transformer, position: tuple[float, int]) -> PatchSimilarity:
    """The cosines between the first filters of the patch embedding, each as the vector of its weights."""
    weights = transformer.patch_filters.detach().float().cpu().flatten(1)
    shown = F.normalize(weights[:MOST_FILTERS], dim=1)
    return PatchSimilarity(*position, len(weights), len(shown), _levels(shown @ shown.T))


def position_similarity(transformer: Transformer, position: tuple[float, int]) -> PositionSimilarity | None:
    """The cosines between what is added to the patches because of where they are.

    Figure 7 of "An Image is Worth 16x16 Words" (Dosovitskiy et al., 2021). Where the grid has more than 14 rows or
    columns, so many of them are compared with all.

    Returns:
        None for a model without positions.
    """
    if transformer.positions is None:
        return None
    vectors, is_learned = transformer.positions
    rows, columns = transformer.grid
    unit = F.normalize(vectors.detach().float().cpu(), dim=1)  # (P, E)
    at_rows, at_columns = _spread(rows), _spread(columns)
    compared = [row * columns + column for row in at_rows for column in at_columns]
    cosines = (unit[compared] @ unit.T).reshape(len(compared), 1, rows, columns)
    size = (min(rows, LARGEST_TILE), min(columns, LARGEST_TILE))
    tiles = F.adaptive_avg_pool2d(cosines, size)[:, 0]
    return PositionSimilarity(
        *position, is_learned, rows, columns, at_rows, at_columns, *size, tuple(map(_levels, tiles))
    )


def _spread(count: int) -> tuple[int, ...]:
    """The first, the last, and some between."""
    shown = min(count, MOST_TILES)
    return tuple(round(i * (count - 1) / max(shown - 1, 1)) for i in range(shown))


def _levels(cosines: Tensor) -> bytes:
    """From -1 = 0 to 1 = 255; see `tui_lab.inspections.content.similarity.cosine_of`."""
    return (
        (127.5 + 127.5 * cosines.nan_to_num(0.0)).round().clamp(0, 255).to(torch.uint8).contiguous().numpy().tobytes()
    )
