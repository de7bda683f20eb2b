"""The support vector machine: fitted by scikit-learn, kept as tensors, evaluated by torch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tui_lab.errors import UsageError
from tui_lab.seeding import stream_seed

LINEAR = ("linear-svc", "linear")  # whose decision is a weighted sum of the inputs
CACHE_MB = 500  # of rows of the kernel matrix
SMALLEST_MARGIN = 1 + 1e-6  # a support vector of LinearSVC lies on the margin to within the solver's tolerance
NUMPY_SEEDS = 2**32


class SVM(nn.Module):
    """A support vector machine (Cortes & Vapnik, 1995), untrained until `fit`.

    With K binary decisions d_k(x), each is Σ_s α_ks κ(x_s, x) + b_k over the support vectors x_s, or w_k·x + b_k where
    the kernel is linear:

        linear-svc        K = classes, each against the rest (K = 1 for two classes); squared hinge loss, and b_k is
                          penalised like a weight (LinearSVC, liblinear)
        linear            κ(s, x) = s·x
        poly              κ(s, x) = (γ s·x + coef0)^degree
        rbf               κ(s, x) = exp(-γ |s - x|²)
        sigmoid           κ(s, x) = tanh(γ s·x + coef0); all four: K = classes (classes - 1) / 2, one class against
                          another (SVC, libsvm)

    Args:
        input_shape: of one sample, which is flattened to its D values.
        classes: scores that come out.
        kernel: one of those above.
        C: price of a sample on the wrong side of its margin; the larger, the closer the boundary follows the samples.
        degree: of poly.
        kernel_gamma: γ of poly, rbf and sigmoid; 0 = scikit-learn's "scale", 1 / (values × their variance).
        coef0: of poly and sigmoid.
        pca: principal components that replace the D values; 0 = none.
        max_iter: iterations of the solver; 0 = 1,000 for LinearSVC, no limit for SVC.

    Attributes:
        linear: w (K, D) and b, of a linear kernel; principal components are multiplied in.
        support_vectors: (S, D) or, with principal components, (S, pca); coefficients: α, (S, K); intercepts: b, (K,);
            gamma: γ; mean (D,) and components (pca, D): of the principal components. Of the other kernels.
        present: the classes that the training samples had, int64; the others cannot be predicted.
        support_indices: of the training samples that are support vectors, int64, in rising order. For linear-svc, which
            has no such list, those on the wrong side of a margin.

    Everything is float64. The state dict is all that prediction needs, and `load_state_dict` takes it into an untrained
    model of the same arguments.
    """

    precision = "fp64"

    present: Tensor
    support_indices: Tensor
    support_vectors: Tensor
    coefficients: Tensor
    intercepts: Tensor
    gamma: Tensor
    mean: Tensor
    components: Tensor

    def __init__(
        self,
        input_shape: Sequence[int],
        classes: int,
        kernel: str = "rbf",
        C: float = 1.0,
        degree: int = 3,
        kernel_gamma: float = 0.0,
        coef0: float = 0.0,
        pca: int = 0,
        max_iter: int = 0,
    ) -> None:
        super().__init__()
        self.inputs = math.prod(input_shape)
        self.classes = classes
        self.kernel = kernel
        self.C, self.degree, self.kernel_gamma, self.coef0 = C, degree, kernel_gamma, coef0
        self.pca, self.max_iter = pca, max_iter
        self._become(supports=0, present=classes)

    def _become(self, supports: int, present: int) -> None:
        """Make room for the weights of a fit with so many support vectors and classes."""
        is_linear, pairs = self.kernel in LINEAR, present * (present - 1) // 2
        decisions = (present if present > 2 else 1) if self.kernel == "linear-svc" else pairs
        self.linear = nn.Linear(self.inputs, decisions, dtype=torch.float64) if is_linear else None
        kept = {"present": torch.arange(present), "support_indices": torch.zeros(supports, dtype=torch.long)}
        if not is_linear:
            values = self.pca or self.inputs
            kept |= {
                "support_vectors": torch.zeros(supports, values, dtype=torch.float64),
                "coefficients": torch.zeros(supports, decisions, dtype=torch.float64),
                "intercepts": torch.zeros(decisions, dtype=torch.float64),
                "gamma": torch.tensor(self.kernel_gamma, dtype=torch.float64),
            }
            if self.pca:
                kept["mean"] = torch.zeros(self.inputs, dtype=torch.float64)
                kept["components"] = torch.zeros(self.pca, self.inputs, dtype=torch.float64)
        for name, tensor in kept.items():
            self.register_buffer(name, tensor)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Nothing: how many numbers it keeps is for the fit to decide."""
        return {}

    # Fitting

    def fit(self, x: Tensor, y: Tensor, seed: int) -> list[str]:
        """Fit to samples x (N, *input_shape) with labels y (N,).

        Nothing of scikit-learn is kept. LinearSVC visits the samples in an order drawn from `seed`; SVC draws nothing.

        Returns:
            What scikit-learn warned of, such as a solver that had not converged.

        Raises:
            UsageError: the labels are all the same, or there are fewer samples than `pca`.
        """
        from sklearn.svm import SVC, LinearSVC  # slow to import

        inputs, labels = x.flatten(1).double().numpy(), y.numpy()
        if len(set(labels.tolist())) < 2:
            raise UsageError(
                f"All {len(labels):,} training samples are of one class: there is nothing to separate.",
                "Train on more of them (train_size).",
            )
        basis: Any = None
        if self.pca > min(inputs.shape):
            raise UsageError(
                f"pca = {self.pca:,} is more than {len(inputs):,} training samples of {inputs.shape[1]:,} values have."
            )
        if self.pca:
            from sklearn.decomposition import PCA

            basis = PCA(self.pca, random_state=stream_seed(seed, "pca") % NUMPY_SEEDS)
            inputs = basis.fit_transform(inputs)
        variance = float(inputs.var())
        gamma = self.kernel_gamma or (1 / (inputs.shape[1] * variance) if variance else 1.0)
        machine: Any
        if self.kernel == "linear-svc":
            random_state = stream_seed(seed, "liblinear") % NUMPY_SEEDS
            machine = LinearSVC(C=self.C, max_iter=self.max_iter or 1000, random_state=random_state)
        else:
            machine = SVC(
                C=self.C,
                kernel=self.kernel,
                degree=self.degree,
                gamma=gamma,
                coef0=self.coef0,
                max_iter=self.max_iter or -1,
                cache_size=CACHE_MB,
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            machine.fit(inputs, labels)
        self._take(machine, inputs, labels, basis, gamma)
        return list(dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught))

    def _take(self, machine: Any, inputs: Any, labels: Any, basis: Any, gamma: float) -> None:
        """The fitted machine as tensors."""
        present = torch.from_numpy(machine.classes_)
        if self.kernel == "linear-svc":
            supports = _within_margin(machine, inputs, labels)
        else:
            supports = torch.from_numpy(machine.support_).long().sort().values
        self._become(len(supports), len(present))
        state: dict[str, Tensor] = {"present": present, "support_indices": supports}
        if self.linear is not None:
            weights, intercepts = torch.from_numpy(machine.coef_.copy()), torch.from_numpy(machine.intercept_.copy())
            if basis is not None:  # w·(P (x - m)) = (Pᵀw)·x - (Pᵀw)·m
                weights = weights @ torch.from_numpy(basis.components_)
                intercepts = intercepts - weights @ torch.from_numpy(basis.mean_)
            state |= {"linear.weight": weights, "linear.bias": intercepts.expand(len(weights))}
        else:
            state |= {
                "support_vectors": torch.from_numpy(machine.support_vectors_),
                "coefficients": _of_pairs(machine),
                "intercepts": torch.from_numpy(machine.intercept_),
                "gamma": torch.tensor(gamma, dtype=torch.float64),
            }
            if basis is not None:
                state |= {"mean": torch.from_numpy(basis.mean_), "components": torch.from_numpy(basis.components_)}
        self.load_state_dict(state)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As a module's; the sizes that only a fit decides are those of the state."""
        self._become(len(state_dict["support_indices"]), len(state_dict["present"]))
        return super().load_state_dict(state_dict, strict, assign)

    def losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The hinge loss of each sample; see `hinge_losses`."""
        return hinge_losses(scores, labels)

    # Deciding

    def decisions(self, x: Tensor) -> Tensor:
        """The binary decisions (B, K) on samples (B, *input_shape): above 0 for the first class of a pair or for the
        class against the rest; where there are two classes, above 0 for the second one."""
        inputs = x.flatten(1).double()
        if self.linear is not None:
            decided: Tensor = self.linear(inputs)
            return decided
        if self.pca:
            inputs = (inputs - self.mean) @ self.components.T
        return self._similarity(inputs) @ self.coefficients + self.intercepts

    def _similarity(self, inputs: Tensor) -> Tensor:
        """κ of every input (B, D) with every support vector (S, D): (B, S)."""
        if self.kernel == "rbf":
            squares = inputs.square().sum(1)[:, None] + self.support_vectors.square().sum(1)
            distances = (squares - 2 * inputs @ self.support_vectors.T).clamp(min=0)  # float64 bears the cancellation
            return (-self.gamma * distances).exp()
        products = self.gamma * (inputs @ self.support_vectors.T) + self.coef0
        return products**self.degree if self.kernel == "poly" else products.tanh()

    def forward(self, x: Tensor) -> Tensor:
        """A score for each class, (B, classes), from samples (B, *input_shape); the largest one is the prediction.

        Of two classes they are -d/2 and d/2: their difference is the decision. Of more, linear-svc gives its K
        decisions, and the other kernels for each class the pairs that it wins plus, for ties, a share below a half of
        what it wins them by (scikit-learn's "ovr" decision function). A class that the training samples did not have
        scores 1 below the last one.
        """
        decided, present = self.decisions(x), len(self.present)
        if present == 2:
            scores = torch.cat([-decided / 2, decided / 2], dim=1)
        elif self.kernel == "linear-svc":
            scores = decided
        else:
            scores = _votes(decided, present)
        if present == self.classes:
            return scores
        lowest = scores.amin(1, keepdim=True) - 1
        return lowest.expand(-1, self.classes).index_copy(1, self.present, scores)


def pairs(classes: int) -> list[tuple[int, int]]:
    """The pairs of classes in libsvm's order."""
    return [(i, j) for i in range(classes) for j in range(i + 1, classes)]


def hinge_losses(scores: Tensor, labels: Tensor) -> Tensor:
    """max(0, 1 - m) of each sample, (B,), with m the score of the true class less the highest other one.

    Of two classes that is the hinge loss of the decision; of more, the multi-class one of Crammer & Singer (2001).
    """
    truth = scores.gather(1, labels[:, None])[:, 0]
    others = scores.scatter(1, labels[:, None], -math.inf).amax(1)
    return (1 - truth + others).clamp(min=0)


def _votes(decided: Tensor, classes: int) -> Tensor:
    """Pairs that each class wins, and a part of the sum of its decisions that is less than half a vote."""
    votes, sums = (decided.new_zeros(len(decided), classes) for _ in range(2))
    for k, (i, j) in enumerate(pairs(classes)):
        is_second = (decided[:, k] < 0).to(decided.dtype)
        votes[:, i] += 1 - is_second
        votes[:, j] += is_second
        sums[:, i] += decided[:, k]
        sums[:, j] -= decided[:, k]
    return votes + sums / (3 * (sums.abs() + 1))


def _of_pairs(machine: Any) -> Tensor:
    """α of each support vector in each decision, (S, K), from libsvm's dual coefficients (classes - 1, S): those of
    class i against class j stand in row j - 1 if j > i, else in row j."""
    dual = torch.from_numpy(machine.dual_coef_)
    ends = torch.from_numpy(machine.n_support_).cumsum(0).tolist()
    spans = [slice(start, end) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    chosen = pairs(len(spans))
    made = dual.new_zeros(dual.shape[1], len(chosen))
    for k, (i, j) in enumerate(chosen):
        made[spans[i], k] = dual[j - 1, spans[i]]
        made[spans[j], k] = dual[i, spans[j]]
    return made


def _within_margin(machine: Any, inputs: Any, labels: Any) -> Tensor:
    """Indices of the samples that a linear classifier would be another one without: those that lie on or inside the
    margin, or on the wrong side, of one of its decisions."""
    decided = torch.from_numpy(machine.decision_function(inputs)).reshape(len(inputs), -1)
    classes, truth = torch.from_numpy(machine.classes_), torch.from_numpy(labels)
    sides = 2 * (truth[:, None] == (classes if len(classes) > 2 else classes[1:])).double() - 1
    return (sides * decided <= SMALLEST_MARGIN).any(1).nonzero()[:, 0]
