"""What every exercise shares, what those trained by gradient descent share besides, and how a field is declared."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import model_validator

from tui_lab.hyperparameters.declared import LARGEST, Declared, Problem, refuse_combinations, setting

PointSet = Literal["circles", "moons", "spirals", "gaussians", "xor"]
ImageSet = Literal["digits", "mnist", "fashion-mnist", "cifar10", "folder"]
DatasetName = Literal[
    "circles", "moons", "spirals", "gaussians", "xor", "digits", "mnist", "fashion-mnist", "cifar10", "folder"
]
Standardize = Literal[
    "none", "raw", "channel", "channel-published", "gcn", "zca", "pca", "pca-published", "l1", "l2", "minmax"
]
Optimizer = Literal["sgd", "adam", "adamw", "adagrad", "adadelta", "rmsprop"]
Scheduler = Literal["none", "constant", "linear", "step", "exponential", "polynomial", "cosine"]

USERS_FILES = ("folder", "weights")  # those that name a file or a folder of the user's own
TOPICS = ("Data", "Augmentation", "Model", "Optimisation", "Regularisation", "Run")


def absolute_paths(values: Mapping[str, Any]) -> dict[str, str]:
    """Those of `values` that name the user's own files, so that they mean the same from any working directory."""
    return {name: str(Path(values[name]).expanduser().absolute()) for name in USERS_FILES if values.get(name)}


def hyperparameter(default: Any, help: str, *, topic: str, **declared: Any) -> Any:
    """Declare a hyperparameter: a `setting` of one of `TOPICS`."""
    if topic not in TOPICS:
        raise ValueError(f"unknown topic {topic!r}")
    return setting(default, help, topic=topic, **declared)


class Hyperparameters(Declared):
    """What every exercise shares. Frozen: a run's configuration never changes."""

    # Data
    dataset: DatasetName = hyperparameter("digits", "data set", topic="Data")
    folder: str = hyperparameter(
        "", "your own images, one folder a class", topic="Data", only_if={"dataset": ("folder",)}
    )
    image_size: int = hyperparameter(
        32, "side that your own images are resized to", topic="Data", only_if={"dataset": ("folder",)}, ge=8, le=512
    )
    noise: float = hyperparameter(
        0.2,
        "standard deviation of the noise on the points",
        topic="Data",
        only_if={"dataset": typing.get_args(PointSet)},
        ge=0,
        le=5,
    )
    train_size: int = hyperparameter(
        0, "training samples, stratified; 0 = all", topic="Data", question="1.2", ge=0, le=LARGEST
    )
    test_size: int = hyperparameter(0, "test samples, stratified; 0 = all", topic="Data", ge=0, le=LARGEST)
    validation_fraction: float = hyperparameter(
        0.0, "share of the training samples held out to select on", topic="Data", question="1.1", ge=0, le=0.9
    )
    standardize: Standardize = hyperparameter(
        "none", "how inputs are scaled, fitted on the training split", topic="Data", question="2.19"
    )
    whiten_epsilon: float = hyperparameter(
        0.01,
        "added to the variances before whitening",
        topic="Data",
        question="2.21",
        only_if={"standardize": ("zca", "pca")},
        ge=0,
        le=10,
    )

    # Run
    seed: int = hyperparameter(0, "seed of every random draw of the run", topic="Run", ge=0, lt=2**63)
    device: str = hyperparameter(
        "auto",
        "where to train; auto = the first GPU, else the CPU",
        topic="Run",
        allowed="auto | cpu | cuda | cuda:N | mps",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
    )
    threads: int = hyperparameter(
        0, "CPU threads; 0 = what suits the model, at most the cores", topic="Run", ge=0, le=1024
    )

    @property
    def stored_side(self) -> int:
        """Side at which the user's own images are kept."""
        return self.image_size

    def problems(self) -> list[Problem]:
        """Values that do not go together, as `refuse_combinations` takes them; those of a subclass follow these."""
        return [(self.dataset == "folder" and not self.folder, "folder", "must name a folder when dataset is 'folder'")]

    @model_validator(mode="after")
    def _check_combinations(self) -> Self:
        refuse_combinations(*self.problems())
        return self


class GradientHyperparameters(Hyperparameters):
    """What every exercise trained by gradient descent shares."""

    # Augmentation: of training samples; the test transform that belongs to each is in brackets
    crop: int = hyperparameter(
        0, "side of a random crop [test: centre crop]; 0 = none", topic="Augmentation", question="2.22", ge=0, le=512
    )
    crop_padding: int = hyperparameter(
        0, "black pixels added on every side before the crop", topic="Augmentation", ge=0, le=64
    )
    flip: bool = hyperparameter(
        False, "mirror left-right with probability 0.5 [test: never]", topic="Augmentation", question="2.23"
    )
    erasing: float = hyperparameter(
        0.0, "probability of erasing a rectangle [test: never]", topic="Augmentation", question="2.25", ge=0, le=1
    )
    rotation: float = hyperparameter(
        0.0, "random rotation by 0 to this many degrees", topic="Augmentation", question="2.25", ge=0, le=360
    )
    test_rotation: float = hyperparameter(
        0.0, "the same for test samples", topic="Augmentation", question="2.25", ge=0, le=360
    )

    # Optimisation
    lr: float = hyperparameter(0.01, "learning rate", topic="Optimisation", question="1.11", gt=0, le=100)
    batch_size: int = hyperparameter(
        128, "samples per gradient step", topic="Optimisation", question="2.16", ge=1, le=65536
    )
    epochs: int = hyperparameter(15, "passes over the training samples", topic="Optimisation", ge=1, le=100_000)
    optimizer: Optimizer = hyperparameter("sgd", "torch.optim's", topic="Optimisation", question="2.26")
    momentum: float = hyperparameter(
        0.0, "momentum", topic="Optimisation", only_if={"optimizer": ("sgd", "rmsprop")}, ge=0, lt=1
    )
    nesterov: bool = hyperparameter(False, "Nesterov's momentum", topic="Optimisation", only_if={"optimizer": ("sgd",)})
    scheduler: Scheduler = hyperparameter(
        "none", "learning rate by epoch, torch's", topic="Optimisation", question="2.26"
    )
    gamma: float = hyperparameter(
        0.0,
        "decay factor; 0 = the usual: exponential 0.95, step 0.1",
        topic="Optimisation",
        only_if={"scheduler": ("step", "exponential")},
        ge=0,
        le=2,
    )
    step_size: int = hyperparameter(
        10,
        "epochs between two decays",
        topic="Optimisation",
        only_if={"scheduler": ("step",)},
        ge=1,
        le=LARGEST,
    )
    factor: float = hyperparameter(
        1 / 3,
        "first factor on the learning rate",
        topic="Optimisation",
        only_if={"scheduler": ("constant", "linear")},
        gt=0,
        le=1,
    )
    total_iters: int = hyperparameter(
        5,
        "epochs until the factor has done its work",
        topic="Optimisation",
        only_if={"scheduler": ("constant", "linear", "polynomial")},
        ge=1,
        le=LARGEST,
    )
    power: float = hyperparameter(
        1.0, "power of the decay", topic="Optimisation", only_if={"scheduler": ("polynomial",)}, gt=0, le=10
    )
    T_max: int = hyperparameter(
        0,
        "epochs of half a cosine; 0 = all epochs",
        topic="Optimisation",
        only_if={"scheduler": ("cosine",)},
        ge=0,
        le=LARGEST,
    )
    eta_min: float = hyperparameter(
        0.0, "lowest learning rate", topic="Optimisation", only_if={"scheduler": ("cosine",)}, ge=0
    )

    # Regularisation
    weight_decay: float = hyperparameter(0.0, "weight decay", topic="Regularisation", ge=0, le=10)
    clip_norm: float = hyperparameter(
        0.0, "largest norm of the whole gradient; 0 = no clipping", topic="Regularisation", ge=0
    )
    label_smoothing: float = hyperparameter(
        0.0, "probability spread over all classes in the training loss", topic="Regularisation", ge=0, lt=1
    )
    early_stopping: int = hyperparameter(
        0,
        "epochs without improvement before stopping; 0 = never",
        topic="Regularisation",
        question="2.18",
        ge=0,
        le=LARGEST,
    )
    selection_metric: Literal["accuracy", "loss"] = hyperparameter(
        "accuracy", "what selects the best epoch and stops early", topic="Regularisation"
    )

    # Run
    precision: Literal["auto", "fp32", "bf16"] = hyperparameter(
        "auto", "auto = bf16 autocast where a self-test shows that it pays", topic="Run"
    )
    channels_last: Literal["auto", "on", "off"] = hyperparameter(
        "auto", "memory layout of images; auto = where a self-test shows that it pays", topic="Run"
    )
    compile: bool = hyperparameter(False, "torch.compile; on CPU it costs more than it gives", topic="Run")
    evaluate_train: bool = hyperparameter(
        False, "also measure the training set in eval mode after each epoch", topic="Run", question="2.17"
    )

    def problems(self) -> list[Problem]:
        return [
            *super().problems(),
            (self.nesterov and self.momentum == 0, "nesterov", "needs momentum above 0"),
            (self.nesterov and self.optimizer != "sgd", "nesterov", "is sgd's; with another optimizer set it false"),
            (self.crop_padding > 0 and self.crop == 0, "crop_padding", "needs a crop"),
        ]
