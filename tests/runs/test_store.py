"""The runs of a home folder: ids that sort and never clash, and every way to name a run."""

import os
import re
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
from tests.runs.test_directory import holder
from tui_lab.errors import RunBusyError, UsageError
from tui_lab.runs import store as module
from tui_lab.runs.directory import Request
from tui_lab.runs.status import Status, process_started
from tui_lab.runs.store import RunStore, listed
from tui_lab.runs.words import WORDS

IDS = [
    "20260101-120000-mlp-fern",
    "20260101-120001-mlp-fox",
    "20260102-090000-convnet-fern",
    "20260103-090000-convnet-foxglove",
]
opened = SimpleNamespace(is_counting=False, paths=[])


def _count_opens(event, arguments):
    if opened.is_counting and event == "open":
        opened.paths.append(str(arguments[0]))


@pytest.fixture
def opens():
    """The paths that are opened for as long as `is_counting`."""
    if not hasattr(opened, "hook"):
        opened.hook = sys.addaudithook(_count_opens)  # there is no way to take one off again
    opened.paths.clear()
    yield opened
    opened.is_counting = False


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store whose runs ask no git for the commit."""
    monkeypatch.setattr(module, "git_commit", lambda: "0123abcd")
    monkeypatch.setattr(module, "versions", lambda: {"torch": "2.6"})
    return RunStore(tmp_path)


@pytest.fixture
def four(store):
    for i, name in enumerate(IDS):
        run = make_run(store.root, name)
        Status(exercise=name.split("-")[2], created=float(i), epochs=3).write(run.status)
    return store


@pytest.fixture
def clock(monkeypatch):
    """The store's clock, standing still; `seconds` sets it."""
    clock = SimpleNamespace(seconds=1_800_000_000.25)
    still = SimpleNamespace(time=lambda: clock.seconds, localtime=time.localtime, strftime=time.strftime)
    monkeypatch.setattr(module, "time", still)
    return clock


# Creating


def test_a_new_run_is_queued_and_says_what_was_asked(store, tmp_path):
    before = time.time()
    run = store.create("mlp", {"epochs": 7, "hidden": [3, 2]}, preset="circles-quick", data_dir=tmp_path / "data")
    assert run.path.parent == tmp_path / "runs"
    request, status = run.read_request(), run.read_status()
    assert before <= request.created <= time.time()
    assert request == Request(
        exercise="mlp",
        hyperparameters={"epochs": 7, "hidden": [3, 2]},
        preset="circles-quick",
        created=request.created,
        data_dir=str(tmp_path / "data"),
        versions={"torch": "2.6"},
        git_commit="0123abcd",
    )
    assert status == Status(
        state="queued",
        exercise="mlp",
        preset="circles-quick",
        hyperparameters={"epochs": 7, "hidden": [3, 2]},
        created=request.created,
        epochs=7,
    )
    assert sorted(entry.name for entry in run.path.iterdir()) == ["run.toml", "status.json"]


def test_an_id_is_time_exercise_and_word(store):
    run = store.create("bow-svm", {})
    assert re.fullmatch(r"\d{8}-\d{6}-bow-svm-[a-z]+", run.id)
    assert run.id.rsplit("-", 1)[-1] in WORDS


def test_ids_sort_by_time(store, clock):
    created = []
    for seconds in (0, 1, 59, 60, 3600, 86400, 40 * 86400, 400 * 86400):
        clock.seconds = 1_800_000_000 + seconds
        created.append(store.create("mlp", {}).id)
    assert [run.id for run in store.runs()] == created == sorted(created)


def test_ids_never_run_out_within_a_second(store, clock, monkeypatch):
    monkeypatch.setattr(module, "WORDS", WORDS[:20])
    runs = [store.create("mlp", {}) for _ in range(60)]
    assert len({run.id for run in runs}) == 60
    assert {run.id.rsplit("-", 1)[-1] for run in runs} >= set(WORDS[:20])
    assert all(run.read_request().exercise == "mlp" for run in runs)


def test_two_stores_of_one_home_never_share_a_run(store, clock, monkeypatch):
    """Both would take the same words in the same order; the file system decides."""
    monkeypatch.setattr(module, "_words", lambda: iter(WORDS))
    runs = [RunStore(store.root.parent).create("mlp", {"seed": seed}) for seed in range(5)]
    assert [run.id.rsplit("-", 1)[-1] for run in runs] == list(WORDS[:5])
    assert [run.read_request().hyperparameters["seed"] for run in runs] == list(range(5))


def test_words_are_distinct_and_safe_in_file_names():
    assert len(set(WORDS)) == len(WORDS)
    assert all(re.fullmatch("[a-z]+", word) for word in WORDS)


# Finding


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (IDS[0], 0),
        ("20260101-120001", 1),
        ("120000", 0),
        ("foxglove", 3),
        ("fox", 1),
        ("convnet-fe", 2),
        ("last", 3),
    ],
)
def test_a_run_is_found_by_id_by_part_by_word_and_as_the_last(four, name, found):
    assert four.find(name).id == IDS[found]


def test_a_whole_word_comes_before_a_part_of_an_older_one(store):
    make_run(store.root, "20260101-120000-mlp-foxglove")
    make_run(store.root, "20260101-120001-mlp-fox")
    assert store.find("fox").id == "20260101-120001-mlp-fox"


def test_a_run_is_found_by_path_from_anywhere(four, tmp_path, monkeypatch):
    elsewhere = RunStore(tmp_path / "elsewhere")
    assert elsewhere.find(str(four.root / IDS[2])).path == four.root / IDS[2]
    monkeypatch.chdir(four.root)
    assert elsewhere.find(f"./{IDS[2]}/../{IDS[1]}").id == IDS[1]
    monkeypatch.setenv("HOME", str(four.root))
    assert elsewhere.find(f"~/{IDS[2]}").path == four.root / IDS[2]


def test_a_part_that_several_runs_share_names_them(four):
    with pytest.raises(UsageError) as refused:
        four.find("fern")
    assert refused.value.message == f"'fern' fits 2 runs: {IDS[0]}, {IDS[2]}."


def test_of_many_candidates_some_are_named(store):
    for i in range(9):
        make_run(store.root, f"20260101-12000{i}-mlp-fern")
    with pytest.raises(UsageError, match=r"fits 9 runs: .*120004-mlp-fern, \.\.\.\."):
        store.find("fern")


def test_a_name_that_fits_no_run_says_which_is_near(four):
    with pytest.raises(UsageError) as refused:
        four.find("20260101-120001-mlp-foks")
    assert "There is no run '20260101-120001-mlp-foks'" in refused.value.message
    assert refused.value.hint == f"Did you mean '{IDS[1]}'?"


@pytest.mark.parametrize("name", ["last", "fern", "", "./nothing", "~nobody-of-that-name", "~nobody-of-that-name/run"])
def test_an_empty_home_has_no_run(store, name):
    with pytest.raises(UsageError, match="There is no run"):
        store.find(name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=20))
def test_any_name_finds_a_run_or_is_a_usage_error(four, name):
    try:
        assert four.find(name).id in IDS
    except UsageError:
        return


def test_the_last_of_several_in_one_second_is_the_one_created_last(store, clock):
    runs = []
    for i in range(20):
        clock.seconds = 1_800_000_000 + i / 100
        runs.append(store.create("mlp", {}))
    assert len({run.id[:15] for run in runs}) == 1
    assert store.find("last").id == runs[-1].id
    for run in runs:  # a copy from a backup has no times of its own
        os.utime(run.request, ns=(0, 0))
    assert store.find("last").id == runs[-1].id


# Listing


def test_a_list_tells_every_run_oldest_first(four):
    assert [(entry.run.id, entry.status.exercise, entry.state) for entry in four.list()] == [
        (name, name.split("-")[2], "queued") for name in IDS
    ]


def test_a_list_of_nothing_is_empty(store):
    assert store.list() == store.runs() == []
    store.root.mkdir(parents=True)
    assert store.list() == store.runs() == []


def test_garbled_runs_are_listed_with_what_can_be_read_and_foreign_files_are_not(four):
    root = four.root
    (root / "notes.txt").write_text("mine")
    (root / "empty").mkdir()
    (root / ".hidden").mkdir()
    (root / ".hidden" / "run.toml").write_text("")
    (root / "dangling").symlink_to(root / "nowhere")
    (root / IDS[0] / "run.toml").write_bytes(b"\xff\x00 garbled")
    (root / IDS[1] / "status.json").unlink()
    (root / IDS[2] / "status.json").write_text('{"state": "run')
    (root / IDS[2] / "events.jsonl").write_text("")
    (root / IDS[3] / "status.json").write_text("[]")
    (root / IDS[3] / "run.toml").write_text('exercise = "mlp"\n[hyperparameters]\nepochs = "many"\n')
    assert [(entry.run.id, entry.status.exercise, entry.state) for entry in four.list()] == [
        (IDS[0], "mlp", "queued"),
        (IDS[1], "mlp", "queued"),
        (IDS[2], "mlp", "crashed"),
        (IDS[3], "mlp", "queued"),
    ]
    with pytest.raises(UsageError, match="There is no run"):
        four.find("notes.txt")


def test_a_run_whose_worker_is_dead_is_listed_as_crashed(run):
    Status(state="running", pid=2**22, pid_started=1.0, host=socket.gethostname()).write(run.status)
    assert listed(run).state == "crashed"
    assert listed(run).status.state == "running"


def test_listing_opens_one_file_a_run(store, opens):
    for i in range(2000):
        path = store.root / f"20260101-{i:06}-mlp-fern"
        path.mkdir(parents=True)
        (path / "run.toml").touch()
        (path / "events.jsonl").touch()
        (path / "status.json").write_text('{"state": "finished", "exercise": "mlp"}')
    opens.is_counting = True
    entries = store.list()
    opens.is_counting = False
    assert len(entries) == 2000
    assert sorted(opens.paths) == [str(entry.run.status) for entry in entries]


# Deleting


def test_a_deleted_run_is_gone(four):
    four.delete(four.find("foxglove"))
    assert [run.id for run in four.runs()] == IDS[:3]
    assert not (four.root / IDS[3]).exists()


def test_a_run_that_another_process_holds_is_not_deleted(four):
    run = four.find("foxglove")
    with holder(run) as process:
        with pytest.raises(RunBusyError, match=f"pid {process.pid} on {socket.gethostname()}"):
            four.delete(run)
        assert run.read_request().exercise == "mlp"
    four.delete(run)
    assert not run.path.exists()


def test_a_run_that_a_live_worker_elsewhere_holds_is_not_deleted(four):
    """Locks may not reach over a network file system; the heartbeat does."""
    run = four.find("foxglove")
    Status(state="paused", pid=7, host="gpubox", heartbeat=time.time()).write(run.status)
    with pytest.raises(RunBusyError) as refused:
        four.delete(run)
    assert refused.value.message == f"Run {run.id} is held by pid 7 on gpubox."
    assert f"runs stop {run.id}" in refused.value.hint
    assert run.request.exists()
    Status(state="paused", pid=7, host="gpubox", heartbeat=time.time() - 3600).write(run.status)
    four.delete(run)
    assert not run.path.exists()


def test_a_run_whose_worker_lives_is_not_deleted(four):
    run = four.find("foxglove")
    own = {"pid": os.getpid(), "pid_started": process_started(os.getpid()), "host": socket.gethostname()}
    Status(state="running", **own).write(run.status)
    with pytest.raises(RunBusyError):
        four.delete(run)
    Status(state="finished", **own).write(run.status)
    four.delete(run)
    assert not run.path.exists()


def test_a_run_can_be_deleted_from_a_full_disk(tiny_disk, fill):
    store = RunStore(tiny_disk)
    run = make_run(store.root)
    fill()
    store.delete(run)
    assert store.runs() == []


def test_a_folder_that_is_copied_is_a_run_of_its_own(four):
    shutil.copytree(four.root / IDS[0], four.root / "kept-for-later")
    assert four.find("kept").id == "kept-for-later"
    four.delete(four.find(IDS[0]))
    assert four.find("kept").read_request().exercise == "mlp"


def test_a_store_needs_no_torch():
    code = "import sys, tui_lab.runs.store, tui_lab.runs.export, tui_lab.jobs.queue; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
