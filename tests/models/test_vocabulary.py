"""Visual words: encodings in closed form, and k-means and nearest words against scikit-learn's."""

from __future__ import annotations

import math
import typing
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin
from torch import Tensor

from tui_lab.errors import UsageError
from tui_lab.labs.bow_svm import Descriptor, Encoding
from tui_lab.models import vocabulary as module
from tui_lab.models.vocabulary import Vocabulary, contrast_normalized, dense_patches, histograms, zca

RAW: dict[str, Any] = {"descriptor": "raw", "normalize": "none"}


def images(count: int = 12, shape: tuple[int, int, int] = (3, 9, 8), seed: int = 0) -> Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))


def learned(x: Tensor, **values: Any) -> Vocabulary:
    given_values = {"words": 7, "patch_size": 3, "patches": 300, **values}
    vocabulary = Vocabulary(tuple(x.shape[1:]), **given_values)
    vocabulary.learn(x, seed=0)
    return vocabulary


# Patches


def test_dense_patches_are_the_windows_of_the_image_row_by_row() -> None:
    x = images()
    cut = dense_patches(x, 3, 2)
    windows = [x[:, :, i : i + 3, j : j + 3].flatten(1) for i in range(0, 7, 2) for j in range(0, 6, 2)]
    assert torch.equal(cut, torch.stack(windows, dim=1))


def test_every_sampled_patch_lies_in_an_image_and_all_places_are_drawn() -> None:
    x = torch.arange(2 * 4 * 4).reshape(2, 1, 4, 4).float()
    sampled = Vocabulary((1, 4, 4), words=2, patch_size=3, patches=500).sample(x, seed=1)
    expected = dense_patches(x, 3, 1).flatten(0, 1)
    assert len(sampled) == len(expected) == 8  # no more than there are
    assert {tuple(patch) for patch in sampled.tolist()} <= {tuple(patch) for patch in expected.tolist()}
    many = torch.cat([Vocabulary((1, 4, 4), 2, 3).sample(x, seed) for seed in range(20)])
    assert {tuple(patch) for patch in many.tolist()} == {tuple(patch) for patch in expected.tolist()}


# Descriptors


def test_contrast_normalisation_ignores_brightness_and_contrast() -> None:
    patch = images(1, (1, 9, 3)).flatten(1)
    first, second = contrast_normalized(patch), contrast_normalized(100 * patch + 3)
    torch.testing.assert_close(first, second, atol=5e-3, rtol=0)
    assert second.mean().item() == pytest.approx(0, abs=1e-5)
    assert second.square().mean().item() == pytest.approx(1, abs=1e-4)
    assert torch.equal(contrast_normalized(torch.full((1, 27), 0.3)), torch.zeros(1, 27))


def test_whitening_without_a_floor_is_that_of_pca_turned_back() -> None:
    samples = torch.randn(400, 5) @ torch.randn(5, 5) + 3
    mean, matrix = zca(samples, 0.0)
    white = (samples - mean) @ matrix
    torch.testing.assert_close(white.T @ white / 400, torch.eye(5), atol=1e-3, rtol=0)
    basis = PCA(whiten=True).fit(samples.double().numpy())
    expected = basis.transform(samples.double().numpy()) @ basis.components_ * math.sqrt(400 / 399)
    np.testing.assert_allclose(white.numpy(), expected, atol=2e-3)


# Encodings


def test_a_histogram_of_a_known_assignment() -> None:
    nearest = torch.tensor([[0, 2, 2, 1], [1, 1, 1, 1]])
    assert histograms(nearest, torch.zeros(4, dtype=torch.long), 1, 3).tolist() == [[[1, 1, 2]], [[0, 4, 0]]]
    halves = histograms(nearest, torch.tensor([0, 0, 1, 1]), 2, 3)
    assert halves.tolist() == [[[1, 0, 1], [0, 1, 1]], [[0, 2, 0], [0, 2, 0]]]


def test_an_image_of_words_is_the_count_of_them() -> None:
    black, white = torch.zeros(1, 2, 2), torch.ones(1, 2, 2)
    vocabulary = Vocabulary((1, 4, 4), words=2, patch_size=2, stride=2, pooling_grid=2, **RAW)
    vocabulary.words.copy_(torch.stack([black.flatten(), white.flatten()]))
    top, bottom = torch.cat([black, white], dim=2), torch.cat([white, white], dim=2)
    image = torch.cat([top, bottom], dim=1)[None]
    assert vocabulary(image).tolist() == [[1, 0, 0, 1, 0, 1, 0, 1]]
    whole = Vocabulary((1, 4, 4), words=2, patch_size=2, stride=2, **RAW)
    whole.words.copy_(vocabulary.words)
    assert whole(image).tolist() == [[1, 3]]


def test_the_nearest_words_are_those_of_scikit_learn() -> None:
    x = images()
    vocabulary = learned(x, stride=1, descriptor="contrast", normalize="none")
    described = contrast_normalized(dense_patches(x, 3, 1)).flatten(0, 1)
    nearest = pairwise_distances_argmin(described.double().numpy(), vocabulary.words.double().numpy())
    counted = [np.bincount(some, minlength=7).tolist() for some in nearest.reshape(len(x), -1)]
    assert vocabulary(x).tolist() == counted


def test_the_triangle_is_the_mean_distance_less_the_distance() -> None:
    x = images()
    vocabulary = learned(x, encoding="triangle", **RAW)
    patches = dense_patches(x, 3, 2)
    distances = pairwise_distances(patches.flatten(0, 1).double().numpy(), vocabulary.words.double().numpy())
    likeness = np.maximum(0, distances.mean(1, keepdims=True) - distances)
    np.testing.assert_allclose(vocabulary(x).numpy(), likeness.reshape(len(x), -1, 7).sum(1), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("encoding", typing.get_args(Encoding))
def test_regions_add_up_to_the_whole_image(encoding: str) -> None:
    x = images()
    whole = learned(x, encoding=encoding, **RAW)
    parts = learned(x, encoding=encoding, pooling_grid=3, **RAW)
    torch.testing.assert_close(parts(x).reshape(len(x), 9, 7).sum(1), whole(x), rtol=1e-4, atol=1e-4)


# The words


def test_words_that_are_plain_to_see_are_found_the_most_frequent_first() -> None:
    levels = torch.tensor([0.0] * 6 + [0.5] * 3 + [1.0] * 1)
    vocabulary = learned(levels[:, None, None, None].expand(-1, 1, 6, 6), words=3, patches=150, descriptor="raw")
    torch.testing.assert_close(vocabulary.words, torch.tensor([[0.0], [0.5], [1.0]]).expand(3, 9))


def test_the_same_seed_finds_the_same_words_and_another_one_others() -> None:
    x = images(30)
    first, again, other = (Vocabulary((3, 9, 8), 7, 3, patches=300) for _ in range(3))
    for vocabulary, seed in ((first, 4), (again, 4), (other, 5)):
        vocabulary.learn(x, seed)
    assert torch.equal(first.words, again.words)
    assert not torch.equal(first.words, other.words)


def test_too_few_patches_are_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"^2 patches of 2 images are too few for 7 words\."):
        learned(images(2, (1, 3, 3)), stride=1)


def test_fewer_different_patches_than_words_leave_words_without_a_patch() -> None:
    x = torch.zeros(40, 1, 4, 4)
    encoded = learned(x, words=5, patches=100, stride=1, normalize="none")(x)
    assert encoded.tolist() == [[4, 0, 0, 0, 0]] * 40


@settings(max_examples=40, deadline=None)
@given(
    channels=st.sampled_from([1, 3]),
    height=st.integers(4, 12),
    width=st.integers(4, 12),
    patch_size=st.integers(2, 4),
    stride=st.integers(1, 3),
    words=st.integers(2, 6),
    descriptor=st.sampled_from(typing.get_args(Descriptor)),
    encoding=st.sampled_from(typing.get_args(Encoding)),
    normalize=st.sampled_from(("none", "l1", "l2", "power")),
    at_once=st.integers(1, 300),
)
def test_encodings_of_any_images(
    channels: int,
    height: int,
    width: int,
    patch_size: int,
    stride: int,
    words: int,
    descriptor: str,
    encoding: str,
    normalize: str,
    at_once: int,
) -> None:
    """Their number, shape and norm; they are the same however many are encoded at a time."""
    x = images(6, (channels, height, width))
    grid = min((side - patch_size) // stride + 1 for side in (height, width))
    vocabulary = Vocabulary(
        (channels, height, width), words, patch_size, stride, 100, descriptor, encoding, grid, normalize
    )
    vocabulary.words.copy_(torch.randn(vocabulary.words.shape, generator=torch.Generator().manual_seed(1)))
    if descriptor == "whitened":
        vocabulary.whitener.copy_(torch.eye(len(vocabulary.mean)))
    encoded = vocabulary(x)
    assert encoded.shape == (6, vocabulary.features) == (6, grid * grid * words)
    assert bool((encoded >= 0).all())
    order = {"l1": 1.0, "l2": 2.0, "power": 2.0}.get(normalize)
    if order is not None:
        norms = torch.linalg.vector_norm(encoded, ord=order, dim=1)
        assert all(norm == pytest.approx(1, abs=1e-4) or norm == 0 for norm in norms.tolist())
    elif encoding == "histogram":
        assert encoded.sum(1).tolist() == [vocabulary.positions] * 6
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PATCHES_AT_ONCE", at_once)
        torch.testing.assert_close(vocabulary(x), encoded, rtol=1e-3, atol=1e-3)
