"""What standardisation makes of real images, for the tool `standardize`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from tui_lab import paths
from tui_lab.data.dataset import Split
from tui_lab.data.standardize import Standardizer, fit_standardizer, to_float
from tui_lab.hyperparameters import GradientHyperparameters, Standardize, build
from tui_lab.inspections.outcomes import in_turns
from tui_lab.previews.kept import kept_dataset
from tui_lab.previews.samples import Last, pictures_of
from tui_lab.seeding import stream_seed
from tui_lab.tools.standardize import StandardizeInputs
from tui_lab.tools.tool import Cell, Folders, Gallery, Result, Table

MEASURED = 2000  # training samples that the statistics are taken of
TILE = 14
_whitening = Last[dict[str, Standardizer]]()


def standardized(inputs: StandardizeInputs, folders: Folders) -> Result:
    """Images before and after each scheme, and what became of the values. Raises TuiLabError where data are missing."""
    dataset = kept_dataset(
        build(GradientHyperparameters, {"dataset": inputs.dataset, "train_size": inputs.train_size}), folders.data
    )
    train = dataset.train
    shown = _choose(train, dataset.classes, inputs)
    measured = to_float(train.x[:: max(1, len(train) // MEASURED)][:MEASURED])
    captions = tuple(dataset.class_names[label] for label in train.y[shown].tolist())
    rows: list[tuple[Cell, ...]] = []
    galleries = []
    for name in inputs.schemes:
        standardizer = _fitted(name, train, inputs, folders.data)
        rows.append((name, *_statistics(standardizer(measured))))
        x = standardizer(to_float(train.x[shown]))
        low, high = x.min().item(), x.max().item()
        title = f"{name}: black is {low:.3g}, white {high:.3g}"
        galleries.append(Gallery(title, tuple(pictures_of(x, low, high)), captions, TILE))
    return Result(
        (f"Fitted on {len(train):,} training samples, measured on {len(measured):,} of them.",),
        Table(("scheme", "mean", "std", "min", "max", "neighbours"), tuple(rows)),
        galleries=tuple(galleries),
    )


def _choose(train: Split, classes: int, inputs: StandardizeInputs) -> Tensor:
    """Indices of the images shown: at random, the classes taking turns."""
    generator = torch.Generator().manual_seed(stream_seed(0, "preview", inputs.draw))
    order = torch.randperm(len(train), generator=generator)
    return order[in_turns(train.y[order], classes, inputs.images)]


def _fitted(name: str, train: Split, inputs: StandardizeInputs, data_dir: Path) -> Standardizer:
    """Fitted once for the same images; the next number of images shown, or another draw, must not wait again."""
    key = (inputs.dataset, inputs.train_size, inputs.whiten_epsilon, data_dir)
    known = _whitening.get(key, dict)
    if name not in known:
        known[name] = fit_standardizer(
            cast(Standardize, name), train.x, epsilon=inputs.whiten_epsilon, cache_dir=paths.cache_dir()
        )
    return known[name]


def _statistics(x: Tensor) -> tuple[float, ...]:
    """Mean, standard deviation, least and largest value of x (N, C, H, W); the correlation of neighbours in a row."""
    pair = torch.stack([x[..., :-1].flatten(), x[..., 1:].flatten()]).double()
    centred = pair - pair.mean(1, keepdim=True)
    scale = math.sqrt(centred[0].square().sum().item() * centred[1].square().sum().item())
    correlation = (centred[0] * centred[1]).sum().item() / scale if scale else 0.0
    values = (x.double().mean(), x.double().std(), x.min(), x.max())
    return (*(round(value.item(), 5) + 0.0 for value in values), round(correlation, 4) + 0.0)
