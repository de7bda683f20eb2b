"""torch.optim's optimisers from hyperparameters; every other argument keeps torch's default."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from tui_lab.hyperparameters import GradientHyperparameters

# Where torch has kernels that update a tensor in one pass
FUSED_ON = {"sgd": ("cpu", "cuda"), "adam": ("cpu", "cuda"), "adamw": ("cpu", "cuda"), "adagrad": ("cpu",)}


def build_optimizer(
    hyperparameters: GradientHyperparameters, parameters: Iterable[nn.Parameter], device: torch.device
) -> torch.optim.Optimizer:
    """The optimiser that `optimizer` names. Its learning rate is set anew at every epoch."""
    hp = hyperparameters
    fused = True if device.type in FUSED_ON.get(hp.optimizer, ()) else None
    trained = [parameter for parameter in parameters if parameter.requires_grad]
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
