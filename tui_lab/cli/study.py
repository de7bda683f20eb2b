"""What is said of a study on the command line: what it would run, and its table at the end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from tui_lab.cli.output import data_console, say, table

if TYPE_CHECKING:
    from rich.table import Table

    from tui_lab.studies.results import ArmResult, StudyResult

# Columns by title: at the last epoch, in short
TITLES = {
    "train_accuracy": "train %",
    "train_eval_accuracy": "train, eval mode %",
    "validation_accuracy": "validation %",
    "test_accuracy": "test %",
    "train_loss": "train loss",
    "train_eval_loss": "train loss, eval mode",
    "validation_loss": "validation loss",
    "test_loss": "test loss",
}


def show_study(study: StudyResult) -> None:
    """The table of a study on stdout, and on stderr what is missing of it."""
    console = data_console()
    console.print(f"{study.preset.name}  {study.preset.title}", markup=False, style="bold")
    if study.scaled:
        said = ", ".join(f"{name} {_size(now)} in place of {_size(full)}" for name, (full, now) in study.scaled.items())
        console.print(f"Scaled: {said}. Its numbers are not those of the study.", markup=False)
    console.print(study_table(study))
    if study.finished < study.planned:
        say(f"{study.planned - study.finished} of {study.planned} runs are not finished; run it again to go on.")


def study_table(study: StudyResult) -> Table:
    """An arm a row: measured after the last epoch, as mean ± spread over the seeds, beside published."""
    from rich.text import Text

    metrics = [name for name in study.metrics if name.startswith(("train_", "test_", "validation_"))]
    made = table("arm", ">seeds")
    for name in metrics:
        made.add_column(TITLES[name], justify="right", no_wrap=True)
        if any(name in arm.arm.published for arm in study.arms):
            made.add_column(Text("report", "dim"), justify="right", no_wrap=True, style="dim")
    made.add_column("best test % @ epoch", justify="right", no_wrap=True)
    for arm in study.arms:
        cells: list[Any] = [arm.arm.name or "-", f"{len(arm.finished)}/{arm.planned}"]
        for name in metrics:
            cells.append(_spread(arm, name))
            if any(name in other.arm.published for other in study.arms):
                cells.append(_value(arm.arm.published.get(name, math.nan), name))
        made.add_row(*(Text(str(cell)) for cell in cells), Text(_best(arm)))
    return made


def study_json(study: StudyResult) -> dict[str, Any]:
    """The same, for scripts: shares and nats."""
    from dataclasses import asdict

    return {
        "study": study.preset.name,
        "title": study.preset.title,
        "exercise": study.preset.exercise.name,
        "planned": study.planned,
        "finished": study.finished,
        "scaled": {name: {"full": full, "now": now} for name, (full, now) in study.scaled.items()},
        "arms": [
            {
                "name": arm.arm.name,
                "hyperparameters": dict(arm.arm.hyperparameters),
                "published": dict(arm.arm.published),
                "runs": [entry.run.id for entry in arm.entries],
                "finished": [entry.run.id for entry in arm.finished],
                "last": {name: asdict(spread) for name, spread in arm.last.items()},
                "best": {name: asdict(spread) for name, spread in arm.best.items()},
                "best_epochs": list(arm.best_epochs),
            }
            for arm in study.arms
        ],
    }


def _spread(arm: ArmResult, name: str) -> str:
    spread = arm.last.get(name)
    if spread is None:
        return "-"
    scale, digits = (100, 1) if name.endswith("_accuracy") else (1, 3)
    deviation = "" if spread.deviation is None else f" ± {scale * spread.deviation:.{digits}f}"
    return f"{scale * spread.mean:.{digits}f}{deviation}"


def _value(value: float, name: str) -> str:
    if math.isnan(value):
        return "-"
    return f"{100 * value:.1f}" if name.endswith("_accuracy") else f"{value:.3f}"


def _best(arm: ArmResult) -> str:
    spread = arm.best.get("test_accuracy")
    if spread is None:
        return "-"
    first, last = min(arm.best_epochs), max(arm.best_epochs)
    epochs = f"{first:g}" if first == last else f"{first:g}-{last:g}"
    return f"{100 * spread.mean:.1f} @ {epochs}"


def _size(value: Any) -> str:
    return "all" if value == 0 else f"{value:,}"
