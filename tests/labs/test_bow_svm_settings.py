"""The settings of bag of words and SVM: what they may be, what somebody is told before a run, and the presets."""

from __future__ import annotations

from typing import Any

import pytest

from tui_lab.hyperparameters import Hyperparameters, build
from tui_lab.labs.bow_svm import BOW_SVM, BowSVMHyperparameters
from tui_lab.labs.check import mistakes_for
from tui_lab.presets import load_preset
from tui_lab.presets.library import shipped_dir


def settled(**values: Any) -> Hyperparameters:
    return build(BOW_SVM.hyperparameters, values)


def test_it_is_fitted_to_images_with_the_words_of_the_practical() -> None:
    assert BOW_SVM.is_fitted
    chosen = settled()
    assert isinstance(chosen, BowSVMHyperparameters)
    assert (chosen.dataset, chosen.words) == ("cifar10", 1000)
    assert "circles" not in BOW_SVM.declarations["dataset"].choices
    assert "lr" not in BOW_SVM.declarations


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        ({}, []),
        ({"dataset": "digits", "patch_size": 8, "stride": 64}, []),
        ({"dataset": "digits", "patch_size": 9}, ["patch_size = 9: is larger than the 8×8 images of digits"]),
        ({"dataset": "digits", "pooling_grid": 2}, []),
        (
            {"dataset": "digits", "pooling_grid": 3},
            ["pooling_grid = 3: an image has 2 patches in a row, with this patch_size and stride"],
        ),
        (
            {"dataset": "digits", "patch_size": 8, "pooling_grid": 2},
            ["pooling_grid = 2: an image has 1 patch in a row, with this patch_size and stride"],
        ),
        ({"words": 501, "patches": 500}, ["words = 501: 500 patches have no more than 500 words"]),
        ({"words": 5000}, []),
        ({"words": 5001}, ["words = 5001: 50,000 encoded images of 5,001 values do not fit into memory"]),
        ({"words": 5001, "train_size": 40_000}, []),
        ({"words": 5001, "validation_fraction": 0.2}, []),
        ({"dataset": "folder", "folder": "mine", "image_size": 16, "patch_size": 16, "words": 10_000}, []),
    ],
)
def test_patches_regions_and_words_fit(values: dict[str, Any], sentences: list[str]) -> None:
    assert [mistake.sentence for mistake in mistakes_for(BOW_SVM, settled(**values))] == sentences


def test_a_long_fit_is_spoken_of_before_it_begins() -> None:
    said = BOW_SVM.notice(settled(stride=1))
    assert said.startswith("50,000 images have 36,450,000 patches, each compared with 1,000 words: this may take some ")
    assert "minutes" in said
    assert BOW_SVM.notice(settled()) == ""
    assert BOW_SVM.notice(settled(dataset="folder", folder="mine", stride=1)) == ""


def test_the_study_of_vocabularies_goes_up_to_that_of_the_practical() -> None:
    study = load_preset(shipped_dir() / "lab2" / "bow-svm-words.toml")
    words = [arm.hyperparameters["words"] for arm in study.arms]
    assert words == sorted(words)
    assert words[-1] >= 1000
    assert study.exercise is BOW_SVM
    assert all(not arm.published for arm in study.arms)
