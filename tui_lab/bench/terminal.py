"""A program in a pseudo-terminal, watched from outside as a user watches it. Imports no torch."""

from __future__ import annotations

import fcntl
import os
import pty
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

    def press(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def until(self, text: str) -> float:
        """When `text` had arrived (`time.perf_counter`). Raises TuiLabError when it does not come."""
        wanted, got, end = text.encode(), b"", time.perf_counter() + PATIENCE_S
        while wanted not in got:
            if time.perf_counter() > end or not select.select([self._fd], [], [], PATIENCE_S)[0]:
                raise TuiLabError(f"The app never showed {text!r}.")
            got = got[-len(wanted) :] + self._read()
        return time.perf_counter()

    def drain(self, seconds: float) -> None:
        """Take what the program writes, for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._fd], [], [], left)[0]:
                self._read()

    def seconds_to_answer(self, key: str) -> float:
        """From a key to the first that the program writes after it, when it was quiet before."""
        while select.select([self._fd], [], [], 0.02)[0]:
            self._read()
        began = time.perf_counter()
        self.press(key)
        if not select.select([self._fd], [], [], PATIENCE_S)[0]:
            raise TuiLabError(f"The app did not answer to {key!r}.")
        return time.perf_counter() - began

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, 65536)
        except OSError as error:
            raise TuiLabError("The app has ended by itself.") from error
