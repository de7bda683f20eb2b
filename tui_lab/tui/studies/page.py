"""A study as rich text: how far it has come, its table, and its verdicts."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tui_lab.charts.text import printable
from tui_lab.runs.fields import text_of
from tui_lab.runs.sentences import percent
from tui_lab.runs.status import LIVE_STATES
from tui_lab.studies.findings import MARKS, Judged
from tui_lab.studies.results import scaled_sentence
from tui_lab.studies.table import NONE, StudyTable, study_table
from tui_lab.tui.studies.listing import Standing

MOST_NODES = 3  # that are named in a line
MOST_ROWS = 12  # of runs on nodes
STYLES = {"supported": "bold", "refuted": "bold", "undecided": "dim"}


def line_of(standing: Standing) -> Text:
    """`✓ 7/7  fig-2.02`: how far it has come of what it asks for."""
    study = standing.study
    is_done = study.finished == study.planned
    mark = "●" if standing.live else "○" if standing.waiting else "✓" if is_done else "·" if study.finished else " "
    count = f"{study.finished}/{study.planned}"
    text = Text.assemble((f"{mark} ", "bold"), f"{count:>7}  ", standing.preset.name)
    if study.scaled:
        text.append(" scaled", "dim italic")
    return text


def progress_of(standing: Standing) -> str:
    """`7 arms, 3 of 7 runs finished, 2 training on gpubox, lab07`; of those on this machine, no name."""
    study = standing.study
    nodes = sorted({entry.status.node for entry in standing.entries if entry.state in LIVE_STATES} - {""})
    more = f" and {len(nodes) - MOST_NODES} more" if len(nodes) > MOST_NODES else ""
    where = f" on {', '.join(nodes[:MOST_NODES])}{more}" if nodes else ""
    parts = (
        f"{len(study.arms)} arm{'s' if len(study.arms) > 1 else ''}",
        f"{study.finished} of {study.planned} runs finished",
        f"{standing.live} training{where}" if standing.live else "",
        f"{standing.waiting} waiting" if standing.waiting else "",
    )
    return ", ".join(filter(None, parts))


def page_of(standing: Standing, width: int, *, timing: str = "", ascii: bool = False) -> RenderableType:
    """The whole page but for the preset's own text, `width` cells wide. `timing` is what is said while the time that
    runs would take is measured."""
    study = standing.study
    parts: list[RenderableType] = []
    if study.scaled:
        parts.append(Text(scaled_sentence(study.scaled), "bold"))
    if cost := timing or standing.cost.sentence:
        parts.append(Text(cost, "dim"))
    shown, left_out = study_table(study).fitted(width)
    parts += [Text(), table_of(shown, ascii=ascii)]
    if left_out:
        parts.append(Text(f"No room for {', '.join(left_out)}.", "dim"))
    if (on_nodes := nodes_of(standing)) is not None:
        parts += [Text(), on_nodes]
    if standing.judged:
        parts += [Text(), verdicts_of(standing.judged, ascii=ascii)]
    return Group(*parts)


def table_of(shown: StudyTable, *, ascii: bool = False) -> Table:
    """An arm a row."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, column in enumerate(shown.columns):
        style = "dim" if column.is_published else ""
        made.add_column(Text(column.title, style), justify="right" if i else "left", no_wrap=True, style=style)
    for row in shown.rows:
        made.add_row(*(Text(printable(cell, ascii=ascii)) for cell in row))
    return made


def nodes_of(standing: Standing) -> RenderableType | None:
    """What trains on a cluster, a run a row, by node; None where nothing does."""
    found = sorted(
        (
            (entry.status.node, arm.arm.name, entry)
            for arm in standing.study.arms
            for entry in arm.entries
            if entry.state in LIVE_STATES and entry.status.node
        ),
        key=lambda row: (*row[:2], row[2].run.id),
    )
    if not found:
        return None
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("node", "arm", "seed", "run", "epoch", "test %"):
        made.add_column(title, justify="right" if title in ("seed", "epoch", "test %") else "left", no_wrap=True)
    for node, arm, entry in found[:MOST_ROWS]:
        status = entry.status
        made.add_row(
            Text(node),
            Text(arm or NONE),
            text_of(status.hyperparameters.get("seed", NONE)),
            entry.run.id.rsplit("-", 1)[-1],
            f"{status.epoch}/{status.epochs}",
            percent(status.last.get("test_accuracy")),
        )
    left = len(found) - MOST_ROWS
    return Group(made, Text(f"and {left} more: o lists all runs", "dim")) if left > 0 else made


def verdicts_of(judged: Iterable[Judged], *, ascii: bool = False) -> Table:
    """Mark and word, and beside them the claim, who makes it, and the numbers."""
    made = Table.grid(padding=(0, 2, 1, 0))
    made.add_column(no_wrap=True)
    made.add_column()
    for one in judged:
        answer = one.verdict.answer
        claim = Text(printable(one.claim, ascii=ascii))
        numbers = Text(printable(one.sentence, ascii=ascii), "dim")
        made.add_row(Text(f"{MARKS[answer][ascii]} {answer}", STYLES[answer]), Group(claim, numbers))
    return made
