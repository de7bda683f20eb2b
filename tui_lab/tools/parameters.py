"""`parameters`: what a network has to learn, layer by layer, and where most of it lies (questions 2.10 and 2.11)."""

from __future__ import annotations

from typing import Literal

from tui_lab.hyperparameters import Declared, setting
from tui_lab.tools.tool import Tool, WithTorch

OF_VIT = {"exercise": ("vit",)}


class ParametersInputs(Declared):
    """The hyperparameters that change the number of parameters, under their own names."""

    exercise: Literal["convnet", "mlp", "vit", "timm"] = setting(
        "convnet", "what is counted", topic="Model", question="2.10"
    )
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
    embed_dim: int = setting(
        32, "width of a token; num_heads divides it", topic="Model", question="3.6", only_if=OF_VIT, ge=1, le=2048
    )
    patch_size: int = setting(
        4, "side of a patch; divides that of the image", topic="Model", only_if=OF_VIT, ge=1, le=512
    )
    depth: int = setting(2, "transformer blocks", topic="Model", only_if=OF_VIT, ge=1, le=64)
    num_heads: int = setting(4, "heads of self-attention", topic="Model", only_if=OF_VIT, ge=1, le=128)
    mlp_ratio: int = setting(
        4, "width of a block's MLP, over that of a token", topic="Model", only_if=OF_VIT, ge=1, le=64
    )
    position: Literal["sinusoidal", "learned", "none"] = setting(
        "sinusoidal", "what tells a token where its patch lies", topic="Model", only_if=OF_VIT
    )
    class_token: Literal["learned", "frozen", "mean-pool"] = setting(
        "learned", "what is classified: a token of its own, or the mean of all", topic="Model", only_if=OF_VIT
    )
    model: str = setting(
        "vit_base_patch16_224",
        "timm's name of the network; tui-lab models searches them",
        topic="Model",
        only_if={"exercise": ("timm",)},
        min_length=1,
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

The transformers of lab 3 have most in the MLPs of their blocks: *8·E²* each, where the four projections of attention
have *4·E²*. What compares tokens has no weights at all.

- Halve the image with a `crop` of 16. What becomes of the convolutions, and of fc4?
- How many more parameters than samples are there? CIFAR-10 has 50,000 to train on.
- In `vit`, what changes with `num_heads`, and what with `patch_size`?
- The layers of any other configuration stand in Labs, under Layers, beside its form.
""",
    inputs=ParametersInputs,
    calculate=WithTorch("tui_lab.previews.parameters:parameters"),
)
