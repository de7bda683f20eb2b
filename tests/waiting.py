"""Waiting for what another thread or process does: a condition and a deadline, never a guess at how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 60.0


def wait_until(condition: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
    """The first true value of `condition()`. Fails when there is none before the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {deadline_s:g} s"
        time.sleep(0.005)  # between two looks
