"""What is said of a study on the command line: its table, the curves of its arms, and its verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tui_lab.cli.output import data_console, is_ascii, say, table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from tui_lab.studies.findings import Judged
    from tui_lab.studies.results import StudyResult
    from tui_lab.studies.table import StudyTable

STYLES = {"supported": "green", "refuted": "yellow", "undecided": "dim"}
ANSWER_WIDTH = 13  # a mark, a blank, the longest answer, two blanks


def show_study(study: StudyResult, judged: Sequence[Judged] = ()) -> None:
    """A study on stdout: table, curves where it is a terminal, verdicts; and on stderr what is missing of it."""
    from rich.text import Text

    from tui_lab.charts.text import printable
    from tui_lab.studies.results import scaled_sentence
    from tui_lab.studies.table import study_table

    console = data_console()
    console.print(printable(f"{study.preset.name}  {study.preset.title}", ascii=is_ascii()), markup=False, style="bold")
    if study.scaled:
        console.print(scaled_sentence(study.scaled), markup=False)
    shown, left_out = study_table(study).fitted(console.width)
    console.print(_table(shown))
    if left_out:
        console.print(f"No room for {', '.join(left_out)}.", style="dim")
    if console.is_terminal:
        _show_curves(study)
    if judged:
        lines = _verdicts(judged) if console.is_terminal else Text("\n").join(map(verdict_line, judged))
        console.print(lines, "", sep="\n")
    if study.finished < study.planned:
        say(f"{study.planned - study.finished} of {study.planned} runs are not finished; run it again to go on.")


def _table(shown: StudyTable) -> Table:
    """An arm a row."""
    from rich.text import Text

    from tui_lab.charts.text import printable

    made = table()
    for i, column in enumerate(shown.columns):
        style = "dim" if column.is_published else ""
        title = Text(column.title, style)
        made.add_column(title, justify="right" if i else "left", no_wrap=i > 0, style=style)
    for row in shown.rows:
        made.add_row(*(Text(printable(cell, ascii=is_ascii())) for cell in row))
    return made


def verdict_line(judged: Judged) -> Text:
    """`✓ supported   The claim. (report) The numbers.`"""
    from rich.text import Text

    return Text(" ").join(_parts(judged))


def _verdicts(judged: Sequence[Judged]) -> Table:
    """The same for a terminal, whose lines are short: claim and numbers beside the answer."""
    from rich.console import Group
    from rich.table import Table

    made = Table.grid(padding=(0, 0))
    made.add_column(no_wrap=True)
    made.add_column()
    for one in judged:
        answer, claim, numbers = _parts(one)
        made.add_row(answer, Group(claim, numbers))
    return made


def _parts(judged: Judged) -> tuple[Text, Text, Text]:
    """Mark and word, claim and who makes it, numbers."""
    from rich.text import Text

    from tui_lab.charts.text import printable
    from tui_lab.studies.findings import MARKS

    answer = judged.verdict.answer
    mark = MARKS[answer][is_ascii()]
    return (
        Text(f"{mark} {answer}".ljust(ANSWER_WIDTH), STYLES[answer]),
        Text(printable(judged.claim, ascii=is_ascii())),
        Text(printable(judged.sentence, ascii=is_ascii()), "dim"),
    )


def study_json(study: StudyResult, judged: Sequence[Judged] = ()) -> dict[str, Any]:
    """The same, for scripts: shares and nats."""
    from dataclasses import asdict

    return {
        "study": study.preset.name,
        "title": study.preset.title,
        "exercise": study.preset.exercise.name,
        "planned": study.planned,
        "finished": study.finished,
        "scaled": scaled_json(study),
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
        "findings": [
            {
                "name": one.finding.name,
                "says": one.finding.says,
                "claim": one.finding.claim,
                "answer": one.verdict.answer,
                "sentence": one.sentence,
                "numbers": dict(one.verdict.numbers),
                "missing": list(one.verdict.missing),
            }
            for one in judged
        ],
    }


def scaled_json(study: StudyResult) -> dict[str, Any]:
    """In which sizes it differs from the preset."""
    return {name: {"full": full, "now": now} for name, (full, now) in study.scaled.items()}


def _show_curves(study: StudyResult) -> None:
    """Test accuracy and loss of every arm, as means over the seeds, in one chart each."""
    from tui_lab.charts.series import Series, run_kind
    from tui_lab.cli.drawing import print_chart

    for metric, title, factor in (("test_accuracy", "Test accuracy, %", 100), ("test_loss", "Test loss", 1)):
        series = []
        for i, arm in enumerate(study.arms):
            band = arm.band(metric)
            name = arm.arm.name or study.preset.name
            series.append(Series(name, band.epochs, [factor * value for value in band.mean], run_kind(i)))
        series = [one for one in series if len(one.x) > 1]
        if series:
            data_console().print()
            print_chart(series, title=title, x_label="epoch")
