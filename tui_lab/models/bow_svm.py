"""Image classification before deep networks: a bag of visual words and a linear support vector machine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tui_lab.models.progress import Progress
from tui_lab.models.svm import SVM, hinge_losses
from tui_lab.models.vocabulary import Vocabulary

TRIED = 50  # images that are encoded to see how long it takes
# What k-means does with a patch takes as long as encoding it so many times; measured with 1,000 words
VOCABULARY_PATCHES = 20.0
SVM_VALUE_S = 2.5e-7  # seconds for each value other than 0 and each class, likewise


class BowSVM(nn.Module):
    """Visual words are found, images are encoded by them, and a `LinearSVC` tells the encodings apart.

    Args:
        input_shape: of one image, (C, H, W).
        classes: scores that come out.
        C: price of a sample on the wrong side of its margin.
        normalize: as of the `Vocabulary`, or standard = each value of the encodings less its mean over the training
            images, and over its standard deviation.
        others: of the `Vocabulary`.

    Attributes:
        vocabulary: images as encodings, float32.
        machine: the support vector machine on them, float64. It alone has parameters: features · classes + classes.
        progress: what it tells while it is fitted.

    The state dict is all that prediction needs, and `load_state_dict` takes it into an untrained model of the same
    arguments.
    """

    precision = "fp32"

    def __init__(
        self,
        input_shape: Sequence[int],
        classes: int,
        words: int = 1000,
        patch_size: int = 6,
        stride: int = 2,
        patches: int = 50_000,
        descriptor: str = "whitened",
        encoding: str = "histogram",
        pooling_grid: int = 1,
        normalize: str = "power",
        C: float = 0.1,
    ) -> None:
        super().__init__()
        self.vocabulary = Vocabulary(
            input_shape,
            words,
            patch_size,
            stride,
            patches,
            descriptor,
            encoding,
            pooling_grid,
            "none" if normalize == "standard" else normalize,
        )
        self.are_standardized = normalize == "standard"
        self.machine = SVM((self.vocabulary.features,), classes, "linear-svc", C)
        self.classes = classes
        self.progress = Progress()

    @property
    def support_indices(self) -> Tensor:
        """Of the training samples within the margin of the machine or on its wrong side, int64."""
        return self.machine.support_indices

    @property
    def sizes(self) -> Mapping[str, int]:
        """Numbers that the machine learns, and those of the words, which no label had a part in."""
        learned = sum(parameter.numel() for parameter in self.parameters())
        return {"parameters": learned, "vocabulary_parameters": self.vocabulary.words.numel()}

    @torch.no_grad()
    def fit(self, x: Tensor, y: Tensor, seed: int) -> list[str]:
        """Fit to images x (N, C, H, W), float32, with labels y (N,).

        In memory are the images and their encodings, never all patches: those are cut out a few images at a time.

        Returns:
            What scikit-learn warned of, such as a solver that had not converged.

        Raises:
            UsageError: there are fewer patches than words, or the labels are all the same.
        """
        vocabulary, start = self.vocabulary, time.perf_counter()
        each = self._encoding_seconds(x)
        of_patch = VOCABULARY_PATCHES * each / vocabulary.positions
        of_machine = SVM_VALUE_S * len(x) * min(vocabulary.positions, vocabulary.features) * self.classes
        self.progress.expect(of_patch * vocabulary.patches + each * len(x) + of_machine, each)
        vocabulary.learn(x, seed)
        self.progress.say(f"{self._words()}: found in {_seconds(start)}.")
        encodings, start = torch.empty(len(x), vocabulary.features), time.perf_counter()
        done = 0
        for part in vocabulary.encoded(x):
            encodings[done : done + len(part)] = part
            done += len(part)
            each = (time.perf_counter() - start) / done
            self.progress.expect(each * (len(x) - done) + of_machine, each)
        self.progress.say(f"{len(x):,} images of {vocabulary.positions:,} patches: encoded in {_seconds(start)}.")
        start = time.perf_counter()
        said = self._fit_machine(encodings, y, seed)
        self.progress.say(f"Linear SVM of {self.sizes['parameters']:,} parameters: fitted in {_seconds(start)}.")
        return said

    def _fit_machine(self, encodings: Tensor, y: Tensor, seed: int) -> list[str]:
        """Fit to encodings (N, features), which are overwritten. Returns what scikit-learn warned of."""
        if not self.are_standardized:
            return self.machine.fit(encodings, y, seed)
        mean, std = encodings.mean(0), encodings.std(0)
        std[std == 0] = 1
        said = self.machine.fit(encodings.sub_(mean).div_(std), y, seed)
        linear = self.machine.linear
        assert linear is not None  # of every linear-svc
        linear.weight.div_(std)  # w·((e - m) / s) + b = (w / s)·e + b - (w / s)·m
        linear.bias.sub_(linear.weight @ mean.double())
        return said

    def _words(self) -> str:
        count, values = self.vocabulary.words.shape
        return f"Vocabulary of {count:,} words × {values:,} values, {count * values:,} numbers"

    def _encoding_seconds(self, x: Tensor) -> float:
        """What the encoding of an image takes; which words there are makes no difference."""
        tried = x[:TRIED]
        self.vocabulary(tried)  # the first time takes longer
        start = time.perf_counter()
        self.vocabulary(tried)
        return (time.perf_counter() - start) / len(tried)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """As a module's; the sizes that only a fit decides are those of the state."""
        prefix = "machine."
        of_machine = {name.removeprefix(prefix): t for name, t in state_dict.items() if name.startswith(prefix)}
        self.machine.load_state_dict(of_machine, strict, assign)
        return super().load_state_dict(state_dict, strict, assign)

    def forward(self, x: Tensor) -> Tensor:
        """A score for each class, (B, classes), from images (B, C, H, W); the largest one is the prediction."""
        scores: Tensor = self.machine(self.vocabulary(x))
        return scores

    def losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The hinge loss of each sample; see `hinge_losses`."""
        return hinge_losses(scores, labels)


def _seconds(start: float) -> str:
    return f"{time.perf_counter() - start:,.1f} s"
