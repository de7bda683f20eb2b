"""One image augmented many times, for the tool `augment`."""

from __future__ import annotations

import torch

from tui_lab.data.dataset import Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.hyperparameters import GradientHyperparameters, build
from tui_lab.previews.kept import kept_dataset
from tui_lab.previews.samples import augmented as augmented_split
from tui_lab.previews.samples import pictures_of
from tui_lab.tools.augment import AugmentInputs
from tui_lab.tools.tool import Cell, Folders, Gallery, Result, Table

NAMES = ("dataset", "crop", "crop_padding", "flip", "erasing", "rotation")
TILE = 16


def augmented(inputs: AugmentInputs, folders: Folders) -> Result:
    """The image as stored, and so many times as training would see it. Raises TuiLabError where data are missing."""
    hp = build(GradientHyperparameters, {name: getattr(inputs, name) for name in NAMES})
    train = kept_dataset(hp, folders.data).train
    chosen = torch.full((inputs.draws,), inputs.image)
    split = Split(train.x[chosen], train.y[chosen])
    plain = fit_standardizer("none", split.x)
    drawn = pictures_of(augmented_split(hp, split, plain, inputs.seed), 0, 1)
    stored = pictures_of(split.x[:1] / 255, 0, 1)
    name = kept_dataset(hp, folders.data).class_names[int(split.y[0])]
    different = len({picture.rgb for picture in drawn})
    return Result(
        _sentences(inputs, different),
        _table(inputs),
        galleries=(
            Gallery(f"Image {inputs.image} of {inputs.dataset}, as it is stored", tuple(stored), (name,), TILE),
            Gallery("As training sees it", tuple(drawn), ("",) * len(drawn), TILE),
        ),
    )


def _sentences(i: AugmentInputs, different: int) -> tuple[str, ...]:
    told = [f"Of {i.draws} draws, {different} {'is' if different == 1 else 'are'} different."]
    ways = i.crops * (1 + i.flip)
    if ways > 1:
        told.append(f"Crop and mirroring alone can make {ways:,} images of one.")
    return tuple(told)


def _table(i: AugmentInputs) -> Table:
    _, height, width = i.shape
    padded = f"{height + 2 * i.crop_padding}×{width + 2 * i.crop_padding}"
    crop = f"{i.crop}×{i.crop} of {padded}, at {i.crops:,} places" if i.crop else "none"
    rows: tuple[tuple[Cell, ...], ...] = (
        ("crop", crop, f"the {i.crop}×{i.crop} in the middle" if i.crop else "nothing"),
        ("flip", "mirrored with probability 0.5" if i.flip else "none", "nothing"),
        ("rotation", f"by 0 to {i.rotation:g} degrees" if i.rotation else "none", "nothing"),
        ("erasing", f"2 to 33 % of it, with probability {i.erasing:g}" if i.erasing else "none", "nothing"),
    )
    return Table(("", "in training", "in tests"), rows)
