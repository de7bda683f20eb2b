"""The weights of the first layer as pictures."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tui_lab.inspections.content import Filters
from tui_lab.models.bow_svm import BowSVM
from tui_lab.models.mlp_by_hand import Weights
from tui_lab.pictures import Picture

MOST_FILTERS = 64
LAYERS = (nn.Conv2d, nn.Linear, Weights)


def filters(model: nn.Module, input_shape: tuple[int, ...], position: tuple[float, int]) -> Filters | None:
    """The first layer that has weights, convolution or linear layer, each filter as a picture.

    Args:
        model: whatever its device.
        input_shape: of a sample as the model gets it, (C, h, w).
        position: epoch and total step of the weights.

    Returns:
        The first 64 filters. None where they are no pictures: for points, for images that have neither one nor three
        channels, or where the first layer does not take the image itself.
    """
    layers = ((name, module) for name, module in model.named_modules() if isinstance(module, LAYERS))
    name, layer = next(layers, ("", None))
    if layer is None or len(input_shape) != 3 or input_shape[0] not in (1, 3):
        return None
    weights = layer.weight.detach().float().cpu()
    count = len(weights)
    if weights.dim() == 2 and weights.shape[1] == math.prod(input_shape):
        weights = weights.reshape(count, *input_shape)
    if weights.dim() != 4 or weights.shape[1] != input_shape[0]:
        return None
    weights = weights[:MOST_FILTERS]
    largest = weights.abs().amax((1, 2, 3))
    return Filters(*position, f"{name}, {type(layer).__name__}", _pictures(weights, largest), _rounded(largest), count)


def words(model: BowSVM, input_shape: tuple[int, ...], position: tuple[float, int]) -> Filters | None:
    """The vocabulary of a bag of words, each word as the patch that it stands for.

    Args: as `filters` has them.

    Returns:
        The 64 words that most patches are nearest to. None where they are no pictures, as in `filters`.
    """
    channels, size = input_shape[0], model.vocabulary.patch_size
    if channels not in (1, 3):
        return None
    found = model.vocabulary.words.detach()
    patches = found[:MOST_FILTERS].reshape(-1, channels, size, size)
    largest = patches.abs().amax((1, 2, 3))
    layer = f"vocabulary, {model.vocabulary.descriptor} patches"
    return Filters(*position, layer, _pictures(patches, largest), _rounded(largest), len(found), "word")


def _pictures(weights: Tensor, largest: Tensor) -> tuple[Picture, ...]:
    """Each of the filters (N, C, h, w), from -largest = 0 over 0 = 128 (rounded) to largest = 255."""
    scale = largest.masked_fill(largest == 0, 1.0)[:, None, None, None]
    levels = (127.5 + 127.5 * weights / scale).round().clamp(0, 255).to(torch.uint8)
    pixels = levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()
    height, width = weights.shape[2:]
    return tuple(Picture(width, height, one.tobytes()) for one in pixels)


def _rounded(values: Tensor) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in values.tolist())
