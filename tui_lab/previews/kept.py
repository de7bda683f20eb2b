"""The data set that tools ask for: the last one stays in memory, for as long as the same is asked for."""

from __future__ import annotations

from pathlib import Path

from tui_lab.data.dataset import Dataset
from tui_lab.data.load import load_dataset
from tui_lab.hyperparameters import Hyperparameters
from tui_lab.previews.samples import Last, data_key

_last = Last[Dataset]()


def kept_dataset(hyperparameters: Hyperparameters, data_dir: Path) -> Dataset:
    """As `load_dataset`, quick when it is asked for again."""
    return _last.get(data_key(hyperparameters, data_dir), lambda: load_dataset(hyperparameters, data_dir))
