"""The errors a user can cause or meet, each with the exit code that the command line gives it.

A message is one sentence that names what is wrong; `hint` is what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable

DONE, FAILED, USAGE, MISSING, INTERRUPTED = 0, 1, 2, 3, 130


class TuiLabError(Exception):
    """Base of every error that is shown as one sentence instead of a traceback."""

    exit_code = FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(TuiLabError):
    """A value, a name or a preset file that cannot be used as given."""

    exit_code = USAGE


class MissingDataError(TuiLabError):
    """A data set, or one of its files, is not there."""

    exit_code = MISSING


class DamagedDataError(TuiLabError):
    """A data file is there but is not what it should be."""

    exit_code = MISSING


class MissingWeightsError(TuiLabError):
    """Pretrained weights are not there and cannot be fetched, or their file does not fit the model."""

    exit_code = MISSING


class MissingDeviceError(TuiLabError):
    """The device asked for is not in this machine."""

    exit_code = MISSING


class RunBusyError(TuiLabError):
    """Another live process holds the run."""

    exit_code = USAGE


class CheckpointError(TuiLabError):
    """A checkpoint that is missing, damaged, or not a checkpoint of this program."""


class DivergedError(TuiLabError):
    """The loss or a weight became NaN or infinite."""


def nearest(name: str, names: Iterable[str]) -> str:
    """A sentence naming the closest of `names`, or an empty string when none is close."""
    import difflib  # only a mistake pays for it

    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else ""
