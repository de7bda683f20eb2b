"""The multilayer perceptron with torch.nn layers and gradient descent by hand."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_lab.models.mlp import MLP
from tui_lab.models.stepping import Reduction


class SteppingMLP(MLP):
    """The layers of `MLP`, whose parameters descend the gradient without an optimiser of torch.optim."""

    def gradient_step(self, x: Tensor, y: Tensor, lr: float, reduction: Reduction) -> tuple[Tensor, Tensor]:
        """Forward by layers, backward by autograd, SGD by hand; see `tui_lab.models.stepping.TakesOwnSteps`."""
        output: Tensor = self(x)
        loss = F.cross_entropy(output, y)
        (loss if reduction == "mean" else loss * len(y)).backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad, alpha=lr)
                    parameter.grad = None
        return loss.detach(), output.detach()
