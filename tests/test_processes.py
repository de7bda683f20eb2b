"""What is written to other processes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tui_lab.processes import named_end, write_line


@pytest.mark.parametrize("disposition", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_process_that_has_ended_is_an_error_and_not_the_end_of_this_one(disposition: signal.Handlers) -> None:
    """The command line lets SIGPIPE end it; the second of these would."""
    signal.signal(signal.SIGPIPE, disposition)
    ended = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""], stdin=subprocess.PIPE)
    ended.wait()
    assert ended.stdin is not None
    for _ in range(2):
        with pytest.raises(BrokenPipeError):
            write_line(ended.stdin, b"hello")
    assert signal.SIGPIPE not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert signal.SIGPIPE not in signal.sigpending()
    ended.stdin.close()  # nothing is left in its buffer


@pytest.mark.parametrize("line", [b"hello", b"x" * 300_000], ids=["short", "longer than a pipe holds"])
def test_a_line_arrives(line: bytes) -> None:
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "print(input())"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as echo:
        assert echo.stdin is not None and echo.stdout is not None
        write_line(echo.stdin, line)
        assert echo.stdout.readline() == line + b"\n"


@pytest.mark.parametrize(("code", "name"), [(3, "exit code 3"), (-9, "SIGKILL"), (-120, "signal 120")])
def test_ends_have_names(code: int, name: str) -> None:
    assert named_end(code) == name
