"""What the hyperparameters alone cannot know: whether they fit the data set and the network.

Everything here is decided without loading a sample or importing torch, so that a front end refuses before a worker
starts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from tui_lab.data.catalogue import DATASETS, sample_shape
from tui_lab.hyperparameters import GradientHyperparameters, Hyperparameters, Mistake, declarations, refusal
from tui_lab.labs.exercise import Exercise

# Whitening needs the covariance of all values of a sample; of 64×64 colour images it fills 1.2 GB.
MOST_WHITENED_VALUES = 3 * 64 * 64


def check_configuration(exercise: Exercise, hyperparameters: Hyperparameters) -> None:
    """Raise one UsageError with everything that `mistakes_for` finds."""
    mistakes = mistakes_for(exercise, hyperparameters)
    if mistakes:
        raise refusal(mistakes)


def mistakes_for(exercise: Exercise, hyperparameters: Hyperparameters) -> list[Mistake]:
    """Every hyperparameter that does not fit the data set or the network; empty when the run can start.

    Whether the files of the data set are there, and the device, is not asked.
    """
    shape = sample_shape(hyperparameters)
    mistakes = [*_of_sizes(hyperparameters), *_of_standardisation(hyperparameters, shape)]
    if isinstance(hyperparameters, GradientHyperparameters):
        if len(shape) == 1:
            mistakes += _of_points(hyperparameters)
        else:
            mistakes += _of_images(exercise, hyperparameters, shape)
    return [*mistakes, *exercise.check(hyperparameters)]


def _of_sizes(hp: Hyperparameters) -> Iterator[Mistake]:
    """Asking for more samples than there are. The user's own images are counted only when they are loaded."""
    info = DATASETS[hp.dataset]
    are_counted = info.kind == "images" and info.name != "folder"
    for name in ("train_size", "test_size"):
        asked, available = getattr(hp, name), getattr(info, name)
        if are_counted and asked > available:
            yield Mistake(name, asked, f"{info.name} has {available:,}")
    train = hp.train_size or info.train_size
    held_out = round(hp.validation_fraction * train)
    if hp.validation_fraction > 0 and train and not 0 < held_out < train:
        side = "train" if held_out else "validate"
        yield Mistake(
            "validation_fraction", hp.validation_fraction, f"leaves none of {train:,} training samples to {side} on"
        )


def _of_standardisation(hp: Hyperparameters, shape: tuple[int, ...]) -> Iterator[Mistake]:
    if hp.standardize == "pca-published" and shape[0] != 3:
        given = "points" if len(shape) == 1 else "grey images"
        problem = f"needs images of three channels, and {hp.dataset} has {given}"
        yield Mistake("standardize", hp.standardize, problem, "cifar10 and folder have three channels.")
    if hp.standardize in ("raw", "channel-published") and len(shape) == 1:
        yield Mistake("standardize", hp.standardize, f"is for images, and {hp.dataset} are points")
    values = math.prod(shape)
    if hp.standardize in ("zca", "pca") and values > MOST_WHITENED_VALUES:
        problem = f"is for samples of at most {MOST_WHITENED_VALUES:,} values, and these have {values:,}"
        yield Mistake("standardize", hp.standardize, problem, "Make the images smaller (image_size), or use channel.")


def _of_points(hp: GradientHyperparameters) -> Iterator[Mistake]:
    for declaration in declarations(type(hp)).values():
        value = getattr(hp, declaration.name)
        if declaration.topic == "Augmentation" and value:
            yield Mistake(declaration.name, value, f"changes images, and {hp.dataset} are points")


def _of_images(exercise: Exercise, hp: GradientHyperparameters, shape: tuple[int, ...]) -> Iterator[Mistake]:
    _, height, width = shape
    largest = min(height, width) + 2 * hp.crop_padding
    if hp.crop > largest:
        padded = f" with crop_padding = {hp.crop_padding}" if hp.crop_padding else ""
        yield Mistake("crop", hp.crop, f"is larger than the {height}×{width} images of {hp.dataset}{padded}")
    least = exercise.smallest_side
    if 0 < hp.crop < least:
        yield Mistake("crop", hp.crop, f"{exercise.name} needs images of at least {least}×{least}")
