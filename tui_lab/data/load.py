"""From hyperparameters to a data set in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

from torch import Tensor

from tui_lab.data.catalogue import DATASETS
from tui_lab.data.cifar import load_cifar10
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.digits import load_digits
from tui_lab.data.folder import Listing, list_folder, read_images
from tui_lab.data.idx import load_idx
from tui_lab.data.points import load_points
from tui_lab.data.subsets import split_validation, stratified_indices, subset
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import Hyperparameters, PointSet
from tui_lab.seeding import stream_seed

_SIZES: tuple[Literal["train_size", "test_size"], ...] = ("train_size", "test_size")


def load_dataset(hyperparameters: Hyperparameters, data_dir: Path) -> Dataset:
    """Load `dataset`, reduced to `train_size` and `test_size`, with `validation_fraction` of the former held out.

    Args:
        hyperparameters: of the run; the fields of topic "Data" and `seed` matter.
        data_dir: the folder with the downloaded sets, in torchvision's layout.

    Returns:
        The splits as stored: not standardised, on the CPU.

    Raises:
        MissingDataError: files are not there.
        DamagedDataError: a file is there but not what it should be, or cannot be read.
        UsageError: more samples were asked for than there are, or the user's own folder is not laid out as needed.
    """
    info = DATASETS[hyperparameters.dataset]
    class_names = info.class_names
    if info.kind == "points":
        train, test = _points(hyperparameters)
    elif info.name == "folder":
        class_names, train, test = _own_images(hyperparameters)
    else:
        splits = _read(info.name, data_dir)
        train, test = (_reduced(split, hyperparameters, which) for which, split in enumerate(splits))
    validation = None
    if hyperparameters.validation_fraction > 0:
        seed = stream_seed(hyperparameters.seed, "validation")
        train, validation = split_validation(train, hyperparameters.validation_fraction, seed)
    return Dataset(info.name, class_names, train, test, validation)


def _points(hyperparameters: Hyperparameters) -> tuple[Split, Split]:
    info = DATASETS[hyperparameters.dataset]
    return load_points(
        cast(PointSet, hyperparameters.dataset),
        hyperparameters.train_size or info.train_size,
        hyperparameters.test_size or info.test_size,
        hyperparameters.noise,
        hyperparameters.seed,
    )


def _read(name: str, data_dir: Path) -> tuple[Split, Split]:
    if name == "digits":
        return load_digits()
    return load_cifar10(data_dir) if name == "cifar10" else load_idx(name, data_dir)


def _own_images(hyperparameters: Hyperparameters) -> tuple[tuple[str, ...], Split, Split]:
    folder = Path(hyperparameters.folder).expanduser()
    class_names, *listings = list_folder(folder, hyperparameters.seed)
    chosen = [_chosen(listing, hyperparameters, which) for which, listing in enumerate(listings)]
    paths = [[listing.paths[i] for i in indices.tolist()] for listing, indices in zip(listings, chosen, strict=True)]
    images = read_images([*paths[0], *paths[1]], hyperparameters.stored_side)  # both at once: it names all broken ones
    train_labels, test_labels = (listing.labels[at] for listing, at in zip(listings, chosen, strict=True))
    train = Split(images[: len(train_labels)], train_labels)
    test = Split(images[len(train_labels) :], test_labels)
    return class_names, train, test


def _chosen(listing: Listing, hyperparameters: Hyperparameters, which: int) -> Tensor:
    """Indices of the samples that are asked for, the only ones to be decoded: a subset of a large folder is quick."""
    size = _size(hyperparameters, which, len(listing.paths))
    return stratified_indices(listing.labels, size, stream_seed(hyperparameters.seed, "subset", which))


def _reduced(split: Split, hyperparameters: Hyperparameters, which: int) -> Split:
    seed = stream_seed(hyperparameters.seed, "subset", which)
    return subset(split, _size(hyperparameters, which, len(split)), seed)


def _size(hyperparameters: Hyperparameters, which: int, available: int) -> int:
    """The samples asked for of the train (0) or the test (1) split, of which `available` exist; 0 asks for all."""
    asked = getattr(hyperparameters, _SIZES[which])
    if asked > available:
        raise UsageError(
            f"{_SIZES[which]} = {asked:,} is more than the {available:,} samples in {hyperparameters.dataset}."
        )
    return cast(int, asked) or available
