"""From a preset to the runs that it asks for, and to those of them that are there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tui_lab.errors import UsageError, nearest
from tui_lab.hyperparameters import Hyperparameters, absolute_paths, build
from tui_lab.presets import Arm, Preset
from tui_lab.runs.compare import EXECUTION
from tui_lab.runs.status import LIVE_STATES
from tui_lab.runs.store import Listed

SCALES = ("epochs", "train_size", "test_size")  # what makes a study cheaper, and another one
# Of several runs of one trial, the state that says most about it comes first
STANDING = ("finished", *sorted(LIVE_STATES), "queued", "stopped", "crashed", "failed")


@dataclass(frozen=True)
class Trial:
    """One run of a study: an arm and a configuration with its seed."""

    arm: Arm
    hyperparameters: Hyperparameters

    @property
    def seed(self) -> int:
        return self.hyperparameters.seed

    def with_seed(self, seed: int) -> Trial:
        """The same with another seed."""
        return replace(self, hyperparameters=self.hyperparameters.model_copy(update={"seed": seed}))


def arms_of(preset: Preset) -> tuple[Arm, ...]:
    """Its arms; of a preset that is one configuration, a single one without a name."""
    return preset.arms or (Arm("", {}, preset.published),)


def choose_arms(preset: Preset, wanted: str) -> tuple[Arm, ...]:
    """The arms of a study that `wanted` names, with commas between them, in the order of the study.

    Raises UsageError: one of them is no arm of it, or there are none.
    """
    known = {arm.name: arm for arm in preset.arms}
    chosen: set[str] = set()
    parts = wanted.split(",")
    while parts:
        count = next((n for n in range(len(parts), 0, -1) if _joined(parts[:n]) in known), 0)  # names may have commas
        if not count:
            name = parts[0].strip()
            hint = nearest(name, known) or (f"It has {', '.join(known)}." if known else "It is one configuration.")
            raise UsageError(f"{preset.name} has no arm {name!r}.", hint)
        chosen.add(_joined(parts[:count]))
        del parts[:count]
    return tuple(arm for arm in preset.arms if arm.name in chosen)


def _joined(parts: Sequence[str]) -> str:
    return ",".join(parts).strip()


def trials(
    preset: Preset,
    *,
    seeds: int | None = None,
    overrides: Mapping[str, Any] | None = None,
    arms: Sequence[Arm] | None = None,
) -> list[Trial]:
    """Every run of a study, arm by arm and seed by seed; of a preset that is one configuration, one a seed.

    Args:
        preset: with or without arms.
        seeds: runs of each arm; None = as many as the preset says. They have the preset's seed and the next ones.
        overrides: hyperparameters that replace the preset's, but not what an arm sets.
        arms: those that are wanted, see `choose_arms`; None = every one.

    Raises:
        UsageError: a value is not allowed, or an arm with the overrides is none.
    """
    found = []
    for arm in arms_of(preset) if arms is None else arms:
        values = {**preset.hyperparameters, **(overrides or {}), **arm.hyperparameters}
        first = _built(preset, values)
        count = preset.seeds if seeds is None else seeds
        found += [Trial(arm, first.model_copy(update={"seed": first.seed + i})) for i in range(count)]
    return found


def scale(preset: Preset, trial: Trial) -> dict[str, tuple[Any, Any]]:
    """What a trial has other than its preset says, its size above all: the preset's value and the trial's, by name."""
    full = _built(preset, {**preset.hyperparameters, **trial.arm.hyperparameters})
    names = [*SCALES, *(name for name in trial.hyperparameters.model_dump() if name not in {*SCALES, *EXECUTION})]
    pairs = {name: (getattr(full, name, None), getattr(trial.hyperparameters, name, None)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _built(preset: Preset, values: Mapping[str, Any]) -> Hyperparameters:
    """A configuration as its run will have it, so that it is found again. Raises UsageError as `build`."""
    built = build(preset.exercise.hyperparameters, values)
    return built.model_copy(update=absolute_paths(built.model_dump()))


class KnownRuns:
    """Runs by what they trained, to be asked about many trials.

    How a run was executed (device, threads, precision) does not matter; one whose learning rate was changed while it
    trained is left out. Of several runs of one trial the finished one counts, else the one that has come furthest; the
    newest among equals.
    """

    def __init__(self, entries: Iterable[Listed]) -> None:
        self._by_key: dict[str, dict[Any, Listed]] = {}  # for each configuration, by seed
        for entry in entries:
            if entry.status.changed_lr or entry.state not in STANDING:
                continue
            values = entry.status.hyperparameters
            of_seeds = self._by_key.setdefault(_key(entry.status.exercise, values), {})
            seed = values.get("seed")
            if seed not in of_seeds or _rank(entry) >= _rank(of_seeds[seed]):
                of_seeds[seed] = entry

    def by_seed(self, exercise: str, trial: Trial) -> Mapping[Any, Listed]:
        """The runs of a trial's configuration with any seed, whatever started them."""
        return self._by_key.get(_key(exercise, trial.hyperparameters.model_dump()), {})

    def of(self, exercise: str, trial: Trial) -> Listed | None:
        """The run that is there of a trial, whatever started it."""
        return self.by_seed(exercise, trial).get(trial.seed)


def match(preset: Preset, planned: Sequence[Trial], entries: Iterable[Listed] | KnownRuns) -> list[Listed | None]:
    """For every trial the run that is there of it: see `KnownRuns`."""
    known = entries if isinstance(entries, KnownRuns) else KnownRuns(entries)
    return [known.of(preset.exercise.name, trial) for trial in planned]


def _rank(entry: Listed) -> tuple[int, float]:
    return -STANDING.index(entry.state), entry.status.created


def _key(exercise: str, values: Mapping[str, Any]) -> str:
    """What a run trains, as text: of a list that is read once a second, made by the thousand."""
    return repr((exercise, [(name, values[name]) for name in sorted(values) if name not in EXECUTION]))
