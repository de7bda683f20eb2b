"""What went wrong, in one clear sentence and what to do about it."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from pathlib import Path

import torch

from tui_lab.errors import FAILED, TuiLabError

SMALLER_BATCH = "Use a smaller --batch-size, a smaller model, or another --device."


@dataclass(frozen=True)
class Failure:
    """`is_known` tells whether the message says it all; otherwise the traceback belongs in the log."""

    message: str
    hint: str = ""
    exit_code: int = FAILED
    is_known: bool = True


def explain(error: BaseException) -> Failure:
    """The failure that an exception of a worker stands for."""
    if isinstance(error, TuiLabError):
        return Failure(error.message, error.hint, error.exit_code)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or _is_cpu_out_of_memory(error):
        return Failure("Out of memory.", SMALLER_BATCH)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = f" while writing {Path(error.filename).name}" if error.filename else ""
        return Failure(f"The disk is full{where}.", "Free some space and resume the run.")
    return Failure(f"{type(error).__name__}: {error}", "The traceback is in log.txt.", is_known=False)


def _is_cpu_out_of_memory(error: BaseException) -> bool:
    """torch reports a failed CPU allocation as a RuntimeError of its allocator."""
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
