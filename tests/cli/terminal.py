"""A real pseudo-terminal with a program in it, for tests of what users see."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from collections.abc import Callable
from types import TracebackType

DEADLINE_S = 120.0


class Terminal:
    """`python -m tui_lab ARGUMENTS` in a terminal of the given size. Use as a context manager."""

    def __init__(
        self, *arguments: str, columns: int = 80, rows: int = 24, environment: dict[str, str] | None = None
    ) -> None:
        self.output = ""
        self.exit_code: int | None = None
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            settings = {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(rows), **(environment or {})}
            os.execve(sys.executable, [sys.executable, "-m", "tui_lab", *arguments], {**os.environ, **settings})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.exit_code is None:
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)
        os.close(self._fd)

    @property
    def pid(self) -> int:
        """Of the program."""
        return self._pid

    def send(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def until(self, text: str) -> str:
        """Read until `text` is on the screen. Returns everything read so far."""
        self._read(lambda: text in self.output)
        assert text in self.output, f"never saw {text!r} in:\n{self.output}"
        return self.output

    def wait(self) -> int:
        """Read until the program ends. Returns its exit code."""
        self._read(lambda: False)
        _, status = os.waitpid(self._pid, 0)
        self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code

    def _read(self, is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE_S
        while not is_done() and time.monotonic() < end:
            if not select.select([self._fd], [], [], 1.0)[0]:
                continue
            try:
                chunk = os.read(self._fd, 65536)
            except OSError:  # the program has closed the terminal
                return
            if not chunk:
                return
            self.output += chunk.decode(errors="replace")
