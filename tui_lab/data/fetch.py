"""Download a data set: `python -m tui_lab.data.fetch NAME DATA_DIR [--force | --verify]`.

A process of its own, because the downloaders are torchvision's and who asks for them need not import torch. Everything
arrives in a temporary folder inside the data folder; only whole, verified files are moved into place. So a fetch that
fails or is interrupted leaves what was there before. Talk and progress go to stderr, what `--verify` finds to stdout.

Exit status: 0 the data set is complete, 2 bad usage, 3 it could not be fetched or is damaged, 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import http.client
import os
import shutil
import signal
import socket
import sys
import tempfile
import urllib.error
from collections.abc import Iterable, Sequence
from pathlib import Path

from tui_lab.data.catalogue import DATASETS
from tui_lab.data.integrity import bad_files, problem_with
from tui_lab.errors import DONE, INTERRUPTED, MISSING, MissingDataError, TuiLabError

PATIENCE = 30  # seconds without a byte before a server counts as silent; urllib would wait for ever
_FAILURES = (OSError, RuntimeError, http.client.HTTPException)  # what torchvision's downloaders let through


def fetch(name: str, data_dir: Path, force: bool = False) -> bool:
    """Bring data set `name` into `data_dir`, in torchvision's layout.

    Args:
        name: of a data set; those that need no files are complete from the start.
        data_dir: made if it is not there.
        force: fetch every file, also those that are intact.

    Returns:
        Whether anything had to be fetched.

    Raises:
        MissingDataError: no connection, a wrong checksum, a full disk, ...; `data_dir` is as it was.
    """
    needed = [file for file in DATASETS[name].files if force or problem_with(name, data_dir, file)]
    if not needed:
        return False
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_prefix(), dir=data_dir) as folder:
            arrived = Path(folder)
            _download(name, needed, arrived)
            for file in needed:
                if problem_with(name, arrived, file):
                    raise RuntimeError
            _move(arrived, data_dir)
    except _FAILURES as error:
        raise MissingDataError(f"{name} could not be fetched into {data_dir}: {_reason(error)}.") from error
    return True


def _prefix() -> str:
    """How the temporary folders of this process begin."""
    return f".fetch-{os.getpid()}-"


def _download(name: str, files: Iterable[str], folder: Path) -> None:
    from torchvision import datasets
    from torchvision.datasets.utils import download_and_extract_archive

    with contextlib.redirect_stdout(sys.stderr):  # some versions of torchvision print what they extract
        if name == "cifar10":
            source = datasets.CIFAR10
            download_and_extract_archive(source.url, folder, md5=source.tgz_md5, remove_finished=True)
            return
        mirrors = (datasets.MNIST if name == "mnist" else datasets.FashionMNIST).mirrors
        for file in files:
            _download_from_any(mirrors, folder / file, DATASETS[name].checksums[file])


def _download_from_any(mirrors: Sequence[str], target: Path, md5: str) -> None:
    """Try one mirror after the other; the last one's error is the one that counts."""
    from torchvision.datasets.utils import download_url

    for mirror in mirrors:
        try:
            download_url(mirror + target.name, target.parent, target.name, md5)
            return
        except _FAILURES:
            if mirror == mirrors[-1]:
                raise


def _move(arrived: Path, data_dir: Path) -> None:
    for source in sorted(path for path in arrived.rglob("*") if path.is_file()):
        target = data_dir / source.relative_to(arrived)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full"
    if type(error) is RuntimeError:
        return "what arrived has the wrong checksum"
    if isinstance(error, urllib.error.URLError):
        cause = error.reason
        return cause.strerror or str(cause) if isinstance(cause, OSError) else str(error)
    return str(error).rstrip(".") or type(error).__name__


def _verify(name: str, data_dir: Path) -> int:
    bad = bad_files(name, data_dir)
    for path, problem in bad.items():
        print(f"{path} {problem}")
    return MISSING if bad else DONE


def _say(message: str) -> None:
    print(message, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tui_lab.data.fetch", description="Download a data set.")
    parser.add_argument("name", choices=DATASETS)
    parser.add_argument("data_dir", type=Path)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--force", action="store_true", help="fetch every file, also those that are intact")
    choice.add_argument("--verify", action="store_true", help="fetch nothing; name every missing or damaged file")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    given = _parser().parse_args(arguments)
    try:
        if given.verify:
            return _verify(given.name, given.data_dir)
        if fetch(given.name, given.data_dir, given.force):
            _say(f"{given.name} is complete in {given.data_dir}.")
        elif DATASETS[given.name].files:
            _say(f"{given.name} is already complete and intact in {given.data_dir}.")
        else:
            _say(f"{given.name} needs no files.")
    except TuiLabError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        for left in given.data_dir.glob(f"{_prefix()}*"):  # the interrupt may have hit the clean-up itself
            shutil.rmtree(left, ignore_errors=True)
        _say(f"Interrupted: {given.name} was not fetched.")
        return INTERRUPTED
    return DONE


if __name__ == "__main__":
    socket.setdefaulttimeout(PATIENCE)
    for ending in (signal.SIGTERM, signal.SIGHUP):  # clean up also when the caller or the connection ends it
        signal.signal(ending, signal.default_int_handler)
    sys.exit(main())
