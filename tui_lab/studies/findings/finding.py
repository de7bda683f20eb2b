"""A finding: a claim about a study, checked against its runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tui_lab.data.catalogue import DATASETS
from tui_lab.presets import Arm, Preset
from tui_lab.studies.curves import Trained
from tui_lab.studies.results import ArmResult, StudyResult

Answer = Literal["supported", "refuted", "undecided"]
Author = Literal["report", "data"]

AUTHORS: Mapping[Author, str] = {"report": "report", "data": "our reading"}  # as a sentence names them

MARKS: Mapping[Answer, tuple[str, str]] = {  # and their 7-bit stand-ins
    "supported": ("✓", "+"),
    "refuted": ("✗", "x"),
    "undecided": ("?", "?"),
}


@dataclass(frozen=True)
class Sample:
    """The finished runs of one arm.

    Attributes:
        name: what a verdict calls them.
        runs: those of every seed.
        test_size: how many test samples the study has at its full size; 0 = not known.
        is_scaled: they are not of the size that the claim is about.
    """

    name: str
    runs: tuple[Trained, ...]
    test_size: int = 0
    is_scaled: bool = False


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
        says: who claims it: "report", the text of the practical's report; "data", a reading of what its figures plot,
            or of what is to be expected where it has no figure.
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
    """A finding with its verdict. How the runs differ in size from those that it is about, the study says."""

    finding: Finding
    verdict: Verdict

    @property
    def claim(self) -> str:
        """What is claimed, and who claims it."""
        return f"{self.finding.claim} ({AUTHORS[self.finding.says]})"

    @property
    def sentence(self) -> str:
        """The verdict's."""
        return self.verdict.sentence


def check(finding: Finding, studies: Mapping[str, StudyResult | None]) -> Judged:
    """Judge a finding by the studies that it needs, by name; what is not there is missing."""
    samples, missing = [], []
    for ref in finding.of:
        study = studies.get(ref.preset)
        arm = ref.find(study)
        if study is None or arm is None or not arm.runs:
            missing.append((ref, arm))
        else:
            name = ref.name or arm.arm.name or ref.preset
            samples.append(Sample(name, arm.runs, _test_size(study.preset, arm.arm), bool(study.scaled)))
    if missing:
        sentence = _not_run(finding.study, missing)
        return Judged(finding, Verdict("undecided", sentence, missing=tuple(ref.title for ref, _ in missing)))
    verdict = finding.judge(samples)
    finite = {name: value for name, value in verdict.numbers.items() if math.isfinite(value)}
    return Judged(finding, replace(verdict, numbers=finite))


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


def _test_size(preset: Preset, arm: Arm) -> int:
    """Of its runs at the full size; 0 where nobody knows before they are read."""
    values = {**preset.hyperparameters, **arm.hyperparameters}
    fields = preset.exercise.hyperparameters.model_fields
    dataset, asked = (values.get(name, fields[name].default) for name in ("dataset", "test_size"))
    return int(asked) or DATASETS[dataset].test_size


def _not_run(own: str, missing: Sequence[tuple[Ref, ArmResult | None]]) -> str:
    """`Not run: by-hand, autograd and nn; 2 heads of fig-3.05.`; the study at which it is said is not named."""
    by_preset: dict[str, list[str]] = {}
    for ref, arm in missing:
        by_preset.setdefault(ref.preset, []).append(_called(ref, arm))
    if list(by_preset.items()) == [(own, [""])]:
        return "Not run yet."
    parts = []
    for preset, names in by_preset.items():
        named = _some(list(filter(None, names)))
        parts.append(preset if not named else named if preset == own else f"{named} of {preset}")
    return f"Not run: {'; '.join(parts)}."


def _called(ref: Ref, arm: ArmResult | None) -> str:
    """An arm as its study's table has it, words without the name of what they are a value of; "" for a whole study."""
    if not ref.where:
        return ""
    if ref.name or (arm is not None and "=" not in arm.arm.name):
        return ref.name or (arm.arm.name if arm else "")
    return " ".join(v if isinstance(v, str) else f"{name}={_written(v)}" for name, v in ref.where.items())


def _some(names: Sequence[str], most: int = 5) -> str:
    """`a, b and c`; names that have commas themselves stand between semicolons."""
    shown = list(names) if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1} more"]
    if any("," in name for name in shown):
        return "; ".join(shown)
    return " and ".join(filter(None, (", ".join(shown[:-1]), *shown[-1:])))
