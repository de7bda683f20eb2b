"""The curves: memory that does not grow, spikes that survive, and a saved history that is as good as the whole log."""

import copy
import json
import math
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.conftest import make_run
from tui_lab.runs import events, history
from tui_lab.runs.events import EventReader, EventWriter
from tui_lab.runs.history import CAPACITY, POSITIONS, RECENT, History, HistoryReader, Track, read_history

moderate = st.floats(-1e6, 1e6)
losses = st.lists(moderate | st.sampled_from([math.nan, math.inf, -math.inf]), max_size=70)
capacities = st.integers(2, 9)


def step(i, **fields):
    return {"kind": "step", "epoch": i / 10, "total_step": i, "elapsed": i / 4, "steps": 1, **fields}


def track_of(values, **fields):
    track = Track()
    for i, value in enumerate(values, 1):
        track.add(step(i, loss=value, **fields))
    return track


def content(of):
    """All that a history holds."""
    return of.steps, of.epochs, of.started, of.finished, of.system, of.recent


def from_the_log_alone(run):
    found = History()
    for event in EventReader(run.events).read():
        found.add(event)
    return found


# Thinning


@given(losses, capacities)
def test_each_bucket_is_what_a_plain_recomputation_of_its_records_gives(values, capacity):
    with patch.object(history, "CAPACITY", capacity):
        track = track_of(values)
    width = track.width
    groups = [range(start, min(start + width, len(values))) for start in range(0, len(values), width)]
    assert len(track.buckets) == len(groups) <= capacity
    assert width == 1 or len(groups) >= capacity // 2  # no resolution is given away
    for axis, at in zip(POSITIONS, (1.0, 0.1, 0.25), strict=True):
        assert track.means("loss", axis)[0] == pytest.approx([(group[-1] + 1) * at for group in groups])
    for group, bucket, mean in zip(groups, track.buckets, track.means("loss")[1], strict=True):
        of = [values[i] for i in group]
        finite = [value for value in of if math.isfinite(value)]
        summary = bucket.metrics["loss"]
        assert (summary.count, summary.lost) == (len(finite), len(of) - len(finite))
        assert (summary.low, summary.high) == (min(finite, default=math.inf), max(finite, default=-math.inf))
        if len(finite) == len(of):
            assert mean == pytest.approx(math.fsum(of) / len(of), rel=1e-9, abs=1e-6)
        else:
            assert math.isnan(mean)


@given(losses, capacities)
def test_spikes_and_values_that_are_not_finite_survive(values, capacity):
    with patch.object(history, "CAPACITY", capacity):
        track = track_of(values)
    xs, ys = track.extremes("loss")
    finite = [value for value in values if math.isfinite(value)]
    drawn = [y for y in ys if not math.isnan(y)]
    assert (min(drawn, default=None), max(drawn, default=None)) == (
        min(finite, default=None),
        max(finite, default=None),
    )
    gaps = [x for x, y in zip(xs, ys, strict=True) if math.isnan(y)]
    assert len(gaps) == sum(bucket.metrics["loss"].lost > 0 for bucket in track.buckets)
    assert bool(gaps) == (len(finite) < len(values))
    assert xs == sorted(xs)


def test_the_worst_step_that_a_record_averages_is_drawn_and_not_averaged():
    track = track_of([1.0, 1.0], loss_max=9.0)
    assert max(track.extremes("loss")[1]) == 9.0
    assert track.means("loss")[1] == [1.0, 1.0]
    assert max(track_of([1.0], loss_max="Infinity").extremes("loss")[1]) == 1.0


def test_a_metric_that_some_records_lack_is_averaged_over_those_that_have_it():
    with patch.object(history, "CAPACITY", 2):
        track = Track()
        for i in range(1, 9):
            track.add(step(i, loss=1.0, **({"accuracy": i / 10} if i in (3, 4, 8) else {})))
    assert track.metrics() == ["loss", "accuracy"]
    assert track.means("accuracy") == ([4.0, 8.0], pytest.approx([0.35, 0.8]))
    assert track.means("nothing") == track.extremes("nothing") == ([], [])


def test_what_is_no_measurement_is_no_metric():
    track = Track()
    track.add(step(1, seq=3, t=5.0, loss=1.0, is_best=True, note="none", shape=[1], lr="NaN"))
    assert track.metrics() == ["loss", "lr"]


# A run of a million steps


@pytest.fixture(scope="module")
def long_run(tmp_path_factory):
    """A million step events, with the history saved at 990,000 and one that was fed all of them."""
    count, saved_at, spike, hole = 1_000_000, 990_000, 123_457, 654_321
    run = make_run(tmp_path_factory.mktemp("long"))
    fed, largest, lines = History(), 0, []
    with run.events.open("wb") as log:
        for i in range(1, count + 1):
            loss = 50 if i == spike else "NaN" if i == hole else i % 7
            fed.add({"kind": "step", "total_step": i, "loss": loss})
            lines.append(b'{"kind":"step","total_step":%d,"loss":%s}\n' % (i, b'"NaN"' if i == hole else b"%d" % loss))
            if i % 1000 == 0:
                log.write(b"".join(lines))
                lines.clear()
                largest = max(largest, len(fed.steps.buckets))
            if i == saved_at:
                log.flush()
                fed.save(run, log.tell())
    return SimpleNamespace(run=run, fed=fed, largest=largest, count=count, tail=count - saved_at)


def test_a_million_records_are_kept_in_bounded_memory(long_run):
    track = long_run.fed.steps
    assert CAPACITY // 2 <= long_run.largest <= CAPACITY
    summaries = [bucket.metrics["loss"] for bucket in track.buckets]
    assert sum(summary.count + summary.lost for summary in summaries) == long_run.count
    assert long_run.run.history.stat().st_size < 100 * CAPACITY
    assert max(summary.high for summary in summaries) == 50.0
    assert sum(summary.lost for summary in summaries) == 1


def test_opening_a_long_run_parses_only_what_came_after_its_saved_history(long_run, monkeypatch):
    decode, parsed = events.decode, []

    def counting(line):
        parsed.append(len(line) + 1)
        return decode(line)

    monkeypatch.setattr(events, "decode", counting)
    reader = HistoryReader(long_run.run)
    assert len(reader.update()) == len(parsed) == long_run.tail
    assert sum(parsed) < long_run.run.events.stat().st_size / 50
    assert content(reader.history) == content(long_run.fed)
    parsed.clear()
    assert not reader.update()
    assert not parsed


# Saving


texts = st.text(max_size=4)
records = st.lists(
    st.builds(lambda i, loss: ("step", step(i, loss=loss, loss_max=loss)), st.integers(1, 60), moderate)
    | st.builds(lambda i, loss: ("step", step(i, loss=loss)), st.integers(1, 60), st.just(math.nan))
    | st.builds(lambda i, x: ("epoch", step(i, test_loss=x, is_best=True)), st.integers(1, 60), moderate)
    | st.builds(lambda i: ("started", {"resumed_from": i and {"total_step": i}}), st.none() | st.integers(0, 60))
    | st.builds(lambda kind, text: (kind, {"message": text}), st.sampled_from(["log", "warning", "system"]), texts)
    | st.builds(lambda text: ("finished", {"state": text}), texts)
    | st.builds(lambda text: ("of a later version", {"text": text}), texts),
    max_size=40,
)


@given(records, st.data(), capacities)
def test_a_saved_history_and_the_rest_of_the_log_equal_the_whole_log(records, data, capacity):
    cut = data.draw(st.integers(0, len(records)))
    with tempfile.TemporaryDirectory() as folder, patch.object(history, "CAPACITY", capacity):
        run, fed = make_run(Path(folder)), History()
        writer = EventWriter(run.events)
        for i, (kind, fields) in enumerate(records):
            if i == cut:
                fed.save(run, run.events.stat().st_size)
            fed.add(writer.write(kind, **{key: value for key, value in fields.items() if key != "kind"}))
        writer.close()
        assert content(read_history(run)) == content(from_the_log_alone(run)) == content(fed)


def test_a_viewer_sees_what_comes_in_once(run):
    writer, reader = EventWriter(run.events), HistoryReader(run)
    assert reader.update() == []
    writer.write("step", total_step=1, loss=1.0)
    assert [event["total_step"] for event in reader.update()] == [1]
    with run.events.open("ab") as log:
        log.write(b"garbled\n")
    writer.write("step", total_step=2, loss=2.0)
    assert [event["total_step"] for event in reader.update()] == [2]
    assert reader.skipped == 1
    assert reader.history.steps.means("loss") == ([1.0, 2.0], [1.0, 2.0])


def test_only_the_last_messages_are_kept():
    of = History()
    for i in range(3 * RECENT):
        of.add({"kind": ("log", "warning")[i % 2], "message": str(i)})
    assert [event["message"] for event in of.recent] == [str(i) for i in range(2 * RECENT, 3 * RECENT)]


@pytest.fixture
def saved(run):
    """A run with a log of 20 steps and a history saved at the fifteenth; returns the history's content."""
    writer, fed = EventWriter(run.events), History()
    fed.add(writer.write("started", resumed_from=None))
    for i in range(1, 21):
        fed.add(writer.write("step", total_step=i, loss=1 / i))
        if i == 5:
            fed.add(writer.write("epoch", total_step=i, test_loss=0.5))
            fed.add(writer.write("log", message="halfway"))
        if i == 15:
            fed.save(run, run.events.stat().st_size)
    writer.close()
    return json.loads(run.history.read_bytes())


def test_a_saved_history_is_used(run, saved):
    assert HistoryReader(run)._reader.offset == saved["offset"]
    assert content(read_history(run)) == content(from_the_log_alone(run))


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"format": None},
        {"offset": 10**9},
        {"offset": -1},
        {"offset": "soon"},
        {"offset": math.inf},
        {"offset": None},
        {"steps": None},
        {"steps": {"width": 1, "open": 1, "metrics": ["loss"], "rows": [[1, 1]]}},
        {"steps": {"width": 1, "open": 1, "metrics": ["loss"], "rows": [[1, 1, 1, [1, 2]]]}},
        {"steps": {"width": math.inf, "open": 1, "metrics": [], "rows": []}},
        {"started": 7},
        {"finished": [1]},
        {"recent": [7]},
        {"recent": [{"message": "without a kind"}]},
    ],
    ids=str,
)
def test_a_history_that_does_not_fit_is_ignored(run, saved, change):
    run.history.write_text(json.dumps({**saved, **change}))
    assert HistoryReader(run)._reader.offset == 0
    assert content(read_history(run)) == content(from_the_log_alone(run))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", pytest.param("[" * 100_000, id="deep"), '{"format": 1}', "\x00" * 99]
)
def test_a_history_that_is_garbled_is_ignored(run, saved, text):
    run.history.write_text(text)
    assert content(read_history(run)) == content(from_the_log_alone(run))


def test_a_history_ahead_of_its_log_is_ignored(run, saved):
    """After a power cut the log may have lost what the history already counts."""
    run.events.write_bytes(run.events.read_bytes()[: saved["offset"] - 1])
    assert HistoryReader(run)._reader.offset == 0
    assert content(read_history(run)) == content(from_the_log_alone(run))


def places(value):
    """Every place in nested lists and dicts."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield (key,)
        yield from ((key, *rest) for rest in places(value[key]))


@given(st.data())
def test_a_history_with_anything_in_any_place_raises_nothing(data):
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder))
        writer, fed = EventWriter(run.events), History()
        for kind in ("started", "step", "epoch", "log", "system", "finished"):
            fed.add(writer.write(kind, total_step=1, loss=0.5))
        writer.close()
        fed.save(run, run.events.stat().st_size)
        garbled = json.loads(run.history.read_bytes())
        *path, last = data.draw(st.sampled_from(sorted(places(garbled), key=str)))
        inner = garbled
        for key in path:
            inner = inner[key]
        inner[last] = data.draw(st.none() | st.integers(-3, 3) | st.floats() | st.text() | st.just([]) | st.just([[1]]))
        run.history.write_text(json.dumps(garbled))
        found = read_history(run)
        found.add(step(2, loss=1.0))
        assert all(isinstance(event["kind"], str) for event in found.recent)
        assert isinstance(found.finished, dict | None)
        for track in (found.steps, found.epochs):
            for metric in track.metrics():
                track.means(metric)
                track.extremes(metric)


# Resuming


@given(st.integers(1, 40), st.integers(0, 45), st.integers(1, 40), capacities)
def test_a_resumed_run_has_each_step_once(first, resumed_at, more, capacity):
    with patch.object(history, "CAPACITY", capacity):
        of = History()
        of.add({"kind": "started", "resumed_from": None})
        for i in range(1, first + 1):
            of.add(step(i, loss=1.0))
        of.add({"kind": "finished", "state": "failed"})
        before = copy.deepcopy(of.steps)
        of.add({"kind": "started", "resumed_from": {"total_step": resumed_at}})
        assert of.finished is None
        kept = [bucket for bucket in before.buckets if bucket.position[0] <= resumed_at]
        assert of.steps.buckets == kept
        for i in range(resumed_at + 1, resumed_at + 1 + more):
            of.add(step(i, loss=2.0))
    xs, _ = of.steps.means("loss")
    assert xs == sorted(set(xs))
    assert xs[-1] == resumed_at + more
    kept_records = sum(bucket.metrics["loss"].count for bucket in kept)
    assert sum(bucket.metrics["loss"].total for bucket in of.steps.buckets) == kept_records + 2 * more
    assert min(first, resumed_at) - kept_records < before.width  # at most the bucket that the resumed step lies in


def test_a_run_that_starts_anew_forgets_its_curves():
    of = History()
    for i in range(1, 5):
        of.add(step(i, loss=1.0))
        of.add({**step(i, test_loss=1.0), "kind": "epoch"})
    of.add({"kind": "started", "resumed_from": None})
    assert (of.steps.buckets, of.epochs.buckets) == ([], [])


@pytest.mark.parametrize("resumed", [7, "now", [], {}, {"total_step": "soon"}, {"total_step": None}])
def test_a_start_whose_position_is_garbled_starts_anew(resumed):
    of = History()
    of.add(step(1, loss=1.0))
    of.add({"kind": "started", "resumed_from": resumed})
    assert of.steps.buckets == []
