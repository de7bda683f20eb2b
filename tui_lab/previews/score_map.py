"""A network run on an image larger than it was made for, for the tool `fc-as-conv`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional as F

from tui_lab import paths
from tui_lab.data.augment import Augmentation
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import fit_standardizer, to_float
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import Hyperparameters, build
from tui_lab.labs.convnet import CONVNET
from tui_lab.models import fully_convolutional
from tui_lab.models.convnet import ConvNet
from tui_lab.previews.kept import kept_dataset
from tui_lab.previews.samples import pictures_of
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.store import RunStore
from tui_lab.seeding import stream_seed
from tui_lab.tools.fc_as_conv import WINDOWS, FcAsConvInputs
from tui_lab.tools.receptive_field import fields
from tui_lab.tools.tool import Cell, Folders, Gallery, Result, Table

JUMP = fields(WINDOWS)[-1][1]  # pixels between two places of the map
IMAGE_TILE, MAP_TILE = 32, 10
MOST_ACROSS = 8  # places of a map whose classes are told one by one
LONGEST_NAME = 8


@dataclass(frozen=True)
class Network:
    """A network, whose images it was trained on, and the side of what it saw of them."""

    model: ConvNet
    hyperparameters: Hyperparameters
    dataset: Dataset
    side: int
    name: str


def score_map(inputs: FcAsConvInputs, folders: Folders) -> Result:
    """The image, the most probable class at every place of it, and the probability of each class as a picture.

    Raises TuiLabError: no such run, or one without weights, or the data are missing, or the image is too small.
    """
    network = _of_run(inputs.run, folders) if inputs.run else _untrained(inputs, folders)
    if min(inputs.height, inputs.width) < network.side:
        raise UsageError(f"The network was made for {network.side}×{network.side}: the image must not be smaller.")
    image, labels = _image(inputs, network.dataset.test)
    x = _standardized(network, to_float(image))
    network.model.eval()
    with torch.no_grad():
        map_of_all = _probabilities(network, fully_convolutional.score_map(network.model, x))[0]  # (classes, h, w)
        alone = _one_by_one(network, x)
    names = network.dataset.class_names
    return Result(
        _sentences(network, map_of_all, alone),
        _table(map_of_all, names),
        galleries=_galleries(image, map_of_all, names, [names[label] for label in labels]),
    )


def _untrained(inputs: FcAsConvInputs, folders: Folders) -> Network:
    """Weights at random, on images of the chosen data set."""
    hp = build(CONVNET.hyperparameters, {"dataset": inputs.dataset})
    dataset = kept_dataset(hp, folders.data)
    shape = (dataset.sample_shape[0], inputs.trained_side, inputs.trained_side)
    torch.manual_seed(stream_seed(hp.seed, "init"))
    model = CONVNET.build_model(hp, shape, dataset.classes)
    assert isinstance(model, ConvNet)
    return Network(model, hp, dataset, inputs.trained_side, "With weights at random")


def _of_run(name: str, folders: Folders) -> Network:
    """The last weights that a run has saved."""
    run = RunStore(folders.home).find(name)
    request = run.read_request()
    if request.exercise != CONVNET.name:
        raise UsageError(f"Run {run.id} is one of {request.exercise}: this needs a {CONVNET.name}.")
    hp = build(CONVNET.hyperparameters, request.hyperparameters)
    if hp.standardize in ("zca", "pca"):
        raise UsageError(
            f"Run {run.id} whitens its images, which is for images of one size only.", "Take a run with another scheme."
        )
    dataset = kept_dataset(hp, folders.data)
    shape = Augmentation.of(hp).output_shape(dataset.sample_shape)
    if shape[1] != shape[2]:
        raise UsageError(f"Run {run.id} has images of {shape[1]}×{shape[2]}: this needs square ones.")
    model = CONVNET.build_model(hp, shape, dataset.classes)
    assert isinstance(model, ConvNet)
    _load(model, run)
    return Network(model, hp, dataset, shape[1], f"With the weights of run {run.id}")


def _load(model: ConvNet, run: RunDirectory) -> None:
    try:
        model.load_state_dict(safetensors.torch.load(run.weights.read_bytes()))
    except FileNotFoundError as error:
        raise UsageError(f"Run {run.id} has saved no weights yet.", "It does when it pauses or ends.") from error
    except (OSError, SafetensorError, RuntimeError) as error:  # RuntimeError: torch's, of weights of another shape
        raise UsageError(f"The weights of run {run.id} cannot be read: {run.weights} is damaged.") from error


def _image(inputs: FcAsConvInputs, test: Split) -> tuple[Tensor, list[int]]:
    """The larger image, uint8 (1, C, height, width), and the classes of the samples in it, row by row."""
    height, width = inputs.height, inputs.width
    side = test.x.shape[2:]
    rows, columns = (math.ceil(length / part) for length, part in zip((height, width), side, strict=True))
    if inputs.image == "sample":
        rows = columns = 1
    generator = torch.Generator().manual_seed(stream_seed(0, "preview", inputs.draw))
    chosen = torch.randint(len(test), (rows * columns,), generator=generator)
    labels = test.y[chosen].tolist()
    if inputs.image == "sample":
        enlarged = F.interpolate(test.x[chosen].float(), (height, width), mode="bilinear", align_corners=False)
        return enlarged.round().clamp(0, 255).to(torch.uint8), labels
    tiles = test.x[chosen].reshape(rows, columns, -1, *side)  # (rows, columns, C, h, w)
    whole = tiles.permute(2, 0, 3, 1, 4).reshape(1, -1, rows * side[0], columns * side[1])
    return whole[..., :height, :width].contiguous(), labels


def _standardized(network: Network, x: Tensor) -> Tensor:
    hp = network.hyperparameters
    fitted = fit_standardizer(
        hp.standardize, network.dataset.train.x, epsilon=hp.whiten_epsilon, cache_dir=paths.cache_dir()
    )
    return fitted(x)


def _probabilities(network: Network, outputs: Tensor) -> Tensor:
    """Of the classes, along dimension 1."""
    return outputs if isinstance(network.model.output, torch.nn.Softmax) else outputs.softmax(1)


def _one_by_one(network: Network, x: Tensor) -> Tensor:
    """What the network says of each window by itself, (classes, h, w): the places of the map, where windows fit."""
    windows = x[0].unfold(1, network.side, JUMP).unfold(2, network.side, JUMP)  # (C, h, w, side, side)
    height, width = windows.shape[1:3]
    batch = windows.permute(1, 2, 0, 3, 4).flatten(0, 1)
    outputs = torch.cat([network.model(part) for part in batch.split(128)])  # type: ignore[no-untyped-call]
    return _probabilities(network, outputs).T.reshape(-1, height, width)


def _sentences(network: Network, found: Tensor, alone: Tensor) -> tuple[str, ...]:
    height, width = min(found.shape[1], alone.shape[1]), min(found.shape[2], alone.shape[2])
    here, there = found[:, :height, :width], alone[:, :height, :width]
    same = int((here.argmax(0) == there.argmax(0)).sum())
    apart = (here - there).abs().max().item()
    side = f"{network.side}×{network.side}"
    lines = [
        f"{network.name}: a map of {found.shape[1]} × {found.shape[2]} places, {len(found)} classes each.",
        f"At {same} of {height * width} places the class is that of the window of {side} by itself.",
    ]
    if apart > 1e-4:
        lines.append(
            f"Probabilities differ by up to {apart:.2g}: by itself, a window has padding where the image goes on."
        )
    return tuple(lines)


def _table(found: Tensor, names: tuple[str, ...]) -> Table:
    """The most probable class of every place with its percent; of a large map, each class with its best place."""
    height, width = found.shape[1:]
    if max(height, width) > MOST_ACROSS:
        winners = found.argmax(0)
        rows: list[tuple[Cell, ...]] = []
        for label, name in enumerate(names):
            best = int(found[label].argmax())
            row, column = divmod(best, width)
            share = f"{100 * found[label].flatten()[best].item():.0f} %"
            rows.append((name, int((winners == label).sum()), share, f"row {row * JUMP}, column {column * JUMP}"))
        return Table(("class", "places", "at most", "there"), tuple(rows))
    best_of_all, labels = found.max(0)
    cells = [
        tuple(f"{names[label][:LONGEST_NAME]} {100 * p:.0f}" for label, p in zip(*line, strict=True))
        for line in zip(labels.tolist(), best_of_all.tolist(), strict=True)
    ]
    columns = ("row", *(f"column {column * JUMP}" for column in range(width)))
    return Table(columns, tuple((str(row * JUMP), *line) for row, line in enumerate(cells)))


def _galleries(image: Tensor, found: Tensor, names: tuple[str, ...], samples: list[str]) -> tuple[Gallery, ...]:
    height, width = image.shape[2:]
    said = ", ".join(samples[:MOST_ACROSS]) + (", ..." if len(samples) > MOST_ACROSS else "")
    highest = found.flatten(1).amax(1).tolist()
    captions = [f"{name}\n{100 * most:.0f} % at most" for name, most in zip(names, highest, strict=True)]
    winner = pictures_of(found.amax(0)[None, None], 0, 1)
    maps = [picture for one in found for picture in pictures_of(one[None, None], 0, 1)]
    return (
        Gallery(
            f"{height}×{width} pixels: {said}; and how probable the most probable class is",
            (*pictures_of(image / 255, 0, 1), *winner),
            ("", "black 0 %, white 100 %"),
            IMAGE_TILE,
        ),
        Gallery("The map of each class: black 0 %, white 100 %", tuple(maps), tuple(captions), MAP_TILE),
    )
