"""A study as rich text: how far it has come, its table, and its verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tui_lab.charts.text import printable
from tui_lab.runs.sentences import duration
from tui_lab.studies.findings import MARKS, Judged
from tui_lab.studies.results import StudyResult, scaled_words
from tui_lab.studies.table import Column, study_table
from tui_lab.tui.studies.listing import Standing

PADDING = 3  # cells between two columns of a table
STYLES = {"supported": "bold", "refuted": "bold", "undecided": "dim"}


def line_of(standing: Standing) -> Text:
    """`✓ 7/7  fig-2.02`: how far it has come of what it asks for."""
    study = standing.study
    is_done = study.finished == study.planned
    mark = "●" if standing.live else "○" if standing.waiting else "✓" if is_done else "·" if study.finished else " "
    count = f"{study.finished}/{study.planned}"
    text = Text.assemble((f"{mark} ", "bold"), (f"{count:>7}  ", "dim"), standing.preset.name)
    if study.scaled:
        text.append(" scaled", "dim italic")
    return text


def progress_of(standing: Standing) -> str:
    """`7 arms, 3 of 7 runs finished, 1 training`."""
    study = standing.study
    parts = (
        f"{len(study.arms)} arm{'s' if len(study.arms) > 1 else ''}",
        f"{study.finished} of {study.planned} runs finished",
        f"{standing.live} training" if standing.live else "",
        f"{standing.waiting} waiting" if standing.waiting else "",
    )
    return ", ".join(filter(None, parts))


def cost_of(standing: Standing) -> str:
    """What is missing would take, one run after the other, by what runs like it took on this machine."""
    cost = standing.cost
    if not cost.runs:
        return ""
    runs = f"{cost.runs} run{'s' if cost.runs > 1 else ''} to train"
    if cost.seconds is None:
        return f"{runs}; how long one takes here is known when the first has finished."
    return f"{runs}, about {duration(cost.seconds)} one after the other, by {cost.measured_on} that were trained here."


def page_of(standing: Standing, width: int, *, ascii: bool = False) -> RenderableType:
    """The whole page but for the preset's own text, `width` cells wide."""
    study = standing.study
    parts: list[RenderableType] = []
    if study.scaled:
        parts.append(Text(f"Scaled: {scaled_words(study.scaled)}. Its numbers are not those of the study.", "bold"))
    if cost := cost_of(standing):
        parts.append(Text(cost, "dim"))
    parts += [Text(), table_of(study, width, ascii=ascii)]
    if standing.judged:
        parts += [Text(), verdicts_of(standing.judged, ascii=ascii)]
    return Group(*parts)


def table_of(study: StudyResult, width: int, *, ascii: bool = False) -> Table:
    """An arm a row. Where there is no room for every column, losses go first, then the best epoch, then the seeds."""
    shown = study_table(study)
    widths = [
        max(len(column.title), *(len(row[i]) for row in shown.rows)) + PADDING for i, column in enumerate(shown.columns)
    ]
    kept = set(range(len(shown.columns)))
    for i in sorted(kept, key=lambda i: _worth(shown.columns, i)):
        if sum(widths[k] for k in kept) <= width:
            break
        kept.discard(i)
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for i, column in enumerate(shown.columns):
        if i in kept:
            style = "dim" if column.is_published else ""
            made.add_column(Text(column.title, style), justify="right" if i else "left", no_wrap=True, style=style)
    for row in shown.rows:
        made.add_row(*(Text(printable(cell, ascii=ascii)) for i, cell in enumerate(row) if i in kept))
    return made


def _worth(columns: Sequence[Column], i: int) -> int:
    """How much a column would be missed. One of published values is worth what the measured ones before it are."""
    if columns[i].is_published:
        return _worth(columns, i - 1)
    title = columns[i].title
    kinds = ("loss", "best", "seeds", "train", "test", "arm")
    return next(rank for rank, kind in enumerate(kinds) if kind in title) if i else len(kinds)


def verdicts_of(judged: Iterable[Judged], *, ascii: bool = False) -> Table:
    """Mark and word, and beside them the claim, who makes it, and the numbers."""
    made = Table.grid(padding=(0, 2, 1, 0))
    made.add_column(no_wrap=True)
    made.add_column()
    for one in judged:
        answer = one.verdict.answer
        claim = Text(printable(f"{one.finding.claim} ({one.finding.says})", ascii=ascii))
        numbers = Text(printable(one.sentence, ascii=ascii), "dim")
        made.add_row(Text(f"{MARKS[answer][ascii]} {answer}", STYLES[answer]), Group(claim, numbers))
    return made
