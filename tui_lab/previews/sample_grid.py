"""Some rows of samples for each class, for the tool `sample-grid`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from tui_lab.data.catalogue import DATASETS
from tui_lab.data.folder import list_folder, read_images
from tui_lab.hyperparameters import Hyperparameters, build
from tui_lab.inspections.outcomes import shown
from tui_lab.pictures import Picture
from tui_lab.previews.kept import kept_dataset
from tui_lab.seeding import stream_seed
from tui_lab.tools.sample_grid import SampleGridInputs
from tui_lab.tools.tool import Folders, PictureRows, Result

MOST_PICTURES = 3000
FOLDER_SEED = 0  # of the division of a folder without train and test into the two


def sample_grid(inputs: SampleGridInputs, folders: Folders) -> Result:
    """Images drawn at random, class by class. Raises TuiLabError where data are missing or damaged."""
    if inputs.dataset == "folder":
        return _of_folder(inputs, Path(inputs.folder).expanduser())
    dataset = kept_dataset(build(Hyperparameters, {"dataset": inputs.dataset}), folders.data)
    split = dataset.train if inputs.split == "train" else dataset.test
    chosen = _choose(split.y, dataset.classes, inputs)
    pictures = [_pictures(split.x[indices]) for indices in chosen]
    return _result(inputs, DATASETS[inputs.dataset].title, dataset.class_names, split.y, split.x.shape[2:], pictures)


def _of_folder(inputs: SampleGridInputs, folder: Path) -> Result:
    """Only the images that are shown are decoded."""
    class_names, *listings = list_folder(folder, FOLDER_SEED)
    listing = listings[inputs.split == "test"]
    chosen = _choose(listing.labels, len(class_names), inputs)
    side = inputs.image_size
    pictures = [_pictures(read_images([listing.paths[i] for i in indices.tolist()], side)) for indices in chosen]
    return _result(inputs, str(folder), class_names, listing.labels, (side, side), pictures)


def _choose(labels: Tensor, classes: int, inputs: SampleGridInputs) -> list[Tensor]:
    """Indices of what is shown of each class; of very many classes, of the first ones."""
    of_each = inputs.rows * inputs.columns
    generator = torch.Generator().manual_seed(stream_seed(0, "preview", inputs.draw))
    order = torch.randperm(len(labels), generator=generator)
    shuffled = labels[order]
    return [
        order[(shuffled == label).nonzero()[:of_each, 0]] for label in range(min(classes, MOST_PICTURES // of_each))
    ]


def _pictures(x: Tensor) -> tuple[Picture, ...]:
    return tuple(picture for picture in map(shown, x) if isinstance(picture, Picture))


def _result(
    inputs: SampleGridInputs,
    title: str,
    class_names: tuple[str, ...],
    labels: Tensor,
    size: tuple[int, ...],
    pictures: list[tuple[Picture, ...]],
) -> Result:
    counts = torch.bincount(labels, minlength=len(class_names)).tolist()
    least, most = min(counts), max(counts)
    each = f"{least:,}" if least == most else f"{least:,} to {most:,}"
    lines = [f"{len(labels):,} {inputs.split} images of {size[0]}×{size[1]} in {len(class_names):,} classes of {each}."]
    if len(pictures) < len(class_names):
        lines.append(f"Shown are the first {len(pictures):,} classes.")
    groups = tuple(zip(class_names, pictures, strict=False))
    return Result(tuple(lines), galleries=(PictureRows(title, groups, inputs.columns),))
