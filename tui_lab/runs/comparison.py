"""What is written of runs side by side: what each is called, what sets configurations apart, how much is chance."""

from __future__ import annotations

from collections.abc import Sequence

from tui_lab.runs.compare import EXECUTION, SeedGroup, Spread, differing
from tui_lab.runs.fields import text_of
from tui_lab.runs.store import Listed

NAME_WIDTH = 20  # characters of a given name

MEASURED = {  # over seeds, by title: where, and what
    "best test %": ("best", "test_accuracy"),
    "last test %": ("last", "test_accuracy"),
    "best test loss": ("best", "test_loss"),
    "last test loss": ("last", "test_loss"),
    "best validation %": ("best", "validation_accuracy"),
    "last validation %": ("last", "validation_accuracy"),
    "best validation loss": ("best", "validation_loss"),
    "last validation loss": ("last", "validation_loss"),
}


def short_name(entry: Listed, others: Sequence[Listed]) -> str:
    """Its given name, the word that ends its id, or its whole id: the first that no other run shares."""
    word = entry.run.id.rsplit("-", 1)[-1]
    if entry.label.name and sum(other.label.name == entry.label.name for other in others) == 1:
        name = entry.label.name
        return name if len(name) <= NAME_WIDTH else f"{name[: NAME_WIDTH - 3]}..."
    is_unique = sum(other.run.id.endswith(f"-{word}") for other in others) == 1
    return word if is_unique else entry.run.id


def group_labels(groups: Sequence[SeedGroup]) -> list[str]:
    """What sets each configuration apart: `lr=0.1 momentum=0.9`."""
    differences = differing([group.entries[0] for group in groups])
    labels = []
    for i, group in enumerate(groups):
        values = {name: found[i] for name, found in differences.items() if name not in EXECUTION}
        parts = [f"{name}={text_of(value)}" for name, value in values.items() if value is not None]
        if group.changed_lr:
            parts.append(f"changed_lr={group.changed_lr:g}")
        if len({group.exercise for group in groups}) > 1 or not parts:
            parts.insert(0, group.exercise)
        labels.append(" ".join(parts))
    return labels


def spread_text(spread: Spread | None, metric: str) -> str:
    """`70.12 ± 0.35 (3)`, accuracies in percent, with the number of runs; "-" where there is none."""
    if spread is None:
        return "-"
    scale, digits = (100, 2) if metric.endswith("_accuracy") else (1, 4)
    deviation = "" if spread.deviation is None else f" ± {scale * spread.deviation:.{digits}f}"
    return f"{scale * spread.mean:.{digits}f}{deviation} ({spread.n})"
