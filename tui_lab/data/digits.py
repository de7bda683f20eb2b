"""The digits that come with scikit-learn: 1,797 scans of 8×8 pixels, small enough to train on in seconds, offline."""

from __future__ import annotations

import torch

from tui_lab.data.catalogue import DATASETS
from tui_lab.data.dataset import Split
from tui_lab.data.subsets import stratified_indices
from tui_lab.seeding import stream_seed

_BRIGHTEST = 16  # each scanned value counts the set pixels of a 4×4 block


def load_digits() -> tuple[Split, Split]:
    """1,437 train and 360 test scans, divided once and for all: stratified, the same for every seed of a run.

    Returns:
        Train and test, x uint8 of shape (N, 1, 8, 8) with the 17 grey levels spread over 0 to 255, y int64 of (N,).
    """
    from sklearn import datasets  # slow to import

    scans = datasets.load_digits()
    x = torch.from_numpy(scans.images).mul(255 / _BRIGHTEST).round().to(torch.uint8).unsqueeze(1)
    y = torch.from_numpy(scans.target)
    is_test = torch.zeros(len(y), dtype=torch.bool)
    is_test[stratified_indices(y, DATASETS["digits"].test_size, stream_seed(0, "digits"))] = True
    return Split(x[~is_test], y[~is_test]), Split(x[is_test], y[is_test])
