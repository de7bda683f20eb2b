"""CIFAR-10 from its pickled batches, in torchvision's layout."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from tui_lab.data.catalogue import DATASETS
from tui_lab.data.dataset import Split
from tui_lab.data.integrity import intact_files


def load_cifar10(data_dir: Path) -> tuple[Split, Split]:
    """Read CIFAR-10 from `data_dir`/cifar-10-batches-py.

    Every checksum is compared before anything is unpickled, because a pickle can run code.

    Returns:
        Train and test, x uint8 of shape (N, 3, 32, 32), red, green, blue; y int64 of shape (N,).

    Raises:
        MissingDataError: a file is not there.
        DamagedDataError: a file has the wrong checksum.
    """
    *train_batches, test_batch = intact_files("cifar10", data_dir).values()
    return _read(train_batches, DATASETS["cifar10"].train_size), _read([test_batch], DATASETS["cifar10"].test_size)


def _read(batches: Sequence[Path], size: int) -> Split:
    x = torch.empty((size, 3, 32, 32), dtype=torch.uint8)
    y = torch.empty(size, dtype=torch.int64)
    rows = x.view(size, -1).numpy()
    start = 0
    for path in batches:  # one at a time into the whole: memory holds the pixels once, and one batch besides
        with path.open("rb") as file:
            batch = pickle.load(file, encoding="bytes")
        stop = start + len(batch[b"labels"])
        np.copyto(rows[start:stop], batch[b"data"])
        y[start:stop] = torch.tensor(batch[b"labels"])
        start = stop
    return Split(x, y)
