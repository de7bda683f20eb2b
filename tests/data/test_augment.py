"""Augmentation against torchvision's transforms, sample by sample, and against its distributions."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torchvision import transforms
from torchvision.transforms.v2 import functional as TF

from tui_lab.data.augment import Augmentation, centre_crop, crop_and_flip, draw_rectangles, erase, rotate
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import GradientHyperparameters

UNLIKELY = 1e-4  # p-value below which a draw with a fixed seed counts as wrongly distributed


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int, channels: int, height: int, width: int) -> Tensor:
    return torch.randint(1, 256, (n, channels, height, width), dtype=torch.uint8, generator=generator())


class TestCropAndFlip:
    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_is_torchvision_sample_by_sample(self, data: st.DataObject) -> None:
        height, width, padding = (data.draw(st.integers(low, 12)) for low in (1, 1, 0))
        size = data.draw(st.integers(1, height + 2 * padding)), data.draw(st.integers(1, width + 2 * padding))
        n = data.draw(st.integers(1, 6))
        x = images(n, data.draw(st.integers(1, 3)), height, width)
        top = torch.randint(height + 2 * padding - size[0] + 1, (n,), generator=generator())
        left = torch.randint(width + 2 * padding - size[1] + 1, (n,), generator=generator(1))
        flipped = torch.rand(n, generator=generator()) < 0.5
        made = crop_and_flip(x, top, left, flipped, size, padding=padding)
        for i in range(n):
            expected = TF.crop(TF.pad(x[i], padding), int(top[i]), int(left[i]), *size)
            assert torch.equal(made[i], TF.horizontal_flip(expected) if flipped[i] else expected)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 13), st.integers(1, 13), st.integers(1, 20))
    def test_the_centre_crop_is_torchvisions(self, height: int, width: int, side: int) -> None:
        x = images(2, 3, height, width)
        assert torch.equal(centre_crop(x, side), TF.center_crop(x, [side, side]))


class TestRotate:
    @pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (2, 9, 14)])
    def test_is_torchvision_sample_by_sample_but_for_ties(self, shape: tuple[int, int, int]) -> None:
        x = images(60, *shape).float()
        angle = torch.rand(60, generator=generator()) * 360
        expected = torch.stack([TF.rotate(image, float(a)) for image, a in zip(x, angle, strict=True)])
        assert (rotate(x, angle) != expected).float().mean() < 1e-3

    def test_0_degrees_change_nothing_and_90_turn_counter_clockwise(self) -> None:
        x = images(2, 3, 8, 8).float()
        made = rotate(x, torch.tensor([0.0, 90.0]))
        assert torch.equal(made[0], x[0])
        assert torch.equal(made[1], x[1].rot90(dims=(1, 2)))

    def test_the_corners_come_in_black(self) -> None:
        assert rotate(torch.ones(1, 1, 8, 8), torch.tensor([45.0]))[0, 0, 0, 0] == 0


class TestErase:
    def test_is_torchvision_sample_by_sample(self) -> None:
        x = images(50, 3, 10, 13).float()
        rectangles = draw_rectangles(50, 10, 13, 0.7, generator())
        for image, made, (top, left, bottom, right) in zip(x, erase(x, rectangles), rectangles.tolist(), strict=True):
            expected = TF.erase(image, top, left, bottom - top, right - left, torch.zeros(1, 1, 1))
            assert torch.equal(made, expected)

    def test_rectangles_are_distributed_as_torchvisions(self) -> None:
        n = 3000
        rectangles = draw_rectangles(n, 32, 24, 1.0, generator()).double()
        torch.manual_seed(0)
        image = torch.zeros(3, 32, 24)
        theirs = [transforms.RandomErasing.get_params(image, (0.02, 0.33), (0.3, 3.3), [0.0])[:4] for _ in range(n)]
        top, left, height, width = torch.tensor(theirs).double().unbind(1)
        ours = [rectangles[:, 0], rectangles[:, 1], rectangles[:, 2] - rectangles[:, 0]]
        ours.append(rectangles[:, 3] - rectangles[:, 1])
        for a, b in zip(ours, (top, left, height, width), strict=True):
            assert stats.ks_2samp(a, b).pvalue > UNLIKELY

    def test_rectangles_reach_every_edge(self) -> None:
        rectangles = draw_rectangles(2000, 9, 7, 1.0, generator())
        assert rectangles.amin(0)[:2].tolist() == [0, 0]
        assert rectangles.amax(0)[2:].tolist() == [9, 7]

    @pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
    def test_happens_with_its_probability(self, probability: float) -> None:
        rectangles = draw_rectangles(4000, 28, 28, probability, generator())
        erased = int((rectangles[:, 2] > rectangles[:, 0]).sum())
        assert stats.binomtest(erased, 4000, probability).pvalue > UNLIKELY

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
    def test_rectangles_lie_within_the_image_and_never_cover_it(self, height: int, width: int, seed: int) -> None:
        top, left, bottom, right = draw_rectangles(50, height, width, 1.0, generator(seed)).unbind(1)
        assert (top >= 0).all() and (left >= 0).all()
        assert (bottom <= height).all() and (right <= width).all()
        assert ((bottom - top < height) & (right - left < width)).all()


class TestDraw:
    def test_corners_are_uniform_over_the_padded_image_and_independent(self) -> None:
        draws = Augmentation(crop=28, crop_padding=1).draw(20_000, (3, 32, 30), generator())
        counts = torch.zeros(7, 5)
        counts.index_put_((draws.top, draws.left), torch.ones(20_000), accumulate=True)
        assert stats.chisquare(counts.flatten()).pvalue > UNLIKELY
        assert not draws.flipped.any()

    def test_neighbouring_samples_are_drawn_independently(self) -> None:
        draws = Augmentation(crop=28, flip=True, rotation=180).draw(20_000, (3, 32, 32), generator())
        for values in (draws.top, draws.left, draws.flipped, draws.angle):
            correlation = torch.corrcoef(torch.stack([values[:-1].double(), values[1:].double()]))[0, 1]
            assert abs(correlation) < 4 / 20_000**0.5

    def test_half_of_the_samples_are_mirrored_at_their_place(self) -> None:
        draws = Augmentation(flip=True).draw(10_000, (1, 8, 8), generator())
        assert stats.binomtest(int(draws.flipped.sum()), 10_000, 0.5).pvalue > UNLIKELY
        assert not draws.top.any() and not draws.left.any()

    @pytest.mark.parametrize("test", [False, True])
    def test_angles_are_uniform_from_0(self, test: bool) -> None:
        augmentation = Augmentation(rotation=180, test_rotation=90)
        draws = augmentation.draw_test(5000, generator()) if test else augmentation.draw(5000, (1, 8, 8), generator())
        assert stats.kstest(draws.angle, "uniform", (0, 90 if test else 180)).pvalue > UNLIKELY

    def test_tests_only_crop_at_the_centre_and_rotate(self) -> None:
        augmentation = Augmentation(crop=5, crop_padding=2, flip=True, erasing=1.0, rotation=180)
        x = images(4, 3, 8, 8)
        draws = augmentation.draw_test(4, generator())
        made = augmentation.rotate_and_erase(augmentation.crop_and_flip(x, draws), draws)
        assert torch.equal(made, TF.center_crop(x, [5, 5]))

    def test_rectangles_suit_the_crop(self) -> None:
        draws = Augmentation(crop=5, erasing=1.0).draw(200, (3, 32, 32), generator())
        assert draws.rectangle[:, 2:].max() <= 5

    def test_without_augmentation_nothing_is_drawn_and_nothing_changes(self) -> None:
        nothing = Augmentation()
        draws = nothing.draw(5, (3, 8, 8), generator())
        x = images(5, 3, 8, 8)
        assert nothing.crop_and_flip(x, draws) is x
        assert nothing.rotate_and_erase(x, draws) is x
        assert not nothing.is_random


class TestAugmentation:
    def test_is_read_from_the_hyperparameters(self) -> None:
        asked = {"crop": 28, "crop_padding": 4, "flip": True, "erasing": 0.5, "rotation": 180.0, "test_rotation": 90.0}
        assert Augmentation.of(GradientHyperparameters(dataset="cifar10", **asked)) == Augmentation(**asked)

    @pytest.mark.parametrize("change", [{"crop": 28}, {"flip": True}, {"erasing": 0.1}, {"rotation": 5.0}])
    def test_is_random_when_training_samples_change(self, change: dict) -> None:
        assert Augmentation(**change).is_random
        assert not Augmentation(test_rotation=90).is_random

    def test_the_model_sees_the_crop(self) -> None:
        assert Augmentation(crop=28).output_shape((3, 32, 32)) == (3, 28, 28)
        assert Augmentation(crop=40, crop_padding=4).output_shape((3, 32, 32)) == (3, 40, 40)
        assert Augmentation(flip=True).output_shape((3, 32, 24)) == (3, 32, 24)
        assert Augmentation().output_shape((2,)) == (2,)

    def test_a_crop_larger_than_the_padded_image_is_refused(self) -> None:
        with pytest.raises(UsageError, match=r"crop = 41 is larger.*32×32 images with crop_padding = 4: at most 40"):
            Augmentation(crop=41, crop_padding=4).output_shape((3, 32, 32))

    def test_points_cannot_be_augmented(self) -> None:
        with pytest.raises(UsageError, match="flip, rotation"):
            Augmentation(flip=True, rotation=10).output_shape((2,))
