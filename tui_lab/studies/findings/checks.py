"""From the runs of a few arms to an answer: differences and levels, held against what seeds differ by anyway.

A check takes arms by their places in what the finding is `of`, and answers only when the whole interval of the
estimate lies on one side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise

from tui_lab.runs.compare import Spread
from tui_lab.studies.curves import Trained
from tui_lab.studies.findings.estimate import ONE_EACH, Estimate, estimate
from tui_lab.studies.findings.finding import Answer, Judge, Sample, Verdict
from tui_lab.studies.findings.measures import ASSUMED, Measure, after, final
from tui_lab.studies.findings.sampling import EXACT, Sampling, sampling

CHANCE_MARGIN = 0.03  # an accuracy this much above chance has learned something

OPPOSITE: Mapping[Answer, Answer] = {"supported": "refuted", "refuted": "supported", "undecided": "undecided"}


@dataclass(frozen=True)
class Part:
    """One of the comparisons that a claim consists of.

    Attributes:
        spread: what seeds were held to differ by; sampling: and the error of too few test samples.
        has_too_few_samples: it is that error which leaves the answer open.
    """

    answer: Answer
    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    spread: str = ""
    sampling: Sampling = EXACT
    has_too_few_samples: bool = False


Check = Callable[[Sequence[Sample]], Part]


def all_of(*checks: Check) -> Judge:
    """A claim that holds when every part of it does: one part that is refuted refutes it."""

    def judge(samples: Sequence[Sample]) -> Verdict:
        parts = [check(samples) for check in checks]
        answer = worst([part.answer for part in parts])
        said = ". ".join(f"{part.sentence[:1].upper()}{part.sentence[1:]}" for part in parts)
        return Verdict(
            answer,
            " ".join(filter(None, (f"{said}.", _spread_sentence(parts, samples), _samples_sentence(parts, answer)))),
            {name: value for part in parts for name, value in part.numbers.items()},
        )

    return judge


def more(measure: Measure, arm: int, *others: int, by: float = 0.0) -> Check:
    """An arm has more of it than every other, by more than `by`."""

    def check(samples: Sequence[Sample]) -> Part:
        return _compared(measure, samples[arm], [samples[i] for i in others], low=by)

    return check


def less(measure: Measure, arm: int, *others: int, by: float = 0.0) -> Check:
    """An arm has less of it than every other, by more than `by`."""

    def check(samples: Sequence[Sample]) -> Part:
        return _compared(measure, samples[arm], [samples[i] for i in others], high=-by)

    return check


def alike(measure: Measure, first: int, *others: int, within: float) -> Check:
    """Every other arm differs from the first by at most `within`."""

    def check(samples: Sequence[Sample]) -> Part:
        return _compared(measure, samples[first], [samples[i] for i in others], low=-within, high=within)

    return check


def between(measure: Measure, *arms: int, low: float = -math.inf, high: float = math.inf) -> Check:
    """Every one of the arms has from `low` to `high` of it."""

    def check(samples: Sequence[Sample]) -> Part:
        chosen, found = [samples[i] for i in arms], []
        for sample in chosen:
            values = _values(measure, sample)
            if values is None:
                return _absent(measure, sample)
            spread = Spread.of(values)
            found.append(estimate(spread.mean, [spread], measure, [_sampling(measure, sample)]))
        widest = max(found, key=lambda one: one.margin)
        said = (
            f"{measure.name}: {_values_text(measure, chosen)}{_margin(measure, widest)} ({_asked(measure, low, high)})"
        )
        return Part(
            worst([one.answer(low, high) for one in found]),
            said,
            _numbers(measure, chosen),
            _joined(one.spread for one in found),
            _most(one.sampling for one in found),
            any(one.has_too_few_samples(low, high) for one in found),
        )

    return check


def at_chance(*arms: int, classes: int) -> Check:
    """The arms have learned nothing: they guess."""
    return between(final("train_accuracy"), *arms, high=1 / classes + CHANCE_MARGIN)


def sooner(measure: Measure, fast: int, slow: int, low: float = 0.0, high: float = math.inf) -> Check:
    """Arm `fast` gets there `low` to `high` epochs before arm `slow`, which may not get there at all."""

    def check(samples: Sequence[Sample]) -> Part:
        early, late = _values(measure, samples[fast]), _values(measure, samples[slow])
        if early is not None and late is not None:
            return _compared(measure, samples[slow], [samples[fast]], low=low, high=high)
        said = f"{measure.name}: " + ", ".join(_ever(measure, samples[i]) for i in (fast, slow))
        if early is None or _reach_it(measure, samples[slow]):
            behind = late is not None and not _reach_it(measure, samples[fast])
            return Part("refuted" if behind else "undecided", said)
        least = min(_length(run) for run in samples[slow].runs) - Spread.of(early).mean  # a bound from below
        answer: Answer = "undecided"
        if least > high:
            answer = "refuted"
        elif least >= low and high == math.inf:
            answer = "supported"
        asked = _asked(measure, low, high, is_difference=True)
        return Part(answer, f"{said} ({asked} between them)", _numbers(measure, [samples[fast]]))

    return check


def falling(measure: Measure, *arms: int) -> Check:
    """Each arm has less of it than the one before."""

    def check(samples: Sequence[Sample]) -> Part:
        return _ordered(measure, [samples[i] for i in arms])

    return check


def do_not_cross(metric: str, *arms: int, deviation: float, why: str = ASSUMED) -> Check:
    """The curves of the arms lie in one order from the first epoch to the last.

    Their means over the seeds decide whether they cross; where they do not, but lie within the spread, they might have.

    Args:
        metric: of the curves.
        deviation: over seeds, where no arm has several runs; why: where that comes from.
    """

    def check(samples: Sequence[Sample]) -> Part:
        chosen = [samples[i] for i in arms]
        name = metric.replace("_", " ")
        epochs = _shared_epochs(metric, chosen)
        if not epochs:
            return Part("undecided", f"{name}: no epoch that every run has")
        crossing, near, spreads, errors = [], [], [], []
        pairs = list(combinations(chosen, 2))
        for one, two in pairs:
            found = [(e, _difference_of(after(e, metric).assuming(deviation, why), one, two)) for e in epochs]
            steps = [(epoch, step) for epoch, step in found if isinstance(step, Estimate)]
            spreads += [step.spread for _, step in steps]
            errors += [step.sampling for _, step in steps]
            signed = [(epoch, step.value) for epoch, step in steps if step.value]
            swap = next((epoch for epoch, value in signed if value * signed[0][1] < 0), None)
            if swap is not None:
                crossing.append(f"{one.name} and {two.name} by epoch {swap}")
            elif not all(abs(step.value) > step.margin for _, step in steps):  # also where one is no number
                near.append(f"{one.name} and {two.name}")
        numbers = {f"pairs of {name} that cross": float(len(crossing)), "pairs": float(len(pairs))}
        spread, error = _joined(spreads), _most(errors)
        if crossing:
            said = f"{name}: {len(crossing)} of {len(pairs)} pairs cross: {'; '.join(crossing)}"
            return Part("refuted", said, numbers, sampling=error)
        if near:
            said = f"{name}: none cross; within the spread: {'; '.join(near)}"
            return Part("undecided", said, numbers, spread, error)
        return Part("supported", f"{name}: none of {len(pairs)} pairs cross or come close", numbers, spread, error)

    return check


def never_below(metric: str, arm: int, floor: float) -> Check:
    """A bound that arithmetic sets: no epoch of any run is below it."""

    def check(samples: Sequence[Sample]) -> Part:
        sample = samples[arm]
        lows = [low[1] for run in sample.runs if metric in run.curves and (low := run.curves[metric].lowest())]
        name = metric.replace("_", " ")
        if len(lows) < len(sample.runs):
            return Part("undecided", f"{sample.name} has no {name}")
        return Part(
            "supported" if min(lows) >= floor else "refuted",
            f"lowest {name} with {sample.name} {min(lows):.4f}, {floor:.4f} or more asked of every epoch",
            {f"lowest {name} {sample.name}": min(lows)},
        )

    return check


def coincide(measure: Measure, *arms: int, within: float) -> Check:
    """Runs with the same seed end the same in every arm: no spread is allowed for."""

    def check(samples: Sequence[Sample]) -> Part:
        by_seed: dict[int, list[float]] = {}
        for i in arms:
            for run in samples[i].runs:
                value = measure.read(run)
                if value is None:
                    return _absent(measure, samples[i])
                by_seed.setdefault(run.seed, []).append(value)
        shared = {seed: values for seed, values in by_seed.items() if len(values) == len(arms)}
        if not shared:
            return Part("undecided", "no seed has been run in every arm")
        worst = max(max(values) - min(values) for values in shared.values())
        return Part(
            "supported" if worst <= within else "undecided" if math.isnan(worst) else "refuted",
            f"{measure.name}: arms of the same seed differ by at most {worst:.2g}, {within:g} allowed",
            {"largest difference": worst},
        )

    return check


def chance_explains(measure: Measure, arm: int, published: Sequence[float]) -> Check:
    """Published values differ by no more than the seeds of one configuration do.

    Twice the deviation over the seeds still explains them, four times does not. Where each seed has its own part of the
    test samples, seeds differ by that too, and the published runs did not: only what is left without it explains them.
    """

    def check(samples: Sequence[Sample]) -> Part:
        values = _values(measure, samples[arm])
        if values is None:
            return _absent(measure, samples[arm])
        seeds, theirs = Spread.of(values), Spread.of(published).deviation or 0.0
        if seeds.deviation is None:
            return Part("undecided", f"{samples[arm].name} has one run, which tells nothing of chance")
        error = _sampling(measure, samples[arm])
        of_samples = error.deviation if error.counted.is_own else 0.0
        own = math.sqrt(max(0.0, seeds.deviation**2 - of_samples**2))
        answer: Answer = "supported" if theirs <= 2 * own else "undecided"
        if theirs > 4 * seeds.deviation:
            answer = "refuted"
        return Part(
            answer,
            f"{measure.name}: published arms deviate by {measure.distance(theirs)}, {seeds.n} seeds of one "
            f"configuration by {measure.distance(seeds.deviation)}",
            {"published deviation": theirs, "deviation over seeds": seeds.deviation},
            sampling=error,
            has_too_few_samples=answer == "undecided" and of_samples > 0,
        )

    return check


def not_by_chance(measure: Measure, arm: int, published: Sequence[float]) -> Check:
    """Published values differ by more than the seeds of one configuration do."""
    explains = chance_explains(measure, arm, published)

    def check(samples: Sequence[Sample]) -> Part:
        part = explains(samples)
        return replace(part, answer=OPPOSITE[part.answer])

    return check


# What they share


def worst(answers: Sequence[Answer]) -> Answer:
    """Of the parts of a claim: one that is refuted refutes the whole, one that is open leaves it open."""
    if "refuted" in answers:
        return "refuted"
    return "undecided" if "undecided" in answers else "supported"


def _spread_sentence(parts: Sequence[Part], samples: Sequence[Sample]) -> str:
    """What the numbers were held against: `Spread: 3 seeds; standard error of 100 test images: 3.6 points.`"""
    said = _joined(part.spread for part in parts)
    if ONE_EACH in said and any(sample.is_scaled for sample in samples):
        said += " at full size"  # smaller runs may differ more
    error = _most(part.sampling for part in parts)
    if error.deviation:
        of_samples = f"standard error of {_counted(error)}: {100 * error.deviation:.1f} points"
        said = "; ".join(filter(None, (said, of_samples)))
    unknown = next((part.sampling for part in parts if part.sampling.is_unknown), None)
    left_out = f"How far off a loss of {_counted(unknown)} is, nobody knows; it is left out." if unknown else ""
    return " ".join(filter(None, (f"Spread: {said}." if said else "", left_out)))


def _samples_sentence(parts: Sequence[Part], answer: Answer) -> str:
    """That more seeds would not do."""
    if answer != "undecided":
        return ""
    few = [part.sampling for part in parts if part.has_too_few_samples and part.answer == answer]
    return f"{_counted(_most(few))} are too few to tell." if few else ""


def _counted(error: Sampling) -> str:
    return f"{error.counted.size:,} test {error.counted.kind}"


def _most(errors: Iterable[Sampling]) -> Sampling:
    return max(errors, key=lambda error: (error.deviation, error.is_unknown), default=EXACT)


def _joined(spreads: Iterable[str]) -> str:
    """Each once; what they begin with together is said once."""
    distinct = list(dict.fromkeys(filter(None, spreads)))
    single = [spread.removeprefix(ONE_EACH) for spread in distinct if spread.startswith(ONE_EACH)]
    several = [spread for spread in distinct if not spread.startswith(ONE_EACH)]
    return "; ".join(several + ([ONE_EACH + ", ".join(single)] if single else []))


def _compared(
    measure: Measure, sample: Sample, others: Sequence[Sample], *, low: float = -math.inf, high: float = math.inf
) -> Part:
    """The differences between one arm and others, each from `low` to `high`; told is the one that decides."""
    found = []
    for other in others:
        difference = _difference_of(measure, sample, other)
        if isinstance(difference, Part):
            return difference
        found.append(difference)
    answers = [one.answer(low, high) for one in found]
    verdict = worst(answers)
    deciding = [one for one, answer in zip(found, answers, strict=True) if answer == verdict]
    told = min(deciding, key=lambda one: min(one.value - one.margin - low, high - one.value - one.margin))
    which = f" from {others[found.index(told)].name}" if len(others) > 1 else ""
    every = [sample, *others]
    said = f"{measure.name}: {_values_text(measure, every)}; {_signed(measure, told)}{which}"
    return Part(
        verdict,
        f"{said} ({_asked(measure, low, high, is_difference=True)})",
        {**_numbers(measure, every), f"difference in {measure.name}": told.value},
        _joined(one.spread for one in found),
        _most(one.sampling for one in found),
        any(one.has_too_few_samples(low, high) for one in found),
    )


def _difference_of(measure: Measure, first: Sample, second: Sample) -> Estimate | Part:
    values = [_values(measure, sample) for sample in (first, second)]
    for sample, found in zip((first, second), values, strict=True):
        if found is None:
            return _absent(measure, sample)
    spreads = [Spread.of(found) for found in values if found is not None]
    samplings = [_sampling(measure, sample) for sample in (first, second)]
    return estimate(spreads[0].mean - spreads[1].mean, spreads, measure, samplings)


def _ordered(measure: Measure, samples: Sequence[Sample]) -> Part:
    """Supported when every step down is certain; refuted when any arm is certainly above one before it."""
    steps = []
    for one, two in pairwise(samples):
        found = _difference_of(measure, one, two)
        if isinstance(found, Part):
            return found
        steps.append(found)
    against = [
        (one.name, two.name)
        for i, one in enumerate(samples)
        for two in samples[i + 1 :]
        if isinstance(found := _difference_of(measure, one, two), Estimate) and found.answer(low=0.0) == "refuted"
    ]
    answers = {step.answer(low=0.0) for step in steps}
    answer: Answer = "refuted" if against else "supported" if answers == {"supported"} else "undecided"
    unsure = [
        f"{one.name} and {two.name}"
        for (one, two), step in zip(pairwise(samples), steps, strict=True)
        if step.answer(low=0.0) == "undecided"
    ]
    said = f"{measure.name}: {_values_text(measure, samples)}"
    if against:
        said += f"; {against[0][1]} is above {against[0][0]}"
    elif unsure:
        said += f"; within the spread: {', '.join(unsure)}"
    return Part(
        answer,
        said,
        _numbers(measure, samples),
        "; ".join(dict.fromkeys(step.spread for step in steps)),
        _most(step.sampling for step in steps),
        any(step.has_too_few_samples(low=0.0) for step in steps),
    )


def _shared_epochs(metric: str, samples: Sequence[Sample]) -> list[int]:
    """The epochs after which every run of every sample has the metric."""
    curves = [run.curves.get(metric) for sample in samples for run in sample.runs]
    known = [set(curve.epochs) if curve else set() for curve in curves]
    return sorted(map(int, set.intersection(*known)))


def _values(measure: Measure, sample: Sample) -> list[float] | None:
    """Of every run; None when one has none."""
    values = [measure.read(run) for run in sample.runs]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else None


def _sampling(measure: Measure, sample: Sample) -> Sampling:
    """The error of its test samples, where the study has more of them."""
    counted = [run.counted for run in sample.runs]
    if measure.is_test_loss:
        fewest = min(counted, key=lambda one: one.size)
        return Sampling(counted=fewest, is_unknown=0 < fewest.size < sample.test_size)
    return sampling([measure.accuracies(run) for run in sample.runs], counted, sample.test_size)


def _numbers(measure: Measure, samples: Sequence[Sample]) -> dict[str, float]:
    return {
        f"{measure.name} {sample.name}": 2**mean if measure.unit == "factor" else mean
        for sample in samples
        if (values := _values(measure, sample)) and math.isfinite(mean := Spread.of(values).mean)
    }


def _values_text(measure: Measure, samples: Sequence[Sample]) -> str:
    parts = []
    for sample in samples:
        values = _values(measure, sample)
        parts.append(f"{sample.name} {measure.text(Spread.of(values).mean) if values else '-'}")
    return ("; " if any("," in sample.name for sample in samples) else ", ").join(parts)


def _absent(measure: Measure, sample: Sample) -> Part:
    return Part("undecided", f"{measure.name}: none with {sample.name}")


def _reach_it(measure: Measure, sample: Sample) -> bool:
    """Whether any run has a value."""
    return any(measure.read(run) is not None for run in sample.runs)


def _ever(measure: Measure, sample: Sample) -> str:
    values = [value for run in sample.runs if (value := measure.read(run)) is not None]
    if not values:
        return f"{sample.name} not within its {min(map(_length, sample.runs)):.0f} epochs"
    some = "" if len(values) == len(sample.runs) else f" in {len(values)} of {len(sample.runs)} runs"
    return f"{sample.name} {measure.text(Spread.of(values).mean)}{some}"


def _length(run: Trained) -> float:
    return max((curve.epochs[-1] for curve in run.curves.values() if curve.epochs), default=0.0)


def _margin(measure: Measure, found: Estimate) -> str:
    return f" ± {measure.distance(found.margin)}" if found.margin and measure.unit != "factor" else ""


def _signed(measure: Measure, found: Estimate) -> str:
    if measure.unit == "factor":
        low, high = 2 ** (found.value - found.margin), 2 ** (found.value + found.margin)
        return f"{measure.distance(found.value)} ({low:.2f} to {high:.2f})"
    sign = "+" if found.value >= 0 else "−"
    return f"a difference of {sign}{measure.distance(abs(found.value), found.margin)}"


def _asked(measure: Measure, low: float, high: float, *, is_difference: bool = False) -> str:
    write = measure.distance if is_difference else measure.text
    if low == -high:
        return f"asked: within {write(high)}"
    if low == -math.inf:
        return f"asked: {'below' if is_difference else 'at most'} {write(high)}"
    if high == math.inf:
        return f"asked: {'more than' if is_difference else 'at least'} {write(low)}"
    return f"asked: {write(low)} to {write(high)}"
