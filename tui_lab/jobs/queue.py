"""A queue that outlives its terminal: `python -m tui_lab.jobs.queue JOBS RUN_DIRECTORY...`.

It takes orders, one JSON object a line, on standard input: `{"submit": PATH}`, `{"jobs": N}`, `{"standby": true}`.
When that ends, whether the sender let go or was killed, the queue works through what it has, and ends too.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tui_lab.errors import TuiLabError
from tui_lab.jobs.local import LocalExecutor
from tui_lab.processes import module_command
from tui_lab.runs.directory import RunDirectory

POLL_S = 0.1  # between two looks at the workers; an order is carried out at once
STDIN = 0
CHUNK = 1 << 16


def start_queue(runs: Sequence[RunDirectory], jobs: int) -> None:
    """Train the runs, `jobs` at a time, from a process of its own that goes on when this one ends."""
    subprocess.Popen(
        module_command("tui_lab.jobs.queue", str(min(jobs, len(runs))), *(str(run.path) for run in runs)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class Orders:
    """JSON objects, one a line, from a file descriptor that somebody may or may not write to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._half = b""
        self.are_over = False

    def wait(self, timeout_s: float | None) -> Iterator[dict[str, Any]]:
        """The orders that have come, once there are some or the time is up. What is no JSON object is left out."""
        sources = [] if self.are_over else [self._descriptor]
        if not select.select(sources, [], [], timeout_s)[0]:
            return
        try:
            content = os.read(self._descriptor, CHUNK)
        except OSError:  # a terminal or a connection that was cut
            content = b""
        self.are_over = not content
        *lines, self._half = (self._half + content).split(b"\n")
        for line in lines:
            try:
                order = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(order, dict):
                yield order


def carry_out(order: dict[str, Any], executor: LocalExecutor) -> None:
    """Do what an order says; what it says in no known way is passed over."""
    match order:
        case {"submit": str(path)} if Path(path).is_dir():
            executor.submit(RunDirectory(Path(path)))
        case {"jobs": int(jobs)} if jobs > 0 and jobs is not True:
            executor.set_jobs(jobs)
        case {"standby": bool(standby)}:
            executor.standby = standby


def main(arguments: Sequence[str], orders_from: int = STDIN) -> None:
    """Work through the queue. A run that cannot be started does not keep the others waiting."""
    executor, orders = LocalExecutor(int(arguments[0]), series=True), Orders(orders_from)
    for path in arguments[1:]:
        executor.submit(RunDirectory(Path(path)))
    while True:
        try:
            executor.poll()
        except (TuiLabError, OSError):
            continue  # held by another worker, which then trains it; or deleted meanwhile
        is_busy = bool(executor.active or executor.waiting)
        if orders.are_over and not is_busy:
            return
        for order in orders.wait(POLL_S if is_busy else None):
            carry_out(order, executor)
        if orders.are_over:
            executor.standby = False


if __name__ == "__main__":
    main(sys.argv[1:])
