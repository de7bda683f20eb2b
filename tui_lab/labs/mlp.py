"""`mlp`: the multilayer perceptron of lab 1, on 2-D points, digits and MNIST."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tui_lab.hyperparameters import DatasetName, GradientHyperparameters, Problem, hyperparameter
from tui_lab.labs.exercise import Exercise


class MLPHyperparameters(GradientHyperparameters):
    dataset: DatasetName = hyperparameter("circles", "data set", topic="Data")
    lr: float = hyperparameter(0.03, "learning rate", topic="Optimisation", question="1.11", gt=0, le=100)
    batch_size: int = hyperparameter(
        10, "samples per gradient step", topic="Optimisation", question="1.10", ge=1, le=65536
    )
    epochs: int = hyperparameter(150, "passes over the training samples", topic="Optimisation", ge=1, le=100_000)
    reduction: Literal["sum", "mean"] = hyperparameter(
        "mean", "of the gradient over a batch; the loss is always told as a mean", topic="Optimisation", question="1.10"
    )
    implementation: Literal["by-hand", "autograd", "nn", "optim"] = hyperparameter(
        "optim", "how much torch does: nothing, the gradients, the layers too, the steps too", topic="Model"
    )
    hidden: list[Annotated[int, Field(ge=1, le=65536)]] = hyperparameter(
        [10], "sizes of the hidden layers", topic="Model", question="1.4", max_length=32
    )
    activation: Literal["tanh", "relu", "sigmoid"] = hyperparameter(
        "tanh", "non-linearity after each hidden layer", topic="Model", question="1.3"
    )
    softmax_output: bool = hyperparameter(
        False, "softmax before the cross-entropy, which has one already", topic="Model", question="1.14"
    )
    init: Literal["torch", "normal"] = hyperparameter(
        "torch", "initial weights: torch's own, or normally distributed", topic="Model"
    )
    weight_std: float = hyperparameter(
        0.3, "standard deviation of the initial weights", topic="Model", only_if={"init": ("normal",)}, ge=0, le=10
    )
    bias_std: float = hyperparameter(
        0.0, "standard deviation of the initial biases", topic="Model", only_if={"init": ("normal",)}, ge=0, le=10
    )
    hidden_bias_gradient: Literal["exact", "pooled"] = hyperparameter(
        "exact",
        "pooled = wrongly summed over the units of a layer too",
        topic="Model",
        question="1.17",
        only_if={"implementation": ("by-hand",)},
    )

    def problems(self) -> list[Problem]:
        chosen = self.implementation
        beyond = f"needs implementation = optim; {chosen} takes plain gradient steps"
        steps = self.implementation != "optim"
        return [
            *super().problems(),
            (steps and self.optimizer != "sgd", "optimizer", beyond),
            (steps and self.momentum > 0, "momentum", beyond),
            (steps and self.weight_decay > 0, "weight_decay", beyond),
            (steps and self.clip_norm > 0, "clip_norm", beyond),
            (steps and self.label_smoothing > 0, "label_smoothing", beyond),
            (steps and self.precision == "bf16", "precision", f"must be auto or fp32 where implementation = {chosen}"),
            (steps and self.compile, "compile", "needs implementation = optim"),
            (
                self.hidden_bias_gradient == "pooled" and self.implementation != "by-hand",
                "hidden_bias_gradient",
                f"needs implementation = by-hand; {chosen} has its gradients from autograd",
            ),
        ]


MLP = Exercise(
    name="mlp",
    lab=1,
    title="Multilayer perceptron",
    summary="A small network of dense layers: points in the plane first, then handwritten digits.",
    hyperparameters=MLPHyperparameters,
    model="tui_lab.models.mlp:MLP",
    implementations={
        "by-hand": "tui_lab.models.mlp_by_hand:ByHandMLP",
        "autograd": "tui_lab.models.mlp_autograd:AutogradMLP",
        "nn": "tui_lab.models.mlp_nn:SteppingMLP",
    },
    threads=1,  # at these sizes two threads wait for each other longer than they work
)
