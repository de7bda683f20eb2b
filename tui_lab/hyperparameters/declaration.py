"""A setting as front ends need it: read back from the pydantic field that declares it."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from pydantic.fields import FieldInfo

from tui_lab.hyperparameters.declared import LARGEST, Declared
from tui_lab.hyperparameters.shared import TOPICS

KINDS: dict[type, str] = {int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Declaration:
    """One setting as front ends need it; read from the pydantic field, never written by hand."""

    name: str
    type: type  # bool, int, float, str or list (of int)
    default: Any
    choices: tuple[str, ...]
    bounds: Mapping[str, Any]
    help: str
    topic: str
    question: str
    only_if: Mapping[str, tuple[Any, ...]]
    allowed: str  # the allowed values in words: `0 < lr <= 100`, `sgd | adam`, `true | false`

    @property
    def flag(self) -> str:
        """`batch_size` -> `--batch-size`."""
        return "--" + self.name.replace("_", "-")

    @property
    def condition(self) -> str:
        """When it has an effect, in words: `optimizer is sgd or rmsprop`. Empty when always."""
        return " and ".join(f"{name} is {_either(values)}" for name, values in self.only_if.items())

    def parse(self, text: str) -> Any:
        """The value that `text` (of a flag, a form, a filter) stands for.

        Text that stands for none comes back as it is: validation then says what is allowed.
        """
        stripped = text.strip()
        try:
            if self.type is bool:
                return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}[
                    stripped.lower()
                ]
            if self.type is int:
                return _whole(stripped)
            if self.type is float:
                return float(stripped)
            if self.type is list:
                return [_whole(part) for part in stripped.strip("[]").split(",") if part.strip()]
        except (ValueError, KeyError, OverflowError):
            return text
        return text

    def arguments(self, value: Any) -> list[str]:
        """The flag that sets it to `value`: `--lr 0.1`, `--flip`, `--no-flip`, `--hidden 128,64`."""
        if self.type is bool:
            return [self.flag if value else f"--no{self.flag[1:]}"]
        return [self.flag, ",".join(map(str, value)) if self.type is list else str(value)]

    def has_effect(self, values: Mapping[str, Any]) -> bool:
        """Whether this setting changes anything, given the `values` of the others."""
        return all(values.get(name) in allowed for name, allowed in self.only_if.items())


def _either(values: Sequence[Any]) -> str:
    *most, last = (str(value) or "empty" for value in values)
    return f"{', '.join(most)} or {last}" if most else last


def _whole(text: str) -> int:
    """`50000`, `50_000` or `5e4`."""
    number = float(text.replace("_", ""))
    if number != int(number):
        raise ValueError(text)
    return int(text) if text.strip().lstrip("+-").isdigit() else int(number)


def _in_words(name: str, kind: type, choices: tuple[str, ...], bounds: Mapping[str, Any]) -> str:
    if choices:
        return " | ".join(choices)
    if kind is bool:
        return "true | false"
    if kind is list:
        return "whole numbers of at least 1, such as 128,64"
    lower = _limit(bounds, "gt", "<") or _limit(bounds, "ge", "<=")
    upper = _limit(bounds, "lt", "<") or _limit(bounds, "le", "<=")
    if not lower and not upper:
        return KINDS.get(kind, "text")
    left = f"{lower[1]} {lower[0]} " if lower else ""
    right = f" {upper[0]} {upper[1]}" if upper else ""
    return f"{left}{name}{right}"


def _limit(bounds: Mapping[str, Any], key: str, sign: str) -> tuple[str, str] | None:
    if bounds.get(key, LARGEST) == LARGEST:
        return None
    value = bounds[key]
    return sign, "2^63" if value == 2**63 else f"{value:g}" if value < 1e5 else f"{value:,}"


@cache
def declarations(model: type[Declared]) -> Mapping[str, Declaration]:
    """Every setting of `model` by name, ordered by topic and then by declaration.

    The topics of hyperparameters come in the order of `TOPICS`, others in the order in which the model has them. Left
    out are settings that no choice of `model` lets have an effect: the noise of 2-D points, where it takes images.
    """
    found = {name: declaration_of(name, field) for name, field in model.model_fields.items()}
    reachable = [
        d
        for d in found.values()
        if all(
            not found[other].choices or set(values) & set(found[other].choices) for other, values in d.only_if.items()
        )
    ]
    topics = list(dict.fromkeys([*TOPICS, *(d.topic for d in reachable)]))
    return MappingProxyType({d.name: d for d in sorted(reachable, key=lambda d: topics.index(d.topic))})


def declaration_of(name: str, field: FieldInfo) -> Declaration:
    """The declaration of one field of a model."""
    extra = typing.cast(dict[str, Any], field.json_schema_extra)
    choices: tuple[str, ...] = ()
    kind: Any = field.annotation
    origin = typing.get_origin(kind)
    if origin is Literal:
        choices, kind = typing.get_args(kind), str
    elif origin in (list, tuple, types.GenericAlias):
        kind = list
    bounds = {
        key: getattr(item, key)
        for item in field.metadata
        for key in ("gt", "ge", "lt", "le")
        if getattr(item, key, None) is not None
    }
    return Declaration(
        name=name,
        type=kind,
        default=field.get_default(call_default_factory=True),
        choices=choices,
        bounds=bounds,
        help=field.description or "",
        topic=extra["topic"],
        question=extra.get("question", ""),
        only_if={key: tuple(values) for key, values in extra.get("only_if", {}).items()},
        allowed=extra.get("allowed") or _in_words(name, kind, choices, bounds),
    )
