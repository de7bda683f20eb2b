"""What a vision transformer looks at, and what it would say after each of its blocks."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import to_float
from tui_lab.inspections.content import (
    AttentionMaps,
    Grid,
    Guess,
    HeadMaps,
    PatchMap,
    PathStep,
    Rollout,
    Sample,
    SampleAttention,
    SamplePath,
    SampleRollout,
    TokenPath,
)
from tui_lab.inspections.outcomes import GUESSES, Outcomes, in_turns
from tui_lab.inspections.transformers import Transformer, rolled_out, stops, transformer_of
from tui_lab.training.fit import Subject

MOST_BLOCKS = 24  # of a deeper model, evenly spread from the first to the last
LARGEST_SIDE = 32  # of a map, in patches
MOST_VALUES = 200_000  # of all maps in a file, with what each needs besides its levels
VALUES_OF_A_MAP = 16
LEAST_SAMPLES = 4  # rather fewer heads than fewer samples
MOST_WEIGHTS = 2**23  # attention weights in memory at a time: 32 MB
MOST_JUDGED = 500  # samples that are classified after every block
MOST_TOKEN_VALUES = 2**22  # of them at a time
JUDGING_S = 0.25  # what that may take


@dataclass(frozen=True)
class Walk:
    """A dozen images on their way through a vision transformer, on the CPU.

    Attributes:
        grid: of the maps, (rows, columns).
        before: tokens before those of the patches, of
        tokens: all of them.
        depth: blocks.
        blocks: numbers of those that are kept, from 1 on.
        of_class_token: the maps are the row of the class token; else the mean of all rows.
        attention: weights, float32 (samples, heads, T), of each block that is kept.
        rollout: the same for the rollout, (samples, T).
        logits: after each block and before the first, (samples, classes).
        cosines: of what is classified there with what was one block before, (samples,); NaN before the first.
        samples: the images and what the model takes them for.
    """

    grid: tuple[int, int]
    before: int
    tokens: int
    depth: int
    blocks: tuple[int, ...]
    of_class_token: bool
    attention: tuple[Tensor, ...]
    rollout: tuple[Tensor, ...]
    logits: tuple[Tensor, ...]
    cosines: tuple[Tensor, ...]
    samples: tuple[Sample, ...]


def walk(engine: Subject, dataset: Dataset, test: Batches, position: tuple[float, int]) -> Walk | None:
    """Send the dozen test samples that the inspection `samples` shows through the model, block by block.

    The model is asked in eval mode, and is as it was afterwards.

    Args:
        engine: whose model is walked through.
        dataset: as loaded, on the CPU.
        test: the batches of its test split, of images or of features.
        position: epoch and total step of the weights.

    Returns:
        None for what is no vision transformer, and where its images are turned but only their features are here.
    """
    transformer = transformer_of(engine.model)
    chosen = in_turns(dataset.test.y, dataset.classes)
    if transformer is None or not chosen or not _has_images(engine, test):
        return None
    x = _images(engine, dataset, test, chosen)
    with torch.inference_mode(), _evaluating(engine):
        parts = [_walk_part(engine, transformer, one) for one in _parts(x, _at_a_time(transformer))]
    attention, rollout, logits, cosines = (
        tuple(torch.cat(of_stop) for of_stop in zip(*kind, strict=True)) for kind in zip(*parts, strict=True)
    )
    split = Split(dataset.test.x[chosen], dataset.test.y[chosen])
    outcomes = Outcomes.of(logits[-1], split, dataset.class_names, position, are_probabilities=False)
    has_softmax = bool(getattr(engine.hyperparameters, "softmax_output", False))
    losses = _losses(logits[-1], split.y, has_softmax=has_softmax)
    samples = outcomes.samples(list(range(len(chosen))))
    depth = len(transformer.blocks)
    return Walk(
        transformer.grid,
        transformer.before,
        attention[0].shape[-1],
        depth,
        _kept(depth),
        transformer.of_class_token,
        attention,
        rollout,
        logits,
        cosines,
        tuple(
            replace(sample, index=index, loss=loss) for sample, index, loss in zip(samples, chosen, losses, strict=True)
        ),
    )


def attention_maps(found: Walk, class_names: tuple[str, ...], position: tuple[float, int]) -> AttentionMaps:
    """Where the class token looks, head by head; where there is none, where all tokens look in the mean."""
    heads = found.attention[0].shape[1]
    cost = len(found.blocks) * (math.prod(_map_size(found)) + VALUES_OF_A_MAP)  # of one head in one sample
    most = min(len(found.samples), max(LEAST_SAMPLES, MOST_VALUES // (cost * (heads + 1))))
    shown = min(heads, max(1, MOST_VALUES // (cost * most) - 1))
    of_blocks = []
    for weights in found.attention:
        mean = _maps(weights[:most].mean(1), found)
        one_by_one = _maps(weights[:most, :shown].flatten(0, 1), found)
        of_blocks.append([HeadMaps(mean[i], tuple(one_by_one[i * shown : (i + 1) * shown])) for i in range(len(mean))])
    return AttentionMaps(
        *position,
        class_names,
        _grid(found),
        found.of_class_token,
        found.depth,
        heads,
        found.blocks,
        tuple(
            SampleAttention(sample, blocks)
            for sample, blocks in zip(found.samples[:most], zip(*of_blocks, strict=True), strict=True)
        ),
    )


def rollout(found: Walk, class_names: tuple[str, ...], position: tuple[float, int]) -> Rollout:
    """Attention followed through the blocks back to the patches, as it stands after each block."""
    maps = zip(*(_maps(rows, found) for rows in found.rollout), strict=True)
    return Rollout(
        *position,
        class_names,
        _grid(found),
        found.of_class_token,
        found.depth,
        found.blocks,
        tuple(SampleRollout(sample, of_blocks) for sample, of_blocks in zip(found.samples, maps, strict=True)),
    )


class PathLook:
    """What the model would say after each block; how many samples are asked about is decided once in a run."""

    def __init__(self) -> None:
        self._count: int | None = None

    def __call__(
        self, found: Walk, engine: Subject, dataset: Dataset, test: Batches, position: tuple[float, int]
    ) -> TokenPath:
        """Args: as `walk` has them; `found` is what it found."""
        total = len(dataset.test)
        if self._count is None:
            trial = [sample.index for sample in found.samples]
            start = time.perf_counter()
            _judged(engine, dataset, test, trial)
            affordable = int(JUDGING_S * len(trial) / max(time.perf_counter() - start, 1e-9))
            self._count = min(total, MOST_JUDGED, max(len(trial), affordable))
        judged = [i * total // self._count for i in range(self._count)]
        right, cosines = _judged(engine, dataset, test, judged)
        probabilities = [logits.softmax(1) for logits in found.logits]
        samples = []
        for i, sample in enumerate(found.samples):
            steps = zip(probabilities, found.cosines, strict=True)
            samples.append(
                SamplePath(sample, tuple(_step(of_all[i], sample.label, float(cosine[i])) for of_all, cosine in steps))
            )
        return TokenPath(
            *position, dataset.class_names, found.of_class_token, self._count, right, cosines, tuple(samples)
        )


def _step(probabilities: Tensor, label: int, cosine: float) -> PathStep:
    shares, labels = probabilities.topk(min(GUESSES, len(probabilities)))
    guesses = (Guess(*guess) for guess in zip(labels.tolist(), map(_short, shares.tolist()), strict=True))
    return PathStep(tuple(guesses), _short(float(probabilities[label])), _short(cosine))


def _judged(
    engine: Subject, dataset: Dataset, test: Batches, indices: list[int]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The accuracy and the mean cosine of some test samples, before the first block and after each."""
    transformer = transformer_of(engine.model)
    assert transformer is not None  # there was a walk
    x, y = _images(engine, dataset, test, indices), dataset.test.y[indices]
    size = max(1, MOST_TOKEN_VALUES // (_tokens(transformer) * len(transformer.patch_filters)))
    right, cosines = [], []
    with torch.inference_mode(), _evaluating(engine), engine.plan.autocast():
        for part, labels in zip(_parts(x, size), _parts(y, size), strict=True):
            said = _Said(transformer)
            for stop in stops(transformer, part, with_weights=False):
                said.add(stop.tokens)
            right.append(torch.stack([(logits.argmax(1) == labels).float() for logits in said.logits]))
            cosines.append(torch.stack(said.cosines))
    accuracies, moves = (torch.cat(values, dim=1).mean(1).tolist() for values in (right, cosines))
    return tuple(map(_short, accuracies)), tuple(map(_short, moves))


class _Said:
    """What is said of some images at each stop.

    Attributes: as `Walk` has them.
    """

    def __init__(self, transformer: Transformer) -> None:
        self._transformer = transformer
        self._last: Tensor | None = None  # what was classified
        self.logits: list[Tensor] = []
        self.cosines: list[Tensor] = []

    def add(self, tokens: Tensor) -> None:
        """Go on to the next stop, with tokens (B, T, E)."""
        gathered = self._transformer.gathered(tokens).float()
        near = torch.full((len(tokens),), math.nan) if self._last is None else F.cosine_similarity(gathered, self._last)
        self.cosines.append(near.cpu())
        self.logits.append(self._transformer.classify(tokens).float().cpu())
        self._last = gathered


Part = tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]


def _walk_part(engine: Subject, transformer: Transformer, x: Tensor) -> Part:
    """Attention, rollout, logits and cosines of some of the images."""
    kept = _kept(len(transformer.blocks))
    said = _Said(transformer)
    attention: list[Tensor] = []
    means: list[Tensor] = []
    with engine.plan.autocast():
        for stop in stops(transformer, x, with_weights=True):
            said.add(stop.tokens)
            if stop.weights is None:
                continue
            weights = stop.weights.float()
            means.append(weights.mean(1))
            if stop.number in kept:
                attention.append(_row(transformer, weights).cpu())
    after = rolled_out(means, _followed(transformer, x.device))
    return attention, [after[number - 1].cpu() for number in kept], said.logits, said.cosines


def _row(transformer: Transformer, weights: Tensor) -> Tensor:
    """Of attention weights (B, H, T, T) those of the class token, or the mean of all that are pooled: (B, H, T)."""
    return weights[:, :, 0] if transformer.of_class_token else weights[:, :, transformer.before :].mean(2)


def _followed(transformer: Transformer, device: torch.device) -> Tensor:
    """The tokens that are classified, as shares of a whole: (T,)."""
    row = torch.zeros(_tokens(transformer), device=device)
    if transformer.of_class_token:
        row[0] = 1
    else:
        row[transformer.before :] = 1
    return row / row.sum()


def _kept(depth: int) -> tuple[int, ...]:
    """Numbers of the blocks that are shown."""
    count = min(depth, MOST_BLOCKS)
    return tuple(1 + round(i * (depth - 1) / max(count - 1, 1)) for i in range(count))


def _at_a_time(transformer: Transformer) -> int:
    """Images whose attention weights fit into memory."""
    values = (len(transformer.blocks) + 2 * transformer.heads) * _tokens(transformer) ** 2
    return max(1, MOST_WEIGHTS // values)


def _parts(values: Tensor, size: int) -> tuple[Tensor, ...]:
    return tuple(values.split(size))  # type: ignore[no-untyped-call]


def _tokens(transformer: Transformer) -> int:
    return math.prod(transformer.grid) + transformer.before


def _has_images(engine: Subject, test: Batches) -> bool:
    """Whether the images can be had as the model sees them. Features were made of images that may have been turned."""
    return not _are_features(test) or not getattr(engine.hyperparameters, "test_rotation", 0)


def _are_features(test: Batches) -> bool:
    return len(test.sample_shape) == 1


def _images(engine: Subject, dataset: Dataset, test: Batches, indices: list[int]) -> Tensor:
    """Some of the test split as the model sees it, on its device."""
    chosen = torch.tensor(indices)
    if _are_features(test):  # a model whose features are kept scales its images itself
        return to_float(dataset.test.x[chosen]).to(engine.plan.device)
    return test.part(chosen).samples_as_seen(slice(None))


@contextmanager
def _evaluating(engine: Subject) -> Iterator[None]:
    """The model in eval mode; afterwards in the one it was in."""
    was_training = engine.model.training
    engine.model.eval()
    try:
        yield
    finally:
        engine.model.train(was_training)


def _losses(logits: Tensor, labels: Tensor, *, has_softmax: bool) -> list[float]:
    """Of each sample as the evaluation counts it: where the model ends with a softmax, a second one is applied."""
    outputs = logits.softmax(1) if has_softmax else logits
    return [round(loss, 6) for loss in F.cross_entropy(outputs, labels, reduction="none").tolist()]


def _grid(found: Walk) -> Grid:
    return Grid(*_map_size(found), found.tokens)


def _map_size(found: Walk) -> tuple[int, int]:
    rows, columns = (min(side, LARGEST_SIDE) for side in found.grid)
    return rows, columns


def _maps(rows: Tensor, found: Walk) -> list[PatchMap]:
    """One for each row of shares of tokens, (N, T)."""
    patches = rows[:, found.before :].nan_to_num(0.0).reshape(len(rows), 1, *found.grid)
    shares = F.adaptive_avg_pool2d(patches, _map_size(found)).flatten(1)  # of each place of the map
    largest = shares.amax(1)
    scale = largest.masked_fill(largest == 0, 1.0)[:, None]
    levels = (255 * shares / scale).round().to(torch.uint8).contiguous().numpy()
    beside = rows[:, : found.before].sum(1)
    return [
        PatchMap(one.tobytes(), _short(most), _short(rest))
        for one, most, rest in zip(levels, largest.tolist(), beside.tolist(), strict=True)
    ]


def _short(value: float) -> float:
    return float(f"{value:.4g}")
