"""What standardisation does to the inputs of a run."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_lab import paths
from tui_lab.data.dataset import Dataset
from tui_lab.data.standardize import PerChannel, Whitening, fit_standardizer, to_float
from tui_lab.inspections.content import ChannelValues, Histogram, Spread, Standardization
from tui_lab.training.fit import Subject

MEASURED = 500  # training samples
PARTS = 48  # of a histogram
COLOURS, COORDINATES = ("red", "green", "blue"), ("x", "y")


def standardization(engine: Subject, dataset: Dataset, position: tuple[float, int]) -> Standardization:
    """The statistics of training samples, evenly spread, before and after the run's standardisation.

    Args:
        engine: whose training batches have the standardizer.
        dataset: as loaded, on the CPU.
        position: epoch and total step.
    """
    stored = dataset.train.x
    count = min(len(stored), MEASURED)
    before = to_float(stored[[i * len(stored) // count for i in range(count)]])
    hp = engine.hyperparameters
    if len(engine.train.sample_shape) == len(dataset.sample_shape):
        standardizer = engine.train.standardizer.to("cpu")
    else:  # the model is trained on features of the images
        standardizer = fit_standardizer(hp.standardize, stored, epsilon=hp.whiten_epsilon, cache_dir=paths.cache_dir())
    after = standardizer(before)
    is_per_channel = isinstance(standardizer, PerChannel)
    is_fitted = is_per_channel or isinstance(standardizer, Whitening)
    means, stds = (standardizer.mean, standardizer.std) if isinstance(standardizer, PerChannel) else (None, None)
    names = _names(stored)
    return Standardization(
        *position,
        hp.standardize,
        len(stored) if is_fitted else 0,
        _numbers(means),
        _numbers(stds),
        count,
        tuple(ChannelValues(name, _spread(before[:, i]), _spread(after[:, i])) for i, name in enumerate(names)),
        _histogram(before),
        _histogram(after),
    )


def _names(x: Tensor) -> tuple[str, ...]:
    channels = x.shape[1]
    if x.dim() == 2:
        return COORDINATES if channels == len(COORDINATES) else tuple(f"x{i + 1}" for i in range(channels))
    return {1: ("grey",), 3: COLOURS}.get(channels, tuple(f"channel {i + 1}" for i in range(channels)))


def _spread(values: Tensor) -> Spread:
    values = values.double()
    std = float(values.std()) if values.numel() > 1 else 0.0
    return Spread(*(_short(value) for value in (float(values.mean()), std, float(values.min()), float(values.max()))))


def _histogram(values: Tensor) -> Histogram:
    low, high = float(values.min()), float(values.max())
    places = ((values.flatten() - low) / ((high - low) or 1.0) * PARTS).long().clamp(0, PARTS - 1)
    return Histogram(_short(low), _short(high), tuple(torch.bincount(places, minlength=PARTS).tolist()))


def _numbers(values: Tensor | None) -> tuple[float, ...]:
    return () if values is None else tuple(map(_short, values.flatten().tolist()))


def _short(value: float) -> float:
    return float(f"{value:.5g}") + 0.0  # no -0
