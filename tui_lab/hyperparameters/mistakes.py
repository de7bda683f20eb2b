"""What is wrong with a set of values, in the program's own words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from tui_lab.errors import UsageError, nearest
from tui_lab.hyperparameters.declaration import KINDS, Declaration, declaration_of, declarations
from tui_lab.hyperparameters.declared import LARGEST, Declared

Model = TypeVar("Model", bound=Declared)

OTHER_NAMES = {"learning_rate": "lr", "eta": "lr", "l2": "weight_decay"}  # what textbooks say, spelled unlike torch


@dataclass(frozen=True)
class Mistake:
    """One thing wrong with a set of values: the key, what was given, what is allowed, and a hint."""

    key: str
    value: Any
    problem: str
    hint: str = ""

    @property
    def sentence(self) -> str:
        """`lr = 0: must be 0 < lr <= 100`, without the hint and without a full stop."""
        given = (
            f"{_written_key(self.key)} = {written(self.value)}" if self.value is not None else _written_key(self.key)
        )
        return f"{given}: {self.problem}"

    def __str__(self) -> str:
        return f"{self.sentence}{f' ({self.hint})' if self.hint else ''}"


def written(value: Any, most: int = 60) -> str:
    """`value` as a preset would write it, in at most `most` printable characters; what lists hold is not unfolded."""
    if isinstance(value, list):
        text = f"[{', '.join('[...]' if isinstance(item, list) else written(item) for item in value[:most])}]"
    elif isinstance(value, dict):
        text = "{...}"
    elif isinstance(value, bool | str):
        text = json.dumps(value if isinstance(value, bool) else value[:most], ensure_ascii=False)
    elif isinstance(value, int) and abs(value) > LARGEST:
        text = "a number beyond 64 bits"  # Python refuses to write those of more than 4300 digits
    else:
        text = str(value)
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return text if len(text) <= most else text[: most - 3] + "..."


def _written_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", key) else written(key)


def mistakes_in(model: type[Declared], values: Mapping[str, Any], *, by_themselves: bool = False) -> list[Mistake]:
    """Every mistake of `values` at once; empty when `model(**values)` would be accepted.

    Combinations of values are judged when each value by itself is one that is allowed; with `by_themselves`, never:
    then others may be added that go with them.
    """
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        details = [d for d in error.errors(include_url=False) if not (by_themselves and d["type"] == "combination")]
        found = [mistake for detail in details for mistake in _mistakes(model, detail, values)]
        return list({mistake.sentence: mistake for mistake in found}.values())
    return []


def _mistakes(model: type[Declared], detail: Any, values: Mapping[str, Any]) -> list[Mistake]:
    if detail["type"] == "combination":
        return [Mistake(name, values.get(name), problem) for name, problem in detail["ctx"]["problems"]]
    key = str(detail["loc"][0])
    value = values.get(key)
    if detail["type"] == "extra_forbidden":
        other_name = OTHER_NAMES.get(key)
        hint = f"Did you mean {other_name!r}?" if other_name else nearest(key, declarations(model))
        return [Mistake(key, value, "no such hyperparameter", hint)]
    declaration = declaration_of(key, model.model_fields[key])
    allowed = declaration.allowed
    kind = KINDS.get(declaration.type, "")
    if kind and kind not in allowed and not _is_a(declaration.type, value):
        allowed = f"{kind}, {allowed}"
    return [Mistake(key, value, f"must be {allowed}", _hint(declaration, value))]


def _is_a(kind: type, value: Any) -> bool:
    return isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)


def _hint(declaration: Declaration, value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if declaration.choices:
        return nearest(value, declaration.choices)
    meant = declaration.parse(value)
    return "" if isinstance(meant, str) else f"Write {written(meant)}, without quotes."


def refusal(mistakes: Sequence[Mistake]) -> UsageError:
    """One error for all of `mistakes`, of which there is at least one."""
    if len(mistakes) == 1:
        return UsageError(f"{mistakes[0].sentence}.", mistakes[0].hint)
    return UsageError(f"{'; '.join(map(str, mistakes))}.")


def build(model: type[Model], values: Mapping[str, Any]) -> Model:
    """`model(**values)`, with every mistake in one `UsageError` in the program's own words."""
    mistakes = mistakes_in(model, values)
    if mistakes:
        raise refusal(mistakes)
    return model.model_validate(dict(values))
