"""Whether a configuration fits its data set and its network, against the modules that would fail on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tui_lab.data.augment import Augmentation
from tui_lab.data.catalogue import sample_shape
from tui_lab.data.load import load_dataset
from tui_lab.errors import UsageError
from tui_lab.labs.check import check_configuration, mistakes_for
from tui_lab.labs.convnet import CONVNET
from tui_lab.labs.exercise import Exercise
from tui_lab.labs.mlp import MLP, MLPHyperparameters
from tui_lab.models.convnet import ConvNet


def problems(exercise: Exercise, **values: Any) -> list[str]:
    return [str(mistake) for mistake in mistakes_for(exercise, exercise.hyperparameters(**values))]


@settings(deadline=None)
@given(
    dataset=st.sampled_from(["circles", "digits", "mnist", "cifar10"]),
    crop=st.integers(0, 48),
    crop_padding=st.integers(0, 8),
    flip=st.booleans(),
    erasing=st.sampled_from([0.0, 0.5]),
    rotation=st.sampled_from([0.0, 90.0]),
)
def test_what_is_refused_is_what_augmentation_refuses(**values: Any) -> None:
    assume(values["crop"] or not values["crop_padding"])
    hyperparameters = MLPHyperparameters(**values)
    try:
        Augmentation.of(hyperparameters).output_shape(sample_shape(hyperparameters))
        is_refused = False
    except UsageError:
        is_refused = True
    assert bool(mistakes_for(MLP, hyperparameters)) == is_refused


def test_every_augmentation_of_points_is_named() -> None:
    assert problems(MLP, dataset="moons", crop=3, flip=True, erasing=0.1, rotation=1.0, test_rotation=1.0) == [
        "crop = 3: changes images, and moons are points",
        "flip = true: changes images, and moons are points",
        "erasing = 0.1: changes images, and moons are points",
        "rotation = 1.0: changes images, and moons are points",
        "test_rotation = 1.0: changes images, and moons are points",
    ]


def test_a_padded_image_may_be_cropped_larger_than_it_was() -> None:
    assert problems(CONVNET, dataset="cifar10", crop=40, crop_padding=4) == []
    assert problems(CONVNET, dataset="cifar10", crop=41, crop_padding=4) == [
        "crop = 41: is larger than the 32×32 images of cifar10 with crop_padding = 4"
    ]


def test_the_published_pca_needs_three_channels() -> None:
    assert problems(CONVNET, dataset="cifar10", standardize="pca-published") == []
    assert problems(CONVNET, dataset="folder", folder="x", standardize="pca-published") == []
    for exercise, dataset, given_ in ((CONVNET, "mnist", "grey images"), (MLP, "circles", "points")):
        assert problems(exercise, dataset=dataset, standardize="pca-published") == [
            f'standardize = "pca-published": needs images of three channels, and {dataset} has {given_} '
            "(cifar10 and folder have three channels.)"
        ]


def test_whitening_is_refused_where_its_matrix_would_not_fit() -> None:
    assert problems(CONVNET, dataset="folder", folder="x", image_size=64, standardize="zca") == []
    assert problems(CONVNET, dataset="folder", folder="x", image_size=65, standardize="pca") == [
        'standardize = "pca": is for samples of at most 12,288 values, and these have 12,675 '
        "(Make the images smaller (image_size), or use channel.)"
    ]


def test_more_samples_than_there_are_is_refused_for_what_is_stored() -> None:
    assert problems(CONVNET, dataset="mnist", train_size=60_000, test_size=10_000) == []
    assert problems(CONVNET, dataset="mnist", train_size=60_001, test_size=10_001) == [
        "train_size = 60001: mnist has 60,000",
        "test_size = 10001: mnist has 10,000",
    ]
    assert problems(MLP, dataset="circles", train_size=60_001) == []
    assert problems(CONVNET, dataset="folder", folder="x", train_size=60_001) == []


@pytest.mark.parametrize(("train_size", "fraction"), [(2, 0.1), (1, 0.9), (200, 0.002), (0, 0.5), (5, 0.5), (3, 0.9)])
def test_an_empty_split_is_refused_as_it_would_be_when_loading(train_size: int, fraction: float) -> None:
    hyperparameters = MLPHyperparameters(train_size=train_size, validation_fraction=fraction)
    try:
        load_dataset(hyperparameters, Path())
        is_refused = False
    except UsageError:
        is_refused = True
    assert [m.key for m in mistakes_for(MLP, hyperparameters)] == ["validation_fraction"] * is_refused


def test_the_convnet_refuses_crops_on_which_it_could_not_train() -> None:
    assert problems(CONVNET, dataset="digits", crop=8) == []
    assert problems(CONVNET, dataset="digits", crop=7) == ["crop = 7: convnet needs images of at least 8×8"]
    assert problems(MLP, dataset="digits", crop=7) == []
    assert ConvNet((1, 8, 8), 10, batch_norm=True)(torch.zeros(1, 1, 8, 8)).shape == (1, 10)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        ConvNet((1, 7, 7), 10, batch_norm=True)(torch.zeros(1, 1, 7, 7))


def test_check_configuration_raises_everything_at_once() -> None:
    check_configuration(MLP, MLPHyperparameters())
    with pytest.raises(UsageError, match=r"^crop = 3: .*; flip = true: .*\.$"):
        check_configuration(MLP, MLPHyperparameters(crop=3, flip=True))
