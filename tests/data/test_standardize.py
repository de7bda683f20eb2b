"""Standardisers against float64 formulas and scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from torch import Tensor

from tui_lab.data import standardize
from tui_lab.data.load import load_dataset
from tui_lab.data.standardize import fit_standardizer, to_float
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import Hyperparameters, Standardize


def noise_images(n: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def smooth_images(n: int, channels: int, side: int, seed: int = 0) -> Tensor:
    """Images whose neighbouring pixels resemble each other, as those of photographs do."""
    coarse = torch.rand(n, channels, side // 4, side // 4, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic")
    grain = torch.randn(n, channels, side, side, generator=torch.Generator().manual_seed(seed + 1))
    return (smooth * 200 + 20 + 8 * grain).clamp(0, 255).to(torch.uint8)


def distinct_directions(n: int, seed: int = 0) -> Tensor:
    """4×4 images whose principal components have variances far enough apart to be told from each other."""
    rotation, _ = torch.linalg.qr(torch.randn(16, 16, generator=torch.Generator().manual_seed(9)))
    latent = torch.randn(n, 16, generator=torch.Generator().manual_seed(seed)) * torch.logspace(1.5, 0.5, 16)
    return (latent @ rotation + 128).clamp(0, 255).to(torch.uint8).reshape(n, 1, 4, 4)


def points(n: int = 50) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([3.0, 0.1]) + 5


class TestToFloat:
    def test_pixels_become_what_to_tensor_of_torchvision_makes_of_them(self) -> None:
        pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
        assert torch.equal(to_float(pixels), pixels.to(torch.float32).div(255))

    def test_floats_stay_as_they_are(self) -> None:
        x = points()
        assert to_float(x) is x


class TestChannel:
    @settings(max_examples=20, deadline=None)
    @given(st.integers(1, 30), st.integers(1, 4), st.integers(2, 9), st.integers(2, 9), st.integers(0, 99))
    def test_is_the_float64_formula(self, n: int, channels: int, height: int, width: int, seed: int) -> None:
        x = noise_images(n, channels, height, width, seed=seed)
        pixels = x.double() / 255
        std, mean = torch.std_mean(pixels, dim=(0, 2, 3), keepdim=True)
        torch.testing.assert_close(
            fit_standardizer("channel", x)(to_float(x)).double(), (pixels - mean) / std, atol=2e-6, rtol=1e-5
        )

    def test_does_not_depend_on_how_the_split_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        x = noise_images(50, 3, 8, 8)
        at_once = fit_standardizer("channel", x)(to_float(x))
        monkeypatch.setattr(standardize, "CHUNK_VALUES", 7 * 3 * 8 * 8)
        assert torch.equal(at_once, fit_standardizer("channel", x)(to_float(x)))

    def test_scales_each_coordinate_of_points(self) -> None:
        x = points()
        scaled = fit_standardizer("channel", x)(x)
        torch.testing.assert_close(scaled.mean(0), torch.zeros(2), atol=1e-5, rtol=0)
        torch.testing.assert_close(scaled.std(0), torch.ones(2))

    def test_a_channel_of_one_value_becomes_0(self) -> None:
        x = noise_images(20, 2, 4, 4)
        x[:, 1] = 77
        scaled = fit_standardizer("channel", x)(to_float(x))
        assert scaled.isfinite().all()
        assert scaled[:, 1].abs().max() < 1e-6

    def test_a_single_point_can_be_fitted(self) -> None:
        assert torch.equal(fit_standardizer("channel", points(1))(points(1)), torch.zeros(1, 2))

    @pytest.mark.data
    @pytest.mark.parametrize(
        ("dataset", "mean", "std"),
        [
            ("mnist", [0.1307], [0.3081]),
            ("cifar10", [0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]),
        ],
    )
    def test_finds_the_well_known_statistics(
        self, dataset: str, mean: list[float], std: list[float], real_data: Path
    ) -> None:
        train = load_dataset(Hyperparameters(dataset=dataset), real_data).train
        fitted = fit_standardizer("channel", train.x)
        torch.testing.assert_close(fitted.mean.flatten(), torch.tensor(mean), atol=5e-5, rtol=0)
        torch.testing.assert_close(fitted.std.flatten(), torch.tensor(std), atol=5e-5, rtol=0)

    def test_finds_the_copied_statistics_of_cifar10(self, real_data: Path) -> None:
        train = load_dataset(Hyperparameters(dataset="cifar10"), real_data).train
        fitted = fit_standardizer("channel-published", train.x)
        torch.testing.assert_close(fitted.mean.flatten(), torch.tensor([0.4914, 0.4822, 0.4465]), atol=5e-5, rtol=0)
        torch.testing.assert_close(fitted.std.flatten(), torch.tensor([0.2023, 0.1994, 0.2010]), atol=5e-5, rtol=0)

    def test_the_published_deviation_is_the_mean_of_the_images_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        x = noise_images(20, 3, 5, 7)
        expected = (x / 255).double().flatten(2).std(2).mean(0)
        for values in (standardize.CHUNK_VALUES, 7 * 105):
            monkeypatch.setattr(standardize, "CHUNK_VALUES", values)
            fitted = fit_standardizer("channel-published", x)
            torch.testing.assert_close(fitted.std.double(), expected[None, :, None, None], atol=1e-6, rtol=0)

    @pytest.mark.parametrize("method", ["raw", "channel-published"])
    def test_what_is_of_pixels_refuses_points(self, method: str) -> None:
        with pytest.raises(UsageError, match=f"{method} is for images"):
            fit_standardizer(method, points(9))


class TestPerSample:
    def test_raw_pixels_are_those_that_are_stored(self) -> None:
        x = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
        torch.testing.assert_close(fit_standardizer("raw", x)(to_float(x)), x.float())

    FORMULAS = {  # noqa: RUF012
        "none": lambda v: v,
        "gcn": lambda v: (v - v.mean()) / v.std(ddof=1),
        "l1": lambda v: v / np.abs(v).sum(),
        "l2": lambda v: v / np.sqrt((v**2).sum()),
        "minmax": lambda v: (v - v.min()) / (v.max() - v.min()),
    }

    @pytest.mark.parametrize("method", FORMULAS)
    @pytest.mark.parametrize("shape", [(3, 8, 8), (1, 5, 7), (2,)])
    def test_is_the_float64_formula_of_each_sample(self, method: str, shape: tuple[int, ...]) -> None:
        x = points(9) if shape == (2,) else to_float(noise_images(9, *shape))
        expected = np.stack([self.FORMULAS[method](sample) for sample in x.double().numpy()])
        np.testing.assert_allclose(fit_standardizer(method, x)(x), expected, atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize("method", ["gcn", "minmax", "pca-published"])
    def test_an_image_of_any_one_value_becomes_0(self, method: str) -> None:
        x = torch.arange(256, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 28, 28)
        assert torch.equal(fit_standardizer(method, x)(to_float(x)), torch.zeros(256, 3, 28, 28))

    @pytest.mark.parametrize("method", ["l1", "l2"])
    def test_a_black_image_stays_black(self, method: str) -> None:
        x = torch.zeros(2, 1, 8, 8)
        assert torch.equal(fit_standardizer(method, x)(x), x)

    @pytest.mark.parametrize(
        "method", ["gcn", "l1", "l2", "minmax", "pca-published", "channel", "channel-published", "raw", "zca", "pca"]
    )
    def test_neither_writes_to_its_input_nor_mixes_samples(self, method: str) -> None:
        x = noise_images(12, 3, 6, 6)
        scale = fit_standardizer(method, x)
        batch = to_float(x)
        before = batch.clone()
        together = scale(batch)
        assert torch.equal(batch, before)
        torch.testing.assert_close(together[3:4], scale(batch[3:4]), atol=1e-5, rtol=1e-5)


class TestPublishedPca:
    def test_is_scikit_learn_on_each_image_read_in_threes(self) -> None:
        x = torch.cat([smooth_images(20, 3, 32), noise_images(20, 3, 32, 32)])
        pixels = to_float(x)
        expected = [
            PCA(whiten=True).fit_transform(image.reshape(-1, 3)).reshape(3, 32, 32) for image in pixels.double().numpy()
        ]
        np.testing.assert_allclose(fit_standardizer("pca-published", x)(pixels), np.stack(expected), atol=2e-3)

    @pytest.mark.parametrize("x", [noise_images(2, 1, 28, 28), noise_images(2, 1, 9, 9), points()])
    def test_says_which_sets_have_three_channels(self, x: Tensor) -> None:
        with pytest.raises(UsageError, match=r"three channels.*cifar10"):
            fit_standardizer("pca-published", x)


class TestWhitening:
    x = smooth_images(600, 1, 8)

    def covariance(self, values: Tensor) -> Tensor:
        return torch.cov(values.flatten(1).double().T)

    def test_zca_is_the_float64_formula(self) -> None:
        flat = self.x.flatten(1).double() / 255
        variances, vectors = torch.linalg.eigh(torch.cov(flat.T))
        matrix = vectors @ torch.diag((variances + 0.02) ** -0.5) @ vectors.T
        expected = ((flat - flat.mean(0)) @ matrix).reshape(self.x.shape)
        scaled = fit_standardizer("zca", self.x, epsilon=0.02)(to_float(self.x))
        torch.testing.assert_close(scaled.double(), expected, atol=2e-5, rtol=1e-4)

    @pytest.mark.parametrize("method", ["zca", "pca"])
    def test_without_epsilon_the_training_split_becomes_white(self, method: str) -> None:
        scaled = fit_standardizer(method, self.x, epsilon=0)(to_float(self.x))
        torch.testing.assert_close(self.covariance(scaled), torch.eye(64, dtype=torch.float64), atol=1e-3, rtol=0)

    def test_zca_is_the_whitening_that_stays_closest_to_the_image(self) -> None:
        pixels = to_float(self.x)
        centred = pixels - pixels.mean(0)
        zca, pca = (fit_standardizer(method, self.x, epsilon=0)(pixels) for method in ("zca", "pca"))
        assert torch.dist(zca, centred) < 0.95 * torch.dist(pca, centred)

    def test_pca_without_epsilon_is_scikit_learn_with_its_signs(self) -> None:
        x, other = distinct_directions(1500), distinct_directions(50, seed=1)
        reference = PCA(whiten=True).fit(x.flatten(1).double().numpy() / 255)
        expected = reference.transform(other.flatten(1).double().numpy() / 255).reshape(other.shape)
        scaled = fit_standardizer("pca", x, epsilon=0)(to_float(other))
        np.testing.assert_allclose(scaled, expected, atol=5e-4)

    def test_points_can_be_whitened(self) -> None:
        scaled = fit_standardizer("zca", points(), epsilon=0)(points())
        torch.testing.assert_close(self.covariance(scaled), torch.eye(2, dtype=torch.float64), atol=1e-4, rtol=0)

    @pytest.mark.parametrize("method", ["zca", "pca"])
    def test_directions_without_variance_become_0(self, method: str) -> None:
        x = self.x.clone()
        x[:, :, :2] = 0
        unseen = x.clone()
        unseen[:, :, :2] = 255  # only other samples have anything there
        scale = fit_standardizer(method, x, epsilon=0)
        torch.testing.assert_close(scale(to_float(unseen)), scale(to_float(x)), atol=1e-3, rtol=0)
        assert scale(to_float(unseen)).abs().max() < 30

    def test_fewer_samples_than_pixels_are_enough(self) -> None:
        few = self.x[:20]
        scaled = fit_standardizer("pca", few, epsilon=0)(to_float(few))
        assert scaled.isfinite().all()
        assert scaled.flatten(1).std(0).gt(0.5).sum() == 19

    def test_does_not_depend_on_how_the_split_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        at_once = fit_standardizer("zca", self.x)(to_float(self.x))
        monkeypatch.setattr(standardize, "CHUNK_VALUES", 7 * 64)
        torch.testing.assert_close(fit_standardizer("zca", self.x)(to_float(self.x)), at_once, atol=1e-4, rtol=1e-4)

    def test_only_whitening_needs_the_whole_sample(self) -> None:
        x = noise_images(5, 3, 4, 4)
        methods = get_args(Standardize)
        assert [m for m in methods if fit_standardizer(m, x).needs_whole_sample] == ["zca", "pca"]

    def test_too_large_samples_are_refused_before_any_work(self) -> None:
        with pytest.raises(UsageError, match=r"at most 12,288 values, and these have 12,675.*image_size"):
            fit_standardizer("zca", torch.zeros(1, 3, 65, 65, dtype=torch.uint8))

    def test_an_unknown_method_is_named_with_the_nearest_one(self) -> None:
        with pytest.raises(UsageError, match=r"'zcs'.*'zca'"):
            fit_standardizer("zcs", self.x)


class TestCache:
    x = smooth_images(100, 1, 8)

    def fit(
        self, cache_dir: Path | None, method: str = "zca", epsilon: float = 0.01, x: Tensor | None = None
    ) -> Tensor:
        x = self.x if x is None else x
        return fit_standardizer(method, x, epsilon=epsilon, cache_dir=cache_dir)(to_float(x))

    @pytest.fixture
    def fits(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Grows by one with every basis computed."""
        computed: list[int] = []
        real = standardize._fit_basis

        def counted(x: Tensor) -> dict[str, Tensor]:
            computed.append(len(x))
            return real(x)

        monkeypatch.setattr(standardize, "_fit_basis", counted)
        return computed

    def test_gives_the_same_bits_as_without(self, tmp_path: Path) -> None:
        without = self.fit(None)
        assert torch.equal(self.fit(tmp_path), without)
        assert torch.equal(self.fit(tmp_path), without)

    def test_serves_both_methods_and_every_epsilon_from_one_file(self, tmp_path: Path, fits: list[int]) -> None:
        for method, epsilon in [("zca", 0.01), ("zca", 0.1), ("pca", 0.1)]:
            assert torch.equal(self.fit(tmp_path / "new", method, epsilon), self.fit(None, method, epsilon))
        assert len(fits) == 4  # three without a cache, one with
        assert len(list((tmp_path / "new").iterdir())) == 1

    def test_knows_other_pixels_and_other_shapes(self, tmp_path: Path, fits: list[int]) -> None:
        changed = self.x.clone()
        changed[-1, 0, -1, -1] += 1
        for x in (self.x, changed, self.x.reshape(100, 1, 4, 16)):
            self.fit(tmp_path, x=x)
        assert len(fits) == 3

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: b"",
            lambda content: b"not a tensor file",
            lambda content: content[: len(content) // 2],
            lambda content: content[:-3] + bytes([content[-3] ^ 1]) + content[-2:],
            lambda content: safetensors.torch.save({"mean": torch.zeros(64)}),
        ],
        ids=["empty", "garbage", "cut", "one bit", "other tensors"],
    )
    def test_makes_a_damaged_file_again(self, tmp_path: Path, fits: list[int], damage) -> None:
        expected = self.fit(tmp_path)
        (file,) = tmp_path.iterdir()
        intact = file.read_bytes()
        file.write_bytes(damage(intact))
        assert torch.equal(self.fit(tmp_path), expected)
        assert len(fits) == 2
        assert file.read_bytes() == intact

    def test_is_not_needed_when_it_cannot_be_written(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        assert torch.equal(self.fit(tmp_path / "file" / "cache"), self.fit(None))
