"""`mlp`: the multilayer perceptron of lab 1, on 2-D points, digits and MNIST."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tui_lab.hyperparameters import DatasetName, Hyperparameters, hyperparameter
from tui_lab.labs.exercise import Exercise


class MLPHyperparameters(Hyperparameters):
    dataset: DatasetName = hyperparameter("circles", "data set", topic="Data")
    lr: float = hyperparameter(0.03, "learning rate", topic="Optimisation", question="1.11", gt=0, le=100)
    batch_size: int = hyperparameter(
        10, "samples per gradient step", topic="Optimisation", question="1.10", ge=1, le=65536
    )
    epochs: int = hyperparameter(150, "passes over the training samples", topic="Optimisation", ge=1, le=100_000)
    hidden: list[Annotated[int, Field(ge=1, le=65536)]] = hyperparameter(
        [10], "sizes of the hidden layers", topic="Model", question="1.4", max_length=32
    )
    activation: Literal["tanh", "relu", "sigmoid"] = hyperparameter(
        "tanh", "non-linearity after each hidden layer", topic="Model", question="1.3"
    )
    softmax_output: bool = hyperparameter(
        False, "softmax before the cross-entropy, which has one already", topic="Model", question="1.14"
    )


MLP = Exercise(
    name="mlp",
    lab=1,
    title="Multilayer perceptron",
    summary="A small network of dense layers: points in the plane first, then handwritten digits.",
    hyperparameters=MLPHyperparameters,
    model="tui_lab.models.mlp:MLP",
    threads=1,  # at these sizes two threads wait for each other longer than they work
)
