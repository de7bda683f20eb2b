"""`convnet`: the convolutional network of lab 2, with every option that its figures switch."""

from __future__ import annotations

from tui_lab.hyperparameters import GradientHyperparameters, ImageSet, hyperparameter
from tui_lab.labs.exercise import Exercise


class ConvNetHyperparameters(GradientHyperparameters):
    dataset: ImageSet = hyperparameter("cifar10", "data set", topic="Data")
    batch_norm: bool = hyperparameter(
        False, "batch normalisation after each convolution, before ReLU", topic="Model", question="2.34"
    )
    dropout: float = hyperparameter(
        0.0, "probability of dropping a unit of fc4", topic="Model", question="2.32", ge=0, le=1
    )
    softmax_output: bool = hyperparameter(
        False, "softmax before the cross-entropy, which has one already", topic="Model", question="1.14"
    )


CONVNET = Exercise(
    name="convnet",
    lab=2,
    title="Convolutional network",
    summary="Three convolutions and two dense layers that learn to name small photographs.",
    hyperparameters=ConvNetHyperparameters,
    model="tui_lab.models.convnet:ConvNet",
    smallest_side=8,  # below, batch normalisation would see a single value a channel: 8 → 4 → 2 → 1
)
