"""What is there of every study, and its arms' curves; read on the app's background thread."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace

from tui_lab.charts.series import Series, run_kind
from tui_lab.errors import TuiLabError
from tui_lab.presets import Preset
from tui_lab.runs.status import LIVE_STATES
from tui_lab.runs.store import Listed
from tui_lab.studies.cost import Cost, Kind, Speeds
from tui_lab.studies.findings import Judged
from tui_lab.studies.plan import Trial, trials
from tui_lab.studies.results import StudyResult
from tui_lab.studies.shelf import Shelf
from tui_lab.studies.start import plan
from tui_lab.training.timing import Timing
from tui_lab.tui.chart import Plot
from tui_lab.tui.histories import Histories

KEPT = 128  # histories in memory: a study may have so many runs that have not finished


@dataclass(frozen=True)
class Seen:
    """What standings are made of.

    Attributes:
        entries: every run by id.
        waiting: ids of the runs that the queue is going to train.
        timings: what was measured of what a run would take.
    """

    entries: Mapping[str, Listed]
    waiting: frozenset[str] = frozenset()
    timings: Mapping[Kind, Timing] = field(default_factory=dict)

    @property
    def stamp(self) -> tuple[object, ...]:
        """Differs whenever a study can have come further by more than the epochs of its runs."""
        states = tuple((run_id, entry.state, entry.status.changed_lr) for run_id, entry in self.entries.items())
        return states, self.waiting, len(self.timings)


@dataclass(frozen=True)
class Standing:
    """A study at one size, and how far it has come.

    Attributes:
        study: its arms and what they measured.
        judged: its findings.
        live, waiting: runs that train, and that wait.
        cost: what is missing of it would take.
        untold: of what is missing, one trial of each kind of which nothing tells what it would take.
    """

    study: StudyResult
    judged: tuple[Judged, ...]
    live: int
    waiting: int
    cost: Cost
    untold: tuple[Trial, ...] = ()

    @property
    def preset(self) -> Preset:
        return self.study.preset

    @property
    def key(self) -> str:
        """Tells it from the same study at another size."""
        sizes = " ".join(f"{name}={now}" for name, now in self.study.overrides.items())
        return f"{self.preset.name} {sizes}".rstrip()

    @property
    def entries(self) -> list[Listed]:
        """Every run that is there of it."""
        return [entry for arm in self.study.arms for entry in arm.entries]

    @property
    def stamp(self) -> tuple[object, ...]:
        """Differs whenever its curves do."""
        return self.key, tuple((entry.run.id, entry.state, entry.status.epoch) for entry in self.entries)

    def now(self, entries: Mapping[str, Listed]) -> Standing:
        """The same with its runs as `entries` have them, which differ in how many epochs they had."""
        arms = [
            replace(arm, entries=tuple(entries.get(entry.run.id, entry) for entry in arm.entries))
            for arm in self.study.arms
        ]
        return replace(self, study=replace(self.study, arms=tuple(arms)))


def standings(presets: Iterable[Preset], seen: Seen) -> list[Standing]:
    """How far each study has come, at every size at which it was run. One that cannot be read is left to Labs, which
    says why."""
    shelf = Shelf(presets, seen.entries.values())
    speeds = Speeds(seen.entries.values(), seen.timings)
    found: list[Standing] = []
    for preset in shelf.presets:
        try:
            found += [_standing(study, shelf, speeds, seen.waiting) for study in shelf.studies(preset)]
        except TuiLabError:
            continue
    return found


def _standing(study: StudyResult, shelf: Shelf, speeds: Speeds, waiting: Container[str]) -> Standing:
    there = [entry.state for arm in study.arms for entry in arm.entries]
    asked = plan(study.preset, trials(study.preset, overrides=study.overrides), shelf.known, waiting=waiting)
    return Standing(
        study,
        tuple(shelf.judged(study)),
        live=sum(state in LIVE_STATES for state in there),
        waiting=there.count("queued"),
        cost=speeds.estimate(asked),
        untold=tuple(speeds.untold(asked)),
    )


class Curves:
    """The curves of the arms of a study: finished runs as the mean over their seeds, the others as they move."""

    def __init__(self) -> None:
        self._histories = Histories(KEPT)

    def plot(self, study: StudyResult, metric: str, title: str) -> Plot:
        """Accuracies in percent. A run that cannot be read has no curve."""
        factor = 100 if metric.endswith("accuracy") else 1
        series: list[Series] = []
        for i, arm in enumerate(study.arms):
            band = arm.band(metric)
            name = arm.arm.name or study.preset.name
            moving = [entry for entry in arm.entries if entry.state != "finished"]
            for entry in moving:
                x, y = self._read(entry, metric)
                if x:
                    label = "" if band.epochs or any(one.name == name for one in series) else name
                    values = [factor * value for value in y]
                    series.append(Series(label, x, values, run_kind(i), faint=bool(band.epochs)))
            if band.epochs:
                series.append(Series(name, band.epochs, [factor * value for value in band.mean], run_kind(i)))
        return Plot(series, title, "epoch")

    def _read(self, entry: Listed, metric: str) -> tuple[list[float], list[float]]:
        try:
            return self._histories.read(entry).epochs.means(metric, "epoch")
        except OSError:
            return [], []
