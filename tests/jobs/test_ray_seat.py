"""What works on a node, without Ray and without torch: a seat, its scratch, and what becomes of it without a driver."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading

import pytest

from tests.jobs.conftest import is_gone
from tests.waiting import wait_until
from tui_lab.errors import TuiLabError
from tui_lab.jobs.ray import exchange, parcels, seat
from tui_lab.jobs.ray.exchange import Position
from tui_lab.jobs.ray.parcels import Parcel
from tui_lab.jobs.ray.seat import DATASET, Keeper, Order, Scratch, Seat
from tui_lab.processes import module_command
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import Status


@pytest.fixture(autouse=True)
def node(tmp_path, monkeypatch, workers):
    """A node with nothing on it, whose workers are processes that do as they are told."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(seat, "CHILD", [*workers.command, "--series"])
    monkeypatch.setattr(seat.paths, "cache_dir", lambda: tmp_path / "cache" / "computed")
    monkeypatch.setattr(seat.paths, "data_dir", lambda: tmp_path / "data")


@pytest.fixture
def made():
    """Makes a seat; `gone` is set when it leaves, and `kept` has what it hands over."""
    seats = []

    def make():
        gone, kept = threading.Event(), []
        one = Seat("node", 2, kept.append, gone.set)
        one.gone, one.kept = gone, kept
        seats.append(one)
        return one

    yield make
    for one in seats:
        asyncio.run(one.go())


def order_of(run, **fields):
    return Order(run.id, f"key of {run.id}", 0, exchange.packed(run), **fields)


def begin(one, order, offered=None):
    return asyncio.run(one.begin(order, offered or {}))


def changes(one, order, position=None):
    return asyncio.run(one.changes(order.key, position or Position()))


def scratch_of(one, run):
    return RunDirectory(one._scratch.path / run.id)


def test_a_run_is_begun_with_its_files_and_the_seat_s_threads(store, workers, made):
    run, one = store.create("mlp", {"dataset": "circles"}), made()
    assert begin(one, order_of(run)) == []
    there = scratch_of(one, run)
    assert workers.seen(there)["threads"] == "2"
    assert there.read_request().hyperparameters == {"dataset": "circles"}
    assert asyncio.run(one.about()).held == seat.Held(f"key of {run.id}", 0, has_ended=False)
    workers.end(there)
    order = order_of(run)
    wait_until(lambda: changes(one, order).code == 0)
    asyncio.run(one.collected(order.key))
    assert not there.path.exists()


def test_the_same_order_twice_is_one_and_another_is_refused(store, workers, made):
    runs, one = [store.create("mlp", {"seed": seed}) for seed in range(2)], made()
    begin(one, order_of(runs[0]))
    pid = workers.seen(scratch_of(one, runs[0]))["pid"]
    assert begin(one, order_of(runs[0])) == []
    assert workers.seen(scratch_of(one, runs[0]))["pid"] == pid
    with pytest.raises(TuiLabError, match=f"still has {runs[0].id}"):
        begin(one, order_of(runs[1]))


def test_one_worker_takes_one_run_after_another(store, workers, made):
    runs, one, pids = [store.create("mlp", {"seed": seed}) for seed in range(2)], made(), set()
    for run in runs:
        order = order_of(run)
        begin(one, order)
        there = scratch_of(one, run)
        pids.add(workers.seen(there)["pid"])
        workers.end(there)
        wait_until(lambda order=order: changes(one, order).code == 0)
        asyncio.run(one.collected(order.key))
    assert len(pids) == 1


def test_a_worker_that_is_killed_is_told_by_its_signal_and_another_takes_the_next_run(store, workers, made):
    run, one = store.create("mlp", {}), made()
    order = order_of(run)
    begin(one, order)
    os.kill(workers.seen(scratch_of(one, run))["pid"], signal.SIGKILL)
    wait_until(lambda: changes(one, order).code == -signal.SIGKILL)
    asyncio.run(one.collected(order.key))
    begin(one, order)
    workers.seen(scratch_of(one, run))


async def arrived(array):
    return array


def test_what_a_node_lacks_is_asked_for_by_name_and_named_in_the_request(store, made, tmp_path):
    (tmp_path / "weights.pt").write_bytes(b"weights")
    sources = parcels.own_sources(tmp_path / "weights.pt")
    contents = parcels.describe(sources)
    run, one = store.create("timm", {"dataset": "mnist", "weights": "/home/me/weights.pt"}), made()
    order = order_of(run, dataset="mnist", own={"weights": (contents.digest, "weights.pt")})
    assert begin(one, order) == [DATASET, "weights"]
    (tmp_path / "train").write_bytes(b"pixels")
    data = {"MNIST/raw/train": tmp_path / "train"}

    def offer(sources):
        return Parcel(parcels.describe(sources), tuple(arrived(piece) for piece in parcels.pieces(sources)))

    assert begin(one, order, {DATASET: offer(data), "weights": offer(sources)}) == []
    request = scratch_of(one, run).read_request()
    received = tmp_path / "cache" / "received"
    assert request.hyperparameters["weights"] == str(received / contents.digest / "weights.pt")
    assert request.data_dir == str(received / parcels.describe(data).digest)
    assert (received / parcels.describe(data).digest / "MNIST" / "raw" / "train").read_bytes() == b"pixels"


def test_what_users_want_reaches_the_worker_and_strangers_are_told_nothing(store, workers, made):
    run, one = store.create("mlp", {}), made()
    order = order_of(run)
    begin(one, order)
    there = scratch_of(one, run)
    asyncio.run(one.control(order.key, b'{"command":"pause","seq":4}'))
    assert json.loads(there.control.read_text())["seq"] == 4
    asyncio.run(one.control("another", b"{}"))
    assert json.loads(there.control.read_text())["seq"] == 4
    assert changes(one, order_of(store.create("mlp", {"seed": 1}))) is None


def test_changes_come_as_soon_as_there_are_some(store, workers, made):
    run, one = store.create("mlp", {}), made()
    order = order_of(run)
    begin(one, order)
    there, position = scratch_of(one, run), Position()
    workers.seen(there)
    exchange.write(run, changes(one, order, position), position)

    async def wait_and_write():
        asked = asyncio.ensure_future(one.changes(order.key, position))
        await asyncio.sleep(0)
        with there.events.open("ab") as file:
            file.write(b"{}\n")
        return await asked

    assert asyncio.run(wait_and_write()).grown == {"events.jsonl": b"{}\n"}


# Without a driver


def test_a_seat_that_nobody_asks_for_anything_gives_its_cpus_back(made, monkeypatch):
    monkeypatch.setattr(seat, "LINGER_S", 0.0)
    one = made()
    wait_until(one.gone.is_set)
    assert one.kept == []
    assert not one._scratch.path.exists()


def test_a_run_goes_on_without_a_driver_and_its_result_is_kept(store, workers, made, monkeypatch):
    run, one = store.create("mlp", {}), made()
    order = order_of(run)
    begin(one, order)
    there = scratch_of(one, run)
    pid = workers.seen(there)["pid"]
    monkeypatch.setattr(seat, "LINGER_S", 0.0)
    with there.events.open("ab") as file:
        file.write(b"{}\n")
    assert not one.gone.wait(1.5)  # more than one look of its watch
    workers.end(there)
    wait_until(one.gone.is_set)
    assert is_gone(pid)
    [stay] = one.kept
    keeper = Keeper("node", stay, lambda: None)
    assert asyncio.run(keeper.about()).held == seat.Held(order.key, 0, has_ended=True)
    told = asyncio.run(keeper.changes(order.key, exchange.position_of(run)))
    assert (told.code, told.grown["events.jsonl"]) == (0, b"{}\n")
    asyncio.run(keeper.collected(order.key))
    assert not there.path.exists()


def test_the_scratch_of_a_seat_that_was_killed_is_cleared_up_by_the_next(tmp_path):
    root = Scratch.new().path.parent
    program = f"import tempfile; tempfile.tempdir = {str(tmp_path)!r}\n"
    program += "from tui_lab.jobs.ray.seat import Scratch; import os; s = Scratch.new(); print(s.path, flush=True)\n"
    program += "(s.path / 'run').write_text('x'); os._exit(0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    left = root / done.stdout.strip()
    assert left.exists()
    mine = Scratch.new()
    assert not left.exists()
    assert mine.path.exists()


def test_a_worker_ends_with_the_seat_that_listens_to_it():
    worker = subprocess.Popen(module_command("tui_lab.jobs.ray.child"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    worker.stdout.close()
    assert worker.wait(60) == -signal.SIGKILL
    worker.stdin.close()


def test_a_final_state_is_not_told_before_its_events(store, workers, made, monkeypatch):
    monkeypatch.setattr(exchange, "CHUNK", 2)
    run, one = store.create("mlp", {}), made()
    order = order_of(run)
    begin(one, order)
    there = scratch_of(one, run)
    workers.seen(there)
    there.events.write_bytes(b"{}\n{}\n")
    Status(state="finished").write(there.status)
    workers.end(there)
    wait_until(lambda: asyncio.run(one.about()).held.has_ended)
    position = exchange.position_of(run)
    while run.read_status().state != "finished":
        told = changes(one, order, position)
        assert told.code is None or told.is_whole
        exchange.write(run, told, position)
    assert run.events.read_bytes() == b"{}\n{}\n"
