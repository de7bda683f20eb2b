"""Sample grids: real samples, augmented as a run augments them, and as the network sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tui_lab import paths
from tui_lab.data.load import load_dataset
from tui_lab.data.standardize import fit_standardizer
from tui_lab.errors import MissingDataError
from tui_lab.inspections.outcomes import shown
from tui_lab.labs.convnet import ConvNetHyperparameters
from tui_lab.labs.mlp import MLPHyperparameters
from tui_lab.pictures import Picture
from tui_lab.previews import samples as module
from tui_lab.previews.content import SampleGrid
from tui_lab.previews.samples import MOST_POINTS, MOST_SAMPLES, SamplePreviews

NOWHERE = Path("/nowhere")


def grid(draw: int = 0, **values: Any) -> SampleGrid:
    model = MLPHyperparameters if values.get("dataset") == "circles" else ConvNetHyperparameters
    return SamplePreviews().grid(model(**{"dataset": "digits", **values}), NOWHERE, draw)


def pictures(found: SampleGrid) -> list[Picture]:
    return [sample.picture for sample in found.samples]


def stored() -> dict[bytes, int]:
    """The pixels of every training sample of the digits, with its class."""
    train = load_dataset(ConvNetHyperparameters(dataset="digits"), NOWHERE).train
    found = {}
    for x, y in zip(train.x, train.y.tolist(), strict=True):
        picture = shown(x)
        assert isinstance(picture, Picture)
        found[picture.rgb] = y
    return found


def test_without_augmentation_they_are_training_samples_the_classes_taking_turns() -> None:
    found = grid()
    assert (found.train_size, found.test_size) == (1437, 360)
    assert [sample.label for sample in found.samples] == list(range(10)) * 3
    known = stored()
    assert all(known[sample.picture.rgb] == sample.label for sample in found.samples)
    assert all(sample.seen is None for sample in found.samples) and found.seen_range is None


def test_another_draw_shows_other_samples_where_nothing_is_random() -> None:
    assert pictures(grid(draw=0)) == pictures(grid(draw=0))
    assert set(pictures(grid(draw=0))) != set(pictures(grid(draw=1)))


def test_another_draw_shows_the_same_samples_augmented_anew() -> None:
    first, second = (grid(draw=draw, flip=True) for draw in (0, 1))
    mirrored = 0
    for one, other in zip(pictures(first), pictures(second), strict=True):
        pixels = {picture: [picture.pixel(x, y) for y in range(8) for x in range(8)] for picture in (one, other)}
        flipped = [one.pixel(7 - x, y) for y in range(8) for x in range(8)]
        assert pixels[other] in (pixels[one], flipped)
        mirrored += pixels[other] != pixels[one]
    assert 0 < mirrored < len(first.samples)


def test_a_crop_is_the_size_that_the_network_sees() -> None:
    found = grid(crop=10, crop_padding=1)
    assert {(picture.width, picture.height) for picture in pictures(found)} == {(10, 10)}


def test_what_the_network_sees_is_the_same_sample_scaled_linearly() -> None:
    hp = ConvNetHyperparameters(dataset="digits", flip=True, standardize="channel")
    found = SamplePreviews().grid(hp, NOWHERE)
    plain = grid(flip=True)
    assert pictures(found) == pictures(plain)
    assert found.seen_range is not None
    low, high = found.seen_range
    standardizer = fit_standardizer("channel", load_dataset(hp, NOWHERE).train.x)
    for sample in found.samples:
        assert sample.seen is not None
        x = torch.tensor(list(sample.picture.rgb[::3])).float().reshape(1, 1, 8, 8) / 255
        expected = (standardizer(x) - low) / (high - low) * 255
        seen = torch.tensor(list(sample.seen.rgb[::3])).float().reshape(1, 1, 8, 8)
        assert (seen - expected).abs().max() <= 1  # rounded twice
    values = {value for sample in found.samples if sample.seen for value in sample.seen.rgb}
    assert {0, 255} <= values


def test_samples_without_contrast_are_drawn_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "augmented", lambda hp, split, standardizer, draw: torch.zeros(len(split), 1, 8, 8))
    found = grid(standardize="channel")
    assert found.seen_range == (0.0, 0.0)
    assert {value for sample in found.samples if sample.seen for value in sample.seen.rgb} == {0}


def test_points_come_as_they_are_without_standardisation() -> None:
    found = grid(dataset="circles", train_size=1000, standardize="channel")
    assert (found.train_size, found.test_size) == (1000, 200)
    assert (len(found.train), len(found.test)) == (MOST_POINTS, 200)
    data = load_dataset(MLPHyperparameters(dataset="circles", train_size=1000), NOWHERE)
    stored_points = [value for point in data.test.x.tolist() for value in point]
    assert [value for p in found.test for value in (p.x, p.y)] == pytest.approx(stored_points, abs=1e-4)
    assert [p.label for p in found.test] == data.test.y.tolist()
    assert found.samples == ()


def test_a_validation_split_is_not_among_the_training_samples() -> None:
    assert grid(validation_fraction=0.5).train_size == 719


def test_few_classes_get_a_few_samples_each(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(grid().samples) == MOST_SAMPLES
    monkeypatch.setattr(module, "MOST_OF_A_CLASS", 1)
    assert [sample.label for sample in grid().samples] == list(range(10))


def test_a_data_set_and_what_was_fitted_on_it_are_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path)
    loaded, fitted = [], []

    def counted_load(hp: Any, data_dir: Path) -> Any:
        loaded.append(hp)
        return load_dataset(hp, data_dir)

    def counted_fit(method: Any, x: Any, **options: Any) -> Any:
        if method != "none":
            fitted.append(method)
        return fit_standardizer(method, x, **options)

    monkeypatch.setattr(module, "load_dataset", counted_load)
    monkeypatch.setattr(module, "fit_standardizer", counted_fit)
    previews = SamplePreviews()
    for values in (
        {"standardize": "zca"},
        {"standardize": "zca", "flip": True, "lr": 0.5},  # nothing new to load or to fit
        {"standardize": "zca", "whiten_epsilon": 0.1},
        {"standardize": "zca", "train_size": 500},
        {"standardize": "zca", "train_size": 500, "seed": 1},  # another subset
    ):
        previews.grid(ConvNetHyperparameters(dataset="digits", **values), NOWHERE)  # type: ignore[arg-type]
    assert len(loaded) == 3
    assert len(fitted) == 4


def test_missing_data_are_told_with_how_to_fetch_them_and_asked_for_again(tmp_path: Path) -> None:
    previews = SamplePreviews()
    for _ in range(2):
        with pytest.raises(MissingDataError, match="cifar10 is not in") as caught:
            previews.grid(ConvNetHyperparameters(), tmp_path)
        assert "tui-lab data fetch cifar10" in caught.value.hint
