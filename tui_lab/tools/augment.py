"""`augment`: one image, drawn anew again and again (questions 2.22-2.25)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from tui_lab.data.catalogue import DATASETS
from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.tools.tool import Tool, WithTorch

MOST_DRAWS = 64


class AugmentInputs(Declared):
    """An image, and the hyperparameters of augmentation under their own names."""

    dataset: Literal["digits", "mnist", "fashion-mnist", "cifar10"] = setting(
        "cifar10", "where the image is from", topic="Image"
    )
    image: int = setting(0, "its number in the training split, from 0 on", topic="Image", ge=0, le=59_999)
    crop: int = setting(28, "side of a random crop; 0 = none", topic="Augmentation", question="2.22", ge=0, le=96)
    crop_padding: int = setting(
        0, "black pixels added on every side before the crop", topic="Augmentation", ge=0, le=32
    )
    flip: bool = setting(True, "mirror left-right with probability 0.5", topic="Augmentation", question="2.23")
    erasing: float = setting(
        0.0, "probability of erasing a rectangle", topic="Augmentation", question="2.25", ge=0, le=1
    )
    rotation: float = setting(
        0.0, "random rotation by 0 to this many degrees", topic="Augmentation", question="2.25", ge=0, le=360
    )
    draws: int = setting(12, "how often it is drawn", topic="Drawing", ge=1, le=MOST_DRAWS)
    seed: int = setting(0, "another number draws anew", topic="Drawing", ge=0, le=9999)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of the image as stored."""
        shape = DATASETS[self.dataset].shape
        assert shape is not None  # every one of the choices has its size
        return shape

    @property
    def crops(self) -> int:
        """The places that a crop can have."""
        _, height, width = self.shape
        padded = 2 * self.crop_padding
        return (height + padded - self.crop + 1) * (width + padded - self.crop + 1) if self.crop else 1

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        info = DATASETS[self.dataset]
        _, height, width = self.shape
        largest = min(height, width) + 2 * self.crop_padding
        padded = f" with crop_padding = {self.crop_padding}" if self.crop_padding else ""
        too_large = f"is larger than the {height}×{width} images of {self.dataset}{padded}"
        refuse_combinations(
            (self.image >= info.train_size, "image", f"{self.dataset} has {info.train_size:,}, from 0 on"),
            (self.crop > largest, "crop", too_large),
            (self.crop_padding > 0 and self.crop == 0, "crop_padding", "needs a crop"),
        )
        return self


TOOL = Tool(
    name="augment",
    lab=2,
    title="Augmentation, one image many times",
    text="""\
In every epoch a network sees each training image changed a little, and never the same twice: so it learns what does not
matter. The label must survive it. Here one image is drawn many times, by the code that training uses: a **crop** at
random, a mirroring (**flip**), a **rotation** by 0 to so many degrees, and a black rectangle (**erasing**). What comes
from outside of the image is black.

- CIFAR-10 is usually cropped to 32 after a padding of 4: how many images is that, beside a crop of 28 without?
- Mirror a digit: is every 2 still a 2, is 3 still 3? When would one mirror top-down?
- How much can be erased until you do not know the thing any more?
""",
    inputs=AugmentInputs,
    calculate=WithTorch("tui_lab.previews.augmented:augmented"),
)
