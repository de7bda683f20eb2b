"""Parts of a split that keep the proportions of its classes."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_lab.data.dataset import Split
from tui_lab.errors import UsageError


def stratified_indices(labels: Tensor, size: int, seed: int) -> Tensor:
    """Draw `size` samples so that every class keeps its share as closely as whole numbers allow.

    The shares are rounded by the method of largest remainders, ties going to the lower label; within a class the draw
    is uniform. With fewer samples than classes, some classes are absent.

    Args:
        labels: int64 of shape (N,), from 0 on.
        size: from 0 to N.
        seed: of the draw, from `stream_seed`.

    Returns:
        int64 of shape (size,): distinct indices into `labels`, ascending.

    Raises:
        UsageError: `size` is more than N.
    """
    if size > len(labels):
        raise UsageError(f"{size:,} samples were asked for, but there are only {len(labels):,}.")
    generator = torch.Generator().manual_seed(seed)
    is_chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label, share in enumerate(_shares(torch.bincount(labels).tolist(), size)):
        members = (labels == label).nonzero().squeeze(1)
        is_chosen[members[torch.randperm(len(members), generator=generator)[:share]]] = True
    return is_chosen.nonzero().squeeze(1)


def _shares(counts: list[int], size: int) -> list[int]:
    """`size` divided in proportion to `counts`: each gets its quota rounded down or up, so never more than itself."""
    total = max(sum(counts), 1)
    shares = [count * size // total for count in counts]
    by_remainder = sorted(range(len(counts)), key=lambda label: -(counts[label] * size % total))
    for label in by_remainder[: size - sum(shares)]:
        shares[label] += 1
    return shares


def subset(split: Split, size: int, seed: int) -> Split:
    """`size` samples of `split`, stratified; all of them is `split` itself, so that nothing is copied."""
    if size == len(split):
        return split
    chosen = stratified_indices(split.y, size, seed)
    return Split(split.x[chosen], split.y[chosen])


def split_validation(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """Hold out a stratified `fraction` of the training samples.

    Args:
        split: the training samples.
        fraction: the share to hold out, above 0 and below 1; rounded to whole samples.
        seed: of the draw, from `stream_seed`.

    Returns:
        What is left to train on, and the validation split; together they are `split`.

    Raises:
        UsageError: one of the two would be empty.
    """
    size = round(fraction * len(split))
    if not 0 < size < len(split):
        side = "to validate on" if size == 0 else "to train on"
        raise UsageError(f"validation_fraction = {fraction:g} of {len(split):,} training samples leaves none {side}.")
    is_held_out = torch.zeros(len(split), dtype=torch.bool)
    is_held_out[stratified_indices(split.y, size, seed)] = True
    return Split(split.x[~is_held_out], split.y[~is_held_out]), Split(split.x[is_held_out], split.y[is_held_out])
