"""Batches: what the model sees is a pure function of (seed, epoch, step), and what torchvision would have made."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as TF

from tui_lab.data import batches as batches_module
from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches, is_kept_as_floats
from tui_lab.data.dataset import Split
from tui_lab.data.standardize import fit_standardizer, to_float
from tui_lab.errors import UsageError

EVERYTHING = Augmentation(crop=7, crop_padding=1, flip=True, erasing=0.5, rotation=180, test_rotation=90)
AUGMENTATIONS = [None, Augmentation(crop=6, flip=True), EVERYTHING]


def image_split(n: int = 50, channels: int = 3, side: int = 8, seed: int = 0) -> Split:
    """Labels tell the samples apart: y[i] = i."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(0, 256, (n, channels, side, side), dtype=torch.uint8, generator=generator)
    return Split(x, torch.arange(n))


def make(split: Split, augmentation: Augmentation | None = None, method: Any = "channel", **changes: Any) -> Batches:
    options = {"is_training": True, "batch_size": 16, "seed": 3, "device": "cpu"} | changes
    return Batches(split, augmentation, fit_standardizer(method, split.x), **options)


def epoch_of(batches: Batches, epoch: int = 0) -> list[tuple[Tensor, Tensor]]:
    draw = batches.draw(epoch)
    return [batches.batch(draw, i) for i in range(len(batches))]


def joined(batches: Batches, epoch: int = 0) -> tuple[Tensor, Tensor]:
    x, y = zip(*epoch_of(batches, epoch), strict=True)
    return torch.cat(x), torch.cat(y)


class TestEpoch:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 5))
    def test_shows_every_sample_once_with_its_label(self, n: int, batch_size: int, epoch: int) -> None:
        split = image_split(n, channels=1, side=2)
        batches = make(split, method="none", batch_size=batch_size)
        shown = epoch_of(batches, epoch)
        assert [len(y) for _, y in shown[:-1]] == [batch_size] * (len(batches) - 1)
        x, y = joined(batches, epoch)
        assert sorted(y.tolist()) == list(range(n))
        assert torch.equal(x, to_float(split.x)[y])

    def test_differs_by_epoch_and_by_seed(self) -> None:
        split = image_split()
        orders = [joined(make(split, seed=seed), epoch)[1].tolist() for seed in (0, 1) for epoch in (0, 1)]
        assert len(set(map(tuple, orders))) == 4

    def test_is_augmented_otherwise_than_the_one_before_and_under_another_seed(self) -> None:
        split = image_split()
        corners = [
            make(split, Augmentation(crop=4), seed=seed).draw(epoch).draws.top.tolist()
            for seed in (0, 1)
            for epoch in (0, 1)
        ]
        assert len(set(map(tuple, corners))) == 4

    def test_permutations_are_uniform(self) -> None:
        batches = make(image_split(6, channels=1, side=2), batch_size=6)
        first = torch.stack([batches.batch(batches.draw(epoch), 0)[1] for epoch in range(600)])
        assert (first.float().mean(0) - 2.5).abs().max() < 4 * (35 / 12 / 600) ** 0.5


@pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=["plain", "crop and flip", "everything"])
@pytest.mark.parametrize("method", ["channel", "gcn", "zca"])
class TestPurity:
    def test_a_batch_is_the_same_in_any_order_and_after_a_resume(self, augmentation: Any, method: str) -> None:
        straight = epoch_of(make(image_split(), augmentation, method), 5)
        resumed = make(image_split(), augmentation, method)
        draw = resumed.draw(5)
        for i in (2, 0, 3, 1, 2):
            x, y = resumed.batch(draw, i)
            assert torch.equal(x, straight[i][0])
            assert torch.equal(y, straight[i][1])

    def test_nothing_is_written_and_no_global_generator_is_used(self, augmentation: Any, method: str) -> None:
        split = image_split()
        before, state = split.x.clone(), torch.get_rng_state()
        joined(make(split, augmentation, method))
        assert torch.equal(split.x, before)
        assert torch.equal(torch.get_rng_state(), state)


class TestPipeline:
    def reference(self, image: Tensor, draws: Any, i: int) -> Tensor:
        """One image as torchvision would make it with the same draws, up to the standardisation."""
        image = TF.crop(TF.pad(image, 1), int(draws.top[i]), int(draws.left[i]), 7, 7)
        image = TF.horizontal_flip(image) if draws.flipped[i] else image
        image = TF.to_dtype(image, torch.float32, scale=True)
        image = TF.rotate(image, float(draws.angle[i]))
        top, left, bottom, right = draws.rectangle[i].tolist()
        return TF.erase(image, top, left, bottom - top, right - left, torch.zeros(1, 1, 1))

    @pytest.mark.parametrize("method", ["none", "channel", "minmax"])
    def test_is_torchvision_then_standardisation(self, method: str) -> None:
        split = image_split(200)
        batches = make(split, EVERYTHING, method)
        draws = batches.draw(2).draws
        x, y = joined(batches, 2)
        expected = torch.stack([self.reference(split.x[k], draws, i) for i, k in enumerate(y)])
        expected = fit_standardizer(method, split.x)(expected)
        assert ((x - expected).abs() > 1e-5).float().mean() < 1e-3  # ties of the rotation

    def test_whitening_comes_before_the_crop(self) -> None:
        split = image_split(200)
        batches = make(split, Augmentation(crop=6), "zca")
        draws = batches.draw(0).draws
        x, y = joined(batches)
        white = fit_standardizer("zca", split.x)(to_float(split.x))
        expected = [TF.crop(white[k], int(draws.top[i]), int(draws.left[i]), 6, 6) for i, k in enumerate(y)]
        torch.testing.assert_close(x, torch.stack(expected), atol=1e-4, rtol=1e-4)

    def test_points_pass_through(self) -> None:
        split = Split(torch.randn(30, 2, generator=torch.Generator().manual_seed(0)), torch.arange(30))
        x, y = joined(make(split, Augmentation(), "none", batch_size=10))
        assert torch.equal(x, split.x[y])

    def test_what_does_not_suit_the_samples_is_refused_at_once(self) -> None:
        with pytest.raises(UsageError, match="crop = 9"):
            make(image_split(), Augmentation(crop=9))


class TestEvaluation:
    def test_keeps_the_order_crops_at_the_centre_and_is_the_same_at_every_epoch(self) -> None:
        split = image_split()
        batches = make(split, Augmentation(crop=5, flip=True, erasing=1, rotation=180), is_training=False)
        x, y = joined(batches, 0)
        scale = fit_standardizer("channel", split.x)
        assert torch.equal(x, scale(to_float(TF.center_crop(split.x, [5, 5]))))
        assert torch.equal(y, split.y)
        assert torch.equal(joined(batches, 9)[0], x)

    def test_a_test_rotation_is_drawn_once_for_each_sample(self) -> None:
        split = image_split(100)
        batches = make(split, Augmentation(test_rotation=90), "none", is_training=False)
        x, angle = joined(batches)[0], batches.draw(0).draws.angle
        assert torch.equal(joined(batches, 7)[0], x)
        assert len(angle.unique()) == 100
        expected = torch.stack([TF.rotate(s, float(a)) for s, a in zip(to_float(split.x), angle, strict=True)])
        assert (x != expected).float().mean() < 1e-3

    def test_does_not_depend_on_the_size_of_its_batches(self) -> None:
        sizes = [joined(make(image_split(), EVERYTHING, is_training=False, batch_size=size))[0] for size in (None, 7)]
        assert torch.equal(*sizes)

    def test_is_500_samples_a_batch_by_default(self) -> None:
        assert len(make(image_split(1001, 1, 2), is_training=False, batch_size=None)) == 3

    def test_scales_with_the_training_split_alone(self) -> None:
        train, test = image_split(), image_split(seed=1)
        scale = fit_standardizer("channel", train.x)
        options = {"is_training": False, "seed": 0, "device": "cpu"}
        x, _ = joined(Batches(test, None, scale, **options))
        brighter = Split(test.x.clone(), test.y)
        brighter.x[1:] = 255
        y, _ = joined(Batches(brighter, None, scale, **options))
        assert torch.equal(x[0], y[0])


class TestKeeping:
    @pytest.mark.parametrize(
        ("samples", "shape", "kept"),
        [
            (200, (2,), True),
            (1437, (1, 8, 8), True),
            (60_000, (1, 28, 28), True),
            (50_000, (3, 32, 32), False),
            (10_000, (3, 32, 32), False),
            (100_000, (1, 28, 28), False),
        ],
    )
    def test_small_data_are_kept_as_floats_and_cifar10_is_not(self, samples: int, shape: Any, kept: bool) -> None:
        assert is_kept_as_floats(samples, shape) is kept

    @pytest.mark.parametrize("is_training", [True, False])
    @pytest.mark.parametrize("augmentation", [None, Augmentation(test_rotation=90)])
    @pytest.mark.parametrize("method", ["none", "channel", "gcn", "l2"])
    def test_changes_no_bit(
        self, monkeypatch: pytest.MonkeyPatch, method: str, augmentation: Any, is_training: bool
    ) -> None:
        kept = joined(make(image_split(), augmentation, method, is_training=is_training))
        monkeypatch.setattr(batches_module, "KEPT_BYTES", 0)
        made = joined(make(image_split(), augmentation, method, is_training=is_training))
        assert torch.equal(kept[0], made[0])
        assert torch.equal(kept[1], made[1])

    def test_data_scaled_batch_by_batch_lie_in_memory_once(self) -> None:
        split = Split(torch.zeros(4, 3, 32, 32, dtype=torch.uint8), torch.zeros(4, dtype=torch.int64))
        batches = make(split)
        assert batches._x.data_ptr() == split.x.data_ptr()


@pytest.mark.parametrize("is_training", [True, False])
@pytest.mark.parametrize("augmentation", AUGMENTATIONS, ids=["plain", "crop and flip", "everything"])
def test_channels_last_changes_the_layout_and_no_value(augmentation: Any, is_training: bool) -> None:
    for side in (8, 32):  # kept as floats, and not
        split = image_split(side=side)
        usual = epoch_of(make(split, augmentation, is_training=is_training))
        other = epoch_of(make(split, augmentation, is_training=is_training, channels_last=True))
        for (x, _), (z, _) in zip(usual, other, strict=True):
            assert x.is_contiguous() and x.dtype == torch.float32
            assert z.is_contiguous(memory_format=torch.channels_last)
            assert torch.equal(x, z)


@pytest.mark.parametrize("i", [-1, 4])
def test_there_is_no_batch_outside_of_the_epoch(i: int) -> None:
    batches = make(image_split())
    with pytest.raises(IndexError, match="among 4"):
        batches.batch(batches.draw(0), i)
