"""`tui-lab runs compare`: runs side by side, and what several seeds agree on."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from tui_lab.cli.arguments import AsJson, SomeRuns
from tui_lab.cli.context import places
from tui_lab.cli.runs_list import summary

if TYPE_CHECKING:
    from tui_lab.runs.compare import SeedGroup
    from tui_lab.runs.status import Status
    from tui_lab.runs.store import Listed

LABEL_WIDTH, RUN_WIDTH = 24, 14  # columns of a comparison


def compare(context: typer.Context, runs: SomeRuns, as_json: AsJson = False) -> None:
    """Runs side by side: metrics, only the hyperparameters that differ, and mean ± spread over seeds."""
    from tui_lab.cli.output import data_console, print_json, say
    from tui_lab.runs.compare import by_seed, differing
    from tui_lab.runs.store import listed

    store = places(context).store
    found = {run.id: run for run in map(store.find, runs)}
    entries = [listed(run) for run in found.values()]
    differences, groups = differing(entries), by_seed(entries)
    if as_json:
        print_json(
            {
                "runs": [summary(entry) for entry in entries],
                "differing": differences,
                "groups": [_group_summary(group) for group in groups],
            }
        )
        return
    console = data_console()
    at_once = max(1, (console.width - LABEL_WIDTH) // RUN_WIDTH)
    for start in range(0, len(entries), at_once):
        shown = range(start, min(start + at_once, len(entries)))
        console.print(_comparison(entries, differences, shown))
    if any(len(group.counted) > 1 for group in groups):
        console.print(_over_seeds(groups))
        left_out = len(entries) - sum(len(group.counted) for group in groups)
        if left_out:
            say(f"{left_out} of {len(entries)} not counted: only finished runs are, and each seed once.")


def _comparison(entries: list[Listed], differing: dict[str, list[Any]], shown: range) -> Any:
    from rich.markup import escape
    from rich.text import Text

    from tui_lab.cli.output import table
    from tui_lab.runs.comparison import short_name
    from tui_lab.runs.fields import text_of

    these = [entries[i] for i in shown]
    made = table("", *(f">{escape(short_name(entry, entries))}" for entry in these))
    made.columns[0].no_wrap = True
    made.add_row("state", *(entry.state for entry in these))
    for name, values in differing.items():
        made.add_row(name, *(Text("-" if values[i] is None else text_of(values[i])) for i in shown))
    made.add_section()
    for label, cells in _compared_metrics([entry.status for entry in these]):
        made.add_row(label, *cells)
    return made


def _compared_metrics(statuses: list[Status]) -> list[tuple[str, list[str]]]:
    from tui_lab.runs.sentences import duration, percent

    rows = [
        ("best test %", [percent(s.best.get("test_accuracy")) for s in statuses]),
        ("at epoch", [f"{s.best['epoch']:g}" if "epoch" in s.best else "-" for s in statuses]),
        ("last test %", [percent(s.last.get("test_accuracy")) for s in statuses]),
        ("last train %", [percent(s.last.get("train_accuracy")) for s in statuses]),
        ("epochs", [f"{s.epoch}/{s.epochs}" for s in statuses]),
        ("trained for", [duration(s.elapsed) for s in statuses]),
    ]
    if any(s.changed_lr for s in statuses):
        rows.append(("changed lr", [f"{s.changed_lr:g}" if s.changed_lr else "-" for s in statuses]))
    return rows


# Over seeds


def _over_seeds(groups: list[SeedGroup]) -> Any:
    """Mean ± sample standard deviation (number of seeds) of each configuration, a column a configuration."""
    from rich.markup import escape
    from rich.text import Text

    from tui_lab.cli.output import table
    from tui_lab.runs.comparison import MEASURED, group_labels, spread_text

    made = table("over seeds", *(f">{escape(label)}" for label in group_labels(groups)))
    made.columns[0].no_wrap = True
    for title, (moment, metric) in MEASURED.items():
        spreads = [getattr(group, moment).get(metric) for group in groups]
        if any(spreads):
            made.add_row(title, *(Text(spread_text(spread, metric)) for spread in spreads))
    made.add_row("at epochs", *(Text(", ".join(f"{epoch:g}" for epoch in group.best_epochs)) for group in groups))
    made.add_row("seeds", *(Text(", ".join(map(str, group.seeds))) for group in groups))
    return made


def _group_summary(group: SeedGroup) -> dict[str, Any]:
    return {
        "exercise": group.exercise,
        "hyperparameters": dict(group.hyperparameters),
        "changed_lr": group.changed_lr,
        "runs": [entry.run.id for entry in group.entries],
        "counted": [entry.run.id for entry in group.counted],
        "seeds": list(group.seeds),
        "best": {name: asdict(spread) for name, spread in group.best.items()},
        "last": {name: asdict(spread) for name, spread in group.last.items()},
        "best_epochs": list(group.best_epochs),
    }
