"""The filter language: what it says, what it refuses, and how a list is sorted."""

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tui_lab.errors import UsageError
from tui_lab.hyperparameters import GradientHyperparameters, declarations
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.fields import FIELDS, declared_fields, find_field, hyperparameter_field, sort_key, sorted_by, text_of
from tui_lab.runs.label import Label
from tui_lab.runs.literals import OPERATORS
from tui_lab.runs.query import Query, Term, suggest
from tui_lab.runs.status import STATES, Status
from tui_lab.runs.store import Listed

KNOWN = {**FIELDS, **declared_fields(declarations(GradientHyperparameters).values())}
SETTINGS = {
    "lr": 0.05,
    "seed": 2**62 + 1,
    "optimizer": "adam",
    "flip": True,
    "hidden": [128, 64],
    "epochs": 20,
    "folder": "/data/My Cats",
    "channels_last": "on",
    "device": "auto",
    "beta": "0.9",
}


def run(state="finished", name="20261123-064133-convnet-fern", label=None, **fields):
    usual = {
        "exercise": "convnet",
        "preset": "fig-2.05",
        "hyperparameters": SETTINGS,
        "created": time.time() - 2 * 3600,
        "elapsed": 90.0,
        "device": "cuda:0",
        "node": "gpubox",
        "epoch": 12,
        "epochs": 20,
        "best": {"epoch": 9, "test_accuracy": 0.7, "test_loss": 0.9},
        "last": {"epoch": 12, "test_accuracy": 0.65, "test_loss": math.nan},
    }
    label = label or Label("Best so far", "Says the lab:\n70 %!")
    return Listed(RunDirectory(Path("/runs") / name), Status(state=state, **{**usual, **fields}), state, label)


RUN = run()


def matches(text, entry=RUN, known=None):
    return Query.parse(text, known).matches(entry)


# What holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n ",
        # words
        "fern",
        "FERN convnet",
        '"best so"',
        '"70 %!"',
        "finished",
        "moss|fern",
        "-moss",
        '-"best of"',
        # text
        "exercise=convnet",
        "exercise=ConvNet",
        "exercise=mlp|convnet",
        "exercise!=mlp|bow-svm",
        "preset~2.05",
        "preset~2.06|2.05",
        "-preset~2.06",
        'name="best so far"',
        "state=finished",
        "id~20261123",
        "id>20261122",
        "device=cuda:0",
        "node=gpubox",
        "device~cuda",
        # numbers
        "lr=0.05",
        "lr=5e-2",
        "lr=5%",
        "lr<0.1",
        "lr <= .05",
        "lr>=0.05",
        "lr>1e-9",
        "lr!=0.1",
        "lr=0.1|0.05",
        "lr<0.01|0.1",
        "epochs=20 epoch<20 best_epoch=9",
        f"seed={2**62 + 1}",
        f"seed!={2**62}",
        # metrics
        "test_accuracy=0.7",
        "test_accuracy=70%",
        "test_accuracy=70",
        "test_accuracy>=70.0%",
        "best_test_accuracy=70% last_test_accuracy=65%",
        "test-accuracy>0.69",
        "test_loss<1",
        "last_test_loss=nan",
        # switches, lists, and what they are written like
        "flip=true",
        "flip=yes",
        "-flip=off",
        "flip!=off",
        "hidden=128,64",
        "hidden=[128,64]",
        'hidden="128, 64"',
        "hidden~64",
        "channels_last=on",
        "folder~cats",
        "beta=0.9",
        "beta<1.0",
        # time
        "age>1h",
        "age<3h",
        "age>119min",
        "age<1d",
        "age>1h59min",
        "elapsed>=1min elapsed<2min",
        "created>2020-01",
        # spaces, and an operator written twice
        "lr   <    0.1    lr == 0.05",
    ],
)
def test_a_run_fulfils(text):
    assert matches(text)
    assert not matches(f"-lr>0 {text}")


@pytest.mark.parametrize(
    "text",
    [
        "moss",
        "fern moss",
        "-fern",
        "exercise=conv",
        "exercise!=convnet",
        "exercise!=mlp|convnet",
        "state=running",
        "lr<0.05",
        "lr>0.05",
        "lr=0.0500001",
        f"seed={2**62}",
        "test_accuracy>70%",
        "test_accuracy>70",
        "test_accuracy=7%",
        "flip=false",
        "flip=no",
        "flip>false",
        "hidden=128",
        "hidden=64,128",
        "age<1h",
        "age>3h",
        "created<2020-01",
        # no value
        "dropout=0",
        "dropout!=0",
        "dropout<1",
        "dropout>=0",
        "dropout~0",
        "validation_accuracy>=0",
        "validation_accuracy<1",
        # a number is no text, and NaN is nowhere
        "lr=fast",
        "lr<fast",
        "last_test_loss<1",
        "last_test_loss>=1",
        "last_test_loss=1",
    ],
)
def test_a_run_does_not_fulfil(text):
    assert not matches(text)


def test_every_term_must_hold():
    for left in ("fern", "moss"):
        for right in ("lr<1", "lr>1"):
            assert matches(f"{left} {right}") == (matches(left) and matches(right))


def test_a_run_without_a_name_is_found_by_that():
    assert matches('name="" note=""', run(label=Label()))
    assert not matches('name=""')


def test_the_device_is_the_one_asked_for_until_the_run_has_one():
    assert matches("device=auto", run(device=""))
    assert not matches("device=auto")


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        ("created=2026-11", True),
        ("created=2026-11-23", True),
        ("created=2026-11-23T06:41", True),
        ('created="2026-11-23 06:41"', True),
        ("created<=2026-11-23 created>=2026-11-23", True),
        ("created=2026-11-22|2026-11-23", True),
        ("created!=2026-11-22", True),
        ("created>2026-11-22 created<2026-11-24", True),
        ("created>2026-10 created<2026-12", True),
        ("created=2026-11-23T06:42", False),
        ("created>2026-11", False),
        ("created<2026-11-23", False),
        ("created>2026-11-23", False),
    ],
)
def test_a_date_stands_for_all_of_its_month_day_or_minute(text, is_so):
    created = time.mktime((2026, 11, 23, 6, 41, 33, 0, 0, -1))
    assert matches(text, run(created=created)) == is_so


def test_december_ends_with_the_year():
    created = time.mktime((2026, 12, 31, 23, 59, 59, 0, 0, -1))
    assert matches("created=2026-12 created<2027-01", run(created=created))


# What is refused


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("lrr<0.1", "Filter, at 'lrr<0.1': runs have no field 'lrr'.", "Did you mean 'lr'?"),
        ("fern stat=running", "Filter, at 'stat=running': runs have no field 'stat'.", "Did you mean 'state'?"),
        ("state=runing", "Filter, at 'state=runing': state is never 'runing'.", "Did you mean 'running'?"),
        ("state!=x", "state is never 'x'.", f"It is one of {', '.join(STATES)}."),
        ("optimizer=adamm", "optimizer is never 'adamm'.", "Did you mean 'adam'?"),
        ("flip=maybe", "flip is never 'maybe'.", "It is one of true, false."),
        ("lr<fast", "lr is a number, and 'fast' is none.", ""),
        ("test_accuracy>good", "test_accuracy is a number, and 'good' is none.", ""),
        ("lr<", "Filter, at 'lr<': a value is missing after lr<.", ""),
        ("lr=0.1|", "a value is missing after |.", ""),
        ("lr=0.1||2", "a value cannot begin with '|'.", ""),
        ("lr=<0.1", "a value cannot begin with '<'.", ""),
        ("=0.1", "nothing stands before '='.", ""),
        ("fern -", "Filter, at '-': - stands before what a run must not be.", ""),
        ('note="abc', "the quote is not closed.", ""),
        ("lr=0.1=0.2", "'=' cannot follow 0.1.", 'Put such text in quotes: "a=b".'),
        ('lr=0.1"x"', "'\"' cannot follow 0.1.", 'Put such text in quotes: "a=b".'),
        ("age=2h", "age is never exactly something.", "Write age<2h or >."),
        ("age<2", "age needs a time with its unit, and '2' is none.", "Such as 30s, 10min, 2h, 3d."),
        ("age<2x", "age needs a time with its unit, and '2x' is none.", "Such as 30s, 10min, 2h, 3d."),
        ("age<1.2.3h", "age needs a time with its unit, and '1.2.3h' is none.", "Such as 30s, 10min, 2h, 3d."),
        ("created>today", "created needs a date, and 'today' is none.", "2026-11-23T06:41."),
        ("created>2026-13", "created needs a date, and '2026-13' is none.", "2026-11-23T06:41."),
        ("created>0000-01", "created needs a date, and '0000-01' is none.", "2026-11-23T06:41."),
        ("created>9999-12-31", "created needs a date, and '9999-12-31' is none.", "2026-11-23T06:41."),
        ("age~2", "~ looks into text, and age is none.", "Write age=2, or < or >."),
    ],
)
def test_nonsense_is_refused_with_where_what_and_the_nearest(text, message, hint):
    with pytest.raises(UsageError) as refused:
        Query.parse(text, KNOWN)
    assert refused.value.message.startswith("Filter, at ") and refused.value.message.endswith(message)
    assert refused.value.hint.endswith(hint) and bool(refused.value.hint) == bool(hint)


def test_without_known_fields_any_name_may_be_a_hyperparameter():
    assert not matches("depth=6")
    assert matches("depth=6", run(hyperparameters={"depth": 6}))
    with pytest.raises(UsageError, match="no field 'depth'"):
        Query.parse("depth=6", KNOWN)


pieces = st.sampled_from(
    [
        *OPERATORS,
        "lr",
        "state",
        "age",
        "created",
        "test_accuracy",
        "fern",
        "-",
        "|",
        '"',
        "\\",
        " ",
        "\n",
        "0.1",
        "70%",
        "2h",
    ]
)
texts = st.text() | st.lists(pieces, max_size=12).map("".join)
entries = st.builds(
    lambda state, values, best: run(state, hyperparameters=values, best=best),
    st.sampled_from(STATES),
    st.dictionaries(
        st.sampled_from(["lr", "seed", "flip", "x"]),
        st.none()
        | st.booleans()
        | st.integers(-(10**320), 10**320)
        | st.floats()
        | st.text(max_size=3)
        | st.lists(st.integers() | st.lists(st.none()) | st.text(max_size=2), max_size=2)
        | st.dictionaries(st.text(max_size=1), st.none(), max_size=1),
    ),
    st.dictionaries(st.sampled_from(["test_accuracy", "test_loss", "epoch"]), st.floats() | st.integers()),
)


@given(texts, st.sampled_from([None, KNOWN]), entries)
def test_any_text_is_a_query_or_a_usage_error_and_a_query_says_itself(text, known, entry):
    try:
        query = Query.parse(text, known)
    except UsageError as refused:
        assert refused.message
        return
    again = Query.parse(str(query), known)
    assert again == query
    assert str(again) == query.text
    assert query.matches(entry) == again.matches(entry)


operators = st.sampled_from([operator for operator in OPERATORS if operator != "=="])
values = st.lists(st.text(max_size=6), min_size=1, max_size=3).map(tuple)
any_terms = st.builds(
    Term, st.from_regex(r"[A-Za-z_]\w*", fullmatch=True), operators, values, st.booleans()
) | st.builds(Term, st.just(""), st.just(""), values, st.booleans())


@given(st.lists(any_terms, max_size=4))
def test_whatever_a_query_is_made_of_its_text_says(terms):
    assume(not any(term.field in FIELDS for term in terms))  # these do not take every value
    assert Query.parse(str(Query(tuple(terms)))).terms == tuple(terms)


@given(st.sampled_from(["lr", "seed", "test_accuracy", "test_loss"]), st.floats(0, 1), entries)
def test_a_number_is_below_equal_above_or_missing(name, value, entry):
    found = {operator: matches(f"{name}{operator}{value!r}", entry) for operator in ("<", "=", ">", "<=", ">=", "!=")}
    assert found["<"] + found["="] + found[">"] <= 1
    assert found["<="] == (found["<"] or found["="])
    assert found[">="] == (found[">"] or found["="])
    assert not (found["!="] and found["="])
    assert (found["!="] or found["="]) == (find_field(name).read(entry) is not None)


# What can be typed


@pytest.mark.parametrize(
    ("text", "completed"),
    [
        ("sta", ["state=", "standardize="]),
        ("fern -sta", ["fern -state=", "fern -standardize="]),
        ("test_l", ["test_loss"]),
        ("batch-s", ["batch_size"]),
        ("lr", []),
        ("state=r", ["state=running"]),
        ("state!=running|st", ["state!=running|stopped"]),
        ("-optimizer=s", ["-optimizer=sgd"]),
        ("flip=", ["flip=true", "flip=false"]),
        ("state=running", []),
        ("lr<0", []),
        ("nothing=x", []),
        ("", []),
        ("state=running ", []),
        ('note~"sta', []),
        ('note~"x" sta', ['note~"x" state=', 'note~"x" standardize=']),
    ],
)
def test_what_is_being_typed_is_completed(text, completed):
    assert suggest(text, KNOWN) == completed


@given(texts)
def test_what_is_suggested_goes_on_from_what_is_typed(text):
    for suggestion in suggest(text, KNOWN):
        assert len(suggestion) > len(text)
        assert suggestion.replace("-", "_").startswith(text.replace("-", "_"))


# Fields


def test_a_hyperparameter_that_exercises_declare_differently_takes_what_any_of_them_takes():
    declared = declarations(GradientHyperparameters)
    mine = replace(declared["dataset"], choices=("x",))
    joined = declared_fields([*declared.values(), mine])
    assert joined["dataset"].choices == (*declared["dataset"].choices, "x")
    assert "epochs" not in joined and "device" not in joined
    with pytest.raises(UsageError):
        Query.parse("dataset=y", joined)
    Query.parse("dataset=x", joined)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e-5, "1e-05"),
        (True, "true"),
        (7, "7"),
        ([128, 64], "128,64"),
        ([[1], "a"], "...,a"),
        ("Adam", "Adam"),
        ({}, ""),
    ],
)
def test_values_are_written_as_a_filter_takes_them(value, text):
    assert text_of(value) == text


# Order


def by(order, *values, name="lr"):
    """The values in order; None is none at all."""
    runs = [run(hyperparameters={} if value is None else {name: value}) for value in values]
    return [entry.status.hyperparameters.get(name) for entry in sorted_by(runs, order)]


def test_runs_without_a_value_come_last_in_both_orders():
    assert by("lr", 0.1, None, 1, 0.01) == [0.01, 0.1, 1, None]
    assert by("-lr", 0.1, None, 1, 0.01) == [1, 0.1, 0.01, None]
    losses = [run(best={"test_loss": loss}) for loss in (math.nan, 2.0, 1.0)]
    assert [entry.status.best["test_loss"] for entry in sorted_by(losses, "-test_loss")][:2] == [2.0, 1.0]


def test_numbers_come_before_text_and_text_goes_by_its_letters():
    assert by("x", "b", 10, "A", 9, True, name="x") == [True, 9, 10, "A", "b"]


def test_equal_runs_stay_as_they_are():
    runs = [run(name=f"r{i}", epoch=i % 2) for i in range(6)]
    assert [entry.run.id for entry in sorted_by(runs, "epoch")] == ["r0", "r2", "r4", "r1", "r3", "r5"]
    assert [entry.run.id for entry in sorted_by(runs, "-epoch")] == ["r1", "r3", "r5", "r0", "r2", "r4"]


def test_states_go_from_waiting_to_ended():
    runs = [run(state) for state in sorted(STATES)]
    assert [entry.state for entry in sorted_by(runs, "state")] == list(STATES)


def test_an_order_by_nothing_is_refused():
    with pytest.raises(UsageError) as refused:
        sorted_by([RUN], "-test_acuracy", KNOWN)
    assert refused.value.hint == "Did you mean 'test_accuracy'?"


@given(st.lists(entries, max_size=4), st.sampled_from([*sorted(KNOWN), "x"]))
def test_every_field_sorts_every_run(runs, name):
    field = KNOWN.get(name, hyperparameter_field(name))
    found = sorted_by(runs, name)
    assert sorted(map(id, found)) == sorted(map(id, runs))
    keys = [sort_key(field)(entry) for entry in found]
    present = [key for key in keys if key is not None]
    assert keys[: len(present)] == present
    if field.kind != "duration":  # which goes on meanwhile
        assert present == sorted(present)
