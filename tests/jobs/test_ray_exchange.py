"""What is collected beside a worker is written where the run belongs: the same run, however it is cut into pieces."""

import asyncio
import json
import os
import socket

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_lab.errors import DamagedDataError, UsageError
from tui_lab.jobs.ray import exchange, parcels
from tui_lab.jobs.ray.exchange import collect, has_news, position_of
from tui_lab.jobs.ray.parcels import Contents, Parcel
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import Status
from tui_lab.runs.store import RunStore

REPLACED = ("history.json", "checkpoint.pt", "model.safetensors", "best.safetensors", "inspections/confusion.json")


@pytest.fixture
def here(tmp_path):
    return RunStore(tmp_path / "here").create("mlp", {"epochs": 2})


def there(here):
    """The scratch directory on a node, as a seat makes it of what a driver has packed."""
    run = RunDirectory(here.path.parents[2] / "there" / here.id)
    run.path.mkdir(parents=True)
    exchange.unpack(run, exchange.packed(here))
    return run


def content_of(run):
    """Every file by name, but for those that only one side has, and the status."""
    left_out = {"control.json", "label.json", "lock", "status.json"}
    files = [path for path in run.path.rglob("*") if path.is_file() and path.name not in left_out]
    return {path.relative_to(run.path).as_posix(): path.read_bytes() for path in files if path.stat().st_size}


def catch_up(remote, here, position, code=None):
    while True:
        changes = collect(remote, position, code)
        exchange.write(here, changes, position)
        if changes.is_whole:
            return changes


writes = st.one_of(
    st.tuples(st.just("events.jsonl"), st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("log.txt"), st.binary(min_size=1, max_size=40)),
    st.tuples(st.sampled_from(REPLACED), st.binary(max_size=40)),
    st.tuples(st.just("status.json"), st.integers(0, 100)),
    st.just(("exchange", None)),
    st.just(("driver restarts", None)),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(writes, max_size=25), chunk=st.integers(1, 50))
def test_whatever_a_worker_writes_arrives(tmp_path_factory, monkeypatch, steps, chunk):
    monkeypatch.setattr(exchange, "CHUNK", chunk)
    here = RunStore(tmp_path_factory.mktemp("home") / "here").create("mlp", {"epochs": 2})
    remote, position, epoch = there(here), position_of(here), 0
    for name, content in steps:
        if name == "exchange":
            exchange.write(here, collect(remote, position), position)
        elif name == "driver restarts":
            position = position_of(here)
        elif name == "status.json":
            epoch = content
            Status(state="running", epoch=epoch).write(remote.status)
        else:
            path = remote.path / name
            path.parent.mkdir(exist_ok=True)
            if name in ("events.jsonl", "log.txt"):
                with path.open("ab") as file:
                    file.write(content)
            else:
                path.with_name(".new").write_bytes(content)
                path.with_name(".new").replace(path)
    catch_up(remote, here, position)
    assert content_of(here) == content_of(remote)
    assert here.read_status().epoch == epoch
    assert not has_news(remote, position)


def test_a_status_never_tells_of_events_that_are_not_here_yet(here, monkeypatch):
    monkeypatch.setattr(exchange, "CHUNK", 10)
    remote, position = there(here), position_of(here)
    remote.events.write_bytes(b"0123456789" * 3)
    Status(state="finished").write(remote.status)
    seen = []
    while here.read_status().state != "finished":
        exchange.write(here, collect(remote, position, 0), position)
        seen.append(here.events.stat().st_size)
    assert seen == [10, 20, 30, 30]


def test_the_process_that_writes_the_directory_holds_the_run(here):
    remote, position = there(here), position_of(here)
    Status(state="running", pid=1, host="gpubox", node="gpubox", heartbeat=1.0).write(remote.status)
    catch_up(remote, here, position)
    status = here.read_status()
    assert (status.pid, status.host, status.node) == (os.getpid(), socket.gethostname(), "gpubox")
    assert status.held_by() and status.actual_state() == "running"


def test_what_belongs_to_users_stays_theirs(here):
    remote, position = there(here), position_of(here)
    here.control.write_text('{"command":"pause","seq":3}')
    here.label.write_text('{"name":"mine"}')
    request = here.request.read_bytes()
    remote.control.write_text("{}")
    remote.label.write_text("{}")
    remote.request.write_text("changed for the node")
    catch_up(remote, here, position)
    assert json.loads(here.control.read_text())["seq"] == 3
    assert json.loads(here.label.read_text())["name"] == "mine"
    assert here.request.read_bytes() == request


def test_a_garbled_status_leaves_the_last_one(here):
    remote, position = there(here), position_of(here)
    remote.status.write_text("{half")
    catch_up(remote, here, position)
    assert here.read_status().state == "queued"


# Parcels


async def arrived(array):
    return array


def parcel_of(sources):
    contents = parcels.describe(sources)
    return Parcel(contents, tuple(arrived(piece) for piece in parcels.pieces(sources)))


@settings(max_examples=40, deadline=None)
@given(
    files=st.dictionaries(st.sampled_from(["a", "b/c", "b/d.gz", "e"]), st.binary(max_size=70), min_size=1),
    piece=st.integers(1, 64),
)
def test_files_arrive_as_they_were_however_they_are_cut(tmp_path_factory, files, piece):
    folder, cache = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("cache")
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    before, parcels.PIECE = parcels.PIECE, piece
    try:
        parcel = parcel_of(parcels.own_sources(folder))
        found = asyncio.run(parcels.unpack(parcel, cache))
    finally:
        parcels.PIECE = before
    assert {
        path.relative_to(found).as_posix(): path.read_bytes() for path in found.rglob("*") if path.is_file()
    } == files
    assert parcels.lies_in(cache, parcel.contents.digest) == found


def test_what_is_there_is_not_asked_for_again(tmp_path):
    (tmp_path / "file").write_bytes(b"weights")
    sources = parcels.own_sources(tmp_path / "file")
    asyncio.run(parcels.unpack(parcel_of(sources), tmp_path / "cache"))

    async def never():
        raise AssertionError("asked for again")

    again = Parcel(parcels.describe(sources), (never(),))
    found = asyncio.run(parcels.unpack(again, tmp_path / "cache"))
    again.pieces[0].close()
    assert (found / "file").read_bytes() == b"weights"


def test_what_was_damaged_on_the_way_is_refused_and_not_kept(tmp_path):
    contents = Contents("0" * 32, (("file", 3),))
    with pytest.raises(DamagedDataError, match="did not arrive as it was sent"):
        asyncio.run(parcels.unpack(Parcel(contents, (arrived(np.zeros(3, np.uint8)),)), tmp_path))
    assert parcels.lies_in(tmp_path, contents.digest) is None


def test_a_folder_that_is_too_large_is_refused_with_its_size(tmp_path, monkeypatch):
    (tmp_path / "image").write_bytes(bytes(2000))
    monkeypatch.setattr(parcels, "MOST", 1000)
    with pytest.raises(UsageError, match="are sent to a cluster"):
        parcels.own_sources(tmp_path)
