"""The arms of a study, as its preset file writes them: a sweep over every combination, or a list.

[sweep]  # every combination; the last name changes fastest
batch_size = [10, 50]
lr = [0.01, 0.1]

[[arms]]  # instead: each sets what it likes
name = "summed"  # optional
hyperparameters = { reduction = "sum", lr = 0.03 }
published = { test_accuracy = 0.94 }

What is published for the arms of a sweep are lists in [published], one value an arm, `nan` where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from tui_lab.errors import nearest
from tui_lab.hyperparameters import LARGEST, Mistake, mistakes_in, written
from tui_lab.labs.exercise import Exercise

SPLITS = ("train", "train_eval", "validation", "test")
METRICS = tuple(f"{split}_{metric}" for split in SPLITS for metric in ("loss", "accuracy"))
ARM_KEYS: Mapping[str, type] = {"name": str, "hyperparameters": dict, "published": dict}
MOST_ARMS = 1000


@dataclass(frozen=True)
class Arm:
    """One combination of swept values: what it sets beyond its preset, and what the practical reports for it."""

    name: str
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)


def read_arms(content: Mapping[str, Any]) -> tuple[Arm, ...]:
    """The arms of a preset without mistakes; none when it is no study."""
    if "arms" in content:
        return tuple(
            Arm(
                arm.get("name") or _name_of(arm.get("hyperparameters", {})),
                arm.get("hyperparameters", {}),
                _numbers(arm.get("published", {})),
            )
            for arm in content["arms"]
        )
    combinations = _combinations(content.get("sweep", {}))
    published = content.get("published", {})
    return tuple(
        Arm(_name_of(values), values, _numbers({name: column[i] for name, column in published.items()}))
        for i, values in enumerate(combinations)
    )


def mistakes_in_arms(content: Mapping[str, Any], exercise: Exercise | None) -> Iterator[Mistake]:
    """What is wrong with `sweep`, `arms`, and the published values of either."""
    sweep, arms, published = (content.get(key) for key in ("sweep", "arms", "published"))
    if sweep is not None and arms is not None:
        yield Mistake("arms", None, "a preset has a sweep or arms, not both")
    elif isinstance(arms, list):
        yield from _in_list(arms, exercise)
        if published is not None:
            yield Mistake("published", None, "belongs to each of the arms", "Write it in [[arms]].")
    elif isinstance(sweep, dict):
        yield from _in_sweep(sweep, exercise)
        count = len(_combinations(sweep)) if all(isinstance(v, list) for v in sweep.values()) else 0
        if isinstance(published, dict) and count:
            yield from _in_columns(published, count)
    elif isinstance(published, dict):
        yield from mistakes_in_published(published)


def mistakes_in_published(values: Mapping[str, Any], place: str = "published") -> Iterator[Mistake]:
    """What is wrong with the values that a practical reports of one arm."""
    for name, value in values.items():
        key = f"{place}.{name}"
        if name not in METRICS:
            yield Mistake(key, value, f"must be {' | '.join(METRICS)}", nearest(name, METRICS))
        elif isinstance(value, bool) or not isinstance(value, int | float):
            yield Mistake(key, value, "must be a number")
        elif name.endswith("accuracy") and not 0 <= value <= 1:
            yield Mistake(key, value, f"must be 0 <= {name} <= 1", "Accuracy is a share here, not percent.")
        elif not 0 <= value <= LARGEST:
            yield Mistake(key, value, f"must be 0 <= {name}")


def _in_list(arms: Sequence[Any], exercise: Exercise | None) -> Iterator[Mistake]:
    if not 1 <= len(arms) <= MOST_ARMS:
        yield Mistake("arms", None, f"must be 1 to {MOST_ARMS:,}")
    for i, arm in enumerate(arms, start=1):
        place = f"arms.{i}"
        if not isinstance(arm, dict):
            yield Mistake(place, arm, "must be a table")
            continue
        for key, value in arm.items():
            if key not in ARM_KEYS:
                yield Mistake(f"{place}.{key}", value, f"no such key; an arm has {', '.join(ARM_KEYS)}")
            elif not isinstance(value, ARM_KEYS[key]):
                yield Mistake(f"{place}.{key}", value, f"must be {'a table' if ARM_KEYS[key] is dict else 'text'}")
        if isinstance(arm.get("hyperparameters", {}), dict):
            yield from _in_values(arm.get("hyperparameters", {}), exercise, place)
        if isinstance(arm.get("published", {}), dict):
            yield from mistakes_in_published(arm.get("published", {}), f"{place}.published")
    names = [arm.get("name") or _name_of(arm.get("hyperparameters", {})) for arm in arms if isinstance(arm, dict)]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield Mistake("arms", None, f"{names.count(name)} are called {written(name)}", "Give each a name of its own.")


def _in_sweep(sweep: Mapping[str, Any], exercise: Exercise | None) -> Iterator[Mistake]:
    if not sweep:
        yield Mistake("sweep", None, "has no hyperparameter")
    for name, values in sweep.items():
        if not isinstance(values, list) or not values:
            yield Mistake(f"sweep.{name}", values, "must be a list of the values to try")
            continue
        if any(value in values[:i] for i, value in enumerate(values)):
            yield Mistake(f"sweep.{name}", values, "has a value twice")
        for value in values:
            yield from _in_values({name: value}, exercise, "sweep")
    if all(isinstance(values, list) for values in sweep.values()):
        count = math.prod(map(len, sweep.values()))
        if count > MOST_ARMS:
            yield Mistake("sweep", None, f"makes {count:,} combinations; at most {MOST_ARMS:,} are allowed")


def _in_values(values: Mapping[str, Any], exercise: Exercise | None, place: str) -> Iterator[Mistake]:
    """Each value by itself; whether a combination fits is judged with the preset's own values, when it is built."""
    for name, value in values.items():
        if exercise is None:
            continue
        if name == "seed":
            yield Mistake(f"{place}.seed", value, "is no arm", "Say how many with the key seeds, or --seeds.")
        elif name in exercise.hyperparameters.model_fields and name not in exercise.declarations:
            yield Mistake(f"{place}.{name}", value, f"has no effect in {exercise.name}")
        else:
            for mistake in mistakes_in(exercise.hyperparameters, {name: value}, by_themselves=True):
                yield Mistake(f"{place}.{name}", mistake.value, mistake.problem, mistake.hint)


def _in_columns(published: Mapping[str, Any], count: int) -> Iterator[Mistake]:
    for name, column in published.items():
        key = f"published.{name}"
        if not isinstance(column, list):
            yield Mistake(key, column, f"must be a list of {count}, one value an arm")
        elif len(column) != count:
            yield Mistake(key, column, f"has {len(column)} values for {count} arms", "Write nan where there is none.")
        else:
            known = [value for value in column if not (isinstance(value, float) and math.isnan(value))]
            found = (mistake for value in known or [0.0] for mistake in mistakes_in_published({name: value}))
            yield from {mistake.sentence: mistake for mistake in found}.values()


def _combinations(sweep: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    if not sweep or math.prod(map(len, sweep.values())) > MOST_ARMS:
        return []
    return [dict(zip(sweep, values, strict=True)) for values in product(*sweep.values())]


def _name_of(values: Any) -> str:
    """`lr=0.1 hidden=10,10`."""
    if not isinstance(values, dict):
        return ""
    return " ".join(f"{name}={_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return written(value).strip('"')


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if not math.isnan(value)}
