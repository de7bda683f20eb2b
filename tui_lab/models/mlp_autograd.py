"""The multilayer perceptron with its forward pass by hand and its gradients by torch.autograd."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tui_lab.models.mlp_by_hand import ByHandMLP, cross_entropy, forward, one_hot, sgd
from tui_lab.models.stepping import Reduction


class AutogradMLP(ByHandMLP):
    """As by hand, but autograd remembers the forward pass and makes the backward pass of it. See `ByHandMLP`."""

    def __init__(
        self,
        input_shape: Sequence[int],
        classes: int,
        hidden: Sequence[int] = (10,),
        activation: str = "tanh",
        softmax_output: bool = False,
        init: str = "torch",
        weight_std: float = 0.3,
        bias_std: float = 0.0,
    ) -> None:
        super().__init__(input_shape, classes, hidden, activation, softmax_output, init, weight_std, bias_std)
        self.requires_grad_(True)

    def gradient_step(self, x: Tensor, y: Tensor, lr: float, reduction: Reduction) -> tuple[Tensor, Tensor]:
        """Forward and loss by hand, backward by autograd, SGD by hand; see `TakesOwnSteps`."""
        layers = self.layers
        passed = forward(layers, x, self.activation, self.softmax_output)
        loss = cross_entropy(passed.log_y_hat, one_hot(y, passed.log_y_hat))
        reduced = loss if reduction == "mean" else loss * len(y)
        gradients = torch.autograd.grad(reduced, [tensor for layer in layers for tensor in layer])
        with torch.no_grad():
            sgd(layers, list(zip(gradients[::2], gradients[1::2], strict=True)), lr)
        return loss.detach(), passed.output.detach()
