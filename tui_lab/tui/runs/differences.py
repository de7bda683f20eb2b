"""Tables about runs: one as it was made, several side by side, and what is left when chance is averaged out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from tui_lab.labs.catalogue import EXERCISES
from tui_lab.runs.compare import SeedGroup, by_seed, differing
from tui_lab.runs.comparison import MEASURED, group_labels, short_name, spread_text
from tui_lab.runs.fields import text_of
from tui_lab.runs.sentences import MARKS, duration, execution, percent
from tui_lab.runs.status import Status
from tui_lab.runs.store import Listed

RUN_WIDTH = 10  # at least, of the column of a run
Rows = Sequence[tuple[str, Sequence[str]]]


def about(entry: Listed) -> RenderableType:
    """How a run stands, and what is not as its exercise has it by default."""
    status = entry.status
    head = Text(entry.label.name or entry.run.id, "bold", overflow="fold")
    facts = [f"{MARKS[entry.state][0]} {entry.state}", status.exercise, status.preset, execution(status)]
    lines: list[RenderableType] = [head, Text(", ".join(filter(None, facts)), "dim")]
    if entry.label.note:
        lines.append(Text(entry.label.note, "italic"))
    if status.message:
        lines.append(Text(f"{status.message} {status.hint}".strip()))
    changed = _changed(status)
    if changed:
        lines += [Text(), _table(["changed", "to", "default"], changed)]
    measured = _measured([status])
    return Group(*lines, Text(), _table(["", ""], measured))


def _changed(status: Status) -> Rows:
    """The hyperparameters that are not the defaults; of an unknown exercise all."""
    rows = [("lr, while it trained", [f"{status.changed_lr:g}", ""])] if status.changed_lr else []
    exercise = EXERCISES.get(status.exercise)
    if exercise is None:
        return [*rows, *((name, [text_of(value), ""]) for name, value in status.hyperparameters.items())]
    for name, declared in exercise.declarations.items():
        value = status.hyperparameters.get(name, declared.default)
        if value != declared.default:
            rows.append((name, [text_of(value), text_of(declared.default)]))
    return rows


def side_by_side(entries: Sequence[Listed], styles: Sequence[Style], width: int) -> RenderableType:
    """Runs in columns: the hyperparameters in which they differ, then what was measured.

    Args:
        entries: at least two runs.
        styles: of the name of each.
        width: cells. Runs that do not fit beside the others come below them.
    """
    names = [Text(short_name(entry, entries), style) for entry, style in zip(entries, styles, strict=True)]
    differences = [
        (name, ["-" if value is None else text_of(value) for value in values])
        for name, values in differing(entries).items()
    ]
    same = [] if differences else [("the same hyperparameters", ["" for _ in entries])]
    rows = [("state", [entry.state for entry in entries]), *_measured([entry.status for entry in entries])]
    label_width = max(len(name) for name, _ in [*differences, *same, *rows]) + 2
    at_once = max(1, (width - label_width) // (RUN_WIDTH + 2))
    blocks: list[RenderableType] = []
    for start in range(0, len(entries), at_once):
        part = slice(start, start + at_once)
        made = _table(["", *names[part]], [(name, values[part]) for name, values in [*differences, *same]])
        made.add_section()
        for name, values in rows:
            made.add_row(Text(name, "dim"), *map(Text, values[part]))
        blocks += [made, Text()]
    return Group(*blocks[:-1])


def _measured(statuses: Sequence[Status]) -> Rows:
    """Best, not last, and what it took."""
    has_validation = any("validation_accuracy" in status.best for status in statuses)
    rows = [
        ("best test %", [percent(status.best.get("test_accuracy")) for status in statuses]),
        ("at epoch", [f"{status.best['epoch']:g}" if "epoch" in status.best else "-" for status in statuses]),
        ("last test %", [percent(status.last.get("test_accuracy")) for status in statuses]),
        ("last train %", [percent(status.last.get("train_accuracy")) for status in statuses]),
        ("epochs", [f"{status.epoch}/{status.epochs}" for status in statuses]),
        ("trained for", [duration(status.elapsed) for status in statuses]),
    ]
    if has_validation:
        rows.insert(0, ("best validation %", [percent(status.best.get("validation_accuracy")) for status in statuses]))
    return rows


def over_seeds(entries: Iterable[Listed]) -> RenderableType | None:
    """Mean ± sample standard deviation of each configuration; None where no two runs are of the same."""
    groups = by_seed(entries)
    if not any(len(group.counted) > 1 for group in groups):
        return None
    blocks: list[RenderableType] = [Text("Over seeds: mean ± standard deviation (runs)", "bold")]
    for label, group in zip(group_labels(groups), groups, strict=True):
        blocks += [Text(), _table([Text(label), ""], _spreads(group))]
    return Group(*blocks)


def _spreads(group: SeedGroup) -> Rows:
    found = [
        (title, [spread_text(group.best.get(metric) if moment == "best" else group.last.get(metric), metric)])
        for title, (moment, metric) in MEASURED.items()
        if metric in group.best
    ]
    epochs = ", ".join(f"{epoch:g}" for epoch in group.best_epochs)
    return [*found, ("at epochs", [epochs or "-"]), ("seeds", [", ".join(map(str, group.seeds)) or "-"])]


def _table(heads: Sequence[str | Text], rows: Rows) -> Table:
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=any(map(str, heads)), header_style="dim")
    for i, head in enumerate(heads):
        made.add_column(head, justify="left" if i == 0 else "right", overflow="ellipsis", no_wrap=i == 0)
    for name, values in rows:
        made.add_row(Text(name, "dim"), *map(Text, values))
    return made
