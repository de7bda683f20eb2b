"""MNIST and Fashion-MNIST from their idx files, as distributed (.gz) or extracted, in torchvision's layout."""

from __future__ import annotations

import gzip
from pathlib import Path

import torch
from torch import Tensor

from tui_lab.data.catalogue import DATASETS, damaged_data_error
from tui_lab.data.dataset import Split
from tui_lab.data.integrity import idx_header, idx_shape, intact_files


def load_idx(name: str, data_dir: Path) -> tuple[Split, Split]:
    """Read "mnist" or "fashion-mnist" from `data_dir`; compressed files are decoded in memory, not onto the disk.

    Returns:
        Train and test, x uint8 of shape (N, 1, 28, 28), y int64 of shape (N,).

    Raises:
        MissingDataError: a file is not there.
        DamagedDataError: a file has the wrong checksum, header, length or labels.
    """
    paths = intact_files(name, data_dir)
    train_images, train_labels, test_images, test_labels = DATASETS[name].files
    return _split(name, paths, train_images, train_labels), _split(name, paths, test_images, test_labels)


def _split(name: str, paths: dict[str, Path], images_file: str, labels_file: str) -> Split:
    x = _read(paths[images_file], idx_shape(name, images_file)).unsqueeze(1)
    y = _read(paths[labels_file], idx_shape(name, labels_file)).long()
    classes = len(DATASETS[name].class_names)
    if y.max() >= classes:  # an extracted file has no checksum that would have told
        raise damaged_data_error(name, paths[labels_file], f"has a label {y.max()}, but there are {classes} classes")
    return Split(x, y)


def _read(path: Path, shape: tuple[int, ...]) -> Tensor:
    """The array of an intact idx file, read straight into the tensor."""
    array = torch.empty(shape, dtype=torch.uint8)
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        file.read(len(idx_header(shape)))
        file.readinto(array.numpy().data)
    return array
