"""The table of a study: what stands beside what, and what a narrow terminal does without."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.studies.making import finish
from tui_lab.presets import find_preset
from tui_lab.runs.store import RunStore
from tui_lab.studies.plan import trials
from tui_lab.studies.results import results
from tui_lab.studies.table import GAP, Column, StudyTable, study_table


def test_measured_stands_beside_published_with_its_spread(tmp_path: Path) -> None:
    preset, store = find_preset("fig-2.02", tmp_path), RunStore(tmp_path)
    planned = trials(preset, seeds=2)
    for trial, accuracy in zip(planned[-2:], (0.65, 0.67), strict=True):
        finish(store, preset, trial, {"test_accuracy": [0.7, accuracy], "test_loss": [1.0, 2.0]})
    shown = study_table(results(preset, planned, store.list()))
    titles = [column.title for column in shown.columns]
    assert titles == [
        "arm",
        "seeds",
        "train %",
        "report",
        "test %",
        "report",
        "test loss",
        "report",
        "best test % @ epoch",
    ]
    assert shown.rows[-1] == ("lr=0.1", "2/2", "-", "91.7", "66.0 ± 1.4", "66.3", "2.000 ± 0.000", "1.998", "70.0 @ 1")
    assert shown.rows[0] == ("lr=1e-07", "0/2", "-", "10.0", "-", "10.0", "-", "-", "-")


def test_a_fit_has_no_best_epoch(tmp_path: Path) -> None:
    preset = find_preset("svm-1.2.6-C", tmp_path)
    assert study_table(results(preset, trials(preset), [])).columns[-1].is_published


@given(st.integers(1, 120))
def test_a_narrow_table_keeps_arms_and_test_accuracy_and_drops_published_with_measured(width: int) -> None:
    titles = ("arm", "seeds", "train %", "report", "test %", "report", "train loss", "test loss", "best test % @ epoch")
    table = StudyTable(
        tuple(Column(title, title == "report") for title in titles), (tuple(f"{title}!" for title in titles),)
    )
    shown, left_out = table.fitted(width)
    kept = [column.title for column in shown.columns]
    assert kept[:2] == ["arm", "seeds"]
    assert "test %" in kept
    assert set(kept) | set(left_out) == set(titles)
    assert kept.count("report") == ("train %" in kept) + 1
    assert shown.rows == (tuple(f"{title}!" for title in kept),)
    assert shown.width <= width or kept == ["arm", "seeds", "test %", "report"]
    assert shown.width == sum(len(title) + 1 for title in kept) + GAP * (len(kept) - 1)
