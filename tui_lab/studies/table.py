"""The table of a study as text: an arm a row, measured beside published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui_lab.runs.compare import Spread
from tui_lab.studies.results import ArmResult, StudyResult

TITLES = {  # of what is measured after the last epoch
    "train_accuracy": "train %",
    "train_eval_accuracy": "train, eval mode %",
    "validation_accuracy": "validation %",
    "test_accuracy": "test %",
    "train_loss": "train loss",
    "train_eval_loss": "train loss, eval mode",
    "validation_loss": "validation loss",
    "test_loss": "test loss",
}
NONE = "-"


@dataclass(frozen=True)
class Column:
    """A column of numbers but for the first; `is_published`: what the practical reports, beside the one before."""

    title: str
    is_published: bool = False


@dataclass(frozen=True)
class StudyTable:
    """Titles, and a row an arm in the order of the study."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]


def study_table(study: StudyResult) -> StudyTable:
    """Mean ± sample standard deviation over the seeds after the last epoch, and the best test accuracy of an epoch.

    Accuracies are in percent. A spread is shown where there are several seeds.
    """
    metrics = study.metrics
    published = {name for name in metrics if any(name in arm.arm.published for arm in study.arms)}
    columns = [Column("arm"), Column("seeds")]
    for name in metrics:
        columns.append(Column(TITLES[name]))
        if name in published:
            columns.append(Column("report", is_published=True))
    rows = [_row(arm, metrics, published) for arm in study.arms]
    if not study.preset.exercise.is_fitted:  # which has one epoch, the last
        columns.append(Column("best test % @ epoch"))
        rows = [(*row, _best(arm)) for row, arm in zip(rows, study.arms, strict=True)]
    return StudyTable(tuple(columns), tuple(rows))


def _row(arm: ArmResult, metrics: Sequence[str], published: set[str]) -> tuple[str, ...]:
    cells = [arm.arm.name or NONE, f"{len(arm.finished)}/{arm.planned}"]
    for name in metrics:
        cells.append(_spread(arm.last.get(name), name))
        if name in published:
            cells.append(_number(arm.arm.published[name], name) if name in arm.arm.published else NONE)
    return tuple(cells)


def _spread(spread: Spread | None, name: str) -> str:
    if spread is None:
        return NONE
    deviation = "" if spread.deviation is None else f" ± {_number(spread.deviation, name)}"
    return f"{_number(spread.mean, name)}{deviation}"


def _number(value: float, name: str) -> str:
    return f"{100 * value:.1f}" if name.endswith("_accuracy") else f"{value:.3f}"


def _best(arm: ArmResult) -> str:
    spread = arm.best.get("test_accuracy")
    if spread is None:
        return NONE
    first, last = min(arm.best_epochs), max(arm.best_epochs)
    epochs = f"{first:g}" if first == last else f"{first:g}-{last:g}"
    return f"{100 * spread.mean:.1f} @ {epochs}"
