"""torch.optim's optimisers from hyperparameters; every other argument keeps torch's default."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from tui_lab.hyperparameters import GradientHyperparameters

Group = dict[str, Any]  # of torch's: `params`, and what they do not share with others

# Where torch has kernels that update a tensor in one pass
FUSED_ON = {"sgd": ("cpu", "cuda"), "adam": ("cpu", "cuda"), "adamw": ("cpu", "cuda"), "adagrad": ("cpu",)}


@runtime_checkable
class HasLayerGroups(Protocol):
    """A model that knows the order of its layers."""

    def layer_groups(self, weight_decay: float, layer_decay: float) -> list[Group]:
        """Its trained parameters, each group with an `lr_scale`: `layer_decay` times less for each layer further from
        the outputs."""


def scaled_groups(hyperparameters: GradientHyperparameters, model: nn.Module) -> list[Group]:
    """The groups of `layer_decay`; empty where there is none, and all parameters learn alike."""
    layer_decay = getattr(hyperparameters, "layer_decay", 1.0)
    if layer_decay == 1 or not isinstance(model, HasLayerGroups):
        return []
    return model.layer_groups(hyperparameters.weight_decay, layer_decay)


def build_optimizer(
    hyperparameters: GradientHyperparameters,
    parameters: Iterable[nn.Parameter] | Iterable[Group],
    device: torch.device,
) -> torch.optim.Optimizer:
    """The optimiser that `optimizer` names, of those parameters that are trained.

    Its learning rate is set anew at every epoch.
    """
    hp = hyperparameters
    fused = True if device.type in FUSED_ON.get(hp.optimizer, ()) else None
    trained: list[Any] = [one for one in parameters if isinstance(one, dict) or one.requires_grad]
    match hp.optimizer:
        case "sgd":
            return torch.optim.SGD(
                trained, hp.lr, momentum=hp.momentum, nesterov=hp.nesterov, weight_decay=hp.weight_decay, fused=fused
            )
        case "adam":
            return torch.optim.Adam(trained, hp.lr, weight_decay=hp.weight_decay, fused=fused)
        case "adamw":
            return torch.optim.AdamW(trained, hp.lr, weight_decay=hp.weight_decay, fused=fused)
        case "adagrad":
            return torch.optim.Adagrad(trained, hp.lr, weight_decay=hp.weight_decay, fused=fused)
        case "adadelta":
            return torch.optim.Adadelta(trained, hp.lr, weight_decay=hp.weight_decay)
        case "rmsprop":
            return torch.optim.RMSprop(trained, hp.lr, momentum=hp.momentum, weight_decay=hp.weight_decay)
