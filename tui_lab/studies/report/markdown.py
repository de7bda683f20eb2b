"""The report as Markdown, with its charts as pictures beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tui_lab.studies.findings import MARKS
from tui_lab.studies.report.chapter import Chapter, Made
from tui_lab.studies.svg import to_svg
from tui_lab.studies.table import study_table

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~&])")
CHARTS = "charts"  # the folder of the pictures


def to_markdown(chapters: Sequence[Chapter], *, with_pictures: bool = True) -> str:
    """The whole report; `with_pictures`: with links to the files of `pictures`."""
    lines = ["# Studies", ""]
    for chapter in chapters:
        lines += _chapter(chapter, with_pictures=with_pictures)
    return "\n".join(lines).rstrip() + "\n"


def pictures(chapters: Iterable[Chapter]) -> dict[str, str]:
    """The content of the charts by path, relative to the report."""
    return {
        _path(chapter, i): to_svg(chart, standalone=True)
        for chapter in chapters
        for i, chart in enumerate(chapter.charts)
    }


def _chapter(chapter: Chapter, *, with_pictures: bool) -> list[str]:
    study = chapter.study
    lines = [f"## {escaped(study.preset.name)}: {escaped(study.preset.title)}", ""]
    if chapter.warning:
        lines += [f"**{escaped(chapter.warning)}**", ""]
    if chapter.about:
        lines += [escaped(chapter.about), ""]
    lines += [f"{study.finished} of {study.planned} runs finished. Made with:", "", f"    {chapter.command}", ""]
    shown = study_table(study)
    lines += _table([column.title for column in shown.columns], shown.rows, numbers_from=1)
    if with_pictures:
        for i, chart in enumerate(chapter.charts):
            lines.append(f"![{escaped(chart.title)} by epoch]({_path(chapter, i)})")
        lines += [""] if chapter.charts else []
    if chapter.judged:
        lines += ["### Findings", ""]
        for one in chapter.judged:
            mark, answer = MARKS[one.verdict.answer][0], one.verdict.answer
            lines.append(f"- {mark} **{answer}**: {escaped(one.claim)}")
            lines.append(f"  {escaped(one.sentence)}")
        lines.append("")
    if chapter.made:
        lines += ["### Runs", "", *_table(Made.TITLES, [made.cells for made in chapter.made])]
    return lines


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, in one line."""
    return SPECIAL.sub(r"\\\1", "".join(c if c.isprintable() else " " for c in text))


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers_from: int | None = None) -> list[str]:
    """`numbers_from`: the first column that is right-aligned."""
    rules = ["---:" if numbers_from is not None and i >= numbers_from else "---" for i in range(len(titles))]
    return [
        _row([escaped(title) for title in titles]),
        _row(rules),
        *(_row([escaped(cell) for cell in row]) for row in rows),
        "",
    ]


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _path(chapter: Chapter, index: int) -> str:
    return f"{CHARTS}/{chapter.anchor}-{index + 1}.svg"
