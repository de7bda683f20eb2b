"""`sample-grid`: samples of any set of images, some rows for each class (figure 3.7)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from tui_lab.hyperparameters import Declared, refuse_combinations, setting
from tui_lab.tools.tool import Tool, WithTorch


class SampleGridInputs(Declared):
    dataset: Literal["digits", "mnist", "fashion-mnist", "cifar10", "folder"] = setting(
        "fashion-mnist", "where the images are from", topic="Data"
    )
    folder: str = setting("", "your own images, one folder a class", topic="Data", only_if={"dataset": ("folder",)})
    image_size: int = setting(
        32, "side that your own images are resized to", topic="Data", only_if={"dataset": ("folder",)}, ge=8, le=512
    )
    split: Literal["train", "test"] = setting("train", "the samples to draw from", topic="Data")
    rows: int = setting(3, "rows for each class", topic="Drawing", ge=1, le=20)
    columns: int = setting(6, "images in a row; fewer where there is no room", topic="Drawing", ge=1, le=40)
    draw: int = setting(0, "another number shows other images", topic="Drawing", ge=0, le=9999)

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        refuse_combinations(
            (self.dataset == "folder" and not self.folder, "folder", "must name a folder when dataset is 'folder'")
        )
        return self


TOOL = Tool(
    name="sample-grid",
    lab=3,
    title="Samples of every class",
    text="""\
What is in a data set, before anything is made of it: some rows of images for each class, drawn at random, as they are
stored.

- Cover the names: which classes of Fashion-MNIST do you take for each other? A trained network's confusion matrix will
  show the same pairs.
- What in the images differs within a class, and must not matter to a network: place, size, slant, brightness?
- How small can the images become, with more `columns`, until you do not know the classes any more?
""",
    inputs=SampleGridInputs,
    calculate=WithTorch("tui_lab.previews.sample_grid:sample_grid"),
)
