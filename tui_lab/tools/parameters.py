"""`parameters`: what a network has to learn, layer by layer, and where most of it lies (questions 2.10 and 2.11)."""

from __future__ import annotations

from typing import Literal

from tui_lab.hyperparameters import Declared, setting
from tui_lab.tools.tool import Tool, WithTorch


class ParametersInputs(Declared):
    """The hyperparameters that change the number of parameters, under their own names."""

    exercise: Literal["convnet", "mlp"] = setting("convnet", "what is counted", topic="Model", question="2.10")
    dataset: Literal["circles", "digits", "mnist", "fashion-mnist", "cifar10", "other"] = setting(
        "cifar10", "what decides the size of a sample, and the classes", topic="Data", question="2.10"
    )
    channels: int = setting(3, "of an image", topic="Data", only_if={"dataset": ("other",)}, ge=1, le=1024)
    side: int = setting(
        32, "rows and columns of an image", topic="Data", question="2.4", only_if={"dataset": ("other",)}, ge=1, le=512
    )
    classes: int = setting(10, "outputs", topic="Data", only_if={"dataset": ("other",)}, ge=2, le=100_000)
    crop: int = setting(0, "side of a random crop; 0 = none", topic="Data", question="2.22", ge=0, le=512)
    batch_norm: bool = setting(
        False,
        "batch normalisation after each convolution",
        topic="Model",
        question="2.34",
        only_if={"exercise": ("convnet",)},
    )
    hidden: list[int] = setting(
        [100],
        "units of each hidden layer",
        topic="Model",
        question="1.4",
        only_if={"exercise": ("mlp",)},
        min_length=1,
        max_length=16,
    )


TOOL = Tool(
    name="parameters",
    lab=2,
    title="Parameters, layer by layer",
    text="""\
What a network has to learn, counted on the model itself: weights and biases of every layer, and their shares of the
whole. A convolution has *filters × channels × k × k* weights wherever it looks; a dense layer has one for every pair of
a value in and a unit.

The practical's network on CIFAR-10 has **1,191,170** parameters, 86 % of them in fc4. A count of 1,192,024 is seen
too: it leaves out the biases of the convolutions, and takes (1000 + 1) × 1024 for fc4 and (10 + 1) × 1000 for fc5, a
bias for each value *in*, where the layers have one for each unit.

- Halve the image with a `crop` of 16. What becomes of the convolutions, and of fc4?
- How many more parameters than samples are there? CIFAR-10 has 50,000 to train on.
- The layers of any other configuration stand in Labs, under Layers, beside its form.
""",
    inputs=ParametersInputs,
    calculate=WithTorch("tui_lab.previews.parameters:parameters"),
)
