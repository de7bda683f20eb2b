"""The support vector machine against scikit-learn's, whose numbers it keeps."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.metrics import hinge_loss
from sklearn.svm import SVC, LinearSVC
from torch import Tensor

from tui_lab.errors import UsageError
from tui_lab.labs.svm import Kernel
from tui_lab.models.svm import SVM, hinge_losses
from tui_lab.training.checkpoint import save_weights

KERNELS: tuple[str, ...] = typing.get_args(Kernel)


def samples(classes: int, count: int = 90, values: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Overlapping clouds, so that something is left to be wrong about."""
    x, y = make_blobs(count, centers=classes, n_features=values, cluster_std=5.0, random_state=seed)
    return torch.from_numpy(x).float(), torch.from_numpy(y)


def theirs(kernel: str, x: Any, y: Any, **given: Any) -> Any:
    """scikit-learn's own machine, fitted to the same."""
    if kernel == "linear-svc":
        return LinearSVC(random_state=0, max_iter=10_000, **given).fit(x, y)
    return SVC(kernel=kernel, break_ties=True, **given).fit(x, y)


def decision(machine: SVM, x: Tensor) -> Any:
    """In scikit-learn's shape: (B,) of two classes."""
    with torch.inference_mode():
        scores = machine(x)
    return (scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores).numpy()


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("kernel", [name for name in KERNELS if name != "linear-svc"])
def test_decisions_predictions_losses_and_support_vectors_are_those_of_svc(kernel: str, classes: int) -> None:
    x, y = samples(classes)
    new, _ = samples(classes, seed=1)
    given = {"C": 0.7, "degree": 2, "coef0": 0.3}
    reference = theirs(kernel, x.double().numpy(), y.numpy(), **given)
    machine = SVM((5,), classes, kernel, **given)  # type: ignore[arg-type]
    assert machine.fit(x, y, seed=0) == []
    for some in (x, new):
        expected = reference.decision_function(some.double().numpy())
        np.testing.assert_allclose(decision(machine, some), expected, rtol=1e-9, atol=1e-9)
        assert machine(some).argmax(1).tolist() == reference.predict(some.double().numpy()).tolist()
    loss = hinge_losses(machine(x), y).mean().item()
    assert loss == pytest.approx(hinge_loss(y.numpy(), reference.decision_function(x.double().numpy())))
    assert machine.support_indices.tolist() == sorted(reference.support_)


@pytest.mark.parametrize("classes", [2, 4])
def test_decisions_are_those_of_linear_svc(classes: int) -> None:
    x, y = samples(classes)
    machine = SVM((5,), classes, "linear-svc", max_iter=10_000)
    machine.fit(x, y, seed=0)
    expected = theirs("linear-svc", x.double().numpy(), y.numpy()).decision_function(x.double().numpy())
    np.testing.assert_allclose(decision(machine, x), expected, atol=0.02)  # another order of visits, the same optimum


@pytest.mark.parametrize("kernel", KERNELS)
def test_principal_components_come_first(kernel: str) -> None:
    x, y = samples(3)
    machine = SVM((5,), 3, kernel, pca=2, max_iter=10_000 if kernel == "linear-svc" else 0)
    machine.fit(x, y, seed=0)
    inputs = PCA(2).fit_transform(x.double().numpy())
    expected = theirs(kernel, inputs, y.numpy()).decision_function(inputs)
    np.testing.assert_allclose(decision(machine, x), expected, atol=0.02 if kernel == "linear-svc" else 1e-8)


@pytest.mark.parametrize("pca", [0, 3])
@pytest.mark.parametrize("kernel", KERNELS)
def test_it_comes_back_from_its_file(kernel: str, pca: int, tmp_path: Path) -> None:
    x, y = samples(3)
    machine = SVM((5,), 3, kernel, pca=pca)
    machine.fit(x, y, seed=0)
    save_weights(tmp_path / "model.safetensors", machine.state_dict())
    again = SVM((5,), 3, kernel, pca=pca)
    again.load_state_dict(load_file(tmp_path / "model.safetensors"))
    assert torch.equal(again(x), machine(x))
    assert torch.equal(again.support_indices, machine.support_indices)


@pytest.mark.parametrize("kernel", ["linear", "rbf", "poly"])
def test_only_support_vectors_matter(kernel: str) -> None:
    x, y = samples(2)
    whole, part = (SVM((5,), 2, kernel, kernel_gamma=0.01) for _ in range(2))
    whole.fit(x, y, seed=0)
    held = whole.support_indices
    assert 0 < len(held) < len(y)
    part.fit(x[held], y[held], seed=0)
    np.testing.assert_allclose(decision(part, x), decision(whole, x), atol=0.02)


def test_support_vectors_of_linear_svc_are_the_samples_with_a_loss() -> None:
    x, y = samples(2)
    machine = SVM((5,), 2, "linear-svc", max_iter=10_000)
    machine.fit(x, y, seed=0)
    sides = torch.from_numpy(decision(machine, x)) * (2 * y - 1)  # in margins, positive where it is right
    assert machine.support_indices.tolist() == [i for i, side in enumerate(sides.tolist()) if side <= 1 + 1e-6]


def test_the_same_seed_gives_the_same_numbers() -> None:
    x, y = samples(3, count=300)
    first, second = (SVM((5,), 3, "linear-svc") for _ in range(2))
    first.fit(x, y, seed=4)
    second.fit(x, y, seed=4)
    assert torch.equal(first(x), second(x))


def test_a_class_without_training_samples_is_never_predicted() -> None:
    x, y = samples(4)
    machine = SVM((5,), 5, "rbf")
    few = y != 1
    machine.fit(x[few], y[few], seed=0)
    scores = machine(x)
    assert scores.shape == (len(x), 5)
    assert set(scores.argmax(1).tolist()) <= {0, 2, 3}
    assert bool(torch.isfinite(scores).all())
    assert bool((hinge_losses(scores, y)[y == 1] > 1).all())


def test_samples_of_one_class_are_refused_in_a_sentence() -> None:
    with pytest.raises(UsageError, match=r"All 4 training samples are of one class: there is nothing to separate\."):
        SVM((5,), 2).fit(torch.randn(4, 5), torch.ones(4, dtype=torch.long), seed=0)


def test_what_has_not_converged_is_said() -> None:
    x, y = samples(4)
    assert any("converge" in said for said in SVM((5,), 4, "linear-svc", max_iter=1).fit(x, y, seed=0))
    assert any("max_iter=1" in said for said in SVM((5,), 4, "rbf", max_iter=1).fit(x, y, seed=0))


def test_images_are_flattened() -> None:
    x, y = samples(3, values=12)
    flat, square = SVM((12,), 3), SVM((3, 2, 2), 3)
    flat.fit(x, y, seed=0)
    square.fit(x.reshape(-1, 3, 2, 2), y, seed=0)
    assert torch.equal(square(x.reshape(-1, 3, 2, 2)), flat(x))


@pytest.mark.filterwarnings("ignore:Solver terminated early")  # of the reference
@settings(max_examples=60)
@given(
    kernel=st.sampled_from(KERNELS),
    classes=st.integers(2, 6),
    count=st.integers(12, 40),
    C=st.floats(1e-4, 1e3),
    gamma=st.sampled_from([0.0, 0.01, 1.0, 30.0]),
    degree=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_scores_of_whatever_is_fitted(
    kernel: str,
    classes: int,
    count: int,
    C: float,
    gamma: float,
    degree: int,
    seed: int,
) -> None:
    """They are finite and scikit-learn's; the loss of a sample is at most 1 where it is right, else at least 1."""
    x, y = samples(classes, count=count, values=3, seed=seed)
    x = x / 10
    machine = SVM((3,), classes, kernel, C=C, kernel_gamma=gamma, degree=degree, max_iter=2000)
    machine.fit(x, y, seed=seed)
    scores = machine(x)
    assert bool(torch.isfinite(scores).all())
    losses, is_right = hinge_losses(scores, y), scores.argmax(1) == y
    assert bool((losses >= 0).all())
    assert bool((losses[is_right] <= 1).all())
    assert bool((losses[~is_right] >= 1).all())
    if kernel != "linear-svc":
        inputs = x.double().numpy()
        reference = SVC(
            C=C, kernel=kernel, gamma=gamma or "scale", degree=degree, coef0=0.0, max_iter=2000, break_ties=True
        ).fit(inputs, y.numpy())
        np.testing.assert_allclose(decision(machine, x), reference.decision_function(inputs), rtol=1e-6, atol=1e-6)
