"""Writing files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[IO[bytes]]:
    """An open binary file that takes the place of `path` when the block ends; on an error the old file stays.

    `durable` also survives a power cut: fsync before the rename.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error is the one that counts
            partial.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: str, *, durable: bool = False) -> None:
    """Replace the text of `path`."""
    with replacing(path, durable=durable) as file:
        file.write(content.encode())
