"""The support vectors of a fitted model."""

from __future__ import annotations

from dataclasses import replace

import torch

from tui_lab.data.dataset import Dataset, Split
from tui_lab.inspections.content import Supports
from tui_lab.inspections.outcomes import Outcomes, in_turns
from tui_lab.training.fit import Fitting

MOST_JUDGED = 1000  # support vectors among which the hardest are looked for


def supports(engine: Fitting, dataset: Dataset, position: tuple[float, int]) -> Supports:
    """How many training samples of each class the boundary rests on, and those that it fits worst.

    Args:
        engine: fitted to the training split of `dataset`.
        dataset: as loaded, on the CPU.
        position: epoch and total step of the weights.
    """
    held, labels, names = engine.fittable.support_indices, dataset.train.y, dataset.class_names
    counts, samples = (torch.bincount(some, minlength=len(names)).tolist() for some in (labels[held], labels))
    judged = held[:: max(1, len(held) // MOST_JUDGED)]
    split = Split(dataset.train.x[judged], labels[judged])
    x, _ = engine.samples
    with torch.inference_mode():
        scores = engine.model(x[judged])
        losses = engine.fittable.losses(scores, split.y)
    outcomes = Outcomes.of(scores, split, names, position, are_probabilities=False, losses=losses)
    hardest_first = losses.argsort(descending=True, stable=True)
    chosen = hardest_first[in_turns(split.y[hardest_first], len(names))].tolist()
    hardest = tuple(
        replace(sample, index=int(judged[i])) for i, sample in zip(chosen, outcomes.samples(chosen), strict=True)
    )
    return Supports(*position, names, tuple(counts), tuple(samples), hardest)
