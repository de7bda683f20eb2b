"""A run directory: the files of one training, and what was asked of it."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import functools
import importlib.metadata
import os
import platform
import socket
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from tui_lab.errors import FAILED, RunBusyError, UsageError
from tui_lab.runs.files import write_atomically
from tui_lab.runs.status import Status

RECORDED_PACKAGES = ("tui-lab", "torch", "torchvision", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Request:
    """What was asked: the content of `run.toml`, written once when the run is created."""

    exercise: str
    hyperparameters: dict[str, Any]
    preset: str = ""
    created: float = 0.0
    data_dir: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    git_commit: str = ""

    def to_toml(self) -> str:
        document = tomlkit.document()
        document["exercise"] = self.exercise
        if self.preset:
            document["preset"] = self.preset
        document["created"] = self.created
        document["host"] = socket.gethostname()
        document["data_dir"] = self.data_dir
        if self.git_commit:
            document["git_commit"] = self.git_commit
        document["hyperparameters"] = self.hyperparameters
        document["versions"] = self.versions
        return tomlkit.dumps(document)

    @classmethod
    def from_toml(cls, text: str) -> Request:
        """Raises UsageError when the text is not a request."""
        try:
            content = tomllib.loads(text)
            hyperparameters, versions = content["hyperparameters"], content.get("versions", {})
            if not isinstance(hyperparameters, dict) or not isinstance(versions, dict):
                raise TypeError("hyperparameters and versions must be tables")
            return cls(
                exercise=str(content["exercise"]),
                hyperparameters=hyperparameters,
                preset=str(content.get("preset", "")),
                created=float(content.get("created", 0.0)),
                data_dir=str(content.get("data_dir", "")),
                versions=versions,
                git_commit=str(content.get("git_commit", "")),
            )
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise UsageError(f"run.toml cannot be read: {error}.") from error


class RunDirectory:
    """Names the files of a run; every other module asks here instead of joining paths."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.request = path / "run.toml"
        self.events = path / "events.jsonl"
        self.status = path / "status.json"
        self.control = path / "control.json"
        self.label = path / "label.json"
        self.history = path / "history.json"
        self.checkpoint = path / "checkpoint.pt"
        self.best_weights = path / "best.safetensors"
        self.weights = path / "model.safetensors"
        self.log = path / "log.txt"
        self.inspections = path / "inspections"

    def __repr__(self) -> str:
        return f"RunDirectory({str(self.path)!r})"

    def read_request(self) -> Request:
        """Raises UsageError when `run.toml` is missing or garbled."""
        try:
            text = self.request.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"Run {self.id} has no readable run.toml: {error}.") from error
        return Request.from_toml(text)

    def write_request(self, request: Request) -> None:
        write_atomically(self.request, request.to_toml())

    def read_status(self) -> Status:
        """The status; when its file is missing or garbled, what run.toml and the log still tell."""
        status = Status.read(self.status)
        if status is not None:
            return status
        try:
            request = self.read_request()
        except UsageError:
            request = Request(exercise="", hyperparameters={})
        # Something was measured but nobody can say how it ended: that is a crash, from which the run can be resumed.
        state = "crashed" if self.events.exists() else "queued"
        epochs = request.hyperparameters.get("epochs")
        return Status.of({**dataclasses.asdict(request), "state": state, "epochs": epochs})

    def requeue(self) -> None:
        """Let an ended run wait for a worker again; what it has measured stays."""
        status = self.read_status()
        status.state, status.pid, status.message, status.hint, status.exit_code = "queued", 0, "", "", 0
        status.write(self.status)

    def withdraw(self) -> None:
        """Stop a run that waits for a worker: a queue passes over it."""
        status = self.read_status()
        status.state, status.message = "stopped", "Stopped before it began."
        status.hint = f"Start it with: tui-lab runs resume {self.id}"
        status.write(self.status)

    def record_crash(self, reason: str) -> None:
        """Name the state of a run whose worker is gone and could not say how it ended."""
        status = self.read_status()
        status.state, status.message, status.exit_code = "crashed", reason, FAILED
        status.hint = f"Go on from the last checkpoint: tui-lab runs resume {self.id}"
        with contextlib.suppress(OSError):  # deleted, or on a full disk: then the dead pid has to tell
            status.write(self.status)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run against every other worker; the kernel lets go when this process ends, however it ends.

        Raises RunBusyError with the pid and host that hold it.
        """
        with (self.path / "lock").open("ab+", buffering=0) as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                holder = lock.read().decode(errors="replace") or "another process"
                raise RunBusyError(f"Run {self.id} is held by {holder}.") from error
            with contextlib.suppress(OSError):  # on a full disk the lock still holds, and says less
                lock.truncate(0)
                lock.write(f"pid {os.getpid()} on {socket.gethostname()}".encode())
            yield


@functools.cache
def versions() -> dict[str, str]:
    """The versions that a run's numbers depend on, read without importing the packages, once a process."""
    found = {"python": platform.python_version()}
    for package in RECORDED_PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def git_commit() -> str:
    """The commit of the checkout that this program runs from, as it was when first asked for in this process; empty
    when it is installed as a package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    describe = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    command = ["git", "-C", str(root), "--no-optional-locks", *describe]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
