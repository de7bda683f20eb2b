"""How a setting is declared: once, as a field of a pydantic model from which every front end is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Problem = tuple[bool, str, str]  # whether it is one, the setting that is blamed, and what is wrong: "needs a crop"

LARGEST = 2**63 - 1  # TOML's largest whole number; as a bound it is not worth words


class Declared(BaseModel):
    """A set of settings: the hyperparameters of an exercise, the inputs of a tool. Frozen, and strict about types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def setting(
    default: Any,
    help: str,
    *,
    topic: str,
    question: str = "",
    only_if: Mapping[str, tuple[Any, ...]] | None = None,
    allowed: str = "",
    **bounds: Any,
) -> Any:
    """Declare a field. `bounds` are pydantic's (gt, ge, lt, le, min_length).

    `topic` is the group that it is shown in; `question` names the question of the report it belongs to ("2.16":
    chapter 2, question 16); `only_if` says for which values of other settings it has an effect at all:
    {"optimizer": ("sgd",)}; `allowed` says in words what the type and the bounds do not.
    """
    extra: dict[str, Any] = {"topic": topic}
    if question:
        extra["question"] = question
    if allowed:
        extra["allowed"] = allowed
    if only_if:
        extra["only_if"] = {name: list(values) for name, values in only_if.items()}
    return Field(default, description=help, json_schema_extra=extra, validate_default=True, **bounds)


def refuse_combinations(*problems: Problem) -> None:
    """For validators of whole models: refuse values that do not go together."""
    wrong = [(name, message) for is_wrong, name, message in problems if is_wrong]
    if wrong:
        text = "; ".join(f"{name} {message}" for name, message in wrong)
        raise PydanticCustomError("combination", text, {"problems": wrong})
