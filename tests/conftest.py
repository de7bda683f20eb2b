"""Fixtures that several packages' tests share."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tui_lab.data.catalogue import DATASETS, is_present
from tui_lab.paths import DATA_VARIABLE

# Small tensors: two threads would wait for each other longer than they work. Before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A busy machine is no failure
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

RESTORE = Path(__file__).parents[2] / "shared" / "data" / "restore.py"


@pytest.fixture(autouse=True)
def broken_pipes_are_errors() -> Iterator[None]:
    """A command called in this process lets SIGPIPE end it, as other tools do; the next test is another matter."""
    yield
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the real MNIST, Fashion-MNIST and CIFAR-10: $TUI_LAB_DATA, else restored once into a cache."""
    given = os.environ.get(DATA_VARIABLE)
    if given and all(is_present(name, Path(given)) for name in DATASETS):
        return Path(given)
    if not RESTORE.is_file():
        pytest.skip(
            f"the real data are not here: set {DATA_VARIABLE} to a folder with mnist, fashion-mnist and cifar10"
        )
    folder = Path(tempfile.gettempdir()) / "tui-lab-test-data"
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test run may be restoring
        subprocess.run([sys.executable, RESTORE, folder], check=True, capture_output=True)
    return folder
