"""Augmentation: random changes to training images, and the fixed transforms of test images that belong to them.

Everything works on a whole batch, on its device, with a draw of its own for every sample. The draws of an epoch are
made at once, on the CPU, from one generator: they are the same on every device, and any batch of an epoch can be made
again from the epoch's number alone. The distributions are those of torchvision.transforms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_lab.errors import UsageError
from tui_lab.hyperparameters import GradientHyperparameters, Hyperparameters

ERASING_SCALE = (0.02, 0.33)  # share of the image, as in torchvision's RandomErasing
ERASING_RATIO = (0.3, 3.3)  # height over width
ERASING_ATTEMPTS = 10


@dataclass(frozen=True)
class Draws:
    """What was drawn for n samples; None where there is nothing to do.

    Attributes:
        top, left: int64 (n,), the corner of each crop in the padded image; None = centre crop.
        flipped: bool (n,), whether each crop is mirrored left-right.
        angle: float32 (n,), degrees counter-clockwise.
        rectangle: int64 (n, 4), the erased top, left, bottom, right (the last two exclusive); empty = nothing erased.
    """

    top: Tensor | None = None
    left: Tensor | None = None
    flipped: Tensor | None = None
    angle: Tensor | None = None
    rectangle: Tensor | None = None

    def to(self, device: torch.device) -> Draws:
        return Draws(*(None if values is None else values.to(device) for values in self._values()))

    def __getitem__(self, samples: slice | Tensor) -> Draws:
        return Draws(*(None if values is None else values[samples] for values in self._values()))

    def _values(self) -> tuple[Tensor | None, ...]:
        return self.top, self.left, self.flipped, self.angle, self.rectangle


@dataclass(frozen=True)
class Augmentation:
    """Which changes are made; the fields are the hyperparameters of the same names. By default none.

    In training: a crop at random of the padded image, a mirroring with probability 0.5, a rotation by 0 to `rotation`
    degrees, and with probability `erasing` a black rectangle. In tests: a centre crop and a rotation by 0 to
    `test_rotation` degrees.
    """

    crop: int = 0
    crop_padding: int = 0
    flip: bool = False
    erasing: float = 0.0
    rotation: float = 0.0
    test_rotation: float = 0.0

    @classmethod
    def of(cls, hyperparameters: Hyperparameters) -> Augmentation:
        """What the hyperparameters ask for: nothing, where the exercise has no augmentation."""
        if not isinstance(hyperparameters, GradientHyperparameters):
            return cls()
        return cls(**{field.name: getattr(hyperparameters, field.name) for field in fields(cls)})

    @property
    def is_random(self) -> bool:
        """Whether training samples change from epoch to epoch."""
        return bool(self.crop or self.flip or self.erasing or self.rotation)

    @property
    def _padding(self) -> int:
        return self.crop_padding if self.crop else 0

    def output_shape(self, sample_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that the model sees, of a sample stored as (C, H, W) or (2,).

        Raises:
            UsageError: a crop larger than the padded image; anything but the default for points.
        """
        if len(sample_shape) == 1:
            if names := [field.name for field in fields(self) if getattr(self, field.name)]:
                raise UsageError(f"Points cannot be augmented, but {', '.join(names)} ask for it.", "Leave them out.")
            return sample_shape
        channels, height, width = sample_shape
        if not self.crop:
            return sample_shape
        largest = min(height, width) + 2 * self._padding
        if self.crop > largest:
            padded = f" with crop_padding = {self.crop_padding}" if self.crop_padding else ""
            raise UsageError(
                f"crop = {self.crop} is larger than the {height}×{width} images{padded}: at most {largest}."
            )
        return channels, self.crop, self.crop

    def draw(self, n: int, sample_shape: tuple[int, ...], generator: torch.Generator) -> Draws:
        """What happens to n training samples stored as `sample_shape`; `generator` is the CPU's."""
        top = left = flipped = angle = rectangle = None
        if self.crop or self.flip:
            _, height, width = self.output_shape(sample_shape)
            top = torch.randint(sample_shape[1] + 2 * self._padding - height + 1, (n,), generator=generator)
            left = torch.randint(sample_shape[2] + 2 * self._padding - width + 1, (n,), generator=generator)
            flipped = (torch.rand(n, generator=generator) < 0.5) & self.flip
        if self.rotation:
            angle = torch.rand(n, generator=generator) * self.rotation
        if self.erasing:
            _, height, width = self.output_shape(sample_shape)
            rectangle = draw_rectangles(n, height, width, self.erasing, generator)
        return Draws(top, left, flipped, angle, rectangle)

    def draw_test(self, n: int, generator: torch.Generator) -> Draws:
        """What happens to n test samples."""
        return Draws(angle=torch.rand(n, generator=generator) * self.test_rotation if self.test_rotation else None)

    def crop_and_flip(self, x: Tensor, draws: Draws) -> Tensor:
        """The first half, on raw or float samples (B, C, H, W)."""
        if draws.top is not None and draws.left is not None and draws.flipped is not None:
            size = (self.crop, self.crop) if self.crop else (x.shape[2], x.shape[3])
            return crop_and_flip(x, draws.top, draws.left, draws.flipped, size, padding=self._padding)
        return centre_crop(x, self.crop) if self.crop else x

    def rotate_and_erase(self, x: Tensor, draws: Draws) -> Tensor:
        """The second half, on float samples (B, C, h, w)."""
        if draws.angle is not None:
            x = rotate(x, draws.angle)
        if draws.rectangle is not None:
            x = erase(x, draws.rectangle)
        return x


def draw_rectangles(n: int, height: int, width: int, probability: float, generator: torch.Generator) -> Tensor:
    """Rectangles to erase as torchvision's `RandomErasing` draws them: int64 (n, 4), top, left, bottom, right.

    Ten rectangles are drawn for each sample, area uniform in 2 to 33 % of the image, log(height / width) uniform in
    log 0.3 to log 3.3; the first that fits is placed uniformly. With probability 1 - `probability`, and where none
    fits, the rectangle is empty.
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=generator, dtype=torch.float64)

    chosen = uniform(0, 1, n) < probability
    area = height * width * uniform(*ERASING_SCALE, n, ERASING_ATTEMPTS)
    ratio = uniform(math.log(ERASING_RATIO[0]), math.log(ERASING_RATIO[1]), n, ERASING_ATTEMPTS).exp()
    heights, widths = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (heights < height) & (widths < width)
    first = fits.int().argmax(1, keepdim=True)
    erased = chosen & fits.any(1)
    h, w = heights.gather(1, first)[:, 0] * erased, widths.gather(1, first)[:, 0] * erased
    top, left = ((side + 1) * uniform(0, 1, n) for side in (height - h, width - w))
    top, left = top.floor(), left.floor()
    return torch.stack([top, left, top + h, left + w], dim=1).long()


def crop_and_flip(
    x: Tensor, top: Tensor, left: Tensor, flipped: Tensor, size: tuple[int, int], *, padding: int = 0
) -> Tensor:
    """Crop every sample of x (B, C, H, W) at its own corner of the padded image and mirror some: one gather.

    Args:
        top, left: int64 (B,), corners in the image with `padding` zeros added on every side.
        flipped: bool (B,), which crops are mirrored left-right.
        size: (h, w) of the crops.

    Returns:
        (B, C, h, w), of the type of `x`.
    """
    x = F.pad(x, [padding] * 4) if padding else x
    rows, columns = (torch.arange(side, device=x.device) for side in size)
    columns = left[:, None] + torch.where(flipped[:, None], columns.flip(0), columns)  # (B, w)
    rows = top[:, None] + rows  # (B, h)
    pixels = (rows * x.shape[3])[:, :, None] + columns[:, None, :]  # (B, h, w), into the flattened image
    pixels = pixels.flatten(1)[:, None].expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, pixels).view(*x.shape[:2], *size)


def centre_crop(x: Tensor, side: int) -> Tensor:
    """torchvision's `CenterCrop` of x (..., H, W), its rounding included; what lies outside of the image is 0."""
    height, width = x.shape[-2:]
    if side > height or side > width:
        missing_rows, missing_columns = max(side - height, 0), max(side - width, 0)
        padding = [missing_columns // 2, (missing_columns + 1) // 2, missing_rows // 2, (missing_rows + 1) // 2]
        return centre_crop(F.pad(x, padding), side)
    top, left = round((height - side) / 2), round((width - side) / 2)
    return x[..., top : top + side, left : left + side]


def rotate(x: Tensor, angle: Tensor) -> Tensor:
    """Rotate each sample of x (B, C, H, W) about its centre by its own angle (B,), degrees counter-clockwise.

    As torchvision's `RandomRotation` with its defaults: the nearest pixel, the same size, 0 from outside.
    """
    height, width = x.shape[2:]
    cos, sin = angle.deg2rad().cos(), angle.deg2rad().sin()
    zero = torch.zeros_like(cos)
    # affine_grid maps target to source, in coordinates from -1 to 1 on both axes
    rows = [
        torch.stack([cos, -sin * height / width, zero], dim=1),
        torch.stack([sin * width / height, cos, zero], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="nearest", padding_mode="zeros", align_corners=False)


def erase(x: Tensor, rectangle: Tensor) -> Tensor:
    """Set one rectangle of each sample of x (B, C, H, W) to 0; rectangle (B, 4) as in `Draws`."""
    top, left, bottom, right = rectangle[:, :, None].unbind(1)  # (B, 1) each
    rows, columns = (torch.arange(side, device=x.device) for side in x.shape[2:])
    in_rows, in_columns = (top <= rows) & (rows < bottom), (left <= columns) & (columns < right)
    return x.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0)
