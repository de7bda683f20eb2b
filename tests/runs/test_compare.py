"""What differs between runs, and what several seeds agree on."""

import math
import statistics
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.runs.compare import EXECUTION, Spread, by_seed, differing
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.status import Status
from tui_lab.runs.store import Listed

created = iter(range(10**6))


def run(accuracy=0.5, state="finished", exercise="mlp", changed_lr=0.0, best=None, last=None, **hyperparameters):
    now = next(created)
    status = Status(
        state=state,
        exercise=exercise,
        created=float(now),
        changed_lr=changed_lr,
        hyperparameters={"lr": 0.1, "seed": 0, **hyperparameters},
        best={"epoch": 7, "test_accuracy": accuracy} if best is None else best,
        last={"epoch": 9, "test_accuracy": accuracy - 0.1} if last is None else last,
    )
    return Listed(RunDirectory(Path(f"/runs/{now:06}-{exercise}-fern")), status, state)


# What differs


def test_only_what_differs_is_told_run_by_run():
    runs = [run(lr=0.1, hidden=[10], momentum=0.9), run(lr=0.2, hidden=[10], momentum=0.9), run(lr=0.1, hidden=[10])]
    assert differing(runs) == {"lr": [0.1, 0.2, 0.1], "momentum": [0.9, 0.9, None]}


@pytest.mark.parametrize("runs", [[], [run()], [run(), run()], [run(lr=1), run(lr=1.0)]])
def test_nothing_differs(runs):
    assert differing(runs) == {}


# Seeds


def test_runs_that_differ_in_seed_and_execution_alone_are_one_group():
    runs = [
        run(seed=3, device="cpu", threads=1, precision="fp32", channels_last="on", compile=False),
        run(seed=1, device="cuda:0", threads=4, precision="bf16", channels_last="off", compile=True),
        run(seed=2, lr=0.2),
        run(seed=3, exercise="convnet"),
        run(seed=4, changed_lr=0.01),
        run(seed=2),
    ]
    groups = by_seed(runs)
    assert [group.entries for group in groups] == [
        (runs[0], runs[1], runs[5]),
        (runs[2],),
        (runs[3],),
        (runs[4],),
    ]
    assert [group.seeds for group in groups] == [(3, 1, 2), (2,), (3,), (4,)]
    assert groups[0].hyperparameters == {"lr": 0.1} and not EXECUTION & groups[0].hyperparameters.keys()
    assert (groups[0].exercise, groups[2].exercise, groups[3].changed_lr) == ("mlp", "convnet", 0.01)


def test_best_and_last_are_measured_over_the_seeds_each_with_its_epoch():
    runs = [
        run(seed=i, best={"epoch": 5 + i, "test_accuracy": best, "test_loss": 1.0}, last={"test_accuracy": best - 0.2})
        for i, best in enumerate((0.7, 0.8, 0.9))
    ]
    (group,) = by_seed(runs)
    assert group.best_epochs == (5, 6, 7)
    assert set(group.best) == {"test_accuracy", "test_loss"} and set(group.last) == {"test_accuracy"}
    assert group.best["test_accuracy"] == Spread(3, pytest.approx(0.8), pytest.approx(0.1))
    assert group.last["test_accuracy"] == Spread(3, pytest.approx(0.6), pytest.approx(0.1))
    assert group.best["test_loss"] == Spread(3, 1.0, 0.0)


def test_a_metric_that_some_runs_lack_is_measured_over_the_others():
    runs = [run(seed=0, best={"test_loss": 1.0}), run(seed=1, best={"test_loss": 2.0, "validation_loss": 4.0})]
    (group,) = by_seed(runs)
    assert group.best == {
        "test_loss": Spread(2, 1.5, pytest.approx(math.sqrt(0.5))),
        "validation_loss": Spread(1, 4.0, None),
    }
    assert all(map(math.isnan, group.best_epochs))


@pytest.mark.parametrize("state", ["queued", "running", "paused", "stopped", "failed", "crashed"])
def test_a_run_that_is_not_finished_is_in_the_group_and_not_counted(state):
    done, other = run(seed=0, accuracy=0.5), run(seed=1, accuracy=0.9, state=state)
    (group,) = by_seed([other, done])
    assert (group.entries, group.counted) == ((other, done), (done,))
    assert group.best["test_accuracy"] == Spread(1, 0.5, None)
    (group,) = by_seed([other])
    assert (group.counted, group.best, group.last, group.best_epochs) == ((), {}, {}, ())


def test_the_same_seed_again_counts_once_the_newest():
    first, again, other = run(seed=0, accuracy=0.5), run(seed=0, accuracy=0.6, threads=2), run(seed=1, accuracy=0.8)
    for order in ([first, again, other], [other, again, first]):
        (group,) = by_seed(order)
        assert set(group.seeds) == {0, 1}
        assert group.best["test_accuracy"] == Spread(2, pytest.approx(0.7), pytest.approx(math.sqrt(0.02)))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=9))
def test_a_spread_is_mean_and_sample_standard_deviation(values):
    spread = Spread.of(values)
    assert spread.n == len(values)
    assert spread.mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    if len(values) > 1:
        assert spread.deviation == pytest.approx(statistics.stdev(values), rel=1e-6, abs=1e-6)


@given(st.lists(st.floats(), min_size=1, max_size=9))
def test_what_is_not_finite_shows_in_the_mean_and_nothing_raises(values):
    spread = Spread.of(values)
    assert math.isfinite(spread.mean) or not all(abs(value) < 1e300 for value in values)


settings = st.dictionaries(
    st.sampled_from(["lr", "seed", "threads", "hidden"]),
    st.integers(0, 2) | st.lists(st.integers(0, 1), max_size=2) | st.text(max_size=1),
)


@given(st.lists(settings, max_size=6))
def test_every_run_is_in_one_group(configurations):
    runs = [run(**values) for values in configurations]
    groups = by_seed(runs)
    assert sorted(id(entry) for group in groups for entry in group.entries) == sorted(map(id, runs))
    for group in groups:
        assert not differing(group.entries).keys() - EXECUTION
