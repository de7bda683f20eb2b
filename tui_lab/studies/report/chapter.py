"""What the report says of one study, before it is written in any format."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tui_lab.errors import UsageError
from tui_lab.hyperparameters import written
from tui_lab.labs.command import command_line
from tui_lab.runs.directory import Request
from tui_lab.runs.sentences import duration, execution
from tui_lab.runs.store import Listed
from tui_lab.studies.findings import Judged
from tui_lab.studies.plan import SCALES
from tui_lab.studies.results import StudyResult, scaled_sentence
from tui_lab.studies.svg import Chart, Line, Mark

SHOWN = (("accuracy", "Accuracy, %", 100.0), ("loss", "Loss", 1.0))
LONGEST_VALUE = 4096  # letters of a hyperparameter on a command line, which a path may have
LONGEST = 120  # letters of an anchor, which is a part of file names
QUOTES = '"[]'  # around a value in a preset, not on a command line
SPLITS = (("train", "Train"), ("test", "Test"))


@dataclass(frozen=True)
class Made:
    """How a run was made: a row of the table at the end of a study."""

    run: str
    arm: str
    seed: str
    state: str
    date: str
    machine: str
    took: str
    torch: str
    commit: str

    TITLES = ("run", "arm", "seed", "state", "date", "machine", "took", "torch", "commit")

    @property
    def cells(self) -> tuple[str, ...]:
        return (
            *(self.run, self.arm, self.seed, self.state, self.date),
            *(self.machine, self.took, self.torch, self.commit),
        )


@dataclass(frozen=True)
class Chapter:
    """One study at one size."""

    study: StudyResult
    judged: tuple[Judged, ...]
    made: tuple[Made, ...]
    command: str
    charts: tuple[Chart, ...]

    @property
    def anchor(self) -> str:
        """Unique in a report, and safe in a link and as a file name."""
        sizes = "".join(f"-{name}-{now}" for name, (_, now) in self.study.scaled.items())
        name = "".join(c if c.isalnum() or c in ".-_" else "-" for c in f"{self.study.preset.name}{sizes}")
        if len(name) <= LONGEST:
            return name
        return f"{name[:LONGEST]}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"

    @property
    def about(self) -> str:
        """The first paragraph of the preset's text, in one line."""
        return " ".join(self.study.preset.text.strip().split("\n\n")[0].split())

    @property
    def warning(self) -> str:
        """On a study of another size; empty at the full one."""
        if not self.study.scaled:
            return ""
        return scaled_sentence(self.study.scaled)


def chapter(study: StudyResult, judged: Sequence[Judged]) -> Chapter:
    """Reads what is still missing: the curves of its runs, and what each of them was asked."""
    made = tuple(_made(entry, arm.arm.name) for arm in study.arms for entry in arm.entries)
    return Chapter(study, tuple(judged), made, _command(study), tuple(_charts(study)))


def _made(entry: Listed, arm: str) -> Made:
    status = entry.status
    try:
        request = entry.run.read_request()
    except UsageError:  # its numbers stand, how it was made is lost
        request = Request(status.exercise, status.hyperparameters)
    return Made(
        entry.run.id,
        arm or "-",
        str(status.hyperparameters.get("seed", "-")),
        entry.state,
        time.strftime("%Y-%m-%d %H:%M", time.localtime(status.created)) if status.created else "-",
        ": ".join(filter(None, ("" if status.node else status.host, execution(status)))) or "-",
        duration(status.elapsed) if status.elapsed else "-",
        str(request.versions.get("torch", "-")),
        request.git_commit or "-",
    )


def _command(study: StudyResult) -> str:
    """What runs it again, or goes on with it."""
    sizes = [_flag(name, now) for name, (_, now) in study.scaled.items()]
    seeds = max((arm.planned for arm in study.arms), default=1)
    more = [f"--seeds={seeds}"] if seeds != study.preset.seeds else []
    return command_line("run", study.preset.name, *more, *sizes)


def _flag(name: str, value: Any) -> str:
    if name in SCALES:
        return f"--{name.replace('_', '-')}={value}"
    return f"--set={name}={written(value, most=LONGEST_VALUE).strip(QUOTES)}"


def _charts(study: StudyResult) -> list[Chart]:
    """Accuracy and loss. Of several arms train and test each have a chart of their own, of one they share it."""
    charts = []
    for metric, title, factor in SHOWN:
        by_split = {
            split: [_line(study, i, f"{split}_{metric}", factor) for i in range(len(study.arms))] for split, _ in SPLITS
        }
        if len(study.arms) == 1:
            lines = [
                Line(name, i, one.x, one.mean, one.low, one.high, one.marks)
                for i, (split, name) in enumerate(SPLITS)
                for one in by_split[split]
            ]
            charts.append(Chart(title, tuple(lines), metric == "loss"))
        else:
            charts += [
                Chart(f"{name} {title[0].lower()}{title[1:]}", tuple(by_split[split]), metric == "loss")
                for split, name in SPLITS
            ]
    return [chart for chart in charts if any(len(line.x) > 1 for line in chart.lines)]


def _line(study: StudyResult, index: int, metric: str, factor: float) -> Line:
    arm = study.arms[index]
    band = arm.band(metric)
    published = arm.arm.published.get(metric)
    epoch = float(getattr(arm.hyperparameters, "epochs", 0))
    # The epoch that a published value belongs to is not on the axis of a study of another length
    has_mark = published is not None and "epochs" not in study.scaled
    return Line(
        arm.arm.name or study.preset.name,
        index,
        band.epochs,
        tuple(factor * value for value in band.mean),
        tuple(factor * value for value in band.low),
        tuple(factor * value for value in band.high),
        (Mark(epoch, factor * published),) if has_mark and published is not None else (),
    )
