"""A program in a pseudo-terminal, watched from outside as a user watches it. Imports no torch."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tui_lab.errors import TuiLabError

PATIENCE_S = 60.0
# What moves the cursor and sets colours and titles: CSI, OSC, and two-character sequences.
ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[\]])")
SIZE = (40, 120)  # rows and columns


class Terminal:
    """`python ARGUMENTS` in a terminal of 120x40. Use as a context manager: at the end the program is killed."""

    def __init__(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            settings = {"TERM": "xterm-256color", **environment}
            os.execve(sys.executable, [sys.executable, *arguments], {**os.environ, **settings})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._fd)

    @property
    def pid(self) -> int:
        """Of the program."""
        return self._pid

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def until(self, pattern: str) -> float:
        """When what the program writes from now on, without escape sequences, had come to match (`time.perf_counter`).

        A match may be spread over lines. Raises TuiLabError when there is none before patience ends.
        """
        wanted, written = re.compile(pattern.encode(), re.DOTALL), b""
        end = time.perf_counter() + PATIENCE_S
        while (left := end - time.perf_counter()) > 0 and select.select([self._fd], [], [], left)[0]:
            written += self._read()
            arrived = time.perf_counter()
            if wanted.search(ESCAPES.sub(b"", written)):
                return arrived
        raise TuiLabError(f"The app never showed {pattern!r}.")

    def drain(self, seconds: float) -> None:
        """Take what the program writes, for so long; with 0 seconds, what is there."""
        end = time.perf_counter() + seconds
        while select.select([self._fd], [], [], max(0.0, end - time.perf_counter()))[0]:
            self._read()

    def seconds_to(self, pattern: str, key: str) -> float:
        """From a key to its effect, a pattern that nothing else brings. Looks at nothing written before it."""
        self.drain(0)
        began = time.perf_counter()
        self.press(key)
        return self.until(pattern) - began

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, 65536)
        except OSError as error:
            raise TuiLabError("The app has ended by itself.") from error
