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
BEST = "best test % @ epoch"
DISPENSABLE = (  # what a narrow terminal does without, in this order; an arm's name and its test accuracy stay
    *("train loss, eval mode", "validation loss", "train, eval mode %", "train loss", BEST, "test loss"),
    *("validation %", "train %"),
)
GAP = 3  # columns between two cells
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

    @property
    def width(self) -> int:
        """In characters, with `GAP` between two columns."""
        cells = [[column.title, *(row[i] for row in self.rows)] for i, column in enumerate(self.columns)]
        return sum(max(map(len, column)) for column in cells) + GAP * (len(cells) - 1)

    def fitted(self, width: int) -> tuple[StudyTable, list[str]]:
        """The table without the columns for which there is no room, and their titles."""
        left_out = []
        fitting = self
        for title in DISPENSABLE:
            if fitting.width <= width:
                break
            narrower = fitting._without(title)
            left_out += [title] if narrower.columns != fitting.columns else []
            fitting = narrower
        return fitting, left_out

    def _without(self, title: str) -> StudyTable:
        """Without a column and what is published beside it."""
        dropped = {i for i, column in enumerate(self.columns) if column.title == title}
        dropped |= {i + 1 for i in dropped if i + 1 < len(self.columns) and self.columns[i + 1].is_published}
        kept = [i for i in range(len(self.columns)) if i not in dropped]
        rows = tuple(tuple(row[i] for i in kept) for row in self.rows)
        return StudyTable(tuple(self.columns[i] for i in kept), rows)


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
        columns.append(Column(BEST))
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
