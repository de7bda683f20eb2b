"""What the model makes of the test split: the confusion matrix, and samples one by one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_lab.data.dataset import Split
from tui_lab.inspections.content import Confusion, Guess, Point, Sample, Samples, TopLoss
from tui_lab.pictures import Picture

SHOWN = 12  # samples that are the same throughout a run
WORST = 48  # samples with the highest loss, and misclassified ones
GUESSES = 3  # classes that a sample comes with
MOST_IN_CELL = 4  # misclassified samples that a cell of the confusion matrix keeps
MOST_PICTURE_BYTES = 2 * 2**20  # of all cells together: many classes or large images keep fewer samples
MOST_WORST_BYTES = 300_000  # of the pictures of the worst samples
LARGEST_SIDE = 64  # of a picture, in pixels: a terminal shows no more


@dataclass(frozen=True)
class Outcomes:
    """The test split as the model sees it, on the CPU.

    Attributes:
        split: as stored.
        class_names: one a class.
        probabilities: float32 (N, classes).
        losses: of each sample as the evaluation counts it, (N,).
        epoch, total_step: of the weights.
    """

    split: Split
    class_names: tuple[str, ...]
    probabilities: Tensor
    losses: Tensor
    epoch: float
    total_step: int

    @classmethod
    def of(
        cls,
        outputs: Tensor,
        split: Split,
        class_names: tuple[str, ...],
        position: tuple[float, int],
        *,
        are_probabilities: bool,
        losses: Tensor | None = None,
    ) -> Outcomes:
        """From the outputs (N, classes) of the model, in the order of the split.

        `are_probabilities`: of a model that ends with a softmax; the loss then applies another one, as in training.
        `losses`: (N,), of a model that was not trained on the cross-entropy. Its scores are no logits either: what
        stands as their probabilities is no more than an order.
        """
        outputs = outputs.float().cpu()
        if losses is None:
            losses = F.cross_entropy(outputs, split.y, reduction="none")
        return cls(split, class_names, outputs if are_probabilities else outputs.softmax(1), losses, *position)

    @property
    def predictions(self) -> Tensor:
        """The most probable class of each sample, int64 (N,)."""
        return self.probabilities.argmax(1)

    def samples(self, indices: list[int]) -> tuple[Sample, ...]:
        """Some of them, one by one."""
        chosen = torch.tensor(indices, dtype=torch.long)
        probabilities, labels = self.probabilities[chosen].topk(min(GUESSES, len(self.class_names)))
        losses, truth = self.losses[chosen].tolist(), self.split.y[chosen].tolist()
        return tuple(
            Sample(
                index,
                shown(self.split.x[index]),
                truth[i],
                tuple(Guess(label, round(p, 6)) for label, p in zip(*guesses, strict=True)),
                round(losses[i], 6),
            )
            for i, (index, *guesses) in enumerate(zip(indices, labels.tolist(), probabilities.tolist(), strict=True))
        )


def confusion(outcomes: Outcomes) -> Confusion:
    """The confusion matrix, and for each cell off its diagonal the samples that the model is surest of.

    A cell keeps at most four. Where the pictures of all cells would take more than two megabytes together, those of
    the fullest cells come first, and the last ones keep none.
    """
    classes = len(outcomes.class_names)
    truth, predicted = outcomes.split.y, outcomes.predictions
    cells = truth * classes + predicted
    counts = torch.bincount(cells, minlength=classes**2).reshape(classes, classes).tolist()
    wrong = (truth != predicted).nonzero()[:, 0]
    surest_first = wrong[outcomes.probabilities[wrong, predicted[wrong]].argsort(descending=True, stable=True)]
    of_cell: dict[tuple[int, int], list[int]] = {}
    for index, cell in zip(surest_first.tolist(), cells[surest_first].tolist(), strict=True):
        chosen = of_cell.setdefault(divmod(cell, classes), [])
        if len(chosen) < MOST_IN_CELL:
            chosen.append(index)
    left = max(MOST_IN_CELL, MOST_PICTURE_BYTES // _picture_bytes(outcomes.split))
    mistakes = {}
    for cell in sorted(of_cell, key=lambda cell: (-counts[cell[0]][cell[1]], cell)):
        chosen = of_cell[cell][:left]
        left -= len(chosen)
        if chosen:
            mistakes[cell] = outcomes.samples(chosen)
    return Confusion(outcomes.epoch, outcomes.total_step, outcomes.class_names, tuple(map(tuple, counts)), mistakes)


def samples(outcomes: Outcomes) -> Samples:
    """A dozen samples that are the same throughout the run."""
    chosen = outcomes.samples(in_turns(outcomes.split.y, len(outcomes.class_names)))
    return Samples(outcomes.epoch, outcomes.total_step, outcomes.class_names, chosen)


def top_loss(outcomes: Outcomes) -> TopLoss:
    """The samples with the highest loss and the misclassified ones with the highest loss, mostly the same.

    At most 48 of each, and fewer where their pictures would take more than 300 kB.
    """
    is_wrong = outcomes.split.y != outcomes.predictions
    most = max(SHOWN, min(WORST, MOST_WORST_BYTES // _picture_bytes(outcomes.split)))
    hardest_first = outcomes.losses.nan_to_num(torch.inf).argsort(descending=True, stable=True)
    chosen = torch.zeros(len(outcomes.losses), dtype=torch.bool)
    chosen[hardest_first[:most]] = True
    chosen[hardest_first[is_wrong[hardest_first]][:most]] = True
    return TopLoss(
        outcomes.epoch,
        outcomes.total_step,
        outcomes.class_names,
        len(is_wrong),
        int(is_wrong.sum()),
        outcomes.samples(hardest_first[chosen[hardest_first]].tolist()),
    )


def in_turns(labels: Tensor, classes: int, most: int = SHOWN) -> list[int]:
    """Indices of the first sample of each class, then of the second of each, and so on."""
    places = [(labels == label).nonzero()[:most, 0].tolist() for label in range(classes)]
    longest = max(map(len, places), default=0)
    return [of_class[turn] for turn in range(longest) for of_class in places if turn < len(of_class)][:most]


def shown(x: Tensor) -> Picture | Point:
    """A sample as stored, uint8 (C, H, W) with one or three channels or float32 (2,), as something to show."""
    if x.dim() == 1:
        return float(x[0]), float(x[1])
    _, height, width = x.shape
    if max(height, width) > LARGEST_SIDE:
        scale = LARGEST_SIDE / max(height, width)
        height, width = max(1, round(scale * height)), max(1, round(scale * width))
        x = F.adaptive_avg_pool2d(x[None].float(), (height, width))[0].round().to(torch.uint8)
    pixels = x.cpu().expand(3, -1, -1).permute(1, 2, 0).contiguous()
    return Picture(width, height, pixels.numpy().tobytes())


def _picture_bytes(split: Split) -> int:
    if split.x.dim() == 2:
        return 1
    return 3 * min(split.x.shape[2], LARGEST_SIDE) * min(split.x.shape[3], LARGEST_SIDE)
