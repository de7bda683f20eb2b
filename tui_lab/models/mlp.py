"""The multilayer perceptron, from torch.nn layers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

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

    Input (B, *input_shape), output (B, classes). PyTorch's default initialisation.
    """

    def __init__(
        self,
        input_shape: Sequence[int],
        classes: int,
        hidden: Sequence[int] = (10,),
        activation: str = "tanh",
        softmax_output: bool = False,
    ) -> None:
        size = 1
        for side in input_shape:
            size *= side
        layers: list[nn.Module] = [nn.Flatten()]
        for width in hidden:
            layers += [nn.Linear(size, width), ACTIVATIONS[activation]()]
            size = width
        layers.append(nn.Linear(size, classes))
        if softmax_output:
            layers.append(nn.Softmax(dim=1))
        super().__init__(*layers)
