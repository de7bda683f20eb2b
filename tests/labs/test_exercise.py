"""What an exercise says of itself."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tui_lab.data.catalogue import DATASETS
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.exercise import Exercise
from tui_lab.models.mlp import ACTIVATIONS

HEADINGS = ["### What to look for", "### Things to try"]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_a_page_says_what_it_is_what_to_look_for_and_what_to_try(exercise: Exercise) -> None:
    introduction, looks, trials = re.split(r"^### .*$", exercise.text, flags=re.MULTILINE)
    assert re.findall(r"^### .*$", exercise.text, flags=re.MULTILINE) == HEADINGS
    assert len(introduction.strip().split("\n\n")) == 2
    for bullets in (looks, trials):
        assert len(re.findall(r"^- ", bullets, flags=re.MULTILINE)) >= 3


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_a_page_names_only_what_there_is(exercise: Exercise) -> None:
    """Whatever is set in code is a hyperparameter, a value of one, a data set, or a layer of the model."""
    layers = set(re.findall(r"self\.(\w+) =", exercise.source_of({}).read_text()))
    choices = {choice for declaration in exercise.declarations.values() for choice in declaration.choices}
    known = {*exercise.declarations, *choices, *DATASETS, *ACTIVATIONS, *layers}
    words = re.findall(r"`([^`]+)`", exercise.text)
    assert [word for word in words if word not in known and not re.fullmatch(r"[\d,]+", word)] == []
    trials = exercise.text.split(HEADINGS[1])[1]
    named = {word for word in re.findall(r"`(\w+)`", trials) if word in exercise.declarations}
    assert len(named) >= 5


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_a_summary_is_one_short_line(exercise: Exercise) -> None:
    assert re.fullmatch(r"[A-Z].{20,90}\.", exercise.summary)


def test_the_source_is_the_file_of_the_model_found_without_importing_it() -> None:
    code = (
        "import sys\n"
        "from tui_lab.labs.catalogue import EXERCISES\n"
        "for exercise in EXERCISES.values():\n"
        "    for name in (*exercise.implementations, 'optim'):\n"
        "        values = {'implementation': name}\n"
        "        name = exercise.model_of(values).partition(':')[2]\n"
        "        assert f'class {name}(' in exercise.source_of(values).read_text(), name\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
