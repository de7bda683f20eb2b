"""Worker processes of this machine: started cold, handed over to one that stands by with everything imported, or to
one that has just done with another run."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Sequence

from tui_lab.devices import cores
from tui_lab.errors import RunBusyError
from tui_lab.processes import SERIES_FLAG, STANDBY_FLAG, THREADS_VARIABLE, module_command, write_line
from tui_lab.runs.directory import RunDirectory

WORKER = module_command("tui_lab.worker")  # given the run's directory
STANDBY = module_command("tui_lab.worker", STANDBY_FLAG)
SERIES = module_command("tui_lab.worker", SERIES_FLAG)


def start_worker(run: RunDirectory, threads: int) -> subprocess.Popen[bytes]:
    """Start the worker of a run in a session of its own, so that it outlives the terminal.

    Args:
        run: queued or resumable.
        threads: the most CPU threads it may use, unless it asked for a number itself. Threads times workers should
            not exceed the cores.

    Raises RunBusyError when a live process holds the run.
    """
    check_free(run)
    with run.log.open("ab") as log:
        return subprocess.Popen(
            [*WORKER, str(run.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(threads),
            start_new_session=True,
        )


class Standby:
    """A worker process that has imported torch, or is about to, and waits to be told its run.

    It ends by itself when this process does.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            STANDBY,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # of a torch that cannot be imported, the worker that starts cold tells
            env=_environment(cores()),
            start_new_session=True,
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether everything is imported. A run given to it before that is begun as soon as it is."""
        assert self._process.stdout is not None
        return self.is_alive and bool(select.select([self._process.stdout], [], [], 0)[0])

    def take(self, run: RunDirectory, threads: int) -> subprocess.Popen[bytes] | None:
        """Make it the worker of a run, as `start_worker` does. Returns None when it has died.

        Raises RunBusyError when a live process holds the run.
        """
        check_free(run)
        run.log.open("ab").close()  # a run that was deleted is refused here, as by `start_worker`
        assert self._process.stdin is not None
        try:
            write_line(self._process.stdin, json.dumps({"run": str(run.path), "threads": threads}).encode())
            self._process.stdin.close()
        except BrokenPipeError:
            self.dismiss()
            return None
        return self._process

    def dismiss(self) -> None:
        """End it: it has no run yet, so there is nothing to lose."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class SeriesWorker:
    """A worker process that takes one run after another: of many short ones, only the first waits for torch.

    It ends when a run fails, when it is dismissed, and by itself when this process does.

    Args:
        threads: as in `start_worker`, of its first run.
        command: another that does what `SERIES` does.
    """

    def __init__(self, threads: int, command: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            command or SERIES,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # until a run's log takes its place
            env=_environment(threads),
            start_new_session=True,
        )

    def take(self, run: RunDirectory, threads: int) -> bool:
        """Make it the worker of a run, as `start_worker` does. Returns False when it has died.

        Raises RunBusyError when a live process holds the run.
        """
        check_free(run)
        run.log.open("ab").close()  # a run that was deleted is refused here, as by `start_worker`
        assert self.process.stdin is not None
        try:
            write_line(self.process.stdin, json.dumps({"run": str(run.path), "threads": threads}).encode())
        except BrokenPipeError:
            self.dismiss()
            return False
        return True

    @property
    def output(self) -> int:
        """The file descriptor that can be read from when it has done with its run, and when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def is_free(self) -> bool:
        """Whether it has done with its run and waits for the next; says so once a run."""
        if self.process.poll() is not None or not select.select([self.output], [], [], 0)[0]:
            return False
        return bool(os.read(self.output, 16))

    def dismiss(self) -> None:
        """End it between two runs."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def check_free(run: RunDirectory) -> None:
    """Raises RunBusyError when a live process holds the run."""
    holder = run.read_status().held_by()
    if holder:
        raise RunBusyError(f"Run {run.id} is held by {holder}.", f"Watch it: tui-lab runs watch {run.id}")


def _environment(threads: int) -> dict[str, str]:
    environment = {**os.environ, THREADS_VARIABLE: str(threads), "PYTHONUNBUFFERED": "1"}
    environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # the order in which GPUs are listed and watched
    return environment
