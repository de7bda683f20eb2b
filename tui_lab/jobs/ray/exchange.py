"""What has changed in a run directory: collected where the worker is, and written where the run belongs.

Two kinds of file: those that grow (the position is their length) and those that are replaced (the position is a stamp).
A worker writes its status last, so the status is read first and written last: whoever reads the copy sees what a reader
beside the worker could have seen.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.files import replacing
from tui_lab.runs.status import Status, process_started

CHUNK = 4 << 20  # bytes of a growing file in one answer

# Of a run directory, not for the worker's eyes or not its to write
OF_THE_DRIVER = frozenset({"run.toml", "control.json", "label.json", "lock"})


@dataclass
class Position:
    """How much of a run directory the other side has: lengths of what grows, stamps of what is replaced."""

    lengths: dict[str, int] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """What came after a `Position`.

    Attributes:
        grown: bytes to append, by file.
        replaced: whole files in the order in which they are to be written, by path within the directory.
        stamps: of the replaced ones.
        status: the status, or nothing if it is the same, or if what comes before it did not fit into this answer.
        stamp: of the status.
        is_whole: whether there is nothing left that could be sent at once.
        code: the worker's exit code when it has ended; None while it is at work.
    """

    grown: Mapping[str, bytes]
    replaced: Mapping[str, bytes]
    stamps: Mapping[str, str]
    status: bytes = b""
    stamp: str = ""
    is_whole: bool = True
    code: int | None = None

    def __bool__(self) -> bool:
        return bool(self.grown or self.replaced or self.status) or self.code is not None


def position_of(run: RunDirectory) -> Position:
    """What a directory has of the files that grow; of those that are replaced nothing is assumed."""
    return Position({path.name: path.stat().st_size for path in _growing(run) if path.exists()})


def packed(run: RunDirectory) -> dict[str, bytes]:
    """Every file that a worker needs to begin, or to go on where the run was saved."""
    files = [path for path in _files(run.path) if path.name not in ("label.json", "lock")]
    return {path.relative_to(run.path).as_posix(): path.read_bytes() for path in files}


def unpack(run: RunDirectory, files: Mapping[str, bytes]) -> None:
    """Make the directory that `packed` took."""
    for name, content in files.items():
        path = run.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def has_news(run: RunDirectory, position: Position) -> bool:
    """Whether `collect` would find something; looks only at lengths and times."""
    if any(_length(path) > position.lengths.get(path.name, 0) for path in _growing(run)):
        return True
    return any(position.stamps.get(name) != _stamp(path) for name, path in _replaced(run))


def collect(run: RunDirectory, position: Position, code: int | None = None) -> Changes:
    """What the directory has beyond `position`.

    Args:
        run: of the worker.
        position: of the other side.
        code: the worker's exit code, if it has ended before this call.
    """
    stamp = _stamp(run.status)
    status = _content(run.status) if position.stamps.get(run.status.name) != stamp else b""
    stamps: dict[str, str] = {}
    replaced: dict[str, bytes] = {}
    for name, path in _replaced(run):
        found = _stamp(path)
        if path != run.status and position.stamps.get(name) != found:
            replaced[name], stamps[name] = _content(path), found
    grown: dict[str, bytes] = {}
    is_whole = True
    for path in _growing(run):
        length = position.lengths.get(path.name, 0)
        if _length(path) > length:
            with path.open("rb") as file:
                file.seek(length)
                grown[path.name] = file.read(CHUNK)
            is_whole = is_whole and len(grown[path.name]) < CHUNK
    if not is_whole:  # the rest would be ahead of it
        return Changes(grown, {}, {}, is_whole=False)
    return Changes(grown, replaced, stamps, status, stamp, code=code)


def write(run: RunDirectory, changes: Changes, position: Position) -> None:
    """Bring the directory here up to date, and `position` with it. What was written stays written if this raises.

    The status says that this process holds the run, because nobody else here writes it, and carries the time of here.

    Raises OSError: the disk is full, or the directory is gone.
    """
    for name, content in changes.grown.items():
        with (run.path / name).open("ab") as file:
            file.write(content)
        position.lengths[name] = position.lengths.get(name, 0) + len(content)
    for name, content in changes.replaced.items():
        path = run.path / name
        if path.parent != run.path:
            path.parent.mkdir(exist_ok=True)
        with replacing(path, durable=path == run.checkpoint) as file:
            file.write(content)
        position.stamps[name] = changes.stamps[name]
    if changes.status:
        if (status := as_held(changes.status)) is not None:
            status.write(run.status)
        position.stamps[run.status.name] = changes.stamp


def as_held(content: bytes) -> Status | None:
    """A worker's status as of a run that this process holds; None when it is garbled."""
    try:
        fields = json.loads(content)
    except ValueError:
        return None
    if not isinstance(fields, dict):
        return None
    status = Status.of(fields)
    status.pid, status.pid_started = os.getpid(), process_started(os.getpid())
    status.host, status.heartbeat = socket.gethostname(), time.time()
    return status


def _growing(run: RunDirectory) -> tuple[Path, Path]:
    return run.events, run.log


def _replaced(run: RunDirectory) -> Iterator[tuple[str, Path]]:
    """In the order in which a worker replaces them: the checkpoint vouches for the rest, the status for all."""
    last = (run.best_weights, run.weights, run.history, run.checkpoint, run.status)
    known = {*last, *_growing(run)}
    first = [path for path in _files(run.path) if path not in known and path.name not in OF_THE_DRIVER]
    for path in (*first, *(path for path in last if path.exists())):
        yield path.relative_to(run.path).as_posix(), path


def _files(folder: Path) -> list[Path]:
    """Every file in the folder and its folders, but for those that are half written or only there to keep room."""
    return sorted(path for path in folder.rglob("*") if not path.name.startswith(".") and path.is_file())


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return ""
    return f"{found.st_mtime_ns}-{found.st_size}-{found.st_ino}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
