"""A run directory, and a disk small enough to fill."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tui_lab.runs.directory import Request, RunDirectory

DISK_BYTES = 4 << 20


def make_run(folder: Path, name: str = "20260101-120000-mlp-fern") -> RunDirectory:
    """A run directory with its request and nothing else."""
    run = RunDirectory(folder / name)
    run.path.mkdir(parents=True)
    run.write_request(Request("mlp", {"epochs": 3, "lr": 0.1}, created=1.0))
    return run


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return make_run(tmp_path)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of DISK_BYTES of its own."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs Linux and root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def fill(tiny_disk: Path) -> Callable[[], Path]:
    """Fills the tiny disk to its last byte; returns the file that does."""

    def fill() -> Path:
        filler = tiny_disk / "filler"
        with filler.open("ab", buffering=0) as file:
            for size in (1 << 16, 1):
                try:
                    while file.write(b"x" * size):
                        pass
                except OSError:
                    continue
        return filler

    return fill
