"""Runs on a cluster: two nodes of one CPU on this machine, and everything that can be lost is lost."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.waiting import wait_until
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import build
from tui_lab.jobs import orders
from tui_lab.jobs.executor import KILLED_BY_USER
from tui_lab.jobs.local import LocalExecutor
from tui_lab.jobs.ray.executor import RayExecutor
from tui_lab.jobs.ray.options import Options
from tui_lab.jobs.ray.survey import survey
from tui_lab.labs.catalogue import find_exercise
from tui_lab.runs.control import request
from tui_lab.runs.directory import versions
from tui_lab.runs.events import EventReader
from tui_lab.runs.store import RunStore

pytest.importorskip("ray")

SCRIPT = Path(__file__).with_name("ray_cluster.py")
PLAIN = {"device": "cpu", "threads": 1, "precision": "fp32", "channels_last": "off"}
TINY = {"dataset": "circles", "train_size": 20, "test_size": 20, **PLAIN}
LONG = {"epochs": 1000, "seed": 3}  # long enough to be caught at work
DEADLINE_S = 120.0


class Cluster:
    """Two nodes, as processes of another process; its token is in the environment of this one while it is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""

    def __enter__(self) -> Cluster:
        environment = {
            **os.environ,
            "RAY_TMPDIR": str(self.folder),
            "RAY_worker_niceness": "0",
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "TUI_LAB_DATA": str(self.folder / "data"),
            "TMPDIR": str(self.folder),
        }
        self._process = subprocess.Popen(
            [sys.executable, SCRIPT, "2"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(self.folder / "log").open("wb"),
            env=environment,
            text=True,
            bufsize=1,
        )
        self.address = self._answer()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()

    def ask(self, what: str) -> None:
        """Have a node removed or added."""
        self._process.stdin.write(f"{what}\n")
        self._answer()

    def _answer(self) -> str:
        answer = self._process.stdout.readline().strip()
        assert answer, (self.folder / "log").read_text()[-2000:]
        return answer


@contextmanager
def alone_on_the_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cluster at a time, however many processes run these tests."""
    with (tmp_path_factory.getbasetemp().parent / "ray.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Two nodes, and no way to them without a token."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets need a short path
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_AUTH_MODE", "token")
    patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    with alone_on_the_machine(tmp_path_factory), Cluster(folder) as cluster:
        yield cluster
    patch.undo()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


@pytest.fixture(scope="module")
def executor(cluster):
    """Makes executors; the driver of each is gone when the tests are over."""
    made = []

    def make(**options):
        made.append(RayExecutor(Options(cluster.address, **options)))
        return made[-1]

    yield make
    for one in made:
        end(one)


@pytest.fixture(scope="module")
def ray(executor):
    """One whose connection the tests share, which is half of what they would wait for."""
    return executor()


def end(executor):
    """Let the driver go, and wait until it has."""
    process = executor._process
    if process is not None:
        executor.withdraw()
        executor.kill()
        process.stdin.close()
        process.wait(60)


def create(store, **given):
    hyperparameters = build(find_exercise("mlp").hyperparameters, {**TINY, **given})
    return store.create("mlp", hyperparameters.model_dump())


def finish(executor, runs, each=lambda: None):
    """Poll until all runs have ended."""
    for run in runs:
        executor.submit(run)
    ended = []

    def are_done():
        ended.extend(executor.poll())
        each()
        return not executor.active and not executor.waiting

    wait_until(are_done, DEADLINE_S)
    return sorted(run.id for run in ended)


def poll_until(executor, condition):
    wait_until(lambda: (executor.poll(), condition())[1], DEADLINE_S)


def weights(run):
    return hashlib.sha256(run.weights.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The weights that this machine makes of configurations, each trained once; several at a time by one worker."""
    store, known = RunStore(tmp_path_factory.mktemp("here")), {}

    def train(*asked):
        runs = {repr(given): create(store, **given) for given in asked if repr(given) not in known}
        executor = LocalExecutor(series=True)
        finish(executor, list(runs.values()))
        known.update({name: weights(run) for name, run in runs.items()})
        return [known[repr(given)] for given in asked]

    return train


def events(run, kind):
    return [event for event in EventReader(run.events).read() if event["kind"] == kind]


def state(run):
    return run.read_status().state


def worker_of(run):
    """The process that trains a run: on one machine, pids are as good as on any."""
    return events(run, "started")[-1]["pid"]


def is_gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_six_runs_on_two_nodes_end_with_the_weights_of_this_machine(store, ray, here):
    runs = [create(store, seed=seed, epochs=3) for seed in range(6)]
    at_once = set()
    ended = finish(ray, runs, lambda: at_once.add(len(ray.active)))
    assert ended == sorted(run.id for run in runs)
    assert [state(run) for run in runs] == ["finished"] * 6
    assert max(at_once) == 2
    assert len({run.read_status().node for run in runs}) == 2
    assert [run.read_status().attempts for run in runs] == [0] * 6
    assert all(len(events(run, "epoch")) == 3 and events(run, "finished") for run in runs)
    assert [weights(run) for run in runs[:2]] == here({"seed": 0, "epochs": 3}, {"seed": 1, "epochs": 3})
    assert len({weights(run) for run in runs}) == 6


def test_a_worker_that_is_killed_is_followed_by_another_with_the_same_bits(store, ray, here):
    run = create(store, **LONG)
    ray.submit(run)
    poll_until(ray, lambda: run.checkpoint.exists() and len(events(run, "epoch")) > 2)
    os.kill(worker_of(run), signal.SIGKILL)
    finish(ray, [run])
    assert (state(run), run.read_status().attempts) == ("finished", 1)
    assert [event["resumed_from"] is not None for event in events(run, "started")] == [False, True]
    [warning] = events(run, "warning")
    assert "ended with SIGKILL. Attempt 2 goes on from its last checkpoint" in warning["message"]
    assert [event["seq"] for event in EventReader(run.events).read()] == sorted(
        event["seq"] for event in EventReader(run.events).read()
    )
    assert [weights(run)] == here(LONG)


def test_a_run_that_kills_three_workers_has_failed_and_its_log_is_named(store, ray):
    run = create(store, epochs=100_000)
    ray.submit(run)
    killed = set()

    def kill_the_next():
        if events(run, "started") and worker_of(run) not in killed and state(run) == "running":
            killed.add(worker_of(run))
            os.kill(worker_of(run), signal.SIGKILL)

    finish(ray, [run], kill_the_next)
    status = run.read_status()
    assert (status.state, len(killed), status.exit_code) == ("failed", 3, 1)
    assert status.message.startswith("3 workers of it were killed. Its worker on ")
    assert "log.txt" in status.hint
    assert events(run, "finished")[-1]["state"] == "failed"


def test_a_worker_that_the_user_kills_has_no_follower_until_its_run_is_resumed(store, ray, here):
    run, other = create(store, **LONG), create(store, epochs=100_000)
    for one in (run, other):
        ray.submit(one)
    poll_until(ray, lambda: run.checkpoint.exists() and all(len(events(one, "epoch")) > 2 for one in (run, other)))
    orders.kill(run)
    status = run.read_status()
    assert (status.state, status.message, status.exit_code) == ("crashed", KILLED_BY_USER, 1)
    assert is_gone(worker_of(run))
    assert state(other) == "running"
    request(other.control, "stop")
    finish(ray, [])
    assert (state(run), state(other)) == ("crashed", "stopped")
    finish(ray, [orders.resume(run)])
    assert (state(run), run.read_status().attempts, events(run, "warning")) == ("finished", 0, [])
    assert [event["resumed_from"] is not None for event in events(run, "started")] == [False, True]
    assert [weights(run)] == here(LONG)


def test_the_next_command_goes_on_with_what_a_killed_driver_has_left(store, executor, here):
    run = create(store, **LONG)
    first = executor(jobs=1)
    first.submit(run)
    poll_until(first, lambda: len(events(run, "epoch")) > 2)
    worker = worker_of(run)
    first._process.kill()
    first._process.wait()
    assert run.read_status().actual_state() == "crashed"
    with pytest.raises(UsageError, match=r"is gone; its worker on .* may still be at work"):
        orders.kill(run)
    second = executor(jobs=1)
    finish(second, [orders.resume(run)])
    assert (state(run), run.read_status().attempts) == ("finished", 0)
    assert len(events(run, "started")) == 1
    assert worker_of(run) == worker
    assert [weights(run)] == here(LONG)


def test_a_node_that_is_lost_costs_no_run(cluster, store, ray, here):
    runs = [create(store, **LONG) for _ in range(2)]
    for run in runs:
        ray.submit(run)
    poll_until(ray, lambda: all(len(events(run, "epoch")) > 2 and run.checkpoint.exists() for run in runs))
    workers = [worker_of(run) for run in runs]
    cluster.ask("remove")
    finish(ray, runs)
    assert [state(run) for run in runs] == ["finished"] * 2
    assert sorted(run.read_status().attempts for run in runs) == [0, 1]
    assert [weights(run) for run in runs] == here(LONG) * 2
    wait_until(lambda: all(is_gone(worker) for worker in workers))
    cluster.ask("add")


def test_wishes_reach_a_worker_on_a_node(store, ray):
    run = create(store, epochs=100_000)
    ray.submit(run)
    poll_until(ray, lambda: events(run, "epoch"))
    orders.ask(run, "pause", lr=0.5)
    poll_until(ray, lambda: state(run) == "paused")
    assert run.read_status().changed_lr == 0.5
    assert run.checkpoint.exists()
    request(run.control, "stop")
    finish(ray, [run])
    assert state(run) == "stopped"


def test_images_of_the_user_s_own_are_sent_to_the_node_once(cluster, store, ray, here, tmp_path):
    chooser = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(6):
            pixels = chooser.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    given = {"dataset": "folder", "folder": str(tmp_path / "images"), "image_size": 8, "train_size": 0, "test_size": 0}
    runs = [create(store, seed=seed, epochs=2, **given) for seed in range(2)]
    finish(ray, runs)
    assert [state(run) for run in runs] == ["finished"] * 2
    assert [weights(runs[0])] == here({"seed": 0, "epochs": 2, **given})
    [received] = [path for path in (cluster.folder / "cache" / "tui-lab" / "received").iterdir() if path.is_dir()]
    assert sorted(path.name for path in received.iterdir()) == ["cats", "dogs"]
    assert all(run.read_request().hyperparameters["folder"] == given["folder"] for run in runs)


def test_a_node_with_another_version_is_left_out_and_both_versions_are_named(cluster: Cluster) -> None:
    cluster.ask("add other")
    try:
        nodes = survey(cluster.address)["nodes"]
    finally:
        cluster.ask("remove other")
    [problem] = [node["problem"] for node in nodes if node["problem"]]
    assert f"torch 0.1 instead of {versions()['torch']}" in problem
    assert len([node for node in nodes if not node["problem"]]) == 2
