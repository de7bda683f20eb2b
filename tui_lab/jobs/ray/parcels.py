"""Files that a run needs beside its directory: a data set, a folder of images, a file of weights.

A driver offers them as uint8 arrays, so that the object store carries them once to each node; whoever needs them there
writes them into a cache, checks them, and leaves them for the next run. Nothing here knows of Ray: what stands for an
array that is elsewhere is anything that can be awaited.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tui_lab.data.catalogue import DATASETS, find_file
from tui_lab.errors import DamagedDataError, UsageError

PIECE = 32 << 20  # bytes of one array: small enough for a small object store
MOST = 4 << 30  # bytes of a folder or file of the user's own

Array = Any  # uint8 of shape (N,), read-only where it comes from an object store


@dataclass(frozen=True)
class Contents:
    """What is in a parcel: paths within it with their sizes, and the MD5 of everything."""

    digest: str
    files: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Parcel:
    """Contents, and arrays whose bytes are those of the files, one after the other; or what can be awaited for them."""

    contents: Contents
    pieces: tuple[Awaitable[Array], ...]


def dataset_sources(name: str, data_dir: Path) -> dict[str, Path]:
    """Where the files of a data set lie here, by the path that they must have in a data folder."""
    found = [find_file(data_dir, file) for file in DATASETS[name].files]
    return {path.relative_to(data_dir).as_posix(): path for path in found if path is not None}


def own_sources(path: Path) -> dict[str, Path]:
    """The files of a user's folder, or the one file.

    Raises UsageError when they are too large to be sent.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    size = sum(file.stat().st_size for file in files)
    if size > MOST:
        raise UsageError(
            f"{path} has {size / 2**30:.1f} GiB; at most {MOST / 2**30:.0f} GiB are sent to a cluster.",
            "Put it where every node finds it, and make smaller copies for a first look.",
        )
    return {file.relative_to(path).as_posix() if path.is_dir() else file.name: file for file in files}


def describe(sources: Mapping[str, Path]) -> Contents:
    """Read the files once for their digest."""
    digest = hashlib.md5(usedforsecurity=False)
    files = []
    for name, path in sources.items():
        size = path.stat().st_size
        files.append((name, size))
        _update(digest, name, size)
        with path.open("rb") as file:
            while block := file.read(PIECE):
                digest.update(block)
    return Contents(digest.hexdigest(), tuple(files))


def pieces(sources: Mapping[str, Path]) -> Iterator[Array]:
    """The bytes of the files, one after the other, in arrays of at most `PIECE` bytes."""
    piece = bytearray()
    for path in sources.values():
        with path.open("rb") as file:
            while block := file.read(PIECE - len(piece)):
                piece += block
                if len(piece) == PIECE:
                    yield np.frombuffer(piece, np.uint8)
                    piece = bytearray()
    if piece:
        yield np.frombuffer(piece, np.uint8)


def lies_in(cache: Path, digest: str) -> Path | None:
    """Where a parcel has been unpacked on this machine; None if it has not."""
    folder = cache / digest
    return folder if folder.is_dir() else None


async def unpack(parcel: Parcel, cache: Path) -> Path:
    """Write the files into a folder of the cache, unless they are there already. One process at a time does so.

    Raises DamagedDataError when what came is not what was sent.
    """
    cache.mkdir(parents=True, exist_ok=True)
    digest = parcel.contents.digest
    with (cache / f"{digest}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for another seat of this node, which writes them then
        there = lies_in(cache, digest)
        if there is not None:
            return there
        partial = Path(tempfile.mkdtemp(prefix=f".{digest}-", dir=cache))
        try:
            if await _write(parcel, partial) != digest:
                raise DamagedDataError(f"{cache / digest} did not arrive as it was sent.", "Start the run again.")
            partial.replace(cache / digest)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return cache / digest


async def _write(parcel: Parcel, folder: Path) -> str:
    """Write the files below `folder`. Returns the digest of what was written."""
    digest = hashlib.md5(usedforsecurity=False)
    read = _reader(parcel.pieces)
    for name, size in parcel.contents.files:
        _update(digest, name, size)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while size > 0:
                block = await read(size)
                if not len(block):
                    break
                digest.update(block)
                file.write(block)
                size -= len(block)
    return digest.hexdigest()


def _reader(arrays: Sequence[Awaitable[Array]]) -> Callable[[int], Awaitable[memoryview]]:
    """What gives the next bytes, at most so many; none at the end."""
    rest, left = memoryview(b""), list(arrays)

    async def read(most: int) -> memoryview:
        nonlocal rest
        if not len(rest) and left:
            rest = memoryview(await left.pop(0))
        block, rest = rest[:most], rest[most:]
        return block

    return read


def _update(digest: Any, name: str, size: int) -> None:
    digest.update(f"{name}\0{size}\0".encode())
