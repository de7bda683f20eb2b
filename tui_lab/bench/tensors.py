"""The samples that every loop is timed on: the data set itself, or random pixels of its shape."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from tui_lab.bench.workload import LoopRequest
from tui_lab.data.catalogue import DATASETS, DatasetInfo, is_present
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.load import load_dataset
from tui_lab.seeding import stream_seed

STATISTICS_SAMPLES = 5000  # enough to scale by, and quick


def load(request: LoopRequest) -> tuple[Dataset, str]:
    """The data set and what to call it. Random pixels cost a training step what real ones cost; labels are random too.

    x is uint8 (N, C, H, W), y int64 (N,), as everywhere.
    """
    info = DATASETS[request.hyperparameters.dataset]
    if not request.samples and is_present(info.name, Path(request.data_dir)):
        return load_dataset(request.hyperparameters, Path(request.data_dir)), info.name
    sizes = (request.samples or info.train_size, request.samples or info.test_size)
    train, test = (_random_split(info, size, which) for which, size in enumerate(sizes))
    return Dataset(info.name, info.class_names, train, test), f"random pixels in the shape of {info.name}"


def _random_split(info: DatasetInfo, size: int, which: int) -> Split:
    assert info.shape is not None  # the benchmark's data sets have one
    generator = torch.Generator().manual_seed(stream_seed(0, "bench", which))
    x = torch.randint(256, (size, *info.shape), dtype=torch.uint8, generator=generator)
    return Split(x, torch.randint(len(info.class_names), (size,), generator=generator))


def channel_statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel of x uint8 (N, C, H, W) in [0, 1], float32 (C,)."""
    sample = x[:: math.ceil(len(x) / STATISTICS_SAMPLES)].float() / 255
    return sample.mean((0, 2, 3)), sample.std((0, 2, 3))
