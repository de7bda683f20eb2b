"""Every field by which runs can be filtered and sorted, with the values that the catalogue knows of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tui_lab.labs.catalogue import EXERCISES
from tui_lab.runs.fields import FIELDS, Field, declared_fields, hyperparameter_field
from tui_lab.runs.store import Listed


def known_fields(entries: Iterable[Listed] = ()) -> dict[str, Field]:
    """Fields by name: those of every run, the hyperparameters of every exercise, and what else the `entries` have."""
    exercises, names = dict.fromkeys(EXERCISES), dict[str, None]()
    for entry in entries:
        exercises[entry.status.exercise] = None
        names.update(dict.fromkeys(entry.status.hyperparameters))
    found = {**FIELDS, "exercise": replace(FIELDS["exercise"], choices=tuple(filter(None, exercises)))}
    found |= declared_fields(d for exercise in EXERCISES.values() for d in exercise.declarations.values())
    return found | {name: hyperparameter_field(name) for name in names if name not in found}
