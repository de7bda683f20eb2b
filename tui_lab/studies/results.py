"""What a study has measured, arm by arm, beside what is published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui_lab.hyperparameters import USERS_FILES, Hyperparameters, written
from tui_lab.presets import Arm, Preset
from tui_lab.runs.compare import Spread
from tui_lab.runs.events import number
from tui_lab.runs.store import Listed
from tui_lab.studies.curves import Band, Trained
from tui_lab.studies.plan import SCALES, KnownRuns, Trial, match, scale


@dataclass(frozen=True)
class ArmResult:
    """One arm.

    Attributes:
        arm: what it sets, and what is published for it.
        hyperparameters: all of them; the seed is that of its first run.
        planned: how many runs it has.
        entries: the runs that are there, in the order of their seeds, whatever their state.
        finished: those that `last`, `best` and `best_epochs` are about.
        last: each loss and accuracy after the last epoch, over the seeds; best: the same at each run's best epoch.
        best_epochs: of `finished`.
        runs: of `finished`, with their curves.
    """

    arm: Arm
    hyperparameters: Hyperparameters
    planned: int
    entries: tuple[Listed, ...]
    finished: tuple[Listed, ...]
    last: Mapping[str, Spread]
    best: Mapping[str, Spread]
    best_epochs: tuple[float, ...]
    runs: tuple[Trained, ...] = ()

    def band(self, metric: str) -> Band:
        """The metric by epoch over the seeds: without epochs where nothing has finished, or nobody measured it."""
        return Band.of([run.curves[metric] for run in self.runs if metric in run.curves])


@dataclass(frozen=True)
class StudyResult:
    """A study as it stands. `scaled` says how its runs differ in size from what the preset asks for; empty when they
    do not."""

    preset: Preset
    arms: tuple[ArmResult, ...]
    scaled: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def overrides(self) -> dict[str, Any]:
        """What makes it the study at this size, for `trials`."""
        return {name: now for name, (_, now) in self.scaled.items()}

    @property
    def planned(self) -> int:
        return sum(arm.planned for arm in self.arms)

    @property
    def finished(self) -> int:
        return sum(len(arm.finished) for arm in self.arms)

    @property
    def metrics(self) -> list[str]:
        """The losses and accuracies that are measured or published, in the order of the splits."""
        known = {name for arm in self.arms for name in (*arm.last, *arm.arm.published)}
        return [name for name in ORDER if name in known]


ORDER = tuple(f"{s}_{m}" for m in ("accuracy", "loss") for s in ("train", "train_eval", "validation", "test"))


def results(preset: Preset, planned: Sequence[Trial], entries: Iterable[Listed] | KnownRuns) -> StudyResult:
    """The study `preset` as planned by `trials`, from the runs that are there."""
    found = match(preset, planned, entries)
    arms: dict[str, list[tuple[Trial, Listed | None]]] = {}
    for trial, entry in zip(planned, found, strict=True):
        arms.setdefault(trial.arm.name, []).append((trial, entry))
    return StudyResult(preset, tuple(map(_of_arm, arms.values())), scale(preset, planned[0]) if planned else {})


def scaled_words(scaled: Mapping[str, tuple[Any, Any]]) -> str:
    """`epochs 3 in place of 15, train_size 5,000 in place of all`."""
    pairs = scaled.items()
    return ", ".join(
        f"{name} {value_text(now, name)} in place of {value_text(full, name)}" for name, (full, now) in pairs
    )


def scaled_sentence(scaled: Mapping[str, tuple[Any, Any]]) -> str:
    """`Scaled: epochs 3 in place of 15. …`, that it is another study; "Changed" where more than sizes differ."""
    how = "Scaled" if set(scaled) <= set(SCALES) else "Changed"
    return f"{how}: {scaled_words(scaled)}. Its numbers are not those of the study."


def value_text(value: Any, name: str) -> str:
    """The value of a hyperparameter for a list: 0 images are all of them, and of a path its end will do."""
    if value == 0 and name in ("train_size", "test_size"):
        return "all"
    if value is None or value in ("", []):
        return "none"
    if name in USERS_FILES:
        return Path(value).name
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else written(value).strip('"')


def _of_arm(pairs: Sequence[tuple[Trial, Listed | None]]) -> ArmResult:
    entries = tuple(entry for _, entry in pairs if entry is not None)
    finished = tuple(entry for entry in entries if entry.state == "finished")
    return ArmResult(
        arm=pairs[0][0].arm,
        hyperparameters=pairs[0][0].hyperparameters,
        planned=len(pairs),
        entries=entries,
        finished=finished,
        last=_spreads([entry.status.last for entry in finished]),
        best=_spreads([entry.status.best for entry in finished]),
        best_epochs=tuple(float(entry.status.best.get("epoch", 0)) for entry in finished),
        runs=tuple(map(Trained.of, finished)),
    )


def _spreads(measured: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    values = {name: [v for one in measured if (v := number(one.get(name))) is not None] for name in ORDER}
    return {name: Spread.of(found) for name, found in values.items() if found}
