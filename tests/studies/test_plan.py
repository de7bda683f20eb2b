"""From a preset to its runs, and to those that are there already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tui_lab.errors import UsageError
from tui_lab.presets import find_preset, load_preset
from tui_lab.presets.preset import Preset
from tui_lab.runs.store import Listed, RunStore, listed
from tui_lab.studies.plan import Trial, choose_arms, match, scale, trials

SWEEP = """
title = "A sweep"
exercise = "mlp"
seeds = 2
[hyperparameters]
dataset = "circles"
epochs = 20
seed = 5
[sweep]
lr = [0.01, 0.1]
hidden = [[4], [4, 4]]
[published]
test_accuracy = [0.5, 0.6, nan, 0.8]
"""


@pytest.fixture
def preset(tmp_path: Path) -> Preset:
    path = tmp_path / "sweep.toml"
    path.write_text(SWEEP)
    return load_preset(path)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "home")


def run_of(store: RunStore, trial: Trial, state: str = "finished", **changes: object) -> Listed:
    """A run of a trial in some state, with some hyperparameters changed."""
    run = store.create("mlp", {**trial.hyperparameters.model_dump(), **changes})
    status = run.read_status()
    replace(status, state=state).write(run.status)
    return listed(run)


def test_every_arm_is_run_with_every_seed_and_the_last_name_changes_fastest(preset: Preset) -> None:
    found = trials(preset)
    assert [trial.arm.name for trial in found[::2]] == [
        "lr=0.01 hidden=4",
        "lr=0.01 hidden=4,4",
        "lr=0.1 hidden=4",
        "lr=0.1 hidden=4,4",
    ]
    assert [trial.seed for trial in found] == [5, 6] * 4
    assert found[2].hyperparameters.hidden == [4, 4]
    assert [dict(arm.published) for arm in preset.arms] == [
        {"test_accuracy": 0.5},
        {"test_accuracy": 0.6},
        {},
        {"test_accuracy": 0.8},
    ]


def test_a_user_may_ask_for_other_seeds_and_sizes_but_the_arms_stay_what_they_are(preset: Preset) -> None:
    found = trials(preset, seeds=1, overrides={"epochs": 3, "lr": 7.0})
    assert len(found) == 4
    assert {trial.hyperparameters.lr for trial in found} == {0.01, 0.1}
    assert scale(preset, found[0]) == {"epochs": (20, 3)}
    assert scale(preset, trials(preset, overrides={"momentum": 0.9, "threads": 2})[0]) == {"momentum": (0.0, 0.9)}
    assert scale(preset, trials(preset)[0]) == {}


def test_an_arm_that_the_overrides_make_impossible_is_refused(preset: Preset) -> None:
    with pytest.raises(UsageError, match="epochs"):
        trials(preset, overrides={"epochs": 0})


def test_a_preset_of_one_configuration_is_one_trial(tmp_path: Path) -> None:
    (tmp_path / "plain.toml").write_text('title = "Plain"\nexercise = "mlp"\n[published]\ntest_accuracy = 0.9\n')
    preset = load_preset(tmp_path / "plain.toml")
    (trial,) = trials(preset)
    assert not preset.is_study
    assert trial.arm.published == {"test_accuracy": 0.9}


def test_the_run_of_a_trial_is_found_by_what_it_trained_not_by_who_started_it_or_how(
    preset: Preset, store: RunStore
) -> None:
    planned = trials(preset)
    there = run_of(store, planned[3], threads=2, device="cpu")
    run_of(store, planned[3], noise=0.3)  # another configuration
    assert [entry and entry.run.id for entry in match(preset, planned, store.list())] == [
        there.run.id if i == 3 else None for i in range(8)
    ]


def test_of_several_runs_the_finished_one_counts_and_of_those_the_newest(preset: Preset, store: RunStore) -> None:
    planned = trials(preset)[:1]
    states = ["finished", "stopped", "finished", "failed", "queued"]
    made = [run_of(store, planned[0], state) for state in states]
    (found,) = match(preset, planned, made)
    assert found is not None
    assert found.state == "finished"
    (found,) = match(preset, planned, [entry for entry in made if entry.state != "finished"])
    assert found is not None
    assert found.state == "queued"


def test_published_values_go_with_the_arm_that_a_run_is_of(preset: Preset) -> None:
    values = trials(preset)[2].hyperparameters.model_dump()
    assert preset.published_for(values) == {"test_accuracy": 0.6}
    assert preset.published_for({**values, "lr": 0.5}) == {}


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("sgd", ["sgd"]),
        ("adam, sgd, momentum", ["sgd, momentum", "adam"]),
        ("sgd,sgd, momentum,sgd", ["sgd", "sgd, momentum"]),
    ],
)
def test_arms_are_chosen_by_name_even_where_a_name_has_a_comma(tmp_path: Path, wanted: str, chosen: list[str]) -> None:
    study = find_preset("fig-2.13", tmp_path)
    arms = choose_arms(study, wanted)
    assert [arm.name for arm in arms] == chosen
    assert [trial.arm for trial in trials(study, seeds=2, arms=arms)] == [arm for arm in arms for _ in range(2)]


@pytest.mark.parametrize(
    ("wanted", "hint"), [("sgd, adamm", "Did you mean 'adam'?"), ("", "It has sgd, sgd, momentum")]
)
def test_an_arm_that_there_is_not_gets_the_nearest(tmp_path: Path, wanted: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        choose_arms(find_preset("fig-2.13", tmp_path), wanted)
    assert refused.value.hint.startswith(hint)
