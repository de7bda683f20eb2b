"""A finding: a claim about a study, checked against its runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tui_lab.studies.curves import Trained
from tui_lab.studies.results import ArmResult, StudyResult, scaled_sentence

Answer = Literal["supported", "refuted", "undecided"]
Author = Literal["report", "data"]

MARKS: Mapping[Answer, tuple[str, str]] = {  # and their 7-bit stand-ins
    "supported": ("✓", "+"),
    "refuted": ("✗", "x"),
    "undecided": ("?", "?"),
}


@dataclass(frozen=True)
class Sample:
    """The finished runs of one arm, under the name that a verdict calls them by."""

    name: str
    runs: tuple[Trained, ...]


@dataclass(frozen=True)
class Verdict:
    """What runs say about a claim.

    Attributes:
        answer: undecided within the spread of the seeds, or where something is missing.
        sentence: with the numbers, and the spread that they were held against.
        numbers: the same, for scripts: shares, nats, epochs.
        missing: the arms without finished runs, as `preset arm`.
    """

    answer: Answer
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


Judge = Callable[[Sequence[Sample]], Verdict]


@dataclass(frozen=True)
class Ref:
    """An arm that a finding is about.

    Attributes:
        preset: the study's name.
        where: values that the arm has of hyperparameters, and no other arm of that study.
        name: what the verdict calls it; the arm's own name if empty.
    """

    preset: str
    where: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    def find(self, study: StudyResult | None) -> ArmResult | None:
        """The arm; None when there is none, or several."""
        found = [arm for arm in study.arms if self._fits(arm)] if study else []
        return found[0] if len(found) == 1 else None

    @property
    def title(self) -> str:
        values = " ".join(f"{name}={_written(value)}" for name, value in self.where.items())
        return f"{self.preset} {values}".rstrip()

    def _fits(self, arm: ArmResult) -> bool:
        return all(_same(getattr(arm.hyperparameters, name, None), value) for name, value in self.where.items())


@dataclass(frozen=True)
class Finding:
    """A claim about a study.

    Attributes:
        name: unique within the study.
        study: the name of the preset at which it is shown.
        says: who claims it: the text of the practical's report, or the data that its figures plot.
        claim: one sentence.
        of: the arms that it is about, in the order in which `judge` takes them.
        judge: a pure function of their finished runs; never called while one of the arms has none.
    """

    name: str
    study: str
    says: Author
    claim: str
    of: tuple[Ref, ...]
    judge: Judge

    @property
    def presets(self) -> tuple[str, ...]:
        """The studies whose runs it needs."""
        return tuple(dict.fromkeys(ref.preset for ref in self.of))


@dataclass(frozen=True)
class Judged:
    """A finding with its verdict; `scaled` as in `StudyResult`, when its runs are not of the size that it is about."""

    finding: Finding
    verdict: Verdict
    scaled: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def claim(self) -> str:
        """What is claimed, and who claims it."""
        return f"{self.finding.claim} ({self.finding.says})"

    @property
    def sentence(self) -> str:
        """The verdict's, and how its runs differ from those that the claim is about."""
        if not self.scaled or self.verdict.missing:
            return self.verdict.sentence
        return f"{self.verdict.sentence} {scaled_sentence(self.scaled)}"


def check(finding: Finding, studies: Mapping[str, StudyResult | None]) -> Judged:
    """Judge a finding by the studies that it needs, by name; what is not there is missing."""
    own = studies.get(finding.study)
    scaled = own.scaled if own else {}
    samples, missing = [], []
    for ref in finding.of:
        arm = ref.find(studies.get(ref.preset))
        if arm is None or not arm.runs:
            missing.append(ref.title)
        else:
            samples.append(Sample(ref.name or arm.arm.name or ref.preset, arm.runs))
    if missing:
        return Judged(finding, Verdict("undecided", f"Not run: {_some(missing)}.", missing=tuple(missing)), scaled)
    verdict = finding.judge(samples)
    finite = {name: value for name, value in verdict.numbers.items() if math.isfinite(value)}
    return Judged(finding, replace(verdict, numbers=finite), scaled)


def counts(judged: Iterable[Judged]) -> dict[Answer, int]:
    """How many findings have each answer; those whose runs are not there count as none."""
    found: dict[Answer, int] = dict.fromkeys(MARKS, 0)
    for one in judged:
        found[one.verdict.answer] += not one.verdict.missing
    return found


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, float) and isinstance(wanted, int | float):
        return math.isclose(value, wanted)
    return bool(value == wanted)


def _written(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
