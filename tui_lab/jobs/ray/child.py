"""The worker process of a seat: `python -m tui_lab.jobs.ray.child`, a series worker that ends with whoever started it.

A worker of this machine goes on when its terminal is gone; one on a cluster must not, or it would compete with the one
that takes its place elsewhere.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

from tui_lab import worker
from tui_lab.processes import SERIES_FLAG

STDOUT = 1


def end_with_listener(descriptor: int) -> None:
    """Kill this process as soon as nobody reads any more what is written to the pipe `descriptor`."""
    watch = select.poll()
    watch.register(descriptor, 0)  # only that the other end is closed
    watch.poll()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_listener, args=(os.dup(STDOUT),), name="lifeline", daemon=True).start()
    sys.exit(worker.main([SERIES_FLAG]))
