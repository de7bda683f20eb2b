from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.data.dataset import Split
from tui_lab.data.subsets import split_validation, stratified_indices, subset
from tui_lab.errors import UsageError

SEEDS = st.integers(0, 2**63 - 1)


@st.composite
def labels_and_size(draw: st.DrawFn) -> tuple[list[int], int]:
    labels = draw(st.lists(st.integers(0, 6), min_size=1, max_size=60))
    return labels, draw(st.integers(0, len(labels)))


def make_split(labels: list[int]) -> Split:
    return Split(torch.arange(len(labels) * 2, dtype=torch.float32).view(-1, 2), torch.tensor(labels))


@given(labels_and_size(), SEEDS)
def test_a_subset_has_exactly_the_size_asked_for_in_the_original_order(drawn: tuple[list[int], int], seed: int) -> None:
    labels, size = drawn
    indices = stratified_indices(torch.tensor(labels), size, seed).tolist()
    assert len(indices) == len(set(indices)) == size
    assert indices == sorted(indices)
    assert all(0 <= index < len(labels) for index in indices)


@given(labels_and_size(), SEEDS)
def test_every_class_keeps_its_share_to_within_one_sample(drawn: tuple[list[int], int], seed: int) -> None:
    labels, size = drawn
    indices = stratified_indices(torch.tensor(labels), size, seed).tolist()
    before, after = Counter(labels), Counter(labels[index] for index in indices)
    for label, count in before.items():
        assert abs(after[label] - Fraction(count * size, len(labels))) < 1


@given(labels_and_size())
def test_no_other_rounding_of_the_shares_is_closer(drawn: tuple[list[int], int]) -> None:
    labels, size = drawn
    before = Counter(labels)
    after = Counter(labels[index] for index in stratified_indices(torch.tensor(labels), size, 0).tolist())
    off = {label: after[label] - Fraction(count * size, len(labels)) for label, count in before.items()}
    for up in off:  # moving one sample from class `down` to class `up` never lowers the sum of squared deviations
        for down in off:
            if up != down:
                assert (off[up] + 1) ** 2 + (off[down] - 1) ** 2 >= off[up] ** 2 + off[down] ** 2


def test_the_seed_decides_the_draw() -> None:
    labels = torch.arange(100) % 10
    first, again, other = (stratified_indices(labels, 50, seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_within_a_class_every_sample_is_as_likely() -> None:
    labels = torch.zeros(10, dtype=torch.int64)
    drawn = torch.cat([stratified_indices(labels, 3, seed) for seed in range(2000)]).bincount(minlength=10)
    chi_squared = ((drawn - 600.0) ** 2 / (600 * 0.7)).sum().item()
    assert chi_squared < 27.9  # 9 degrees of freedom, p = 0.001


def test_fewer_samples_than_classes_leaves_some_classes_out() -> None:
    labels = torch.arange(100) % 10
    indices = stratified_indices(labels, 3, 0)
    assert labels[indices].unique().numel() == 3


def test_asking_for_more_than_there_is_says_how_many_there_are() -> None:
    with pytest.raises(UsageError, match="7 samples were asked for, but there are only 6"):
        stratified_indices(torch.tensor([0, 0, 0, 1, 1, 1]), 7, 0)


def test_the_whole_split_is_not_copied() -> None:
    split = make_split([0, 1, 0, 1])
    assert subset(split, 4, 0) is split


def test_a_subset_keeps_samples_with_their_labels() -> None:
    split = make_split([0, 1] * 20)
    part = subset(split, 10, 0)
    assert part.y.bincount().tolist() == [5, 5]
    assert all(split.y[int(x[0]) // 2] == y for x, y in zip(part.x, part.y, strict=True))


@given(st.lists(st.integers(0, 4), min_size=2, max_size=60), st.floats(0.01, 0.9), SEEDS)
def test_train_and_validation_are_the_split_divided(labels: list[int], fraction: float, seed: int) -> None:
    split = make_split(labels)
    held_out = round(fraction * len(labels))
    if not 0 < held_out < len(labels):
        with pytest.raises(UsageError, match="validation_fraction"):
            split_validation(split, fraction, seed)
        return
    train, validation = split_validation(split, fraction, seed)
    assert len(validation) == held_out
    rows = [*train.x[:, 0].tolist(), *validation.x[:, 0].tolist()]
    assert sorted(rows) == split.x[:, 0].tolist()
    assert torch.equal(validation.y, split.y[(validation.x[:, 0] / 2).long()])


def test_validation_is_stratified() -> None:
    _, validation = split_validation(make_split([0] * 80 + [1] * 20), 0.25, 0)
    assert validation.y.bincount().tolist() == [20, 5]
