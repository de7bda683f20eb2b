"""The multilayer perceptron by hand: plain arithmetic on tensors, without autograd, layers or an optimiser.

To be read from top to bottom, and to be run: `python -m tui_lab.models.mlp_by_hand` trains one on the circles.

The symbols are the practical's. A batch has B samples, one a row; the hidden layers are counted from 1 to L:

    x    (B, n_x)            the inputs, h_0 = x
    h̃_l  (B, n_l)            h̃_l = h_(l-1) W_lᵀ + b_l           a weighted sum for each hidden unit
    h_l  (B, n_l)            h_l = g(h̃_l)                       bent by the activation g: tanh, relu or sigmoid
    ỹ    (B, n_y)            ỹ = h_L W_yᵀ + b_y                 a score for each class
    ŷ    (B, n_y)            ŷ_i = exp ỹ_i / Σ_j exp ỹ_j        softmax: a probability for each class
    y    (B, n_y)            1 for the true class, 0 for the others
    ℒ    ()                  ℒ = -Σ_i y_i log ŷ_i               the cross-entropy of a sample; then its mean

    W_l  (n_l, n_(l-1))      b_l  (n_l,)      W_y  (n_y, n_L)      b_y  (n_y,)

`d_a` is the gradient ∂ℒ/∂a and has the shape of a.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from tui_lab.data.points import load_points
from tui_lab.models.stepping import Reduction

Layer = tuple[Tensor, Tensor]  # W and b, or their gradients. A network is a list of them, the output layer last

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
}
DERIVATIVES: dict[str, Callable[[Tensor], Tensor]] = {  # g′(h̃), told from h = g(h̃): so h̃ need not be kept
    "tanh": lambda h: 1 - h * h,
    "relu": lambda h: (h > 0).to(h.dtype),
    "sigmoid": lambda h: h * (1 - h),
}


class Pass(NamedTuple):
    """What a forward pass leaves behind for the backward pass."""

    h: list[Tensor]  # h_0 = x, h_1, ..., h_L
    output: Tensor  # ỹ, or softmax(ỹ) where the network ends with one
    log_y_hat: Tensor  # log ŷ


def initialise(
    sizes: Sequence[int], init: str = "torch", weight_std: float = 0.3, bias_std: float = 0.0
) -> list[Layer]:
    """Random weights of the layers between `sizes` n_x, n_1, ..., n_L, n_y.

    `init` is "torch", as nn.Linear does it, or "normal", with the standard deviations given.
    """
    layers = []
    for n_in, n_out in pairwise(sizes):
        W, b = torch.empty(n_out, n_in), torch.empty(n_out)
        if init == "normal":
            W.normal_(0, weight_std)  # W ~ weight_std · N(0, 1)
            b.normal_(0, bias_std)  # b ~ bias_std · N(0, 1)
        else:
            bound = 1 / math.sqrt(n_in)
            W.uniform_(-bound, bound)  # W ~ U(-1/√n_in, 1/√n_in)
            b.uniform_(-bound, bound)  # b too
        layers.append((W, b))
    return layers


def forward(layers: Sequence[Layer], x: Tensor, activation: str = "tanh", softmax_output: bool = False) -> Pass:
    """From inputs x, (B, n_x), or images (B, C, H, W), to the probabilities of the classes.

    With `softmax_output` the network ends with a softmax of its own, and ŷ is the softmax of that.
    """
    g = ACTIVATIONS[activation]
    *hidden, (W_y, b_y) = layers
    h = [x.flatten(1)]  # h_0 = x                                               (B, n_x)
    for W, b in hidden:
        h_tilde = h[-1] @ W.T + b  # h̃_l = h_(l-1) W_lᵀ + b_l                   (B, n_(l-1)) (n_(l-1), n_l) -> (B, n_l)
        h.append(g(h_tilde))  # h_l = g(h̃_l)                                    (B, n_l)
    y_tilde = h[-1] @ W_y.T + b_y  # ỹ = h_L W_yᵀ + b_y                         (B, n_L) (n_L, n_y) -> (B, n_y)
    output = torch.softmax(y_tilde, dim=1) if softmax_output else y_tilde
    log_y_hat = torch.log_softmax(output, dim=1)  # log ŷ = ỹ - log Σ_j exp ỹ_j, finite where ŷ is rounded to 0
    return Pass(h, output, log_y_hat)


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    """y from the labels (B,): 1 for the true class, 0 for the others, in the shape (B, n_y) and the type of `like`."""
    n_y = like.shape[1]
    return torch.eye(n_y, dtype=like.dtype, device=like.device)[labels]


def cross_entropy(log_y_hat: Tensor, y: Tensor) -> Tensor:
    """The mean loss of the samples."""
    return -(y * log_y_hat).sum(dim=1).mean()  # ℒ = -Σ_i y_i log ŷ_i           (B, n_y) -> (B,) -> ()


def accuracy(log_y_hat: Tensor, y: Tensor) -> Tensor:
    """The share of the samples whose most probable class is the true one."""
    return (log_y_hat.argmax(dim=1) == y.argmax(dim=1)).float().mean()


def backward(
    layers: Sequence[Layer],
    passed: Pass,
    y: Tensor,
    activation: str = "tanh",
    softmax_output: bool = False,
    reduction: Reduction = "mean",
    hidden_bias_gradient: Literal["exact", "pooled"] = "exact",
) -> list[Layer]:
    """The gradient of every W and b: the chain rule, from the loss back to the inputs.

    Args:
        layers, activation, softmax_output: of the forward pass.
        passed: what it left.
        y: one-hot, (B, n_y).
        reduction: the gradient is the sum of those of the samples, or their mean.
        hidden_bias_gradient: "pooled" is a mistake to study: the gradient of a hidden layer's biases is added up over
            its units as well as over the batch, and all of them get that one number.
    """
    h, output, log_y_hat = passed
    d_output = log_y_hat.exp() - y  # ∂ỹ = ŷ - y: softmax and logarithm cancel  (B, n_y)
    if reduction == "mean":
        d_output = d_output / len(y)
    if softmax_output:  # s = softmax(ỹ) has ∂s_i/∂ỹ_j = s_i (δ_ij - s_j)
        d_output = output * (d_output - (d_output * output).sum(dim=1, keepdim=True))
    d_tilde = d_output  # ∂ỹ; then ∂h̃_l, for l from L down to 1
    gradients = []
    for i in reversed(range(len(layers))):
        W, _ = layers[i]
        d_W = d_tilde.T @ h[i]  # ∂W_l = ∂h̃_lᵀ h_(l-1)                          (n_l, B) (B, n_(l-1)) -> (n_l, n_(l-1))
        d_b = d_tilde.sum(dim=0)  # ∂b_l = Σ over the batch of ∂h̃_l             (B, n_l) -> (n_l,)
        if hidden_bias_gradient == "pooled" and i < len(layers) - 1:
            d_b = d_b.sum().expand_as(d_b)
        gradients.append((d_W, d_b))
        if i > 0:
            d_h = d_tilde @ W  # ∂h_(l-1) = ∂h̃_l W_l                            (B, n_l) (n_l, n_(l-1)) -> (B, n_(l-1))
            d_tilde = d_h * DERIVATIVES[activation](h[i])  # ∂h̃ = ∂h ⊙ g′(h̃)    (B, n_(l-1))
    return gradients[::-1]


def sgd(layers: Sequence[Layer], gradients: Sequence[Layer], lr: float) -> None:
    """A step of gradient descent, in place: W ← W - η ∂W and b ← b - η ∂b."""
    for (W, b), (d_W, d_b) in zip(layers, gradients, strict=True):
        W.sub_(d_W, alpha=lr)
        b.sub_(d_b, alpha=lr)


class Weights(nn.Module):
    """Where W and b of a layer lie, under the names that torch.nn's layers give them."""

    def __init__(self, W: Tensor, b: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(W, requires_grad=False)
        self.bias = nn.Parameter(b, requires_grad=False)


class ByHandMLP(nn.Module):
    """The functions above as a model that takes its own steps. Its state dict is that of `tui_lab.models.mlp.MLP`.

    Args:
        input_shape: shape of one sample, flattened to n_x inputs: (2,) for points, (1, 28, 28) for MNIST.
        classes: outputs n_y.
        hidden: sizes n_1, ..., n_L of the hidden layers; empty gives softmax regression.
        activation, softmax_output: see `forward`.
        init, weight_std, bias_std: see `initialise`.
        hidden_bias_gradient: see `backward`.
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
        hidden_bias_gradient: Literal["exact", "pooled"] = "exact",
    ) -> None:
        super().__init__()
        self.activation, self.softmax_output = activation, softmax_output
        self.hidden_bias_gradient: Literal["exact", "pooled"] = hidden_bias_gradient
        sizes = [math.prod(input_shape), *hidden, classes]
        for i, (W, b) in enumerate(initialise(sizes, init, weight_std, bias_std)):
            self.add_module(str(2 * i + 1), Weights(W, b))  # 1, 3, 5, ...: between them torch.nn has the activations

    @property
    def layers(self) -> list[Layer]:
        """W and b of each layer, from the inputs on."""
        return [(weights.weight, weights.bias) for weights in self.children() if isinstance(weights, Weights)]

    def forward(self, x: Tensor) -> Tensor:
        """The outputs, (B, classes): ỹ, or softmax(ỹ)."""
        return forward(self.layers, x, self.activation, self.softmax_output).output

    def gradient_step(self, x: Tensor, y: Tensor, lr: float, reduction: Reduction) -> tuple[Tensor, Tensor]:
        """Forward, loss, backward, SGD; see `tui_lab.models.stepping.TakesOwnSteps`."""
        layers = self.layers
        passed = forward(layers, x, self.activation, self.softmax_output)
        truth = one_hot(y, passed.log_y_hat)
        loss = cross_entropy(passed.log_y_hat, truth)
        gradients = backward(
            layers, passed, truth, self.activation, self.softmax_output, reduction, self.hidden_bias_gradient
        )
        sgd(layers, gradients, lr)
        return loss, passed.output


def train_on_circles(hidden: int = 10, lr: float = 0.1, batch_size: int = 10, epochs: int = 100) -> None:
    """The whole practical in a dozen lines, without the rest of this program: prints the test loss and accuracy."""
    train, test = load_points("circles")
    layers = initialise([2, hidden, 2])
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(train))
        for start in range(0, len(train), batch_size):
            batch = order[start : start + batch_size]
            passed = forward(layers, train.x[batch])
            y = one_hot(train.y[batch], passed.log_y_hat)
            sgd(layers, backward(layers, passed, y), lr)
        if epoch % 10 == 0:
            log_y_hat = forward(layers, test.x).log_y_hat
            y = one_hot(test.y, log_y_hat)
            print(f"epoch {epoch:3}  loss {cross_entropy(log_y_hat, y):.4f}  accuracy {accuracy(log_y_hat, y):.3f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    train_on_circles()
