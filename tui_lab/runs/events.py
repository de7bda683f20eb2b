"""`events.jsonl`: an append-only log, one JSON object a line.

Every event has `kind`, `seq` (1, 2, 3, ...) and `t` (Unix time in seconds). Kinds:

    started   a worker begins, or resumes from `resumed_from` = {epoch, step, total_step}
    step      training metrics averaged over the `steps` since the last such event
    epoch     metrics of a whole epoch
    inspection the inspection `name` was written, of the weights at `epoch` and `total_step`
    system    CPU, memory and GPU of the worker
    warning   something the user should know; log: something that happened
    finished  the last record: state, message, hint

Non-finite numbers are written as the strings "NaN", "Infinity" and "-Infinity", which `float()` reads, so that each
line is valid JSON. Readers tolerate a half-written last line (not written yet), garbled lines (counted) and kinds
they do not know.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]

CHUNK = 1 << 20


def encode(event: Event) -> str:
    """One line without its newline. What UTF-8 cannot carry, in a file name for one, becomes "?"."""
    text = json.dumps(finite(event), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode(errors="replace").decode()


def finite(value: Any) -> Any:
    """`value` with non-finite numbers replaced by their names, all the way down."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def decode(line: bytes) -> Event | None:
    """The event of a line, or None when the line is not one."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("kind"), str) else None


def number(value: Any) -> float | None:
    """A metric as written by `encode`, back as a float; None when it is not a number."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


class EventWriter:
    """Appends events, each in one write, so that concurrent readers see whole lines in order."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._seq = _last_seq(path)
        if not _ends_with_newline(path):
            self._file.write(b"\n")  # seal the half-written line of a worker that was killed

    def write(self, kind: str, **fields: Any) -> Event:
        """Append an event and return it as written."""
        event = {"kind": kind, "seq": self._seq + 1, "t": round(time.time(), 3), **fields}
        self._append(encode(event).encode() + b"\n")
        self._seq += 1
        return event

    def _append(self, line: bytes) -> None:
        """The whole line, or none of it: a disk that fills up takes a part, and only then raises."""
        end = os.fstat(self._file.fileno()).st_size
        rest = memoryview(line)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            os.ftruncate(self._file.fileno(), end)
            raise

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _last_seq(path: Path) -> int:
    """The highest `seq` near the end of the log: in as much of it as holds one."""
    with path.open("rb") as file:
        size, span = file.seek(0, os.SEEK_END), CHUNK
        while True:
            file.seek(max(0, size - span))
            events = map(decode, file.read().split(b"\n"))
            found = [event["seq"] for event in events if event and isinstance(event.get("seq"), int)]
            if found or span >= size:
                return max(found, default=0)
            span *= 2


class EventReader:
    """Follows a log from `offset` bytes on: each call of `read` gives what was completed since the last.

    `skipped` counts the lines that were no events.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.skipped = 0

    def read(self) -> Iterator[Event]:
        """The events of the complete lines from `offset` on. A missing file is an empty one."""
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(self.offset)
            while chunk := file.read(CHUNK):
                end = chunk.rfind(b"\n") + 1
                if end == 0:
                    chunk += file.readline()
                    end = len(chunk) if chunk.endswith(b"\n") else 0
                    if end == 0:
                        return  # a line of more than a chunk, still being written
                file.seek(self.offset + end)
                for line in chunk[: end - 1].split(b"\n"):
                    self.offset += len(line) + 1
                    event = decode(line)
                    if event is not None:
                        yield event
                    elif line.strip():
                        self.skipped += 1
