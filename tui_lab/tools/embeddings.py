"""Position embeddings as matrices: the formula, what a run has learned, and how alike positions are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from tui_lab.errors import UsageError
from tui_lab.runs.directory import RunDirectory

if TYPE_CHECKING:  # numpy takes longer to import than all tools together, and lists of tools need none
    from numpy.typing import NDArray

BASE = 10_000.0
LEARNED = ("position", "pos_embed")  # what the weights are called, in this program's transformer and in timm's


def wavelength(dimension: int, embed_dim: int) -> float:
    """Positions after which the wave in one dimension of a sinusoidal embedding begins anew."""
    return float(2 * math.pi * BASE ** ((dimension - dimension % 2) / embed_dim))


def sinusoidal(positions: int, embed_dim: int) -> NDArray[Any]:
    """A vector for each position, float64 (positions, embed_dim). Vaswani et al., Attention Is All You Need, 2017.

    even j: sin(i / 10000^(j/E))          odd j: cos(i / 10000^((j-1)/E))
    """
    import numpy as np

    i, j = np.arange(positions)[:, None], np.arange(embed_dim)
    angle = i / BASE ** ((j - j % 2) / embed_dim)
    return np.where(j % 2 == 0, np.sin(angle), np.cos(angle))


def similarities(embeddings: NDArray[Any]) -> NDArray[Any]:
    """The cosine of the angle between every two rows of (T, E), (T, T); 0 where a row is 0."""
    import numpy as np

    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit = embeddings / np.where(lengths == 0, 1.0, lengths)
    return np.clip(unit @ unit.T, -1.0, 1.0)


def reduced(matrix: NDArray[Any], most_rows: int, most_columns: int) -> NDArray[Any]:
    """A matrix with no more rows and columns than that, each the mean of as many neighbours, or of one fewer."""
    import numpy as np

    for axis, most in enumerate((most_rows, most_columns)):
        size = matrix.shape[axis]
        if size > most:
            starts = np.arange(most) * size // most
            shape = [1, 1]
            shape[axis] = most
            matrix = np.add.reduceat(matrix, starts, axis) / np.diff(starts, append=size).reshape(shape)
    return matrix


@dataclass(frozen=True)
class Learned:
    """The position embeddings that a run has learned, float64 (T, E), and the run's id."""

    run: str
    embeddings: NDArray[Any]


def learned(run: RunDirectory) -> Learned:
    """Those of the last weights that a run has saved.

    Raises UsageError where it has none, or what it has cannot be read.
    """
    try:
        found = _first_embeddings(run.weights)
    except FileNotFoundError as error:
        raise UsageError(f"Run {run.id} has saved no weights yet.", "It does when it pauses or ends.") from error
    except (OSError, SafetensorError) as error:
        raise UsageError(f"The weights of run {run.id} cannot be read: {run.weights} is damaged.") from error
    if found is None:
        raise UsageError(
            f"Run {run.id} has learned no position embeddings.", "A run of vit with position = learned has some."
        )
    if not abs(found).max() < math.inf:
        raise UsageError(f"The position embeddings of run {run.id} are not finite: its training has diverged.")
    return Learned(run.id, found)


def _first_embeddings(weights: Path) -> NDArray[Any] | None:
    with safe_open(weights, framework="numpy") as file:  # reads no more than what is asked for
        for name in file.keys():  # noqa: SIM118, it is no mapping
            if name.rpartition(".")[2] in LEARNED and len(file.get_slice(name).get_shape()) == 3:
                tensor: NDArray[Any] = file.get_tensor(name)[0]
                return tensor.astype("float64")
    return None
