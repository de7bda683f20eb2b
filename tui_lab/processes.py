"""Processes of this program's own: how they are started, and what they are told through the environment."""

from __future__ import annotations

import signal
import sys
from typing import IO

THREADS_VARIABLE = "TUI_LAB_THREADS"  # set by an executor: the most threads a worker may use
STANDBY_FLAG = "--standby"  # in place of a run's directory: a worker that is told its run later
SERIES_FLAG = "--series"  # makes a worker take one run after another


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this program in a process of its own.

    -P keeps the current folder out of the search for modules: a student's `random.py` there would end every worker.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def write_line(pipe: IO[bytes], line: bytes) -> None:
    """Write a line to the unbuffered input of another process.

    Raises BrokenPipeError where that has ended: also in a command, which the end of a pipe otherwise ends.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        pipe.write(line + b"\n")
    except BrokenPipeError:
        if signal.SIGPIPE in signal.sigpending():
            signal.sigwait({signal.SIGPIPE})
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
