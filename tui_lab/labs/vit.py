"""`vit`: the vision transformer by hand of lab 3, with every option that its figures switch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from tui_lab.data.catalogue import sample_shape
from tui_lab.hyperparameters import GradientHyperparameters, ImageSet, Mistake, Problem, hyperparameter
from tui_lab.hyperparameters.shared import Optimizer
from tui_lab.labs.exercise import Exercise

HEAVY_BYTES = 2 * 2**30


class ViTHyperparameters(GradientHyperparameters):
    dataset: ImageSet = hyperparameter("mnist", "data set", topic="Data")
    optimizer: Optimizer = hyperparameter("adam", "torch.optim's", topic="Optimisation", question="2.26")
    lr: float = hyperparameter(0.001, "learning rate", topic="Optimisation", question="1.11", gt=0, le=100)
    embed_dim: int = hyperparameter(
        32, "width of a token; num_heads divides it", topic="Model", question="3.12", ge=1, le=2048
    )
    patch_size: int = hyperparameter(
        7, "side of a patch; divides that of the image", topic="Model", question="3.13", ge=1, le=512
    )
    depth: int = hyperparameter(2, "transformer blocks", topic="Model", question="3.14", ge=1, le=64)
    num_heads: int = hyperparameter(4, "heads of self-attention", topic="Model", question="3.15", ge=1, le=128)
    mlp_ratio: int = hyperparameter(
        4,
        "width of a block's MLP, over that of a token",
        topic="Model",
        question="3.16",
        only_if={"mlp_width_follows_heads": (False,)},
        ge=1,
        le=64,
    )
    attention: Literal["auto", "by-hand", "fused"] = hyperparameter(
        "auto", "softmax(qkᵀ/√D)v in two lines or in torch's kernel; auto = the faster", topic="Model", question="3.7"
    )
    norm: Literal["post", "pre"] = hyperparameter(
        "post", "layer norm after each sum, or before", topic="Model", question="3.9"
    )
    position: Literal["sinusoidal", "learned", "none"] = hyperparameter(
        "sinusoidal", "what tells a token where its patch lies", topic="Model", question="3.6"
    )
    class_token: Literal["learned", "frozen", "mean-pool"] = hyperparameter(
        "learned", "what is classified: a token of its own, or the mean of all", topic="Model", question="3.5"
    )
    dropout: float = hyperparameter(0.0, "probability of dropping a value of a token", topic="Model", ge=0, le=1)
    drop_path: float = hyperparameter(
        0.0, "probability that a sample skips half of the last block; less before", topic="Model", ge=0, lt=1
    )
    softmax_output: bool = hyperparameter(
        False, "softmax before the cross-entropy, which has one already", topic="Model", question="3.11"
    )
    mlp_width_follows_heads: bool = hyperparameter(
        False, "a quirk to study: MLPs as wide as num_heads tokens", topic="Model", question="3.15"
    )

    def problems(self) -> list[Problem]:
        indivisible = self.embed_dim % self.num_heads != 0
        heads = ", ".join(str(h) for h in range(1, min(self.embed_dim, 16) + 1) if self.embed_dim % h == 0)
        return [
            *super().problems(),
            (indivisible, "num_heads", f"must divide embed_dim = {self.embed_dim}, as {heads} do"),
        ]


def _of_patches(hp: ViTHyperparameters) -> Iterator[Mistake]:
    """Patches that do not tile the images. An image has one size, so whole patches must cover it."""
    height, width = _image(hp)
    if height % hp.patch_size or width % hp.patch_size:
        common = math.gcd(height, width)
        sides = ", ".join(str(side) for side in range(1, common + 1) if common % side == 0)
        problem = f"patches do not tile images of {height}×{width}"
        yield Mistake("patch_size", hp.patch_size, problem, f"Sides that do: {sides}.")


def _notice(hp: ViTHyperparameters) -> str:
    """The memory of the attention weights, where it is large: it grows with the square of the tokens."""
    height, width = _image(hp)
    tokens = (height // hp.patch_size) * (width // hp.patch_size) + (hp.class_token != "mean-pool")
    size = 4 * hp.batch_size * hp.num_heads * tokens**2 * hp.depth
    if size < HEAVY_BYTES:
        return ""
    return (
        f"{tokens:,} tokens look at each other in {hp.num_heads} heads of {hp.depth} blocks: their weights alone fill "
        f"{size / 2**30:.1f} GB at a batch of {hp.batch_size}. Larger patches or smaller batches take less."
    )


def _image(hp: ViTHyperparameters) -> tuple[int, int]:
    """Height and width of what the network sees."""
    _, height, width = sample_shape(hp)
    return (hp.crop, hp.crop) if hp.crop else (height, width)


VIT = Exercise(
    name="vit",
    lab=3,
    title="Vision transformer",
    summary="An image cut into patches that look at each other: self-attention, by hand.",
    hyperparameters=ViTHyperparameters,
    model="tui_lab.models.vit:ViT",
    threads=2,  # the second takes a quarter off a run by itself; two runs are better off with one each
    check=_of_patches,
    notice=_notice,
)
