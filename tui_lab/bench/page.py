"""The performance page: its lines, its targets, and the measurements that it is made of. Imports no torch."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from tui_lab.bench.interleave import Ratio, ratio_of

Tell = Callable[[str], None]  # takes a line on what is being done; called between blocks only


@dataclass(frozen=True)
class Settings:
    """How long to measure, and on what. The defaults make the page; tests take less of everything.

    Attributes:
        rounds: ratios a comparison.
        block_s: seconds that a block of gradient steps should take.
        data_dir: folder with the data sets.
        device: as the hyperparameter.
        samples: training samples, random ones; 0 = the data set, or as many random samples where it is not there.
        runs, events: in the list of runs, and in the log of the long run.
    """

    rounds: int = 7
    block_s: float = 1.5
    data_dir: Path = Path()
    device: str = "auto"
    samples: int = 0
    runs: int = 2000
    events: int = 1_000_000


@dataclass(frozen=True)
class Target:
    """What a line's ratio, or our own value where there is none, should be."""

    sign: Literal[">=", "<=", "<"]
    value: float

    def is_met(self, value: float) -> bool:
        return {">=": value >= self.value, "<=": value <= self.value, "<": value < self.value}[self.sign]


@dataclass(frozen=True)
class Line:
    """One line of the page; `ours` and `theirs` are medians over the rounds.

    Attributes:
        what: is measured.
        theirs: what `ours` is compared with; None where there is nothing to compare with.
        ratio: ours to theirs.
        target: of the ratio, or of `ours` where there is none; None where nothing is promised.
    """

    what: str
    ours: float
    theirs: float | None = None
    ratio: Ratio | None = None
    target: Target | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is; None where there is none."""
        if self.target is None:
            return None
        return self.target.is_met(self.ratio.median if self.ratio else self.ours)

    @classmethod
    def comparing(cls, what: str, ours: Sequence[float], theirs: Sequence[float], target: Target | None) -> Line:
        """The line of two things measured in turns."""
        return cls(what, median(ours), median(theirs), ratio_of(ours, theirs), target)


@dataclass(frozen=True)
class Section:
    """The lines of one measurement.

    Attributes:
        name: as `--only` takes it.
        title: what is measured.
        unit: of `ours` and `theirs`.
        lines: one a comparison.
        how: a sentence on how the numbers came about.
    """

    name: str
    title: str
    unit: Literal["images/s", "s", "ms", "steps/s", "GB"]
    lines: list[Line]
    how: str

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "lines": [{**asdict(line), "is_met": line.is_met} for line in self.lines]}


def machine() -> dict[str, str | int]:
    """What the numbers depend on besides this program, and when they were measured."""
    from tui_lab.devices import cores, cpu_title

    return {
        "cpu": cpu_title(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "torch": importlib.metadata.version("torch"),
        "tui_lab": importlib.metadata.version("tui-lab"),
        "date": time.strftime("%Y-%m-%d"),
    }
