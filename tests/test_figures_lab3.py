"""The figures of lab 3: every arm has the settings that were run, or meant, and the results that are published."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest

from tui_lab.presets import Preset, find_preset, load_preset
from tui_lab.presets.library import shipped_dir
from tui_lab.studies.findings.lab3 import MLP_OF_25_EPOCHS, NOISE, NOISE_ON_FASHION, RUNS_ON_FASHION, RUNS_ON_MNIST
from tui_lab.studies.plan import trials

# What every figure from 3.2 to 3.6 shares unless it says otherwise
COMMON: Mapping[str, Any] = {
    "dataset": "mnist",
    "train_size": 0,
    "test_size": 0,
    "validation_fraction": 0.0,
    "standardize": "none",
    "crop": 0,
    "flip": False,
    "embed_dim": 32,
    "patch_size": 7,
    "depth": 2,
    "num_heads": 4,
    "mlp_ratio": 4,
    "norm": "post",
    "position": "sinusoidal",
    "dropout": 0.0,
    "drop_path": 0.0,
    "optimizer": "adam",
    "lr": 0.001,
    "weight_decay": 0.0,
    "scheduler": "none",
    "batch_size": 128,
    "epochs": 15,
}
AS_RUN = {
    "class_token": "frozen",
    "softmax_output": True,
    "mlp_width_follows_heads": True,
    "attention": "by-hand",
}
AS_MEANT = {"class_token": "learned", "softmax_output": False, "mlp_width_follows_heads": False}
# Swept values, and the published test accuracy in percent: on MNIST after 15 and 25 epochs, on Fashion-MNIST after 15
FIGURES: dict[str, tuple[str, list[int], list[float], list[float], list[float]]] = {
    "fig-3.02": (
        "embed_dim",
        [16, 32, 64, 128],
        [95.12, 96.60, 96.56, 96.28],
        [96.36, 96.74, 96.78, 95.70],
        [81.9, 84.4, 83.5, 77.8],
    ),
    "fig-3.03": (
        "patch_size",
        [2, 4, 7, 14, 28],
        [95.53, 95.58, 96.64, 96.90, 96.16],
        [96.92, 97.36, 97.17, 97.35, 96.82],
        [82.6, 82.7, 84.9, 85.7, 85.8],
    ),
    "fig-3.04": (
        "depth",
        [2, 4, 6, 8],
        [96.92, 96.90, 96.72, 95.87],
        [97.14, 95.90, 96.80, 96.42],
        [82.5, 85.3, 83.6, 82.7],
    ),
    "fig-3.05": (
        "num_heads",
        [2, 4, 8, 16],
        [96.01, 96.51, 97.02, 97.21],
        [96.47, 97.38, 97.00, 97.37],
        [82.5, 83.4, 85.1, 85.7],
    ),
    "fig-3.06": (
        "mlp_ratio",
        [2, 4, 6, 8],
        [96.32, 96.46, 96.68, 96.16],
        [97.33, 96.47, 96.80, 97.29],
        [84.1, 85.4, 84.1, 84.8],
    ),
}
KINDS = ("", "-25-epochs", "-corrected", "-fashion", "-fashion-corrected")
STUDIES = [f"{figure}{kind}" for figure in FIGURES for kind in KINDS]
LARGE: dict[str, tuple[str, bool, float]] = {  # data set, whether pretrained, published test accuracy in percent
    "fig-3.08": ("mnist", False, 25.9),
    "fig-3.09": ("mnist", True, 79.3),
    "fig-3.08-fashion": ("fashion-mnist", False, 34.0),
    "fig-3.09-fashion": ("fashion-mnist", True, 74.7),
}
OTHERS = {
    *("vit-mnist", "vit-mnist-corrected", "vit-mnist-noise", "vit-fashion-noise", "heads-or-width"),
    *("digits-vit", "deit-head", "fine-tuning-rates"),
}
SHIPPED = sorted((shipped_dir() / "lab3").glob("*.toml"))


def arms_of(name: str, home: Path) -> list[tuple[dict[str, Any], Mapping[str, float]]]:
    """Hyperparameters and published values of every arm."""
    return [
        (trial.hyperparameters.model_dump(), trial.arm.published) for trial in trials(find_preset(name, home), seeds=1)
    ]


def has(values: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return {name: values[name] for name in wanted} == wanted


def published_of(study: str) -> tuple[str, list[int], Sequence[float | None], dict[str, Any]]:
    """What is swept, the published values, and the settings of one of the variants of a figure."""
    figure, kind = study[:8], study[8:]
    name, values, short, long, fashion = FIGURES[figure]
    published = {"": short, "-25-epochs": long, "-fashion": fashion}.get(kind)
    settings = {**COMMON, **(AS_MEANT if kind.endswith("corrected") else AS_RUN)}
    if kind.startswith("-fashion"):
        settings["dataset"] = "fashion-mnist"
    if kind == "-25-epochs":
        settings["epochs"] = 25
    return name, values, published or [None] * len(values), settings


def test_every_preset_that_is_shipped_is_compared_with_the_practical() -> None:
    assert {path.stem for path in SHIPPED} >= {*STUDIES, *LARGE, *OTHERS}


@pytest.mark.parametrize("study", STUDIES)
def test_arms_have_the_settings_and_the_results_of_the_practical(study: str, tmp_path: Path) -> None:
    name, values, published, settings = published_of(study)
    arms = arms_of(study, tmp_path)
    assert [arm[name] for arm, _ in arms] == values
    for (arm, told), value, accuracy in zip(arms, values, published, strict=True):
        assert has(arm, {**settings, name: value})
        assert told == ({} if accuracy is None else {"test_accuracy": pytest.approx(accuracy / 100)})


@pytest.mark.parametrize("name", LARGE)
def test_large_networks_were_trained_whole_with_a_rate_of_a_thousandth(name: str, tmp_path: Path) -> None:
    dataset, pretrained, accuracy = LARGE[name]
    ((arm, told),) = arms_of(name, tmp_path)
    assert has(arm, {"dataset": dataset, "pretrained": pretrained, "model": "vit_base_patch16_224"})
    assert has(arm, {"trainable": "all", "optimizer": "adam", "lr": 0.001, "batch_size": 64, "epochs": 5})
    assert told == {"test_accuracy": pytest.approx(accuracy / 100)}


@pytest.mark.parametrize(
    ("study", "mnist"), [("vit-mnist", True), ("vit-mnist-noise", True), ("vit-fashion-noise", False)]
)
def test_the_default_is_published_as_the_mean_of_its_eight_runs(study: str, mnist: bool, tmp_path: Path) -> None:
    runs, noise = (RUNS_ON_MNIST, NOISE) if mnist else (RUNS_ON_FASHION, NOISE_ON_FASHION)
    ((arm, told),) = arms_of(study, tmp_path)
    assert has(arm, {**COMMON, **AS_RUN, "dataset": "mnist" if mnist else "fashion-mnist"})
    assert told == {"test_accuracy": pytest.approx(mean(runs), abs=5e-4)}
    assert stdev(runs) == pytest.approx(noise, abs=5e-5)


def test_the_eight_runs_are_those_of_the_figures() -> None:
    for runs, column in ((RUNS_ON_MNIST, 2), (RUNS_ON_FASHION, 4)):
        default: list[float] = []
        for name, row in FIGURES.items():
            values: Any = row[column]
            default += values if name == "fig-3.06" else [values[row[1].index(COMMON[row[0]])]]
        assert [100 * run for run in runs] == pytest.approx(default)
    assert [100 * run for run in MLP_OF_25_EPOCHS] == pytest.approx(FIGURES["fig-3.06"][3])


def test_the_noise_has_eight_seeds(tmp_path: Path) -> None:
    for name in ("vit-mnist-noise", "vit-fashion-noise"):
        assert [trial.seed for trial in trials(find_preset(name, tmp_path))] == list(range(8))


def test_the_default_arm_is_one_run_in_all_figures(tmp_path: Path) -> None:
    default = arms_of("vit-mnist", tmp_path)[0][0]
    for figure in FIGURES:
        assert [arm for arm, _ in arms_of(figure, tmp_path)].count(default) == 1


def test_corrected_is_the_default_of_the_exercise(tmp_path: Path) -> None:
    preset: Preset = find_preset("vit-mnist-corrected", tmp_path)
    assert preset.configuration() == preset.exercise.hyperparameters()


def test_heads_and_width_are_each_changed_alone(tmp_path: Path) -> None:
    arms = [arm for arm, _ in arms_of("heads-or-width", tmp_path)]
    assert [(arm["num_heads"], arm["mlp_ratio"]) for arm in arms] == [(4, 4), (4, 16), (16, 4), (16, 16)]
    wanted = {**COMMON, **AS_RUN, "mlp_width_follows_heads": False}
    del wanted["num_heads"], wanted["mlp_ratio"]
    assert all(has(arm, wanted) for arm in arms)


def test_every_rate_is_tried_with_and_without_pretraining(tmp_path: Path) -> None:
    arms = [arm for arm, _ in arms_of("fine-tuning-rates", tmp_path)]
    rates = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3]
    for pretrained in (True, False):
        chosen = [arm for arm in arms if arm["pretrained"] is pretrained and arm["trainable"] == "all"]
        assert [arm["lr"] for arm in chosen] == rates
    assert [arm["pretrained"] for arm in arms if arm["trainable"] == "head"] == [True]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_text_refers_to_presets_that_exist(path: Path) -> None:
    named = set(re.findall(r"`((?:fig|vit|heads|fine|deit|digits)-[^` ]*)`", load_preset(path).text))
    assert named <= {other.stem for folder in shipped_dir().iterdir() for other in folder.glob("*.toml")}


def test_titles_differ_where_a_narrow_tree_cuts_them() -> None:
    starts = [load_preset(path).title[:20] for path in SHIPPED]
    assert len(set(starts)) == len(starts)
