"""Whether the files of a data set are what their publishers distribute. Needs no torch.

A file as distributed is checked by its MD5. torchvision also leaves MNIST-like files extracted; of those no checksum is
published, so their header and length are checked.
"""

from __future__ import annotations

import hashlib
import math
import struct
from pathlib import Path

from tui_lab.data.catalogue import DATASETS, damaged_data_error, find_file, is_present, missing_data_error

_UNSIGNED_BYTE = 0x08  # the idx format's code for the type of an element


def idx_shape(name: str, file: str) -> tuple[int, ...]:
    """The shape of the array in an idx file: (N, H, W) for images, (N,) for labels."""
    info = DATASETS[name]
    size = info.train_size if "train-" in file else info.test_size
    return (size, *(info.shape or ())[1:]) if "-images-" in file else (size,)


def idx_header(shape: tuple[int, ...]) -> bytes:
    """The header of an idx file of unsigned bytes: two zeros, type, number of dimensions, big-endian dimensions."""
    return struct.pack(f">HBB{len(shape)}I", 0, _UNSIGNED_BYTE, len(shape), *shape)


def problem_with(name: str, data_dir: Path, file: str) -> str:
    """What is wrong with one of the files that `name` needs, as the end of a sentence; empty when it is intact."""
    path = find_file(data_dir, file)
    if path is None:
        return "is missing"
    try:
        if path == data_dir / file:
            return "" if _md5(path) == DATASETS[name].checksums[file] else "has the wrong MD5 checksum"
        return _problem_with_idx(path, idx_shape(name, file))
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def bad_files(name: str, data_dir: Path) -> dict[Path, str]:
    """Every needed file that is missing or damaged, with what is wrong with it; empty when `name` can be loaded."""
    found: dict[Path, str] = {}
    for file in DATASETS[name].files:
        if problem := problem_with(name, data_dir, file):
            found[find_file(data_dir, file) or data_dir / file] = problem
    return found


def intact_files(name: str, data_dir: Path) -> dict[str, Path]:
    """Where each needed file lies, after all of them were checked.

    Raises:
        MissingDataError: some are not there.
        DamagedDataError: one is not what it should be.
    """
    if not is_present(name, data_dir):
        raise missing_data_error(name, data_dir)
    for path, problem in bad_files(name, data_dir).items():
        raise damaged_data_error(name, path, problem)
    return {file: find_file(data_dir, file) or data_dir / file for file in DATASETS[name].files}


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        # not security: it finds transfer errors, and has to be allowed where MD5 is forbidden for cryptography
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _problem_with_idx(path: Path, shape: tuple[int, ...]) -> str:
    header = idx_header(shape)
    with path.open("rb") as file:
        if file.read(len(header)) != header:
            return f"does not begin with the header of {' × '.join(map(str, shape))} unsigned bytes"
    expected, actual = len(header) + math.prod(shape), path.stat().st_size
    return "" if actual == expected else f"has {actual:,} bytes instead of {expected:,}"
