"""A queue that outlives its terminal: `python -m tui_lab.jobs.queue JOBS RUN_DIRECTORY...`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tui_lab.errors import TuiLabError
from tui_lab.jobs.local import LocalExecutor
from tui_lab.processes import module_command
from tui_lab.runs.directory import RunDirectory

POLL_S = 0.2


def start_queue(runs: Sequence[RunDirectory], jobs: int) -> None:
    """Train the runs, `jobs` at a time, from a process of its own that goes on when this one ends."""
    subprocess.Popen(
        module_command("tui_lab.jobs.queue", str(min(jobs, len(runs))), *(str(run.path) for run in runs)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def main(arguments: Sequence[str]) -> None:
    """Work through the queue. A run that cannot be started does not keep the others waiting."""
    executor = LocalExecutor(int(arguments[0]))
    for path in arguments[1:]:
        executor.submit(RunDirectory(Path(path)))
    while True:
        try:
            executor.poll()
        except (TuiLabError, OSError):
            continue  # held by another worker, which then trains it; or deleted meanwhile
        if not executor.active and not executor.waiting:
            return
        time.sleep(POLL_S)


if __name__ == "__main__":
    main(sys.argv[1:])
