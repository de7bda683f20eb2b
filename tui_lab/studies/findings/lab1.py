"""Findings of lab 1: circles and MNIST by hand, and support vector machines."""

from __future__ import annotations

import math

from tui_lab.studies.findings.checks import (
    alike,
    all_of,
    between,
    chance_explains,
    coincide,
    falling,
    less,
    more,
    never_below,
    not_by_chance,
)
from tui_lab.studies.findings.finding import Finding, Ref
from tui_lab.studies.findings.measures import Measure, after, final, reaches

PUBLISHED_REPLICATES = (0.97, 0.965, 0.955, 0.97, 0.96)  # one configuration, announced as five learning rates
BATCH_SIZES = (10, 20, 50, 100, 200)
RATES = (0.001, 0.01, 0.05, 0.1, 0.5)
KERNELS = ("poly", "rbf", "sigmoid")
C_VALUES = (1e-5, 1e-3, 0.01, 1.0, 10.0, 100.0)
# Two softmaxes tell k classes apart by e to 1 at most: log(e + k - 1) - 1, with room for float32
FLOOR_OF_2, FLOOR_OF_10 = (math.log(math.e + k - 1) - 1 - 1e-4 for k in (2, 10))


def _on_circles(metric: str) -> Measure:
    return final(metric).assuming(0.0065, "as five published runs of one configuration have")


def _on_points(metric: str) -> Measure:
    """Of a fit, which is exact: only the 200 points differ from seed to seed."""
    return final(metric).assuming(0.02, "as an accuracy on 200 points has")


def _batches(study: str) -> tuple[Ref, ...]:
    return tuple(Ref(study, {"batch_size": size}, f"batch {size}") for size in BATCH_SIZES)


def _rates(study: str) -> tuple[Ref, ...]:
    return tuple(Ref(study, {"lr": rate}, f"lr {rate:g}") for rate in RATES)


def _larger_is_slower(study: str) -> Finding:
    return Finding(
        "larger-batch-learns-less",
        study,
        "report",
        "At one learning rate a larger batch learns less in the same epochs.",
        of=_batches(study),
        judge=all_of(
            more(_on_circles("train_accuracy"), 0, 4, by=0.1), more(_on_circles("train_accuracy"), 1, 3, by=0.0)
        ),
    )


def _lost_beyond_20(study: str) -> Finding:
    return Finding(
        "lost-beyond-20",
        study,
        "data",
        "Up to a batch of 20 nothing is lost; from there on every larger batch loses.",
        of=_batches(study),
        judge=all_of(
            alike(_on_circles("train_accuracy"), 0, 1, within=0.025),
            falling(_on_circles("train_accuracy"), 1, 2, 4),
        ),
    )


AVERAGED = tuple(
    finding
    for study in ("mlp-1.2.1-batch-size", "mlp-1.2.3-batch-size", "mlp-1.2.4-batch-size")
    for finding in (_larger_is_slower(study), _lost_beyond_20(study))
)

BY_HAND = (
    Finding(
        "pooled-bias-learns",
        "mlp-1.2.1",
        "data",
        "With a wrong gradient of the hidden biases, one for all ten, the network learns all the same.",
        of=(Ref("mlp-1.2.1", name="pooled"), Ref("mlp-1.2.1-corrected", name="exact")),
        judge=all_of(
            between(_on_circles("train_accuracy"), 0, low=0.9),
            alike(_on_circles("test_accuracy"), 1, 0, within=0.03),
        ),
    ),
    Finding(
        "averaged-plateau",
        "mlp-1.2.1-averaged",
        "data",
        "Averaged gradients keep the run near 80 % for some 60 of 500 epochs, and 95 % come after 115.",
        of=(Ref("mlp-1.2.1-averaged", name="averaged"),),
        judge=all_of(
            between(after(50, "train_accuracy"), 0, low=0.6, high=0.87),
            between(reaches("train_accuracy", 0.95).assuming(30.0, "assumed"), 0, low=60, high=200),
        ),
    ),
    Finding(
        "sum-is-a-larger-step",
        "mlp-1.2.1-averaged",
        "data",
        "Summed gradients take ten times the steps of averaged ones and are there in a fraction of the epochs.",
        of=(Ref("mlp-1.2.1", name="summed"), Ref("mlp-1.2.1-averaged", name="averaged")),
        judge=all_of(more(reaches("train_accuracy", 0.9).assuming(15.0, "assumed"), 1, 0, by=20)),
    ),
    Finding(
        "rates-differ",
        "mlp-1.2.1-lr",
        "report",
        "The five published accuracies show the influence of the learning rate.",
        of=(Ref("mlp-1.2.1-lr", name="lr 0.03"),),
        judge=all_of(not_by_chance(final("train_accuracy"), 0, PUBLISHED_REPLICATES)),
    ),
    Finding(
        "rates-are-replicates",
        "mlp-1.2.1-lr",
        "data",
        "They are five runs at 0.03, and differ as the seeds of one configuration do.",
        of=(Ref("mlp-1.2.1-lr", name="lr 0.03"),),
        judge=all_of(chance_explains(final("train_accuracy"), 0, PUBLISHED_REPLICATES)),
    ),
    Finding(
        "real-rates-differ",
        "mlp-1.2.1-lr-corrected",
        "data",
        "Where the rate is really swept, it matters: at 0.001 the run has hardly begun when 0.1 is done.",
        of=_rates("mlp-1.2.1-lr-corrected"),
        judge=all_of(more(_on_circles("train_accuracy"), 3, 0, by=0.05), more(final("train_loss"), 0, 3, by=0.2)),
    ),
    Finding(
        "summed-forgives",
        "mlp-1.2.2-lr",
        "data",
        "Summed over batches of 10, rates from 0.001 to 0.1 end alike, and only 0.5 is too large.",
        of=_rates("mlp-1.2.2-lr"),
        judge=all_of(
            alike(_on_circles("train_accuracy"), 1, 0, 2, 3, within=0.03),
            more(_on_circles("train_accuracy"), 2, 4, by=0.01),
        ),
    ),
    Finding(
        "summed-batch-hardly-matters",
        "mlp-1.2.2-batch-size",
        "data",
        "With summed gradients the batch size hardly matters: the steps grow with it.",
        of=_batches("mlp-1.2.2-batch-size"),
        judge=all_of(alike(_on_circles("train_accuracy"), 0, 1, 2, 3, 4, within=0.06)),
    ),
    Finding(
        "one-curve",
        "implementations",
        "data",
        "By hand, with autograd, with torch.nn and with torch.optim the same run comes out.",
        of=tuple(
            Ref("implementations", {"implementation": name}, name) for name in ("by-hand", "autograd", "nn", "optim")
        ),
        judge=all_of(
            coincide(final("train_loss"), 0, 1, 2, 3, within=1e-3),
            coincide(final("test_accuracy"), 0, 1, 2, 3, within=0.0051),
        ),
    ),
)

DOUBLE_SOFTMAX = (
    Finding(
        "loss-floor",
        "mlp-1.2.4",
        "data",
        "With a softmax before the cross-entropy the loss cannot fall below 0.3133, and the accuracy is good.",
        of=(Ref("mlp-1.2.4", name="double softmax"),),
        judge=all_of(
            never_below("train_loss", 0, FLOOR_OF_2),
            never_below("test_loss", 0, FLOOR_OF_2),
            between(_on_circles("train_accuracy"), 0, low=0.9),
        ),
    ),
    Finding(
        "one-softmax-goes-below",
        "mlp-1.2.4-corrected",
        "data",
        "With one softmax the loss goes below that floor.",
        of=(Ref("mlp-1.2.4-corrected", name="one softmax"),),
        judge=all_of(between(final("train_loss"), 0, high=FLOOR_OF_2)),
    ),
    Finding(
        "slow-rate-stays",
        "mlp-1.2.4-lr",
        "data",
        "Behind two softmaxes a rate of 0.001 is still on its way after 500 epochs, and 0.5 is not too large.",
        of=_rates("mlp-1.2.4-lr"),
        judge=all_of(
            more(_on_circles("train_accuracy"), 4, 0, by=0.05),
            alike(_on_circles("train_accuracy"), 3, 4, within=0.03),
        ),
    ),
    Finding(
        "mnist-floor",
        "mlp-1.2.5",
        "data",
        "On MNIST the loss of the double softmax stays above 1.4612 whatever the accuracy.",
        of=(Ref("mlp-1.2.5", name="double softmax"),),
        judge=all_of(
            never_below("train_loss", 0, FLOOR_OF_10),
            between(final("test_accuracy").assuming(0.002, "assumed"), 0, low=0.92),
        ),
    ),
    Finding(
        "mnist-slow-start",
        "mlp-1.2.5-corrected",
        "data",
        "The double softmax makes gradients small: on the same inputs one softmax is ahead after the first epoch, and "
        "at the end.",
        of=(
            Ref("mlp-1.2.5-inputs", {"standardize": "channel"}, "double softmax"),
            Ref("mlp-1.2.5-corrected", name="one softmax"),
        ),
        judge=all_of(
            more(after(1, "test_accuracy").assuming(0.003, "assumed"), 1, 0, by=0.02),
            more(final("test_accuracy").assuming(0.002, "assumed"), 1, 0, by=0.002),
        ),
    ),
    Finding(
        "mnist-raw-pixels",
        "mlp-1.2.5-inputs",
        "data",
        "Pixels from 0 to 255 saturate the hidden units: quick at first, and the lowest in the end.",
        of=tuple(Ref("mlp-1.2.5-inputs", {"standardize": scaled}, scaled) for scaled in ("raw", "none", "channel")),
        judge=all_of(
            more(after(1, "test_accuracy").assuming(0.01, "assumed"), 0, 1, by=0.1),
            less(final("test_accuracy").assuming(0.003, "assumed"), 0, 1, 2),
        ),
    ),
)


def _kernels(c: float) -> tuple[Ref, ...]:
    return tuple(Ref("svm-1.2.6-C", {"kernel": kernel, "C": c}, kernel) for kernel in KERNELS)


def _by_c(kernel: str) -> tuple[Ref, ...]:
    return tuple(Ref("svm-1.2.6-C", {"kernel": kernel, "C": c}, f"{kernel} C={c:g}") for c in C_VALUES)


KERNEL_MACHINES = (
    Finding(
        "radial-kernel-wins",
        "svm-1.2.6-C",
        "report",
        "Of three kernels the radial one separates the circles; the others do not.",
        of=_kernels(1.0),
        judge=all_of(more(_on_points("test_accuracy"), 1, 0, 2, by=0.15)),
    ),
    Finding(
        "c-hardly-matters",
        "svm-1.2.6-C",
        "data",
        "For the radial kernel seven decades of C change the test accuracy by a few points.",
        of=_by_c("rbf"),
        judge=all_of(alike(_on_points("test_accuracy"), 3, 0, 1, 2, 4, 5, within=0.06)),
    ),
    Finding(
        "no-c-helps-poly",
        "svm-1.2.6-C",
        "data",
        "No C makes a polynomial of degree 3 without a constant close a circle.",
        of=_by_c("poly"),
        judge=all_of(between(_on_points("test_accuracy"), *range(len(C_VALUES)), high=0.75)),
    ),
    Finding(
        "straight-line-guesses",
        "svm-1.2.6-linear-svc",
        "data",
        "A straight boundary is no better than guessing.",
        of=(Ref("svm-1.2.6-linear-svc", name="linear-svc"),),
        judge=all_of(between(_on_points("test_accuracy"), 0, high=0.65)),
    ),
    Finding(
        "cubic-fails",
        "svm-1.2.6-poly",
        "data",
        "An odd power does not know the distance from the centre: far from 94 %.",
        of=(Ref("svm-1.2.6-poly", name="poly"),),
        judge=all_of(between(_on_points("test_accuracy"), 0, high=0.75)),
    ),
    Finding(
        "radial-is-as-good-as-the-network",
        "svm-1.2.6-rbf",
        "data",
        "One solved problem is as good as the network of this lab.",
        of=(Ref("svm-1.2.6-rbf", name="rbf"), Ref("mlp-1.2.1", name="mlp")),
        judge=all_of(alike(_on_points("test_accuracy"), 1, 0, within=0.06)),
    ),
    Finding(
        "sigmoid-in-between",
        "svm-1.2.6-sigmoid",
        "data",
        "The sigmoid kernel is somewhere between guessing and knowing.",
        of=(Ref("svm-1.2.6-sigmoid", name="sigmoid"),),
        judge=all_of(between(_on_points("test_accuracy"), 0, low=0.4, high=0.8)),
    ),
)

FINDINGS = (*AVERAGED, *BY_HAND, *DOUBLE_SOFTMAX, *KERNEL_MACHINES)
