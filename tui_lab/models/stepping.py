"""What a model offers that takes its own gradient steps."""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

from torch import Tensor

Reduction = Literal["sum", "mean"]


@runtime_checkable
class TakesOwnSteps(Protocol):
    """A model that computes its gradients and changes its weights itself, where the engine and torch.optim would."""

    def gradient_step(self, x: Tensor, y: Tensor, lr: float, reduction: Reduction) -> tuple[Tensor, Tensor]:
        """One step down the gradient of the cross-entropy, which is summed or averaged over the batch.

        Args:
            x: inputs, (B, *input_shape).
            y: labels, int64 (B,).
            lr: learning rate.
            reduction: of the gradient.

        Returns:
            The mean loss of the samples, a scalar whatever the reduction, and the outputs (B, classes), both as they
            were before the step.
        """
