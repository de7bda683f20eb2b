"""The figures of lab 2: every arm has the settings that were run and the results that are published."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tui_lab.labs.convnet import CONVNET, ConvNetHyperparameters
from tui_lab.presets import Preset, find_preset, load_preset
from tui_lab.presets.library import shipped_dir
from tui_lab.studies.plan import trials
from tui_lab.training.schedules import learning_rate

# What every figure shares unless it says otherwise
COMMON: Mapping[str, Any] = {
    "dataset": "cifar10",
    "train_size": 0,
    "test_size": 0,
    "validation_fraction": 0.0,
    "optimizer": "sgd",
    "momentum": 0.0,
    "weight_decay": 0.0,
    "lr": 0.01,
    "epochs": 100,
    "batch_size": 32,
    "standardize": "none",
    "crop": 0,
    "crop_padding": 0,
    "flip": False,
    "erasing": 0.0,
    "rotation": 0.0,
    "test_rotation": 0.0,
    "scheduler": "none",
    "dropout": 0.0,
    "batch_norm": False,
    "softmax_output": False,
    "label_smoothing": 0.0,
    "clip_norm": 0.0,
    "early_stopping": 0,
}
DECAY = {"scheduler": "exponential", "gamma": 0.95}
ALL_METHODS = {"standardize": "channel", "crop": 28, "flip": True, "batch_norm": True, "dropout": 0.5}
NONE = None  # not published

# By arm: what differs from COMMON, and the published train and test accuracy in percent
Row = tuple[dict[str, Any], float | None, float | None]


def swept(name: str, values: Sequence[Any], train: Sequence[float] | None, test: Sequence[float | None]) -> list[Row]:
    trained: Sequence[float | None] = train or [NONE] * len(values)
    return [({name: value}, a, b) for value, a, b in zip(values, trained, test, strict=True)]


def optimizers(*published: tuple[float | None, float | None], **shared: Any) -> list[Row]:
    names = ("adam", "adamw", "adagrad", "adadelta", "rmsprop")
    plain: list[Row] = [(shared, NONE, NONE), ({"momentum": 0.9, **shared}, NONE, NONE)]
    return plain + [({"optimizer": n, **shared}, *pair) for n, pair in zip(names, published, strict=True)]


def shared(rows: list[Row], **settings: Any) -> list[Row]:
    return [({**settings, **own}, train, test) for own, train, test in rows]


FIGURES: dict[str, list[Row]] = {
    "fig-2.02": shared(
        swept(
            "lr",
            [1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1],
            [10.0, 9.7, 10.0, 11.8, 40.0, 79.2, 91.7],
            [10.0, 9.8, 9.9, 11.7, 41.0, 68.7, 66.3],
        ),
        epochs=15,
    ),
    "fig-2.03": shared(
        swept(
            "batch_size",
            [16, 32, 64, 128, 256, 512, 1024],
            [92.9, 77.8, 64.5, 52.5, 42.7, 30.0, 15.4],
            [71.9, 66.7, 57.1, 52.5, 39.6, 31.4, 17.0],
        ),
        epochs=15,
    ),
    "fig-2.04": [
        ({"batch_size": 32 * k, "lr": pytest.approx(0.01 * k), "epochs": 15}, NONE, test)
        for k, test in enumerate([65.6, 59.3, 67.2, 67.2, 62.1, 63.9, 60.6, 61.7, 65.0], start=1)
    ],
    "fig-2.05": [({"batch_size": 128}, 100.0, 67.71)],
    "fig-2.06": [({"batch_size": 128, "standardize": "channel-published"}, 100.0, 74.06)],
    "fig-2.07": swept(
        "standardize",
        ["channel-published", "gcn", "pca-published", "minmax", "l2", "l1"],
        None,
        [76.71, 75.95, 73.72, 72.19, 59.51, 9.98],
    ),
    "fig-2.07-corrected": swept(
        "standardize",
        ["none", "channel", "gcn", "zca", "pca", "minmax", "l2", "l1"],
        None,
        [NONE, 76.71, 75.95, NONE, NONE, 72.19, 59.51, 9.98],
    ),
    "fig-2.08": [({"batch_size": 128, "crop": 28, "flip": True}, 81.65, 74.83)],
    "fig-2.09": [({"erasing": 0.5, "rotation": 180.0, "test_rotation": 90.0}, 77.54, 69.84)],
    "fig-2.10": [({"batch_size": 128, **DECAY}, 64.17, 59.89)],
    "fig-2.10-batch-32": [(DECAY, 99.99, 70.33)],
    "fig-2.12": shared(
        swept(
            "scheduler",
            ["constant", "step", "exponential", "polynomial", "linear", "cosine"],
            [10.06, 100.0, 100.0, 82.03, 26.8, 100.0],
            [10.00, 74.35, 74.20, 70.86, 24.95, 70.67],
        ),
        lr=0.1,
    ),
    "fig-2.13": optimizers((76.5, 77.8), (69.9, 72.0), (87.0, 83.4), (84.9, 81.3), (72.2, 69.9), **ALL_METHODS),
    "fig-2.13-corrected": optimizers(*[(NONE, NONE)] * 5),
    "fig-2.14": [({"dropout": 0.5, **DECAY}, 89.02, 73.68)],
    "fig-2.14-corrected": [({"dropout": 0.5}, NONE, NONE)],
    "fig-2.15": [({**ALL_METHODS, **DECAY}, 88.36, 84.67)],
    "fig-2.15-corrected": [({"dropout": 0.5, **DECAY}, 88.20, 74.46)],
    "fig-2.16": shared(
        swept(
            "dropout",
            [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
            [99.99, 98.64, 96.29, 94.35, 91.32, 88.20, 84.55, 84.39, 82.15, 79.46, 9.93],
            [69.77, 71.45, 72.53, 72.75, 75.00, 74.46, 73.51, 75.44, 75.15, 75.01, 9.94],
        ),
        **DECAY,
    ),
    "fig-2.17": [({"batch_norm": True, **DECAY}, 100.0, 76.89)],
    "fig-2.18": [({"batch_norm": True, "dropout": 0.5, **DECAY}, 99.77, 79.07)],
    "fig-2.19": [({**ALL_METHODS, **DECAY}, 88.25, 84.97)],
    "lab2-extra": [
        ({"batch_norm": True}, NONE, 78.17),
        ({"batch_norm": True, "lr": 0.1}, NONE, 81.65),
        ({**ALL_METHODS, **DECAY, "optimizer": "adagrad"}, NONE, 80.75),
        ({**ALL_METHODS, **DECAY, "optimizer": "adam"}, NONE, 79.78),
    ],
}

# (figure, arm) → published train and test loss
LOSSES: dict[tuple[str, int], tuple[float | None, float | None]] = {
    ("fig-2.02", 5): (NONE, 0.935),
    ("fig-2.02", 6): (NONE, 1.998),
    ("fig-2.05", 0): (NONE, 2.257),
    ("fig-2.08", 0): (0.528, 0.733),
    ("fig-2.10", 0): (1.036, 1.133),
    ("fig-2.12", 5): (NONE, 7.55),
    ("fig-2.19", 0): (0.337, 0.443),
}

SHIPPED = sorted((shipped_dir() / "lab2").glob("*.toml"))


def figure(name: str, home: Path) -> Preset:
    preset = find_preset(name, home)
    assert preset.exercise is CONVNET
    return preset


def test_every_figure_that_is_shipped_is_compared_with_the_practical() -> None:
    others = {"digits-convnet", "bow-svm-cifar10", "bow-svm-quick", "bow-svm-words"}
    assert {path.stem for path in SHIPPED} == FIGURES.keys() | others


@pytest.mark.parametrize("name", FIGURES)
def test_arms_have_the_settings_of_the_practical(name: str, tmp_path: Path) -> None:
    planned = trials(figure(name, tmp_path))
    rows = [{**COMMON, **settings} for settings, *_ in FIGURES[name]]
    runs = [trial.hyperparameters.model_dump() for trial in planned]
    assert [{key: run[key] for key in row} for run, row in zip(runs, rows, strict=True)] == rows


@pytest.mark.parametrize("name", FIGURES)
def test_arms_have_the_results_of_the_practical(name: str, tmp_path: Path) -> None:
    preset = figure(name, tmp_path)
    for i, (trial, (_, train, test)) in enumerate(zip(trials(preset), FIGURES[name], strict=True)):
        losses = LOSSES.get((name, i), (NONE, NONE))
        columns = ("train_accuracy", "test_accuracy", "train_loss", "test_loss")
        shares = [value if value is None else value / 100 for value in (train, test)]
        expected = {key: value for key, value in zip(columns, (*shares, *losses), strict=True) if value is not None}
        assert trial.arm.published == pytest.approx(expected), trial.arm.name
        assert preset.published_for(trial.hyperparameters.model_dump()) == trial.arm.published


@pytest.mark.parametrize(
    ("scheduler", "rates"),
    [
        ("constant", {0: 1 / 30, 4: 1 / 30, 5: 0.1, 99: 0.1}),
        ("step", {0: 0.1, 9: 0.1, 10: 0.01, 20: 0.001}),
        ("exponential", {0: 0.1, 1: 0.095, 2: 0.09025}),
        ("polynomial", {0: 0.1, 1: 0.08, 4: 0.02, 5: 0.0, 99: 0.0}),
        ("linear", {0: 1 / 30, 5: 0.1, 99: 0.1}),
        ("cosine", {0: 0.1, 25: 0.08535534, 50: 0.05, 75: 0.01464466}),
    ],
)
def test_the_schedules_are_the_drawn_ones(scheduler: str, rates: dict[int, float], tmp_path: Path) -> None:
    arms = [trial.hyperparameters for trial in trials(figure("fig-2.12", tmp_path))]
    (arm,) = [arm for arm in arms if arm.model_dump()["scheduler"] == scheduler]
    assert isinstance(arm, ConvNetHyperparameters)
    assert {epoch: learning_rate(arm, epoch) for epoch in rates} == pytest.approx(rates)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_text_refers_to_presets_that_exist(path: Path) -> None:
    named = set(re.findall(r"`((?:fig|lab2)-[^`]*)`", load_preset(path).text))
    assert named <= FIGURES.keys()


@pytest.mark.parametrize("name", [name for name in FIGURES if f"{name}-corrected" in FIGURES])
def test_what_was_run_and_what_was_meant_differ_in_settings(name: str, tmp_path: Path) -> None:
    run, meant = ([t.hyperparameters for t in trials(figure(n, tmp_path))] for n in (name, f"{name}-corrected"))
    assert run != meant


def test_titles_differ_where_a_narrow_tree_cuts_them() -> None:
    starts = [load_preset(path).title[:20] for path in SHIPPED]
    assert len(set(starts)) == len(starts)
