"""The performance page: its lines, its targets, and the measurements that it is made of. Imports no torch."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tui_lab.bench.interleave import Ratio

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
    """One line of the page; `ours` and `theirs` are medians over the rounds, in `unit`.

    Attributes:
        what: is measured.
        beside: what "theirs" is; empty where there is nothing to compare with.
        ratio: ours to theirs.
        target: None where nothing is promised.
    """

    what: str
    ours: float
    unit: Literal["images/s", "s", "GB"]
    beside: str = ""
    theirs: float | None = None
    ratio: Ratio | None = None
    target: Target | None = None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is; None where there is none."""
        if self.target is None:
            return None
        return self.target.is_met(self.ratio.median if self.ratio else self.ours)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "is_met": self.is_met}


@dataclass(frozen=True)
class Section:
    """The lines of one measurement, and a sentence on how they came about."""

    name: str
    how: str
    lines: list[Line] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "how": self.how, "lines": [line.to_json() for line in self.lines]}


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
