"""The index of a home: after every refresh it says what a list read anew would say."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.runs.conftest import make_run
from tui_lab.runs import index as module
from tui_lab.runs.index import Changes, RunIndex
from tui_lab.runs.label import Label
from tui_lab.runs.status import Status, process_started
from tui_lab.runs.store import RunStore

NAMES = [f"20260101-12000{i}-mlp-{word}" for i, word in enumerate(("fern", "fox", "moss"))]


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path)


@pytest.fixture
def later(monkeypatch):
    """A clock of the index that is far ahead of the files: none of them is so new that it is read twice."""
    monkeypatch.setattr(module, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + 10**12))


@pytest.fixture
def reads(monkeypatch):
    """The statuses that are read."""
    found = []
    read = Status.read.__func__

    def counted(cls, path):
        found.append(path.parent.name)
        return read(cls, path)

    monkeypatch.setattr(Status, "read", classmethod(counted))
    return found


def put(store, name, **fields):
    """A run with this status, written as a worker writes it."""
    run = make_run(store.root, name) if not (store.root / name).exists() else store.find(name)
    Status(**{"exercise": "mlp", "state": "finished", **fields}).write(run.status)
    return run


def told(entries):
    return [(entry.run.path, entry.status, entry.state, entry.label) for entry in entries]


def test_an_empty_home_has_no_runs(store):
    index = RunIndex(store)
    assert not index.refresh()
    assert index.entries == {}
    store.root.parent.mkdir(exist_ok=True)
    store.root.write_text("a file")
    assert not index.refresh()


def test_runs_that_come_change_and_go_are_told_once(store, later):
    for name in NAMES[:2]:
        put(store, name)
    index = RunIndex(store)
    assert index.refresh() == Changes(added=(NAMES[0], NAMES[1]))
    assert list(index.entries) == NAMES[:2]
    assert index.refresh() == Changes()

    put(store, NAMES[2])
    put(store, NAMES[0], epoch=3)
    shutil.rmtree(store.root / NAMES[1])
    before = index.entries
    changes = index.refresh()
    assert changes == Changes(added=(NAMES[2],), changed=(NAMES[0],), removed=(NAMES[1],))
    assert changes
    assert (list(before), before[NAMES[0]].status.epoch) == (NAMES[:2], 0), "what was handed out stays as it was"
    assert told(index.entries.values()) == told(store.list())
    assert index.refresh() == Changes()


def test_a_label_is_a_change(store, later):
    run = put(store, NAMES[0])
    index = RunIndex(store)
    index.refresh()
    for label in (Label("Best"), Label("Best", "a note"), Label("Rest", "a note")):
        label.write(run.label)
        assert index.refresh() == Changes(changed=(NAMES[0],))
        assert index.entries[NAMES[0]].label == label
    run.label.unlink()
    assert index.refresh().changed
    assert index.entries[NAMES[0]].label == Label()


def test_what_has_not_changed_is_not_read_again(store, later, reads):
    for name in NAMES:
        put(store, name)
    index = RunIndex(store)
    index.refresh()
    assert reads == NAMES
    for _ in range(3):
        index.refresh()
    assert reads == NAMES
    put(store, NAMES[1], epoch=1)
    index.refresh()
    assert reads == [*NAMES, NAMES[1]]


def test_a_file_written_twice_in_one_tick_is_not_missed(store, monkeypatch):
    """As long and as old as the one before the last, and with its inode."""
    now = time.time_ns()
    monkeypatch.setattr(module, "time", SimpleNamespace(time_ns=lambda: now + 10**6))
    monkeypatch.setattr(module, "_stamp", lambda path: (now, now, 500, 7) if path.exists() else module.MISSING)
    index = RunIndex(store)
    for epoch in range(10):
        put(store, NAMES[0], epoch=epoch)
        assert index.refresh()
        assert index.entries[NAMES[0]].status.epoch == epoch


def test_a_file_that_takes_another_s_place_is_not_missed_however_old_it_is(store, later):
    """A backup that is put back: as old as it was, and as long as what it replaces."""
    run = put(store, NAMES[0], epoch=1)
    backup = run.status.rename(run.path / "backup")
    put(store, NAMES[0], epoch=2)
    for path in (backup, run.status):
        os.utime(path, ns=(0, 0))
    index = RunIndex(store)
    index.refresh()
    backup.replace(run.status)
    assert index.refresh().changed == (NAMES[0],)
    assert index.entries[NAMES[0]].status.epoch == 1


def test_what_was_just_written_is_read_once_more_and_then_trusted(store, monkeypatch, reads):
    put(store, NAMES[0])
    clock = SimpleNamespace(now=time.time_ns())
    monkeypatch.setattr(module, "time", SimpleNamespace(time_ns=lambda: clock.now))
    index = RunIndex(store)
    assert index.refresh()
    assert not index.refresh()
    clock.now += 10**10
    index.refresh()
    assert len(reads) == 3
    assert not index.refresh()
    assert len(reads) == 3


def test_a_run_that_appears_piece_by_piece_is_listed_with_what_is_there(store, later):
    index = RunIndex(store)
    path = store.root / NAMES[0]
    path.mkdir(parents=True)
    assert not index.refresh()
    (path / "status.json").write_text('{"state": "fini')
    assert index.refresh().added == (NAMES[0],)
    assert index.entries[NAMES[0]].status == Status()
    (path / "run.toml").write_text('exercise = "mlp"\n[hyperparameters]\nlr = 0.1\n')
    assert index.refresh().changed == (NAMES[0],)
    assert index.entries[NAMES[0]].status.exercise == "mlp"
    (path / "events.jsonl").touch()
    assert index.refresh().changed == (NAMES[0],)
    assert index.entries[NAMES[0]].state == "crashed"
    (path / "status.json").unlink()
    assert not index.refresh()
    (path / "run.toml").unlink()
    assert index.refresh().removed == (NAMES[0],)


def test_foreign_files_are_no_runs(store, later):
    put(store, NAMES[0])
    (store.root / "notes.txt").write_text("mine")
    (store.root / ".hidden").mkdir()
    (store.root / "empty").mkdir()
    (store.root / "dangling").symlink_to(store.root / "nowhere")
    index = RunIndex(store)
    assert index.refresh().added == (NAMES[0],)
    assert not index.refresh()


# Workers that die


def test_a_worker_that_dies_without_a_word_is_told(store, later):
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    who = {"pid": worker.pid, "pid_started": process_started(worker.pid), "host": socket.gethostname()}
    put(store, NAMES[0], state="running", **who)
    index = RunIndex(store)
    index.refresh()
    assert index.entries[NAMES[0]].state == "running"
    assert not index.refresh()
    worker.communicate()
    assert index.refresh() == Changes(changed=(NAMES[0],))
    assert index.entries[NAMES[0]].state == "crashed"
    assert not index.refresh()


def test_each_refresh_asks_once_for_each_live_worker_and_never_for_the_others(store, later, monkeypatch):
    own = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "host": socket.gethostname()}
    put(store, NAMES[0], state="running", **own)
    put(store, NAMES[1], **own)
    put(store, NAMES[2], state="running", pid=2**22, host=socket.gethostname())
    index = RunIndex(store)
    index.refresh()
    asked = []
    alive = Status._is_alive
    monkeypatch.setattr(Status, "_is_alive", lambda status: asked.append(status.pid) or alive(status))
    for i in range(1, 4):
        assert not index.refresh()
        assert asked == [os.getpid()] * i
    assert [entry.state for entry in index.entries.values()] == ["running", "finished", "crashed"]


# Whatever happens

happenings = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from(["write", "garble", "name", "unname", "delete", "no request", "no status", "log", "look"]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(happenings, st.booleans())
def test_the_index_says_what_a_list_says(tmp_path_factory, monkeypatch, happened, are_old):
    store = RunStore(tmp_path_factory.mktemp("home"))
    ahead = 10**12 if are_old else 0
    monkeypatch.setattr(module, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + ahead))
    index = RunIndex(store)
    seen = {}
    for i, (name, what, value) in enumerate([*happened, (NAMES[0], "look", 0)]):
        path = store.root / name
        if what == "look":
            changes = index.refresh()
            now = {entry.run.id: entry for entry in store.list()}
            assert told(index.entries.values()) == told(now.values())
            assert set(changes.added) == now.keys() - seen.keys()
            assert set(changes.removed) == seen.keys() - now.keys()
            assert set(changes.changed) == {
                name for name in now.keys() & seen.keys() if told([now[name]]) != told([seen[name]])
            }
            seen = now
            continue
        path.mkdir(parents=True, exist_ok=True)
        if what == "write":
            (path / "run.toml").write_text('exercise = "mlp"\n[hyperparameters]\n')
            Status(state="finished", epoch=value).write(path / "status.json")
        elif what == "garble":
            (path / "status.json").write_bytes(b'{"state"'[: 2 * value])
        elif what == "name":
            Label(f"name {value}").write(path / "label.json")
        elif what == "unname":
            (path / "label.json").write_text(json.dumps([value]))
        elif what == "delete":
            shutil.rmtree(path)
        elif what == "log":
            (path / "events.jsonl").touch()
        else:
            (path / {"no request": "run.toml", "no status": "status.json"}[what]).unlink(missing_ok=True)
        written = path / {"write": "status.json", "garble": "status.json"}.get(what, "label.json")
        if are_old and written.exists():  # as if each had been written at a time of its own
            os.utime(written, ns=(i, i))
