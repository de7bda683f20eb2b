"""The report as one HTML page that needs nothing else: no script, no picture, no font from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from tui_lab.studies.findings import AUTHORS, MARKS, Judged, counts
from tui_lab.studies.report.chapter import Chapter, Made
from tui_lab.studies.svg import STYLE as CHART_STYLE
from tui_lab.studies.svg import Line, swatch, to_svg
from tui_lab.studies.table import study_table

STYLE = """
:root { color-scheme: light dark; --good: #00724f; --bad: #a83a00; --open: #626b75; --shade: #f3f5f7; }
@media (prefers-color-scheme: dark) { :root { --good: #3ccf9b; --bad: #ff8f5c; --open: #9aa4ae; --shade: #1d2329; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 74rem; color: var(--ink); background: var(--page);
  font: 16px/1.55 system-ui, sans-serif; }
h1 { font-size: 1.9rem; margin: 0 0 1rem; }
h2 { font-size: 1.35rem; margin: 3.5rem 0 0.5rem; padding-top: 1rem; border-top: 1px solid var(--rule); }
h2 small { color: var(--dim); font-weight: 400; font-family: ui-monospace, monospace; font-size: 0.75em;
  margin-left: 0.6em; }
h3 { font-size: 1rem; margin: 1.75rem 0 0.5rem; }
p { margin: 0.5rem 0; max-width: 46rem; }
a { color: inherit; }
code { font: 0.88em ui-monospace, monospace; background: var(--shade); padding: 0.1em 0.35em; border-radius: 4px; }
pre { background: var(--shade); padding: 0.6rem 0.9rem; border-radius: 6px; overflow-x: auto; }
pre code { background: none; padding: 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 0.3rem 0.9rem 0.3rem 0; text-align: left; border-bottom: 1px solid var(--rule);
  white-space: nowrap; }
th { font-weight: 600; }
td.number, th.number { text-align: right; }
.published { color: var(--dim); }
.warning { border-left: 4px solid var(--bad); padding: 0.4rem 0.9rem; background: var(--shade); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem 1.5rem; }
.charts svg { width: 100%; height: auto; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.25rem; margin: 1.25rem 0 0.5rem; padding: 0; list-style: none;
  color: var(--dim); font-size: 0.88rem; }
.legend svg { vertical-align: middle; margin-right: 0.4rem; }
.findings { list-style: none; padding: 0; margin: 0; }
.findings li { padding: 0.6rem 0 0.6rem 8.5rem; position: relative; border-bottom: 1px solid var(--rule); }
.answer { position: absolute; left: 0; font-weight: 600; }
.supported { color: var(--good); } .refuted { color: var(--bad); } .undecided { color: var(--open); }
.said { display: block; color: var(--dim); font-size: 0.9rem; max-width: 60rem; }
details { margin-top: 1.25rem; } summary { cursor: pointer; }
@media (max-width: 40rem) { .findings li { padding-left: 0; } .answer { position: static; display: block; } }
"""
CODE = re.compile(r"`([^`]+)`")


def to_html(chapters: Sequence[Chapter]) -> str:
    """The whole page."""
    title = chapters[0].study.preset.title if len(chapters) == 1 else "Studies"
    contents = _contents(chapters) if len(chapters) > 1 else ""
    body = "\n".join(_chapter(chapter) for chapter in chapters)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{CHART_STYLE}{STYLE}</style>\n</head>\n<body>\n<h1>{_text(title)}</h1>\n"
        f"{contents}{body}\n</body>\n</html>\n"
    )


def _contents(chapters: Sequence[Chapter]) -> str:
    rows = []
    for chapter in chapters:
        study = chapter.study
        answers = counts(chapter.judged)
        rows.append(
            f'<tr><td><a href="#{_text(chapter.anchor)}">{_text(study.preset.name)}</a></td>'
            f"<td>{_text(study.preset.title)}{' (scaled)' if study.scaled else ''}</td>"
            f'<td class="number">{study.finished}/{study.planned}</td>'
            + "".join(f'<td class="number">{answers[answer] or ""}</td>' for answer in MARKS)
            + "</tr>"
        )
    heads = "".join(f'<th class="number">{title}</th>' for title in ("runs", *MARKS))
    return (
        f'<div class="scroll"><table><thead><tr><th>study</th><th></th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>\n"
    )


def _chapter(chapter: Chapter) -> str:
    study = chapter.study
    parts = [
        f'<section id="{_text(chapter.anchor)}">',
        f"<h2>{_text(study.preset.title)}<small>{_text(study.preset.name)}</small></h2>",
    ]
    if chapter.warning:
        parts.append(f'<p class="warning">{_text(chapter.warning)}</p>')
    if chapter.about:
        about = CODE.sub(r"<code>\1</code>", _text(chapter.about))
        parts.append(f"<p>{about}</p>")
    parts += [_measured(chapter), *_charts(chapter)]
    if chapter.judged:
        parts.append(f'<h3>Findings</h3><ul class="findings">{"".join(map(_finding, chapter.judged))}</ul>')
    parts.append(
        f"<h3>How it was made</h3><p>{study.finished} of {study.planned} runs are finished.</p>"
        f"<pre><code>{_text(chapter.command)}</code></pre>"
    )
    if chapter.made:
        table = _table(Made.TITLES, [made.cells for made in chapter.made])
        parts.append(f"<details><summary>{len(chapter.made)} runs</summary>{table}</details>")
    return "\n".join([*parts, "</section>"])


def _measured(chapter: Chapter) -> str:
    shown = study_table(chapter.study)
    classes = ["" if i == 0 else "number" for i in range(len(shown.columns))]
    for i, column in enumerate(shown.columns):
        if column.is_published:
            classes[i] += " published"
    return _table([column.title for column in shown.columns], shown.rows, classes)


def _charts(chapter: Chapter) -> list[str]:
    if not chapter.charts:
        return []
    lines = {line.index: line for chart in chapter.charts for line in chart.lines if len(line.x) > 1 or line.marks}
    parts = [f'<ul class="legend">{"".join(_legend_entry(line) for _, line in sorted(lines.items()))}']
    notes = []
    if any(arm.finished and len(arm.finished) > 1 for arm in chapter.study.arms):
        notes.append("band: one standard deviation over the seeds")
    if any(line.marks for chart in chapter.charts for line in chart.lines):
        notes.append("circle: published")
    parts[0] += f"<li>{'; '.join(notes)}</li></ul>" if notes else "</ul>"
    return [*parts, f'<div class="charts">{"".join(to_svg(chart) for chart in chapter.charts)}</div>']


def _legend_entry(line: Line) -> str:
    return f"<li>{swatch(line)}{_text(line.name)}</li>"


def _finding(judged: Judged) -> str:
    answer = judged.verdict.answer
    return (
        f'<li><span class="answer {answer}">{MARKS[answer][0]} {answer}</span>{_text(judged.finding.claim)} '
        f'<span class="published">{AUTHORS[judged.finding.says]}</span>'
        f'<span class="said">{_text(judged.sentence)}</span></li>'
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]], classes: Sequence[str] = ()) -> str:
    """`classes` of the cells, column by column."""
    marks = [f' class="{name.strip()}"' if name else "" for name in classes] or [""] * len(titles)
    head = "".join(f"<th{mark}>{_text(title)}</th>" for title, mark in zip(titles, marks, strict=True))
    body = ""
    for row in rows:
        cells = "".join(f"<td{mark}>{_text(cell)}</td>" for cell, mark in zip(row, marks, strict=True))
        body += f"<tr>{cells}</tr>"
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(text: str) -> str:
    return escape("".join(c if c.isprintable() else " " for c in text), quote=True)
