"""What a driver remembers of its seats, and of the runs that they have."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from tui_lab.jobs.ray.exchange import Position
from tui_lab.jobs.ray.seat import Order
from tui_lab.runs.directory import RunDirectory


@dataclass
class Work:
    """A run that a seat has, or is given; `hold` keeps every other process off its directory."""

    run: RunDirectory
    order: Order
    hold: ExitStack
    position: Position
    control: bytes = b""  # as the seat has it
    has_begun: bool = False
    is_killed: bool = False


@dataclass
class Place:
    """A seat or keeper, and the one call that it is answering: `reference`, and who takes the answer."""

    actor: Any
    node: str = ""  # as it is called
    threads: int = 0
    has_arrived: bool = False
    holds: bool = False  # the run that it is about to be given
    work: Work | None = None
    reference: Any = None
    then: Callable[[Place, Any], None] | None = None
    asked: tuple[Any, ...] = ()
    unreachable_since: float = 0.0

    @property
    def is_free(self) -> bool:
        return self.has_arrived and self.work is None and not self.holds

    @property
    def its_work(self) -> Work:
        """The run, of a place that is known to have one."""
        assert self.work is not None
        return self.work
