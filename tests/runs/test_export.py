"""Exports: the values of the log, each step once, in formats that their own readers read."""

import csv
import io
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.conftest import make_run
from tui_lab.errors import UsageError
from tui_lab.runs.events import EventWriter
from tui_lab.runs.export import FORMATS, events_as_trained, export, export_together, to_csv, to_json, to_tensorboard
from tui_lab.runs.label import Label
from tui_lab.runs.status import Status


def write(run, *records):
    writer = EventWriter(run.events)
    for kind, fields in records:
        writer.write(kind, **fields)
    writer.close()


def epoch(number, **metrics):
    return "epoch", {"epoch": number, "total_step": 10 * number, "elapsed": 1.5 * number, **metrics}


def step(number, **metrics):
    return "step", {"epoch": number / 10, "total_step": number, "elapsed": number / 4, "steps": 1, **metrics}


def started(at=None):
    return "started", {"resumed_from": None if at is None else {"epoch": at // 10, "step": at % 10, "total_step": at}}


@pytest.fixture
def trained(run):
    """Two epochs, a crash at step 25, resumed at the end of the second epoch, and a third."""
    write(
        run,
        started(),
        *(step(i, loss=1 / i, lr=0.1) for i in range(1, 11)),
        epoch(1, train_loss=0.5, test_accuracy=0.25, is_best=True),
        *(step(i, loss=1 / i, lr=0.1) for i in range(11, 21)),
        epoch(2, train_loss=math.nan, test_accuracy=0.5, is_best=True),
        ("warning", {"message": "The loss is NaN: é\n"}),
        *(step(i, loss=99.0, lr=0.1) for i in range(21, 26)),
    )
    with run.events.open("ab") as log:
        log.write(b'{"kind":"step","total_st')
    write(
        run,
        started(20),
        *(step(i, loss=math.inf if i == 30 else 1 / i, lr=0.2) for i in range(21, 31)),
        epoch(3, train_loss=0.25, validation_accuracy=1e-7, is_best=False),
        ("finished", {"state": "finished"}),
    )
    Status(state="finished", exercise="mlp", last={"train_loss": math.nan}).write(run.status)
    return run


# Each step once


def test_what_a_resumed_worker_did_again_is_left_out(trained):
    steps = [event for event in events_as_trained(trained) if event["kind"] == "step"]
    assert [event["total_step"] for event in steps] == list(range(1, 31))
    assert [event["lr"] for event in steps] == [0.1] * 20 + [0.2] * 10
    assert [event["kind"] for event in events_as_trained(trained)].count("started") == 2


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30)), max_size=5))
def test_a_run_that_was_resumed_any_number_of_times_has_each_step_once(tmp_path_factory, workers):
    run = make_run(tmp_path_factory.mktemp("resumed"))
    done = 0
    for at, more in workers:
        at = min(at, done)  # a checkpoint is never ahead of the log
        write(run, started(at or None), *(step(i, loss=1.0) for i in range(at + 1, at + more + 1)))
        done = at + more
    steps = [event["total_step"] for event in events_as_trained(run) if event["kind"] == "step"]
    assert steps == list(range(1, done + 1))


@pytest.mark.parametrize("resumed", [7, [], {}, {"total_step": "soon"}])
def test_a_start_whose_position_is_garbled_is_one_from_the_beginning(run, resumed):
    write(run, started(), step(1, loss=1.0), ("started", {"resumed_from": resumed}), step(1, loss=2.0))
    assert [event["loss"] for event in events_as_trained(run) if event["kind"] == "step"] == [2.0]


# CSV


def test_csv_has_a_row_an_epoch_and_a_column_a_metric(trained):
    assert to_csv(trained) == (
        "epoch,total_step,elapsed,train_loss,test_accuracy,validation_accuracy\n"
        "1,10,1.5,0.5,0.25,\n"
        "2,20,3.0,NaN,0.5,\n"
        "3,30,4.5,0.25,,1e-07\n"
    )


def test_csv_of_steps_has_a_row_a_step_event(trained):
    rows = list(csv.DictReader(io.StringIO(to_csv(trained, "step"))))
    assert list(rows[0]) == ["epoch", "total_step", "elapsed", "loss", "lr"]
    assert [int(row["total_step"]) for row in rows] == list(range(1, 31))
    assert [float(row["loss"]) for row in rows] == [1 / i for i in range(1, 30)] + [math.inf]


def test_csv_of_a_run_that_has_not_begun_is_its_header(run):
    assert to_csv(run) == "epoch,total_step,elapsed\n"


def test_several_runs_are_one_table_that_says_which_run_a_row_is_of(trained, tmp_path):
    other = make_run(tmp_path, "20260102-120000-mlp-fox")
    write(other, started(), epoch(1, run=7.0, validation_loss=0.25), epoch(2, test_accuracy=0.75))
    export_together([trained, other], "csv", tmp_path / "new" / "all.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "new" / "all.csv").read_text())))
    assert [(row["run"], row["epoch"]) for row in rows] == [
        *((trained.id, epoch) for epoch in "123"),
        *((other.id, epoch) for epoch in "12"),
    ]
    assert list(rows[0])[:4] == ["run", "epoch", "total_step", "elapsed"]
    assert {row["run"]: row["validation_loss"] for row in rows[:4]} == {trained.id: "", other.id: "0.25"}
    for run in (trained, other):
        own = list(csv.DictReader(io.StringIO(to_csv(run))))
        shared = [{name: row[name] for name in own[0] if name != "run"} for row in rows if row["run"] == run.id]
        assert shared == [{name: value for name, value in row.items() if name != "run"} for row in own]


# JSON


def test_several_runs_are_one_list(trained, tmp_path):
    other = make_run(tmp_path, "20260102-120000-mlp-fox")
    Label("Best", "of all").write(other.label)
    export_together([other, trained], "json", tmp_path / "all.json")
    whole = json.loads((tmp_path / "all.json").read_text())
    assert whole == [json.loads(to_json(other)), json.loads(to_json(trained))]
    assert [content["label"]["name"] for content in whole] == ["Best", ""]


def test_tensorboard_logs_do_not_go_into_one_file(trained, tmp_path):
    with pytest.raises(UsageError, match="folder of its own"):
        export_together([trained], "tensorboard", tmp_path / "all.json")
    assert not (tmp_path / "all.json").exists()


def test_json_is_what_was_asked_how_it_stands_and_every_event(trained):
    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    content = json.loads(to_json(trained), parse_constant=refuse)
    assert list(content) == ["id", "label", "request", "status", "events"]
    assert content["id"] == trained.id
    assert content["request"]["hyperparameters"] == {"epochs": 3, "lr": 0.1}
    assert (content["status"]["state"], content["status"]["last"]) == ("finished", {"train_loss": "NaN"})
    assert content["events"] == events_as_trained(trained)
    assert content["events"][-1]["kind"] == "finished"


def test_json_without_a_request_says_so(trained):
    trained.request.unlink()
    with pytest.raises(UsageError, match=r"no readable run\.toml"):
        to_json(trained)


# TensorBoard


def scalars(folder):
    """What TensorBoard itself reads: (tag, step) -> values."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    found = {}
    for path in sorted(folder.iterdir()):
        for record in LegacyEventFileLoader(str(path)).Load():
            for value in record.summary.value:
                found.setdefault((value.tag, record.step), []).append(value.simple_value)
    return found


def as_float32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def test_tensorboard_reads_every_scalar_once_at_its_step(trained, tmp_path):
    to_tensorboard(trained, tmp_path / "board")
    found = scalars(tmp_path / "board")
    assert {tag for tag, _ in found} == {
        "step/loss", "step/lr", "epoch/train_loss", "epoch/test_accuracy", "epoch/validation_accuracy"
    }  # fmt: skip
    assert [found["step/loss", i] for i in range(1, 30)] == [[as_float32(1 / i)] for i in range(1, 30)]
    assert found["step/loss", 30] == [math.inf]
    assert found["epoch/test_accuracy", 20] == [0.5]
    assert math.isnan(found["epoch/train_loss", 20][0])
    assert ("epoch/test_accuracy", 30) not in found
    assert all(len(values) == 1 for values in found.values())


def test_tensorboard_s_own_accumulator_reads_the_export(trained, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    to_tensorboard(trained, tmp_path / "board")
    board = EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    curve = board.Scalars("step/loss")
    assert [point.step for point in curve] == list(range(1, 31))
    times = [event["t"] for event in events_as_trained(trained) if event["kind"] == "step"]
    assert [point.wall_time for point in curve] == times


def test_exporting_again_replaces_the_curves_and_leaves_other_files_alone(trained, tmp_path):
    board = tmp_path / "board"
    to_tensorboard(trained, board)
    (board / "notes.txt").write_text("mine")
    (board / "events.out.tfevents.1.elsewhere").touch()
    to_tensorboard(trained, board)
    assert {"notes.txt", "events.out.tfevents.1.elsewhere"} < {entry.name for entry in board.iterdir()}
    (board / "notes.txt").unlink()
    assert all(len(values) == 1 for values in scalars(board).values())


def test_events_that_lack_what_tensorboard_wants_are_still_exported(run, tmp_path):
    run.events.write_text(
        '{"kind":"step","loss":1.0}\n'
        '{"kind":"step","t":"NaN","total_step":"NaN","loss":2.0}\n'
        '{"kind":"step","t":[],"total_step":1e30,"loss":3.0}\n'
        '{"kind":"step","t":5,"total_step":4,"loss":4.0}\n'
    )
    to_tensorboard(run, tmp_path / "board")
    assert scalars(tmp_path / "board")["step/loss", 4] == [4.0]


def test_a_missing_tensorboard_is_named(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(UsageError, match="TensorBoard is not installed") as refused:
        to_tensorboard(trained, tmp_path / "board")
    assert "tui-lab[tensorboard]" in refused.value.hint


# Files


def test_each_format_is_written_to_its_target(trained, tmp_path):
    targets = {format: tmp_path / "deep" / format for format in FORMATS}
    for format, target in targets.items():
        export(trained, format, target)
    assert targets["csv"].read_text() == to_csv(trained)
    assert targets["json"].read_text() == to_json(trained)
    assert targets["tensorboard"].is_dir()
    assert sorted(entry.name for entry in (tmp_path / "deep").iterdir()) == sorted(FORMATS)
