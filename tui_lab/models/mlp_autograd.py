"""The multilayer perceptron with its forward pass by hand and its gradients by torch.autograd."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_lab.models.mlp_by_hand import ByHandMLP, cross_entropy, forward, one_hot, sgd
from tui_lab.models.stepping import Reduction


class AutogradMLP(ByHandMLP):
    """As by hand, but autograd remembers the forward pass and makes the backward pass of it. See `ByHandMLP`."""

    def gradient_step(self, x: Tensor, y: Tensor, lr: float, reduction: Reduction) -> tuple[Tensor, Tensor]:
        """Forward and loss by hand, backward by autograd, SGD by hand; see `TakesOwnSteps`."""
        layers = [(W.detach().requires_grad_(), b.detach().requires_grad_()) for W, b in self.layers]  # share storage
        passed = forward(layers, x, self.activation, self.softmax_output)
        loss = cross_entropy(passed.log_y_hat, one_hot(y, passed.log_y_hat))
        reduced = loss if reduction == "mean" else loss * len(y)
        gradients = torch.autograd.grad(reduced, [tensor for layer in layers for tensor in layer])
        with torch.no_grad():
            sgd(layers, list(zip(gradients[::2], gradients[1::2], strict=True)), lr)
        return loss.detach(), passed.output.detach()
