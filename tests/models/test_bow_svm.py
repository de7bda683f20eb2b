"""Bag of words and SVM: parameters, scikit-learn's predictions, and what it tells while it is fitted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor

from tui_lab.errors import UsageError
from tui_lab.models.bow_svm import BowSVM
from tui_lab.models.convnet import ConvNet
from tui_lab.previews.layers import layer_table
from tui_lab.training.checkpoint import save_weights

SMALL: dict[str, Any] = {"words": 20, "patch_size": 3, "stride": 1, "patches": 2000}


def digits(*classes: int, count: int = 200) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 8, 8) in [0, 1] of some digits, labelled from 0 on."""
    data = load_digits()
    wanted = np.isin(data.target, classes)
    x = torch.from_numpy(data.images[wanted][:count]).float()[:, None] / 16
    return x, torch.from_numpy(np.searchsorted(sorted(classes), data.target[wanted][:count]))


def test_the_svm_learns_the_number_of_parameters_of_the_practical() -> None:
    model = BowSVM((3, 32, 32), 10)
    assert model.sizes == {"parameters": 10_010, "vocabulary_parameters": 108_000}
    convolutional = sum(parameter.numel() for parameter in ConvNet((3, 32, 32), 10).parameters())
    assert convolutional == 1_191_170
    table = layer_table(lambda: model, (3, 32, 32))
    assert [(layer.name, layer.output_shape, layer.parameters) for layer in table.layers] == [
        ("vocabulary", (1000,), 0),
        ("machine.linear", (10,), 10_010),
    ]


@pytest.mark.parametrize("classes", [(0, 1), (0, 1, 2, 3)])
def test_scores_are_those_of_linear_svc_on_the_encodings(classes: tuple[int, ...]) -> None:
    x, y = digits(*classes)
    model = BowSVM((1, 8, 8), len(classes), **SMALL)
    assert model.fit(x, y, seed=0) == []
    encodings = model.vocabulary(x).double().numpy()
    reference = LinearSVC(C=0.1, random_state=0).fit(encodings, y.numpy())
    scores = model(x)
    expected = reference.decision_function(encodings)
    decided = scores[:, 1] - scores[:, 0] if len(classes) == 2 else scores
    np.testing.assert_allclose(decided.detach().numpy(), expected, atol=5e-3)
    assert scores.argmax(1).tolist() == reference.predict(encodings).tolist()
    losses = model.losses(scores, y)
    assert (losses[scores.argmax(1) == y] <= 1).all()
    assert 0 < len(model.support_indices) <= len(y)


def test_standardised_encodings_are_folded_into_the_weights() -> None:
    x, y = digits(0, 1, 2)
    model = BowSVM((1, 8, 8), 3, **SMALL, encoding="triangle", normalize="standard")
    model.fit(x, y, seed=0)
    encodings = model.vocabulary(x).double().numpy()
    reference = make_pipeline(StandardScaler(), LinearSVC(C=0.1, random_state=0)).fit(encodings, y.numpy())
    np.testing.assert_allclose(model(x).detach().numpy(), reference.decision_function(encodings), atol=0.02)


@pytest.mark.parametrize("values", [{}, {"descriptor": "raw", "encoding": "triangle", "pooling_grid": 2}])
@pytest.mark.parametrize("classes", [(0, 1), (0, 1, 2)])
def test_it_comes_back_from_its_file(classes: tuple[int, ...], values: dict[str, Any], tmp_path: Path) -> None:
    x, y = digits(*classes)
    model, again = (BowSVM((1, 8, 8), 3, **{**SMALL, **values}) for _ in range(2))
    model.fit(x, y, seed=0)
    save_weights(tmp_path / "model.safetensors", model.state_dict())
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert torch.equal(again(x), model(x))
    assert torch.equal(again.support_indices, model.support_indices)
    assert set(again(x).argmax(1).tolist()) <= set(range(len(classes)))  # the third class is never predicted


def test_the_same_seed_gives_the_same_numbers() -> None:
    x, y = digits(0, 1, 2)
    first, again = (BowSVM((1, 8, 8), 3, **SMALL) for _ in range(2))
    first.fit(x, y, seed=3)
    again.fit(x, y, seed=3)
    again_kept = again.state_dict()
    assert all(torch.equal(tensor, again_kept[name]) for name, tensor in first.state_dict().items())


def test_one_class_alone_is_refused_in_a_sentence() -> None:
    x, _ = digits(0, 1)
    with pytest.raises(UsageError, match="there is nothing to separate"):
        BowSVM((1, 8, 8), 2, **SMALL).fit(x, torch.zeros(len(x), dtype=torch.long), seed=0)


def test_it_tells_how_far_it_is() -> None:
    x, y = digits(0, 1, 2)
    model = BowSVM((1, 8, 8), 3, **SMALL)
    assert model.progress.expectation() is None
    model.fit(x, y, seed=0)
    told = model.progress.expectation()
    assert told is not None
    assert told.each > 0
    assert 0 <= told.seconds < math.inf
    assert model.progress.expectation() is None
    said = model.progress.sentences()
    assert [sentence.partition(":")[0] for sentence in said] == [
        "Vocabulary of 20 words × 9 values, 180 numbers",
        "200 images of 36 patches",
        "Linear SVM of 63 parameters",
    ]
    assert model.progress.sentences() == []
