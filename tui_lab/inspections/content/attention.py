"""What a vision transformer looks at, and what its class token becomes on the way. Imports no torch."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from tui_lab.inspections.content.outcomes import Guess, Sample, known_labels
from tui_lab.inspections.content.shared import decoded, heading, known_classes, known_label, position


@dataclass(frozen=True)
class PatchMap:
    """How much goes to each patch of an image: shares of a whole, which are 1 together with `beside`.

    Attributes:
        levels: 0..255, row by row from the top left, from 0 to `largest`.
        largest: the largest share.
        beside: the share of tokens that are no patches, such as the class token; 0 where there are none.
    """

    levels: bytes
    largest: float
    beside: float

    def share(self, place: int) -> float:
        """Of the patch at a place, counted row by row from 0 on."""
        return self.levels[place] / 255 * self.largest


@dataclass(frozen=True)
class Grid:
    """The places of the patches in an image.

    Attributes:
        rows, columns: of a map. Where there are more than 32 of patches, a place is the mean of several of them.
        tokens: of an image: patches, and those that are none.
    """

    rows: int
    columns: int
    tokens: int

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1 or self.tokens < 1:
            raise ValueError(f"no grid: {self.rows} by {self.columns}, of {self.tokens} tokens")

    @property
    def even(self) -> float:
        """What every token would get if all got the same."""
        return 1 / self.tokens

    def to_json(self) -> dict[str, Any]:
        return {"rows": self.rows, "columns": self.columns, "tokens": self.tokens}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        return cls(int(content["rows"]), int(content["columns"]), int(content["tokens"]))


@dataclass(frozen=True)
class HeadMaps:
    """Where one block looks in one image: the mean of all its heads, and the first heads one by one."""

    mean: PatchMap
    heads: tuple[PatchMap, ...]


@dataclass(frozen=True)
class SampleAttention:
    """An image, what the model takes it for, and where each block looks in it."""

    sample: Sample
    blocks: tuple[HeadMaps, ...]


@dataclass(frozen=True)
class _OfBlocks:
    """What every content with maps of the blocks begins with.

    Attributes:
        grid: of every map.
        of_class_token: the row of the class token; else the mean of the rows of all tokens that are pooled.
        depth: blocks of the model.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    grid: Grid
    of_class_token: bool
    depth: int

    def _head_to_json(self) -> dict[str, Any]:
        about = {"of_class_token": self.of_class_token, "depth": self.depth}
        return {**heading(self), **self.grid.to_json(), **about}


def _head_from_json(content: dict[str, Any]) -> tuple[float, int, tuple[str, ...], Grid, bool, int]:
    """The attributes of `_OfBlocks`, in their order."""
    of_class_token, depth = bool(content["of_class_token"]), int(content["depth"])
    return *position(content), known_classes(content), Grid.from_json(content), of_class_token, depth


@dataclass(frozen=True)
class AttentionMaps(_OfBlocks):
    """The attention weights that the class token, or the mean of all tokens, gives to the patches of some images.

    Attributes: those of `_OfBlocks`, and
        heads: of each block.
        blocks: numbers of those that are shown, from 1 on: all, or some of a deep model.
        samples: of the test split, the same throughout the run; at least one. Each has those blocks, each block as
            many heads: all of them, or the first where there are many.
    """

    heads: int
    blocks: tuple[int, ...]
    samples: tuple[SampleAttention, ...]

    def __post_init__(self) -> None:
        _check_samples(self.blocks, [len(one.blocks) for one in self.samples])
        if len({len(block.heads) for one in self.samples for block in one.blocks}) != 1:
            raise ValueError("blocks with different numbers of heads")

    @property
    def shown_heads(self) -> int:
        """Heads that have maps."""
        return len(self.samples[0].blocks[0].heads)

    def to_json(self) -> dict[str, Any]:
        samples = [
            {
                "sample": one.sample.to_json(),
                "blocks": [_maps_to_json((block.mean, *block.heads)) for block in one.blocks],
            }
            for one in self.samples
        ]
        return {**self._head_to_json(), "heads": self.heads, "blocks": list(self.blocks), "samples": samples}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        head = _head_from_json(content)
        names, grid = head[2:4]
        samples = []
        for one in content["samples"]:
            sample = known_labels(Sample.from_json(one["sample"]), len(names))
            blocks = []
            for block in one["blocks"]:
                mean, *heads = _maps_from_json(block, grid)
                blocks.append(HeadMaps(mean, tuple(heads)))
            samples.append(SampleAttention(sample, tuple(blocks)))
        return cls(*head, int(content["heads"]), _numbers(content["blocks"]), tuple(samples))


@dataclass(frozen=True)
class SampleRollout:
    """An image, what the model takes it for, and a map after each block."""

    sample: Sample
    blocks: tuple[PatchMap, ...]


@dataclass(frozen=True)
class Rollout(_OfBlocks):
    """Attention followed through the blocks, from what is classified back to the patches (Abnar and Zuidema, 2020).

    Attributes: as `AttentionMaps` has them, but that every block has one map.
    """

    blocks: tuple[int, ...]
    samples: tuple[SampleRollout, ...]

    def __post_init__(self) -> None:
        _check_samples(self.blocks, [len(one.blocks) for one in self.samples])

    def to_json(self) -> dict[str, Any]:
        samples = [{"sample": one.sample.to_json(), "blocks": _maps_to_json(one.blocks)} for one in self.samples]
        return {**self._head_to_json(), "blocks": list(self.blocks), "samples": samples}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        head = _head_from_json(content)
        names, grid = head[2:4]
        samples = (
            SampleRollout(
                known_labels(Sample.from_json(one["sample"]), len(names)), _maps_from_json(one["blocks"], grid)
            )
            for one in content["samples"]
        )
        return cls(*head, _numbers(content["blocks"]), tuple(samples))


@dataclass(frozen=True)
class PathStep:
    """One image at one place between the blocks.

    Attributes:
        guesses: the most probable classes if it were classified here, the most probable first; at least one.
        truth: probability of the true class.
        cosine: of what is classified with what it was one block before; NaN before the first block.
    """

    guesses: tuple[Guess, ...]
    truth: float
    cosine: float

    def to_json(self) -> dict[str, Any]:
        guesses = [[guess.label, guess.probability] for guess in self.guesses]
        return {"guesses": guesses, "truth": self.truth, "cosine": self.cosine}

    @classmethod
    def from_json(cls, content: dict[str, Any], classes: int) -> Self:
        guesses = tuple(Guess(known_label(label, classes), float(share)) for label, share in content["guesses"])
        if not guesses:
            raise ValueError("a step without guesses")
        return cls(guesses, float(content["truth"]), float(content["cosine"]))


@dataclass(frozen=True)
class SamplePath:
    """An image and what it is taken for: before the first block, and after each."""

    sample: Sample
    steps: tuple[PathStep, ...]


@dataclass(frozen=True)
class TokenPath:
    """What the model would say if it classified before the first block, or after any of them.

    Attributes:
        of_class_token: that is classified; else the mean of the tokens.
        judged: test samples that `accuracies` and `cosines` are of.
        accuracies: before the first block, and after each.
        cosines: as those of `PathStep`, the means over the samples.
        samples: of the test split, the same throughout the run; at least one, each with as many steps.
    """

    epoch: float
    total_step: int
    class_names: tuple[str, ...]
    of_class_token: bool
    judged: int
    accuracies: tuple[float, ...]
    cosines: tuple[float, ...]
    samples: tuple[SamplePath, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.accuracies), len(self.cosines), *(len(one.steps) for one in self.samples)}
        if len(lengths) != 1 or not self.samples or not self.accuracies:
            raise ValueError("no samples, or paths of different lengths")

    def to_json(self) -> dict[str, Any]:
        samples = [
            {"sample": one.sample.to_json(), "steps": [step.to_json() for step in one.steps]} for one in self.samples
        ]
        means = {"accuracies": list(self.accuracies), "cosines": list(self.cosines)}
        about = {"of_class_token": self.of_class_token, "judged": self.judged}
        return {**heading(self), **about, **means, "samples": samples}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        names = known_classes(content)
        samples = (
            SamplePath(
                known_labels(Sample.from_json(one["sample"]), len(names)),
                tuple(PathStep.from_json(step, len(names)) for step in one["steps"]),
            )
            for one in content["samples"]
        )
        return cls(
            *position(content),
            names,
            bool(content["of_class_token"]),
            int(content["judged"]),
            tuple(map(float, content["accuracies"])),
            tuple(map(float, content["cosines"])),
            tuple(samples),
        )


def _check_samples(blocks: Sequence[int], lengths: Sequence[int]) -> None:
    if not lengths or not blocks or any(length != len(blocks) for length in lengths):
        raise ValueError(f"no samples, or some without all of {len(blocks)} blocks")


def _numbers(content: Any) -> tuple[int, ...]:
    return tuple(map(int, content))


def _maps_to_json(maps: Sequence[PatchMap]) -> dict[str, Any]:
    """All levels in one text: a file of many small maps stays small."""
    levels = base64.b64encode(b"".join(one.levels for one in maps)).decode()
    return {"levels": levels, "largest": [one.largest for one in maps], "beside": [one.beside for one in maps]}


def _maps_from_json(content: dict[str, Any], grid: Grid) -> tuple[PatchMap, ...]:
    levels, size = decoded(content["levels"]), grid.rows * grid.columns
    largest, beside = (list(map(float, content[key])) for key in ("largest", "beside"))
    if len(levels) != size * len(largest):
        raise ValueError(f"{len(levels)} levels are not {len(largest)} maps of {grid.rows} by {grid.columns}")
    parts = (levels[start : start + size] for start in range(0, len(levels), size))
    return tuple(PatchMap(*one) for one in zip(parts, largest, beside, strict=True))
