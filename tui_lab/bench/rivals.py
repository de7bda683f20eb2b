"""Other people's models of the same shape, for the loops that the engine is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.labs.vit import ViTHyperparameters

if TYPE_CHECKING:
    from torch import nn


def timm_vision_transformer(
    hyperparameters: GradientHyperparameters, input_shape: Sequence[int], classes: int
) -> nn.Module:
    """timm's own, untrained, of the size of `vit`: pre-norm, learned positions, a class token."""
    from timm.models.vision_transformer import VisionTransformer

    hp = hyperparameters
    assert isinstance(hp, ViTHyperparameters)
    model: nn.Module = VisionTransformer(
        img_size=tuple(input_shape[1:]),
        in_chans=input_shape[0],
        num_classes=classes,
        patch_size=hp.patch_size,
        embed_dim=hp.embed_dim,
        depth=hp.depth,
        num_heads=hp.num_heads,
        mlp_ratio=hp.mlp_ratio,
    )
    return model


@dataclass(frozen=True)
class Rival:
    """`build` makes an untrained model from hyperparameters, a sample's shape and the number of classes."""

    title: str
    build: Callable[[GradientHyperparameters, Sequence[int], int], nn.Module]


RIVALS = {"timm": Rival("timm's VisionTransformer", timm_vision_transformer)}
