"""Samples as a run would get them: real ones, after the augmentation that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor

from tui_lab import paths
from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.load import load_dataset
from tui_lab.data.standardize import Standardizer, fit_standardizer
from tui_lab.hyperparameters import Hyperparameters, declarations
from tui_lab.inspections.content import LabelledPoint
from tui_lab.inspections.outcomes import in_turns, shown
from tui_lab.pictures import Picture
from tui_lab.previews.content import Sample, SampleGrid
from tui_lab.seeding import stream_seed

MOST_SAMPLES = 30
MOST_OF_A_CLASS = 6
MOST_POINTS = 400  # of each split
STANDARDISATION = {"standardize", "whiten_epsilon"}  # of topic Data, but applied to the data set once it is loaded

T = TypeVar("T")


class Last(Generic[T]):
    """The last thing that was made, kept for as long as the same is asked for."""

    def __init__(self) -> None:
        self._made: tuple[Hashable, T] | None = None

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        if self._made is None or self._made[0] != key:
            self._made = None  # two data sets need not be in memory at a time
            self._made = key, make()
        return self._made[1]


class SamplePreviews:
    """Makes sample grids; the last data set, and what was fitted on it, stay in memory."""

    def __init__(self) -> None:
        self._dataset = Last[Dataset]()
        self._standardizer = Last[Standardizer]()

    def grid(self, hyperparameters: Hyperparameters, data_dir: Path, draw: int = 0) -> SampleGrid:
        """A few samples of each class, or points.

        Args:
            hyperparameters: of a configuration that fits its data set.
            data_dir: the folder with data sets.
            draw: from 0 on. Another one shows the same images, augmented anew; other images where nothing is random.

        Raises:
            TuiLabError: as `load_dataset` and `fit_standardizer` raise it.
        """
        hp = hyperparameters
        key = data_key(hp, data_dir)
        dataset = self._dataset.get(key, lambda: load_dataset(hp, data_dir))
        grid = SampleGrid(dataset.name, dataset.class_names, len(dataset.train), len(dataset.test))
        if len(dataset.sample_shape) == 1:
            return replace(grid, train=_points(dataset.train), test=_points(dataset.test))
        chosen = _choose(dataset, stream_seed(hp.seed, "preview", 0 if Augmentation.of(hp).is_random else draw))
        pictures = pictures_of(augmented(hp, chosen, fit_standardizer("none", chosen.x), draw), 0, 1)
        seen: list[Picture] | list[None] = [None] * len(chosen)
        seen_range = None
        if hp.standardize != "none":
            standardizer = self._standardizer.get(
                (key, hp.standardize, hp.whiten_epsilon),
                lambda: fit_standardizer(
                    hp.standardize, dataset.train.x, epsilon=hp.whiten_epsilon, cache_dir=paths.cache_dir()
                ),
            )
            x = augmented(hp, chosen, standardizer, draw)
            seen_range = x.min().item(), x.max().item()
            seen = pictures_of(x, *seen_range)
        samples = map(Sample, pictures, seen, chosen.y.tolist())
        return replace(grid, samples=tuple(samples), seen_range=seen_range)


def data_key(hyperparameters: Hyperparameters, data_dir: Path) -> Hashable:
    """What `load_dataset` makes its answer of: the same key, the same data set."""
    hp = hyperparameters
    named = [d.name for d in declarations(type(hp)).values() if d.topic == "Data" and d.name not in STANDARDISATION]
    return (data_dir, hp.seed, hp.stored_side, *(getattr(hp, name) for name in named))


def _choose(dataset: Dataset, seed: int) -> Split:
    """Some training samples at random: one of each class, then a second of each, and so on."""
    split = dataset.train
    order = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))
    most = min(MOST_SAMPLES, MOST_OF_A_CLASS * dataset.classes)
    chosen = order[in_turns(split.y[order], dataset.classes, most)]
    return Split(split.x[chosen], split.y[chosen])


def augmented(hp: Hyperparameters, split: Split, standardizer: Standardizer, draw: int) -> Tensor:
    """The samples as the batches of a run have them, in the order of the split: float32 (N, C, h, w)."""
    batches = Batches(
        split,
        Augmentation.of(hp),
        standardizer,
        is_training=True,
        batch_size=len(split),
        seed=stream_seed(hp.seed, "preview"),
        device="cpu",
    )
    epoch = batches.draw(draw)
    x, _ = batches.batch(epoch, 0)
    return x if epoch.samples is None else x[epoch.samples[0].argsort()]


def pictures_of(x: Tensor, low: float, high: float) -> list[Picture]:
    """Images (N, C, h, w) with `low` as black and `high` as white."""
    pixels = ((x - low) * (255 / (high - low or 1))).round().clamp(0, 255).to(torch.uint8)
    return [picture for picture in map(shown, pixels) if isinstance(picture, Picture)]


def _points(split: Split) -> tuple[LabelledPoint, ...]:
    count = min(len(split), MOST_POINTS)
    chosen = [i * len(split) // count for i in range(count)]
    return tuple(
        LabelledPoint(round(x, 4), round(y, 4), label)
        for (x, y), label in zip(split.x[chosen].tolist(), split.y[chosen].tolist(), strict=True)
    )
