"""label.json: what a user calls a run, and says of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.conftest import make_run
from tui_lab.errors import UsageError
from tui_lab.runs.label import LONGEST_NAME, LONGEST_NOTE, Label
from tui_lab.runs.store import RunStore, listed


def test_a_run_has_no_label_until_it_gets_one(run):
    assert Label.read(run.label) == listed(run).label == Label("", "")


def test_a_name_and_a_note_are_kept_and_taken_away_each_by_itself(run):
    for change, label in [
        (lambda old: old.renamed("  Best \n so far "), Label("Best so far", "")),
        (lambda old: old.noted("Try 2:\n\tno crop. "), Label("Best so far", "Try 2:\n no crop.")),
        (lambda old: old.renamed(""), Label("", "Try 2:\n no crop.")),
        (lambda old: old.noted(" "), Label()),
    ]:
        change(Label.read(run.label)).write(run.label)
        assert Label.read(run.label) == listed(run).label == label


def test_what_moves_the_cursor_is_not_kept():
    assert Label().renamed("a\x1b[2Jb").name == "a [2Jb"
    assert Label().noted("a\x1b[2J\rb\u202e").note == "a [2J b"


@pytest.mark.parametrize(
    ("name", "words"), [("x" * (LONGEST_NAME + 1), f"at most {LONGEST_NAME}"), ("last", "the newest run")]
)
def test_a_name_that_is_too_long_or_taken_is_refused(name, words):
    with pytest.raises(UsageError, match=words):
        Label().renamed(name)
    assert Label().renamed(name[:-1]).name == name[:-1]


def test_a_note_that_is_too_long_is_refused():
    assert len(Label().noted("x" * LONGEST_NOTE).note) == LONGEST_NOTE
    with pytest.raises(UsageError, match=r"at most 2,000 characters, and this one 2,001\."):
        Label().noted("x" * (LONGEST_NOTE + 1))


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2), max_leaves=3
)


@given(
    st.binary()
    | st.just(b"[" * 100_000)
    | (json_values | st.dictionaries(st.sampled_from(["name", "note", "x"]), json_values | st.text())).map(
        lambda content: json.dumps(content).encode()
    )
)
def test_whatever_is_in_the_file_a_label_is_read(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "label.json"
    path.write_bytes(content)
    label = Label.read(path)
    assert len(label.name) <= LONGEST_NAME and len(label.note) <= LONGEST_NOTE
    assert label.name.isprintable() and label.note.replace("\n", "").isprintable()


@given(st.text(max_size=LONGEST_NAME), st.text(max_size=99))
def test_what_is_written_is_read(tmp_path_factory, name, note):
    path = tmp_path_factory.getbasetemp() / "written.json"
    try:
        label = Label().renamed(name).noted(note)
    except UsageError:
        assert name.strip() == "last"
        return
    label.write(path)
    assert Label.read(path) == label


# By which a run is found


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path)
    for i, word in enumerate(("fern", "fox", "moss")):
        make_run(store.root, f"20260101-12000{i}-mlp-{word}")
    return store


def test_a_run_is_found_by_its_name(store):
    fern, fox, _ = store.runs()
    Label("The best").write(fern.label)
    assert store.find("The best").id == fern.id
    Label("moss").write(fox.label)
    assert store.find("moss").id == fox.id, "a given name comes before a part of an id"
    Label(fern.id).write(fox.label)
    assert store.find(fern.id).id == fern.id, "a whole id comes before a given name"


def test_a_name_that_two_runs_share_names_both(store):
    fern, fox, _ = store.runs()
    for run in (fern, fox):
        Label("try").write(run.label)
    with pytest.raises(UsageError, match=f"'try' fits 2 runs: {fern.id}, {fox.id}"):
        store.find("try")


def test_a_mistyped_name_says_which_is_near(store):
    Label("The best").write(store.runs()[0].label)
    with pytest.raises(UsageError) as refused:
        store.find("The bets")
    assert refused.value.hint == "Did you mean 'The best'?"
    with pytest.raises(UsageError):
        store.find("")
