"""The support vector machine's settings: what they may be, and what somebody is told before a run."""

from __future__ import annotations

from typing import Any

import pytest

from tui_lab.data.catalogue import DATASETS
from tui_lab.hyperparameters import GradientHyperparameters, Hyperparameters, build, mistakes_in
from tui_lab.labs.check import mistakes_for
from tui_lab.labs.convnet import CONVNET
from tui_lab.labs.mlp import MLP
from tui_lab.labs.svm import SVM, SVMHyperparameters
from tui_lab.presets import load_preset
from tui_lab.presets.library import shipped_dir


def settled(**values: Any) -> Hyperparameters:
    return build(SVM.hyperparameters, values)


def test_it_is_fitted_and_has_nothing_of_gradient_steps() -> None:
    assert SVM.is_fitted
    assert not MLP.is_fitted
    assert not CONVNET.is_fitted
    of_steps = GradientHyperparameters.model_fields.keys() - Hyperparameters.model_fields.keys()
    assert {"lr", "epochs", "batch_size", "crop", "precision"} <= of_steps
    assert not of_steps & SVMHyperparameters.model_fields.keys()
    assert {"seed", "threads", "train_size", "standardize", "noise"} <= SVM.declarations.keys()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("degree", -1, "degree = -1: must be 1 <= degree <= 20"),
        ("C", 0, "C = 0: must be 0 < C"),
        ("kernel", "rfb", "kernel = \"rfb\": must be linear-svc | linear | poly | rbf | sigmoid (Did you mean 'rbf'?)"),
        ("kernel_gamma", "auto", 'kernel_gamma = "auto": must be a number, 0 <= kernel_gamma <= 100,000'),
        ("device", "cuda", "device = \"cuda\": must be auto | cpu (Did you mean 'cpu'?)"),
    ],
)
def test_a_mistake_is_one_sentence(name: str, value: Any, sentence: str) -> None:
    assert [str(mistake) for mistake in mistakes_in(SVM.hyperparameters, {name: value})] == [sentence]


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        ({"pca": 2}, []),
        ({"pca": 3}, ["pca = 3: a sample of circles has 2 values"]),
        ({"dataset": "digits", "pca": 64}, []),
        ({"dataset": "digits", "pca": 65}, ["pca = 65: a sample of digits has 64 values"]),
        (
            {"dataset": "mnist", "train_size": 50, "validation_fraction": 0.2, "pca": 41},
            ["pca = 41: 40 training samples have no more than 40 components"],
        ),
        ({"dataset": "digits", "train_size": 5000}, ["train_size = 5000: digits has 1,437"]),
    ],
)
def test_components_fit_the_samples(values: dict[str, Any], sentences: list[str]) -> None:
    assert [mistake.sentence for mistake in mistakes_for(SVM, settled(**values))] == sentences


def test_a_long_fit_is_spoken_of_before_it_begins() -> None:
    said = SVM.notice(settled(dataset="mnist"))
    assert "60,000" in said
    assert "minutes" in said
    assert "train_size" in said
    assert "pca" in said
    assert said.count(".") == 2


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"dataset": "digits"},
        {"dataset": "mnist", "train_size": 10_000},
        {"dataset": "mnist", "pca": 50},
        {"dataset": "mnist", "kernel": "linear-svc"},
        {"dataset": "folder", "folder": "mine"},
    ],
)
def test_of_a_short_one_nothing_is_said(values: dict[str, Any]) -> None:
    assert SVM.notice(settled(**values)) == ""


def test_the_more_samples_the_longer() -> None:
    units = {"minutes": 1, "hours": 60}

    def minutes(**values: Any) -> float:
        words = SVM.notice(settled(**values)).split()
        (unit,) = (word.rstrip(".") for word in words if word.rstrip(".") in units)
        return float(words[[word.rstrip(".") for word in words].index(unit) - 1].replace(",", "")) * units[unit]

    times = [minutes(dataset="cifar10", train_size=size) for size in (20_000, 30_000, 50_000)]
    assert times == sorted(times)
    assert times[-1] > minutes(dataset="mnist", train_size=50_000)


PUBLISHED = {"linear-svc": 0.53, "poly": 0.545, "rbf": 0.94, "sigmoid": 0.65}


@pytest.mark.parametrize("kernel", PUBLISHED)
def test_the_four_published_rows_have_the_settings_of_the_practical(kernel: str) -> None:
    preset = load_preset(shipped_dir() / "lab1" / f"svm-1.2.6-{kernel}.toml")
    chosen = preset.configuration()
    assert isinstance(chosen, SVMHyperparameters)
    assert (chosen.dataset, chosen.kernel, chosen.C, chosen.kernel_gamma) == ("circles", kernel, 1.0, 0.0)
    assert (chosen.noise, chosen.standardize) == (0.2, "none")
    assert DATASETS["circles"].train_size == DATASETS["circles"].test_size == 200
    assert chosen.degree == 3
    assert preset.published == {"test_accuracy": PUBLISHED[kernel]}
