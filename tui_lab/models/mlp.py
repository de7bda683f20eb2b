"""The multilayer perceptron, from torch.nn layers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from tui_lab.models.mlp_by_hand import initialise

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}


class MLP(nn.Sequential):
    """Linear layers with an activation between them: x → (Linear → activation) × len(hidden) → Linear → logits.

    Args:
        input_shape: shape of one sample, flattened to n_x inputs: (2,) for points, (1, 28, 28) for MNIST.
        classes: outputs n_y.
        hidden: sizes n_h of the hidden layers, from the input on; empty gives softmax regression.
        activation: "tanh", "relu" or "sigmoid".
        softmax_output: end with a softmax. The loss then applies a second one and cannot fall below
            log(e + classes - 1) - 1 (0.3133 for 2 classes, 1.4612 for 10).
        init: "torch", nn.Linear's own, or "normal".
        weight_std, bias_std: standard deviations of the normal distributions.

    Input (B, *input_shape), output (B, classes).
    """

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
        sizes = [math.prod(input_shape), *hidden, classes]
        layers: list[nn.Module] = [nn.Flatten()]
        # The same draws as by hand, so that every implementation begins with the same weights
        for i, (W, b) in enumerate(initialise(sizes, init, weight_std, bias_std)):
            linear = nn.Linear(sizes[i], sizes[i + 1])
            linear.weight, linear.bias = nn.Parameter(W), nn.Parameter(b)
            layers += [linear, ACTIVATIONS[activation]()]
        layers[-1:] = [nn.Softmax(dim=1)] if softmax_output else []
        super().__init__(*layers)
        self.activation, self.softmax_output = activation, softmax_output
