"""`standardize`: what each scheme makes of real images (questions 2.19-2.21)."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import model_validator

from tui_lab.data.catalogue import DATASETS
from tui_lab.hyperparameters import Declared, Standardize, refuse_combinations, setting
from tui_lab.tools.tool import Tool, WithTorch

SCHEMES = get_args(Standardize)
IMAGES = ("digits", "mnist", "fashion-mnist", "cifar10")


class StandardizeInputs(Declared):
    dataset: Literal["digits", "mnist", "fashion-mnist", "cifar10"] = setting(
        "cifar10", "where the images are from", topic="Data", question="2.19"
    )
    train_size: int = setting(
        0, "training samples that a scheme is fitted on; 0 = all", topic="Data", question="2.20", ge=0, le=60_000
    )
    images: int = setting(4, "shown", topic="Data", ge=1, le=20)
    draw: int = setting(0, "another number shows other images", topic="Data", ge=0, le=9999)
    standardize: Literal["all", Standardize] = setting(
        "channel", "the scheme, beside none; or all", topic="Scheme", question="2.21"
    )
    whiten_epsilon: float = setting(
        0.01,
        "added to the variances before whitening",
        topic="Scheme",
        only_if={"standardize": ("all", "zca", "pca")},
        ge=0,
        le=100,
    )

    @property
    def is_grey(self) -> bool:
        shape = DATASETS[self.dataset].shape
        return shape is None or shape[0] != 3

    @property
    def schemes(self) -> tuple[str, ...]:
        """Those that are shown, `none` first; of all, those that suit the images."""
        if self.standardize == "all":
            return tuple(name for name in SCHEMES if name != "pca-published" or not self.is_grey)
        return tuple(dict.fromkeys(("none", self.standardize)))

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        available = DATASETS[self.dataset].train_size
        refuse_combinations(
            (self.train_size > available, "train_size", f"{self.dataset} has {available:,}"),
            (0 < self.train_size < self.images, "train_size", f"is less than the {self.images} images shown"),
            (
                self.standardize == "pca-published" and self.is_grey,
                "standardize",
                f"needs images of three channels, and {self.dataset} has grey ones",
            ),
        )
        return self


TOOL = Tool(
    name="standardize",
    lab=2,
    title="Standardisation of real images",
    text="""\
Every scheme is fitted on the training split and applied to any. Shown are images as they are stored and as the network
then sees them, and what became of the values: their mean, spread and range, and how alike **neighbours** are, the
correlation of a pixel with the one to its right.

- **channel**: (x − mean) / std, of each channel over the split. The usual one. **channel-published** divides by the
  mean of each image's own std, numbers of which are copied from page to page.
- **raw**: pixels from 0 to 255, as stored. **none** has them from 0 to 1.
- **gcn**: the same of each image over its own values; **minmax**, **l1**, **l2** divide by its range or its norm.
- **zca**: whitened, each value uncorrelated with every other, and still an image: its edges are left.
- **pca**: the same, but turned into components; the first are coarse, the last are noise. An image no more.
- **pca-published**: a PCA of each image by itself, with its channels mixed up, as an experiment once ran it.

Whitening takes the covariance of all values: on the whole of CIFAR-10 half a minute, once.

- Compare `neighbours` before and after zca. Which scheme leaves a network least to find out by itself?
- Raise `whiten_epsilon` to 0.1, lower it to 0.0001: what is it that ε holds down?
- Fit on a `train_size` of 100. What changes?
""",
    inputs=StandardizeInputs,
    calculate=WithTorch("tui_lab.previews.standardized:standardized"),
)
