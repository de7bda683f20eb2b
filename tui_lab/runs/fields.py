"""The fields of a run that a list can be filtered and sorted by, each by its name.

Some belong to every run; the others are hyperparameters, whose declarations tell what values to expect.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tui_lab.errors import UsageError, nearest
from tui_lab.hyperparameters import Declaration
from tui_lab.runs.events import number
from tui_lab.runs.status import STATES
from tui_lab.runs.store import Listed

# "share" is an accuracy from 0 to 1; "any" is told by the value that a run has
Kind = Literal["text", "number", "share", "duration", "date", "any"]
SortKey = tuple[int, float, str]

SPLITS = ("train", "test", "validation", "train_eval")
KINDS: Mapping[type, Kind] = {int: "number", float: "number", str: "text"}


@dataclass(frozen=True)
class Field:
    """Something that a run has a value of.

    Attributes:
        name: as it is written in a filter.
        kind: how values are written and compared.
        read: the value of a run, None where it has none. Seconds for durations, Unix time for dates.
        choices: every value that there can be; empty when they cannot be counted.
    """

    name: str
    kind: Kind
    read: Callable[[Listed], Any]
    choices: tuple[str, ...] = ()


def _metrics() -> Iterable[Field]:
    """Each metric as it was at the best epoch, under two names, and as it was last."""
    kinds: Mapping[str, Kind] = {"accuracy": "share", "loss": "number"}
    for split in SPLITS:
        for metric, kind in kinds.items():
            name = f"{split}_{metric}"
            yield Field(name, kind, _best(name))
            yield Field(f"best_{name}", kind, _best(name))
            yield Field(f"last_{name}", kind, _last(name))


def _best(name: str) -> Callable[[Listed], Any]:
    return lambda entry: entry.status.best.get(name)


def _last(name: str) -> Callable[[Listed], Any]:
    return lambda entry: entry.status.last.get(name)


FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("state", "text", lambda entry: entry.state, STATES),
        Field("exercise", "text", lambda entry: entry.status.exercise),
        Field("preset", "text", lambda entry: entry.status.preset),
        Field("id", "text", lambda entry: entry.run.id),
        Field("name", "text", lambda entry: entry.label.name),
        Field("note", "text", lambda entry: entry.label.note),
        Field("device", "text", lambda entry: entry.status.device or entry.status.hyperparameters.get("device")),
        Field("node", "text", lambda entry: entry.status.node),
        Field("age", "duration", lambda entry: time.time() - entry.status.created if entry.status.created else None),
        Field("created", "date", lambda entry: entry.status.created or None),
        Field("elapsed", "duration", lambda entry: entry.status.elapsed),
        Field("epoch", "number", lambda entry: entry.status.epoch),
        Field("epochs", "number", lambda entry: entry.status.epochs),
        Field("best_epoch", "number", _best("epoch")),
        *_metrics(),
    )
}


def hyperparameter_field(name: str, kind: Kind = "any", choices: tuple[str, ...] = ()) -> Field:
    """The field of a hyperparameter: of the one that was asked for, also where it has been changed since."""
    return Field(name, kind, lambda entry: entry.status.hyperparameters.get(name), choices)


def declared_fields(declarations: Iterable[Declaration]) -> dict[str, Field]:
    """A field for every hyperparameter. Where several exercises declare the same name, their choices are joined.

    Left out are the names that a field of every run has already.
    """
    found: dict[str, Field] = {}
    for declared in declarations:
        if declared.name in FIELDS:
            continue
        choices = ("true", "false") if declared.type is bool else declared.choices
        kind = KINDS.get(declared.type, "any")
        earlier = found.get(declared.name)
        if earlier:
            kind = kind if kind == earlier.kind else "any"
            choices = tuple(dict.fromkeys(earlier.choices + choices)) if choices and earlier.choices else ()
        found[declared.name] = hyperparameter_field(declared.name, kind, choices)
    return found


def find_field(name: str, known: Mapping[str, Field] | None = None) -> Field:
    """The field called `name`, which may be written with dashes.

    Args:
        name: as the user wrote it.
        known: every field there is. Without it, what is not in FIELDS is taken for a hyperparameter.

    Raises UsageError with the nearest name.
    """
    plain = name.replace("-", "_")
    fields = FIELDS if known is None else known
    if plain in fields:
        return fields[plain]
    if known is None:
        return hyperparameter_field(plain)
    raise UsageError(f"runs have no field {name!r}.", nearest(plain, known))


def text_of(value: Any) -> str:
    """A value as a filter writes it: `true`, `0.1`, `128,64`; what lists hold is not unfolded."""
    if isinstance(value, list):
        return ",".join("..." if isinstance(item, list | dict) else text_of(item) for item in value)
    if isinstance(value, dict):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def sort_key(field: Field) -> Callable[[Listed], SortKey | None]:
    """What orders runs by `field`: numbers before text, states by their place in a run's life; None = no value."""

    def key(entry: Listed) -> SortKey | None:
        value = field.read(entry)
        if field.name == "state":
            value = STATES.index(value)
        if isinstance(value, int | float):
            measured = float(value) if isinstance(value, bool) else number(value)
            return None if measured is None or math.isnan(measured) else (0, measured, "")
        return None if value in (None, "") else (1, 0.0, text_of(value).casefold())

    return key


def sorted_by(entries: Sequence[Listed], order: str, known: Mapping[str, Field] | None = None) -> list[Listed]:
    """Runs in the order of a field, or against it when its name follows a dash; those without a value come last.

    Equal ones stay in the order in which they are given. Raises UsageError when there is no such field.
    """
    key = sort_key(find_field(order.removeprefix("-"), known))
    keyed = [(key(entry), entry) for entry in entries]
    present = [(place, entry) for place, entry in keyed if place is not None]
    present.sort(key=lambda pair: pair[0], reverse=order.startswith("-"))
    return [entry for _, entry in present] + [entry for place, entry in keyed if place is None]
