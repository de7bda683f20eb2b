"""Every field by which runs are filtered: those of all exercises, and what runs have besides."""

from pathlib import Path

import pytest

from tui_lab.errors import UsageError
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.fields import known_fields
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.query import Query
from tui_lab.runs.status import Status
from tui_lab.runs.store import Listed


def run(exercise, **hyperparameters):
    status = Status(state="finished", exercise=exercise, hyperparameters=hyperparameters)
    return Listed(RunDirectory(Path("/runs/x")), status, "finished")


def test_every_hyperparameter_of_every_exercise_is_a_field():
    known = known_fields()
    for exercise in EXERCISES.values():
        for name, declared in exercise.declarations.items():
            assert name in known
            for choice in declared.choices:
                Query.parse(f"{name}={choice}", known)


def test_a_mistyped_exercise_is_refused_with_the_nearest():
    with pytest.raises(UsageError) as refused:
        Query.parse("exercise=convnt", known_fields())
    assert refused.value.hint == "Did you mean 'convnet'?"


def test_what_only_runs_know_can_be_asked_for():
    old = run("perceptron", theta=0.5)
    known = known_fields([old, run("")])
    assert Query.parse("exercise=perceptron theta<1", known).matches(old)
    assert "" not in known["exercise"].choices
    with pytest.raises(UsageError):
        Query.parse("theta<1", known_fields())
