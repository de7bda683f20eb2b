"""What works on a node: an actor with its share of the node's CPUs, which takes one run after another.

A seat knows no driver. It does what it is told, and answers what has changed; so any driver that comes along can go on
with it. It is a plain class: Ray makes an actor of it, a test does not.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from tui_lab import paths
from tui_lab.data.catalogue import is_present
from tui_lab.errors import DONE, TuiLabError
from tui_lab.jobs.ray import exchange, parcels
from tui_lab.jobs.ray.exchange import Changes, Position
from tui_lab.jobs.ray.parcels import Parcel
from tui_lab.jobs.workers import SeriesWorker
from tui_lab.processes import module_command
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.files import write_atomically

CHILD = module_command("tui_lab.jobs.ray.child")
ANSWER_S = 0.3  # at least between two answers on what has changed: a screen needs no more
LOOK_S = 0.1  # between two looks at the files, while there is nothing new in them
PATIENCE_S = 2.0  # after which "nothing has changed" is an answer too
LINGER_S = 30.0  # without a word from a driver, after which a seat with nothing to do gives its CPUs back
KEEP_S = 7 * 86_400.0  # that the results of a run are kept whose driver does not come back
DATASET = "dataset"  # the parcel of the data set; others have the name of a hyperparameter


@dataclass(frozen=True)
class Order:
    """A run to be worked on.

    Attributes:
        run_id: its directory's name.
        key: what tells it from every other run, wherever it lies.
        attempt: how many workers of it were lost before.
        files: those of its directory.
        dataset: the name of its data set, if that has files.
        own: the user's own files by hyperparameter: a digest, and the name of the file, empty for a folder.
    """

    run_id: str
    key: str
    attempt: int
    files: Mapping[str, bytes]
    dataset: str = ""
    own: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Held:
    """A run that a seat has."""

    key: str
    attempt: int
    has_ended: bool


@dataclass(frozen=True)
class About:
    """What a seat or keeper says of itself: where it is, the threads of its runs (0 = it takes none), what it has."""

    node_id: str
    threads: int
    held: Held | None


@dataclass
class Stay:
    """A run in its scratch directory; `code` is the worker's exit code when it has ended."""

    order: Order
    run: RunDirectory
    code: int | None = None

    def held(self) -> Held:
        return Held(self.order.key, self.order.attempt, self.code is not None)


class Keeper:
    """Keeps the result of a run until a driver comes for it. It takes no CPU.

    Args:
        node_id: where it is.
        stay: the run, ended.
        leave: how this process ends.
    """

    def __init__(self, node_id: str, stay: Stay, leave: Callable[[], None]) -> None:
        self._node_id, self._leave = node_id, leave
        self._stay = stay
        self._scratch = Scratch(stay.run.path.parent)
        threading.Timer(KEEP_S, leave).start()

    async def about(self) -> About:
        """What it has; says nothing about whether a driver is there."""
        return About(self._node_id, 0, self._stay.held())

    async def changes(self, key: str, position: Position) -> Changes | None:
        """What has changed of the run since `position`; None when it is not here."""
        stay = self._stay
        return exchange.collect(stay.run, position, stay.code) if stay.order.key == key else None

    async def control(self, key: str, content: bytes) -> None:
        """Too late: the worker has ended."""

    async def kill(self, key: str) -> None:
        """Too late: the worker has ended."""

    async def collected(self, key: str) -> None:
        """The driver has everything of the run."""
        self._scratch.remove()

    async def go(self) -> None:
        """End this process."""
        self._scratch.remove()
        self._leave()


class Seat:
    """Works on one run at a time.

    Args:
        node_id: where it is.
        threads: the most CPU threads a worker may use.
        hand_over: has a `Keeper` keep a run that has ended, and comes back when it does.
        leave: how this process ends.
    """

    def __init__(
        self, node_id: str, threads: int, hand_over: Callable[[Stay], None], leave: Callable[[], None]
    ) -> None:
        self._node_id, self._threads = node_id, threads
        self._hand_over, self._leave = hand_over, leave
        self._lock = threading.RLock()  # of what follows, between the calls and the watch
        self._stay: Stay | None = None
        self._worker: SeriesWorker | None = SeriesWorker(threads, CHILD)  # it starts while the run is on its way
        self._heard = time.monotonic()
        self._answered = 0.0
        self._scratch = Scratch.new()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    async def about(self) -> About:
        """What it does; says nothing about whether a driver is there."""
        with self._lock:
            self._look()
            return About(self._node_id, self._threads, self._stay.held() if self._stay else None)

    async def begin(self, order: Order, offered: Mapping[str, Parcel]) -> list[str]:
        """Work on a run. The same order twice is one.

        Args:
            order: the run.
            offered: what was asked for before, by name.

        Returns:
            The names of the parcels without which it cannot be begun; nothing when it has been.

        Raises:
            TuiLabError: another run is still here, or what was sent did not arrive.
            OSError: this node's disk is full.
        """
        self._heard = time.monotonic()
        if self._stay is not None:
            if self._stay.order.key == order.key and self._stay.order.attempt == order.attempt:
                return []
            raise TuiLabError(f"The seat still has {self._stay.order.run_id}.")
        cache = paths.cache_dir().with_name("received")
        found: dict[str, str] = {}
        missing: list[str] = []
        data = paths.data_dir()
        if not order.dataset or is_present(order.dataset, data):
            found[DATASET] = str(data)
        elif DATASET in offered:
            found[DATASET] = str(await parcels.unpack(offered[DATASET], cache))
        else:
            missing.append(DATASET)
        for name, (digest, file) in order.own.items():
            folder = parcels.lies_in(cache, digest)
            if folder is None and name in offered:
                folder = await parcels.unpack(offered[name], cache)
            if folder is None:
                missing.append(name)
            else:
                found[name] = str(folder / file)
        if not missing:
            self._start(order, found)
        return missing

    def _start(self, order: Order, found: Mapping[str, str]) -> None:
        run = RunDirectory(self._scratch.path / order.run_id)
        shutil.rmtree(run.path, ignore_errors=True)
        run.path.mkdir(parents=True)
        exchange.unpack(run, order.files)
        request = run.read_request()
        own = {name: path for name, path in found.items() if name != DATASET}
        run.write_request(replace(request, data_dir=found[DATASET], hyperparameters={**request.hyperparameters, **own}))
        with self._lock:
            if self._worker is None or not self._worker.take(run, self._threads):
                self._worker = SeriesWorker(self._threads, CHILD)
                self._worker.take(run, self._threads)
            self._stay = Stay(order, run)

    async def changes(self, key: str, position: Position) -> Changes | None:
        """What has changed of the run since `position`, as soon as something has; None when it is not here.

        An answer comes at most a few times a second, and at least every `PATIENCE_S`.
        """
        end = time.monotonic() + PATIENCE_S
        while True:
            with self._lock:
                self._heard = now = time.monotonic()
                self._look()
                stay = self._stay
                if stay is None or stay.order.key != key:
                    return None
                due = self._answered + ANSWER_S
                has_ended = stay.code is not None
                if has_ended or now >= end or (now >= due and exchange.has_news(stay.run, position)):
                    self._answered = now
                    return exchange.collect(stay.run, position, stay.code)
                # A copy, for another thread may close the worker's own meanwhile
                output = os.dup(self._worker.output) if self._worker is not None else None
            await _until_it_speaks(output, max(due - now, LOOK_S))

    async def control(self, key: str, content: bytes) -> None:
        """Give the worker what the user wants of it."""
        self._heard = time.monotonic()
        stay = self._stay
        if stay is not None and stay.order.key == key:
            write_atomically(stay.run.control, content.decode())

    async def kill(self, key: str) -> None:
        """End the worker at once."""
        with self._lock:
            if self._stay is not None and self._stay.order.key == key and self._worker is not None:
                self._worker.process.kill()
                self._worker.process.wait()

    async def collected(self, key: str) -> None:
        """The driver has everything of the run: the seat is free for another."""
        self._heard = time.monotonic()
        with self._lock:
            if self._stay is not None and self._stay.order.key == key:
                shutil.rmtree(self._stay.run.path, ignore_errors=True)
                self._stay = None

    async def go(self) -> None:
        """End the worker, whatever it does, and this process."""
        with self._lock:
            self._dismiss()
            self._scratch.remove()
        self._leave()

    def _look(self) -> None:
        """See whether the worker has ended, or waits for another run."""
        if self._worker is None:
            return
        code = self._worker.process.poll()
        if code is None and not self._worker.is_free():
            return
        if self._stay is not None and self._stay.code is None:
            self._stay.code = DONE if code is None else code
        if code is not None:
            self._worker.dismiss()
            self._worker = None

    def _dismiss(self) -> None:
        if self._worker is not None:
            self._worker.dismiss()
            self._worker = None

    def _watch(self) -> None:
        """Give the CPUs back when no driver is there any more and nothing is left to do."""
        while True:
            time.sleep(1.0)
            with self._lock:
                self._look()
                is_busy = self._stay is not None and self._stay.code is None
                if is_busy or time.monotonic() - self._heard < LINGER_S:
                    continue
                self._dismiss()
                if self._stay is None:
                    self._scratch.remove()
                else:
                    self._hand_over(self._stay)
            self._leave()
            return


async def _until_it_speaks(output: int | None, timeout_s: float) -> None:
    """Wait until a worker has done with its run or has ended, but no longer than that. Closes its `output`."""
    if output is None:
        await asyncio.sleep(timeout_s)
        return
    has_spoken = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        loop.add_reader(output, has_spoken.set)
        with suppress(TimeoutError):
            await asyncio.wait_for(has_spoken.wait(), timeout_s)
    finally:
        loop.remove_reader(output)
        os.close(output)


class Scratch:
    """A folder for the directories of runs. While its owner lives, a lock says so; one without an owner is removed by
    the next seat on the machine, since what it was for has gone on elsewhere."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = path.with_name(f"{path.name}.lock").open("ab")
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    @classmethod
    def new(cls) -> Scratch:
        root = Path(tempfile.gettempdir()) / f"tui-lab-seats-{os.getuid()}"
        root.mkdir(mode=0o700, exist_ok=True)
        for lock in root.glob("*.lock"):
            _sweep(lock)
        return cls(Path(tempfile.mkdtemp(dir=root)))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        Path(self._lock.name).unlink(missing_ok=True)


def _sweep(lock: Path) -> None:
    with suppress(OSError), lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink(missing_ok=True)
