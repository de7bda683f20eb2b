"""Every study of a home beside every run there is: which have been run, at which sizes, with which seeds."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Mapping
from functools import partial
from typing import Any

from tui_lab.errors import UsageError
from tui_lab.presets import Arm, Preset
from tui_lab.runs.compare import EXECUTION
from tui_lab.runs.events import encode
from tui_lab.runs.store import Listed
from tui_lab.studies.findings import Judged, findings_of, judge
from tui_lab.studies.plan import SCALES, KnownRuns, Trial, trials
from tui_lab.studies.results import StudyResult, results


class Shelf:
    """Studies as they stand, from presets and runs that have been read once.

    Attributes:
        known: the runs.
    """

    def __init__(self, presets: Iterable[Preset], entries: Iterable[Listed]) -> None:
        self._presets = {preset.name: preset for preset in presets}
        there = list(entries)
        self.known = KnownRuns(there)
        self._started_for: dict[str, list[Listed]] = {}  # by preset
        for entry in there:
            self._started_for.setdefault(entry.status.preset, []).append(entry)

    @property
    def presets(self) -> tuple[Preset, ...]:
        """By lab and name: those that ask for more than one run, and those that a finding is shown at."""
        shown = (preset for preset in self._presets.values() if preset.is_study or findings_of(preset.name))
        return tuple(sorted(shown, key=lambda preset: (preset.exercise.lab, preset.name)))

    def study(self, preset: Preset, overrides: Mapping[str, Any] | None = None) -> StudyResult:
        """A study with every seed that there are runs of: those that the preset asks for, those that were started for
        it, and of each arm those that other studies with the same configuration have.

        Args:
            preset: the study.
            overrides: hyperparameters that replace the preset's, `epochs` for one.

        Raises UsageError: as `trials`.
        """
        planned = []
        first = trials(preset, seeds=1, overrides=overrides)
        there = [self.known.by_seed(preset.exercise.name, trial) for trial in first]
        own = [{seed: e for seed, e in by_seed.items() if e.status.preset == preset.name} for by_seed in there]
        seeds = max([preset.seeds, *map(_run_length, own, first)])
        for trial, by_seed in zip(first, there, strict=True):
            count = max(seeds, _run_length(by_seed, trial))
            planned += [trial.with_seed(trial.seed + i) for i in range(count)]
        return results(preset, planned, self.known)

    def sizes(self, preset: Preset) -> list[dict[str, Any]]:
        """Overrides of the sizes at which a study has been run for its own sake, the full size (none) first.

        With other hyperparameters changed it is that study still where several of its arms have been run with them; a
        single run is one that somebody tried.
        """
        arms = [(trial.arm, trial.hyperparameters.model_dump()) for trial in trials(preset, seeds=1)]
        found: dict[str, dict[str, Any]] = {}
        tried: dict[str, set[str]] = {}
        for entry in self._started_for.get(preset.name, ()):
            if entry.status.exercise == preset.exercise.name:
                arm, changed = _changed(arms, entry.status.hyperparameters)
                if changed is not None:
                    found.setdefault(encode(changed), changed)
                    tried.setdefault(encode(changed), set()).add(arm)
        kept = [changed for key, changed in found.items() if set(changed) <= set(SCALES) or len(tried[key]) > 1]
        return sorted(({}, *filter(None, kept)), key=lambda changed: (len(changed) > 0, encode(changed)))

    def studies(self, preset: Preset) -> list[StudyResult]:
        """A study at every size at which there is a run of it, and at its full size in any case."""
        found = [self.study(preset)]
        for changed in self.sizes(preset)[1:]:
            try:
                study = self.study(preset, changed)
            except UsageError:  # what one arm was run with need not fit another
                continue
            if any(arm.entries for arm in study.arms):
                found.append(study)
        return found

    def judged(self, study: StudyResult, overrides: Mapping[str, Any] | None = None) -> list[Judged]:
        """Its findings; other studies are compared with at the same size.

        Args:
            study: as it stands.
            overrides: those that it was made with; by default its sizes.
        """
        same = study.overrides if overrides is None else overrides
        return judge(study, partial(self._other, overrides=same))

    def _other(self, name: str, overrides: Mapping[str, Any]) -> StudyResult | None:
        preset = self._presets.get(name)
        try:
            return self.study(preset, overrides) if preset else None
        except UsageError:  # overrides that fit one study need not fit another
            return None


def _run_length(by_seed: Container[int], trial: Trial) -> int:
    """How many seeds from the trial's own on there are, without a gap."""
    return next(count for count in itertools.count() if trial.seed + count not in by_seed)


def _changed(
    arms: Iterable[tuple[Arm, Mapping[str, Any]]], values: Mapping[str, Any]
) -> tuple[str, dict[str, Any] | None]:
    """The arm that a run with these values is of, the one that it differs least from, and in which values it differs;
    None when it is of none: what an arm sets is what it is."""
    least: tuple[str, dict[str, Any] | None] = "", None
    for arm, asked in arms:
        differing = {name for name in asked if name not in EXECUTION and values.get(name) != asked[name]}
        is_of_it = differing <= values.keys() - arm.hyperparameters.keys()
        if is_of_it and (least[1] is None or len(differing) < len(least[1])):
            least = arm.name, {name: values[name] for name in asked if name in differing}
    return least
