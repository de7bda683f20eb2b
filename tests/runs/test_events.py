"""The event log: what is written is read, whole lines are never lost, and nothing makes the reader raise."""

import contextlib
import json
import math
import os
import resource
import tempfile
import threading
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tui_lab.runs import events
from tui_lab.runs.events import CHUNK, EventReader, EventWriter, encode, number

scalars = st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=20)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
names = st.text(max_size=8).filter(lambda name: name not in {"self", "kind", "seq", "t"})
records = st.lists(st.tuples(st.text(max_size=8), st.dictionaries(names, values, max_size=4)), max_size=4)

# Bytes that mean something to a line reader or a JSON parser are the likeliest
noise = st.lists(
    st.binary(max_size=6)
    | st.sampled_from([b"\n", b"\r", b"\r\n", b" ", b"\0", b"{", b"}", b'"', b"\xff", b'{"kind":"log"}', b'{"kind":1}'])
).map(b"".join)
chunks = st.sampled_from([1, 2, 7, 64, CHUNK])


@contextlib.contextmanager
def log_of(content: bytes = b""):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        path.write_bytes(content)
        yield path


def read_all(path):
    reader = EventReader(path)
    return list(reader.read()), reader.skipped


def written(count, **more):
    """The bytes of a log of `count` events, and its lines."""
    lines = [
        encode({"kind": "step", "seq": i, "t": 1.5, "loss": 1 / i, "note": "é\n" * (i % 3), **more}).encode() + b"\n"
        for i in range(1, count + 1)
    ]
    return b"".join(lines), lines


def is_event(line):
    with contextlib.suppress(ValueError, RecursionError):
        content = json.loads(line)
        return isinstance(content, dict) and isinstance(content.get("kind"), str)
    return False


def expected(content):
    """What a log holds, by the definition: lines end with a newline, and a line is an event or it is not."""
    lines = content.split(b"\n")[:-1]
    found = [json.loads(line) for line in lines if is_event(line)]
    return found, sum(not is_event(line) and bool(line.strip()) for line in lines)


def named(value):
    """What JSON can say of a value: its NaN and infinities by name."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    if isinstance(value, dict):
        return {key: named(item) for key, item in value.items()}
    return [named(item) for item in value] if isinstance(value, list) else value


def refuse(name):
    raise AssertionError(f"{name} is no JSON")


# Round trip


@given(records)
def test_what_is_written_is_read(records):
    with log_of() as path:
        writer = EventWriter(path)
        returned = [writer.write(kind, **content) for kind, content in records]
        writer.close()
        read, skipped = read_all(path)
        lines = path.read_bytes().splitlines()
    assert skipped == 0
    assert read == [named(event) for event in returned]
    assert [{k: v for k, v in e.items() if k not in {"seq", "t"}} for e in read] == [
        {"kind": kind, **named(content)} for kind, content in records
    ]
    assert [event["seq"] for event in read] == list(range(1, len(records) + 1))
    for line in lines:
        json.loads(line, parse_constant=refuse)


@given(st.floats())
def test_numbers_come_back_from_their_names(value):
    back = number(json.loads(encode({"kind": "step", "loss": value}))["loss"])
    assert back == value or (math.isnan(back) and math.isnan(value))


@pytest.mark.parametrize("value", [None, True, False, "", "high", [], [1.0], {}, {"a": 1}, 10**400])
def test_what_is_no_number_is_none(value):
    assert number(value) is None


def test_text_that_utf_8_cannot_carry_does_not_stop_the_writer(tmp_path):
    writer = EventWriter(tmp_path / "log")
    writer.write("finished", message=f"There is no {os.fsdecode(b'caf' + bytes([0xE9]))}.")
    [event], skipped = read_all(tmp_path / "log")
    assert (event["kind"], skipped) == ("finished", 0)
    assert event["message"].encode().startswith(b"There is no caf")  # it can be printed


# Reading what is broken


@given(noise, chunks)
@example(b"[" * 100_000 + b"\n", CHUNK)
@example(b"\0" * 4096 + b"\n" + b'{"kind":"log"}\n', CHUNK)
@example(b'{"kind":\r"log"}\n', CHUNK)
@example(b"gar\rbled\r\n", CHUNK)
@example(b'{"kind":"log","n":' + b"9" * 5000 + b"}\n", CHUNK)
def test_any_bytes_are_read_as_the_lines_they_are(content, chunk):
    with log_of(content) as path, patch.object(events, "CHUNK", chunk):
        assert read_all(path) == expected(content)


@given(st.data(), st.integers(1, 12))
def test_a_log_cut_anywhere_keeps_its_whole_lines(data, count):
    content, lines = written(count)
    cut = data.draw(st.integers(0, len(content)))
    whole = content[:cut].count(b"\n")
    with log_of(content[:cut]) as path:
        reader = EventReader(path)
        assert list(reader.read()) == [json.loads(line) for line in lines[:whole]]
        assert reader.skipped == 0  # a half-written line is not garbled: it is not written yet
        path.write_bytes(content)
        assert list(reader.read()) == [json.loads(line) for line in lines[whole:]]
        assert reader.offset == len(content)


@given(st.data(), st.integers(3, 8), st.binary(min_size=1, max_size=4), st.booleans())
def test_damage_costs_only_the_lines_it_touches(data, count, damage, is_insertion):
    content, lines = written(count)
    at = data.draw(st.integers(0, len(content) - 1))
    end = at if is_insertion else min(at + len(damage), len(content))
    broken = content[:at] + damage + content[end:]
    untouched, start = [], 0
    for line in lines:
        is_before, is_after = start + len(line) <= at, start > end or (start == end and damage.endswith(b"\n"))
        if is_before or is_after:
            untouched.append(json.loads(line))
        start += len(line)
    with log_of(broken) as path:
        read, skipped = read_all(path)
    assert [event for event in read if event in untouched] == untouched
    assert (read, skipped) == expected(broken)


@given(st.lists(st.integers(1, 12)), st.data(), chunks)
def test_reading_bit_by_bit_equals_reading_at_once(counts, data, chunk):
    content = b"".join(written(count)[0] + data.draw(noise) for count in counts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=10)))
    with log_of() as path, patch.object(events, "CHUNK", chunk):
        reader, read = EventReader(path), []
        for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            with path.open("ab") as file:
                file.write(content[start:end])
            read += reader.read()
        assert (read, reader.skipped) == read_all(path) == expected(content)


def test_lines_longer_than_a_chunk_are_read_whole(tmp_path):
    path = tmp_path / "log"
    short, long = written(2)[1], [encode({"kind": "log", "text": "x" * n}).encode() + b"\n" for n in (CHUNK, 3 * CHUNK)]
    content = short[0] + long[0] + short[1] + long[1] + short[0]
    path.write_bytes(content[: -len(short[0]) - 5])
    reader = EventReader(path)
    first = list(reader.read())
    assert [len(event.get("text", "")) for event in first] == [0, CHUNK, 0]
    assert not list(reader.read())
    path.write_bytes(content)
    assert [len(event.get("text", "")) for event in reader.read()] == [3 * CHUNK, 0]
    assert (reader.skipped, reader.offset) == (0, len(content))


def test_a_reader_that_was_left_in_the_middle_goes_on_there(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(written(5)[0])
    reader = EventReader(path)
    assert next(reader.read())["seq"] == 1
    assert next(reader.read())["seq"] == 2
    assert [event["seq"] for event in reader.read()] == [3, 4, 5]


def test_a_log_that_is_not_there_yet_is_empty(tmp_path):
    reader = EventReader(tmp_path / "log")
    assert not list(reader.read())
    (tmp_path / "log").write_bytes(written(2)[0])
    assert len(list(reader.read())) == 2


def test_a_reader_beside_a_writer_sees_every_event_once_and_in_order(tmp_path):
    path, count = tmp_path / "log", 3000
    writer, reader = EventWriter(path), EventReader(path)

    def write():
        for i in range(count):
            writer.write("step", text="x" * (i * 37 % 5000))

    thread = threading.Thread(target=write)
    thread.start()
    seen = []
    while thread.is_alive():
        seen += reader.read()
    thread.join()
    seen += reader.read()
    assert [event["seq"] for event in seen] == list(range(1, count + 1))
    assert reader.skipped == 0


# Writing after something went wrong


@given(st.data(), st.integers(1, 6))
def test_a_new_writer_seals_what_a_killed_one_left_and_counts_on(data, count):
    content, _ = written(count)
    cut = data.draw(st.integers(0, len(content)))
    kept = [json.loads(line) for line in content[:cut].split(b"\n") if is_event(line)]
    half = content[:cut].rpartition(b"\n")[2]
    with log_of(content[:cut]) as path:
        writer = EventWriter(path)
        writer.write("started")
        writer.close()
        read, skipped = read_all(path)
    assert read[:-1] == kept
    assert (read[-1]["kind"], read[-1]["seq"]) == ("started", len(kept) + 1)
    assert skipped == (half != b"" and not is_event(half))


def test_counting_goes_on_after_a_line_longer_than_a_chunk(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(written(7)[0] + encode({"kind": "log", "seq": 8, "text": "x" * 2 * CHUNK}).encode() + b"\n")
    assert EventWriter(path).write("log")["seq"] == 9


def test_a_line_that_the_disk_has_no_room_for_leaves_no_half(tmp_path):
    """A file size limit behaves like a full disk: the write that meets it is cut short, the next one fails."""
    path = tmp_path / "log"
    writer = EventWriter(path)
    writer.write("step", text="x" * 100)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            writer.write("step", text="y" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    writer.write("finished", state="failed")
    read, skipped = read_all(path)
    assert [(event["kind"], event["seq"]) for event in read] == [("step", 1), ("finished", 2)]
    assert skipped == 0
