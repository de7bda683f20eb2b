"""`svm`: the support vector machine of lab 1, fitted at once on 2-D points and images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

from tui_lab.data.catalogue import DATASETS, sample_shape
from tui_lab.hyperparameters import DatasetName, Hyperparameters, Mistake, hyperparameter
from tui_lab.labs.exercise import Exercise

Kernel = Literal["linear-svc", "linear", "poly", "rbf", "sigmoid"]

PATIENCE_S = 60.0  # a fit that may take longer is worth a word before it begins
# Seconds of a pair of samples and a value in each: MNIST with an rbf kernel on one core, 8,000 samples of 784 values in
# 7 s, 60,000 of 50 in 22 s. Other kernels, prices and processors take a few times as long or as short.
PAIR_S = 1.3e-10


class SVMHyperparameters(Hyperparameters):
    dataset: DatasetName = hyperparameter("circles", "data set", topic="Data")
    kernel: Kernel = hyperparameter(
        "rbf",
        "scikit-learn's SVC with this kernel; linear-svc = its LinearSVC, one class against the rest",
        topic="Model",
    )
    C: float = hyperparameter(1.0, "price of a sample on the wrong side of its margin", topic="Model", gt=0)
    degree: int = hyperparameter(
        3, "degree of the polynomial", topic="Model", only_if={"kernel": ("poly",)}, ge=1, le=20
    )
    kernel_gamma: float = hyperparameter(
        0.0,
        'how quickly similarity falls with distance; 0 = "scale", 1 / (values × variance)',
        topic="Model",
        only_if={"kernel": ("poly", "rbf", "sigmoid")},
        ge=0,
        le=100_000,
    )
    coef0: float = hyperparameter(
        0.0,
        "constant in the kernel",
        topic="Model",
        only_if={"kernel": ("poly", "sigmoid")},
        ge=-100_000,
        le=100_000,
    )
    pca: int = hyperparameter(
        0, "principal components that replace the values of a sample; 0 = none", topic="Model", ge=0, le=65536
    )
    max_iter: int = hyperparameter(
        0,
        "iterations of the solver; 0 = the usual: 1,000 of LinearSVC, SVC until it has converged",
        topic="Model",
        ge=0,
        le=10**8,
    )
    device: Literal["auto", "cpu"] = hyperparameter("auto", "scikit-learn computes on the CPU", topic="Run")


def mistakes(hp: SVMHyperparameters) -> Iterator[Mistake]:
    """More components than a sample has values, or than there are samples to find them in."""
    values = math.prod(sample_shape(hp))
    if hp.pca > values:
        yield Mistake("pca", hp.pca, f"a sample of {hp.dataset} has {values:,} values")
    samples = fitted_samples(hp)
    if samples and hp.pca > samples:
        yield Mistake("pca", hp.pca, f"{samples:,} training samples have no more than {samples:,} components")


def notice(hp: SVMHyperparameters) -> str:
    """How long the fit may take, where that is long. The run measures it, and says it better."""
    samples, values = fitted_samples(hp), hp.pca or math.prod(sample_shape(hp))
    seconds = PAIR_S * samples**2 * values
    if hp.kernel == "linear-svc" or seconds < PATIENCE_S:
        return ""
    remedy = "train_size 10000" + (" or pca 50" if values > 100 else "")
    return (
        f"An SVC compares samples two by two: {samples:,} of {values:,} values may take some "
        f"{roughly(seconds)}. {remedy} makes it quicker."
    )


def fitted_samples(hp: Hyperparameters) -> int:
    """Training samples that are fitted; 0 where the user's folder decides it."""
    given = hp.train_size or DATASETS[hp.dataset].train_size
    return given - round(hp.validation_fraction * given)


def roughly(seconds: float) -> str:
    """To one digit: it is no more than a guess."""
    count, unit = (seconds / 3600, "hours") if seconds >= 7200 else (seconds / 60, "minutes")
    digits = 10 ** math.floor(math.log10(count))
    return f"{round(count / digits) * digits:,} {unit}"


SVM = Exercise(
    name="svm",
    lab=1,
    title="Support vector machine",
    summary="The widest margin between classes, straight or bent by a kernel; fitted at once.",
    hyperparameters=SVMHyperparameters,
    model="tui_lab.models.svm:SVM",
    check=mistakes,
    notice=notice,
)
