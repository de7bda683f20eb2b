"""What inspections of vision transformers find, made up: for tests of files and drawings."""

from __future__ import annotations

import math

from tui_lab.inspections.content import (
    AttentionMaps,
    Content,
    Grid,
    Guess,
    HeadMaps,
    PatchMap,
    PatchSimilarity,
    PathStep,
    PositionSimilarity,
    Rollout,
    Sample,
    SampleAttention,
    SamplePath,
    SampleRollout,
    TokenPath,
)
from tui_lab.pictures import Picture

NAMES = ("cat", "dog", "deer")
PICTURE = Picture(8, 8, bytes(range(192)))
WRONG = Sample(7, PICTURE, 0, (Guess(1, 0.75), Guess(0, 0.25)), 1.4)
RIGHT = Sample(9, PICTURE, 0, (Guess(0, 0.4), Guess(1, 0.35)), 0.9)


def patch_map(first: int, rows: int = 2, columns: int = 2) -> PatchMap:
    """A map whose levels count on from the first, the last of them the largest."""
    return PatchMap(bytes((first + i) % 255 for i in range(rows * columns - 1)) + b"\xff", 0.5, 0.125)


def attention(rows: int = 2, columns: int = 2, heads: int = 2, depth: int = 2, of_class_token: bool = True) -> Content:
    """Every map another one."""
    samples = tuple(
        SampleAttention(
            sample,
            tuple(
                HeadMaps(
                    patch_map(50 * i + 20 * block, rows, columns),
                    tuple(patch_map(50 * i + 20 * block + 5 * head, rows, columns) for head in range(1, heads + 1)),
                )
                for block in range(depth)
            ),
        )
        for i, sample in enumerate((WRONG, RIGHT))
    )
    grid = Grid(rows, columns, rows * columns + of_class_token)
    return AttentionMaps(3.0, 60, NAMES, grid, of_class_token, depth, heads, tuple(range(1, depth + 1)), samples)


def rollout(rows: int = 2, columns: int = 2, depth: int = 2, of_class_token: bool = True) -> Content:
    """Every map another one."""
    samples = tuple(
        SampleRollout(sample, tuple(patch_map(50 * i + 20 * block, rows, columns) for block in range(depth)))
        for i, sample in enumerate((WRONG, RIGHT))
    )
    grid = Grid(rows, columns, rows * columns + of_class_token)
    return Rollout(3.0, 60, NAMES, grid, of_class_token, depth, tuple(range(1, depth + 1)), samples)


STEPS = (PathStep((Guess(2, 0.5), Guess(1, 0.3)), 0.2, math.inf), PathStep((Guess(1, 0.75), Guess(0, 0.25)), 0.25, 0.5))
OF_TRANSFORMERS: dict[str, Content] = {
    "attention": attention(),
    "rollout": rollout(),
    "class-token": TokenPath(
        3.0, 60, NAMES, True, 50, (0.1, 0.75), (math.inf, 0.5), (SamplePath(WRONG, STEPS), SamplePath(RIGHT, STEPS))
    ),
    "patch-similarity": PatchSimilarity(3.0, 60, 32, 2, bytes([255, 64, 64, 255])),
    "position-similarity": PositionSimilarity(
        3.0, 60, True, 2, 2, (0, 1), (0, 1), 2, 2, tuple(bytes([255, 128, 100, i]) for i in range(4))
    ),
}
