"""Single keys from the terminal, without waiting for Enter."""

from __future__ import annotations

import os
import re
import select
import signal
import sys
import termios
import time
from typing import Any, Self

SEQUENCE_S = 0.05  # the rest of an escape sequence, such as an arrow key's, arrives within this
KEY = re.compile(r"\x1b[\[O][0-?]*[ -/]*[@-~]?|\x1b?.", re.DOTALL)
NAMES = {"\x1b": "escape", "\x1a": "suspend"}


class Keys:
    """The keyboard, while the block lasts: keys come one by one and are not echoed.

    Where stdin is no terminal there are no keys, and `read` only waits. Ctrl-c stays KeyboardInterrupt; ctrl-z becomes
    the key "suspend", so that whoever draws can tidy up before `suspend`.
    """

    def __init__(self) -> None:
        self._fd = _terminal()
        self._mode: list[Any] = []

    @property
    def is_there(self) -> bool:
        return self._fd is not None

    def __enter__(self) -> Self:
        if self._fd is not None:
            self._mode = termios.tcgetattr(self._fd)
            _take(self._fd)
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:  # keys that nobody read must not end up in the shell
            termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._mode)

    def read(self, timeout: float) -> list[str]:
        """The keys pressed until now, as soon as there is one; after `timeout` seconds, none.

        A key is its character, "escape" or "suspend"; arrow and function keys are left out.
        """
        if self._fd is None:
            time.sleep(timeout)
            return []
        if not _is_ready(self._fd, timeout):
            return []
        typed = os.read(self._fd, 1024)
        if not typed:
            return ["escape"]  # the terminal is gone
        if typed.endswith(b"\x1b") and _is_ready(self._fd, SEQUENCE_S):
            typed += os.read(self._fd, 1024)
        found = KEY.findall(typed.decode(errors="replace"))
        return [NAMES.get(key, key) for key in found if len(key) == 1]

    def suspend(self) -> None:
        """Stop this process as ctrl-z does, with the terminal as it was; returns when it goes on."""
        if self._fd is None:
            return
        termios.tcsetattr(self._fd, termios.TCSADRAIN, self._mode)
        os.kill(0, signal.SIGTSTP)  # 0: those who started us in the foreground stop too
        _take(self._fd)


def _take(fd: int) -> None:
    """Give every key to this process at once, without echo."""
    mode = termios.tcgetattr(fd)
    mode[3] &= ~(termios.ECHO | termios.ICANON)
    mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
    mode[6][termios.VSUSP] = bytes([os.fpathconf(fd, "PC_VDISABLE")])
    termios.tcsetattr(fd, termios.TCSADRAIN, mode)


def _is_ready(fd: int, timeout: float) -> bool:
    return bool(select.select([fd], [], [], timeout)[0])


def _terminal() -> int | None:
    """stdin's descriptor if it is a terminal."""
    try:
        return sys.stdin.fileno() if sys.stdin.isatty() else None
    except (AttributeError, OSError, ValueError):  # None or closed
        return None
