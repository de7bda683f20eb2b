"""Processes of this program's own: how they are started, and what they are told through the environment."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import IO, Any

THREADS_VARIABLE = "TUI_LAB_THREADS"  # set by an executor: the most threads a worker may use
STANDBY_FLAG = "--standby"  # in place of a run's directory: a worker that is told its run later
SERIES_FLAG = "--series"  # makes a worker take one run after another


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this program in a process of its own.

    -P keeps the current folder out of the search for modules: a student's `random.py` there would end every worker.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def write_line(pipe: IO[Any], line: bytes) -> None:
    """Write a line to the input of another process, and past the buffer of `pipe`, which has to be empty.

    A buffer would keep what nobody reads any more, and fail once more when the pipe is closed.

    Raises BrokenPipeError where that process has ended: also in a command, which the end of a pipe otherwise ends.
    """
    unsent = line + b"\n"
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        while unsent:
            unsent = unsent[os.write(pipe.fileno(), unsent) :]
    except BrokenPipeError:
        if signal.SIGPIPE in signal.sigpending():
            signal.sigwait({signal.SIGPIPE})
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def named_end(code: int) -> str:
    """The return code of a process that has ended as a user knows it: "exit code 3", or the signal, "SIGKILL"."""
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
