"""The report: every value escaped, pages that need nothing else, charts that are XML whatever they are given."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.studies.making import finish
from tui_lab.presets import find_preset, load_preset
from tui_lab.runs.store import RunStore
from tui_lab.studies.plan import trials
from tui_lab.studies.report import Chapter, chapter, pictures, to_html, to_markdown
from tui_lab.studies.results import results
from tui_lab.studies.shelf import Shelf
from tui_lab.studies.svg import Chart, Line, Mark, round_steps, to_svg

EVIL = """<script>alert(1)</script> | "a" & 'b' *c* [d](http://x)"""
STUDY = f"""
title = '''{EVIL}'''
exercise = "mlp"
text = '''First <b>paragraph</b>
with `code`.

Second.'''
[hyperparameters]
dataset = "circles"
epochs = 4
[[arms]]
name = '''{EVIL}'''
hyperparameters = {{ lr = 0.001 }}
published = {{ test_accuracy = 0.5 }}
[[arms]]
name = "fast"
hyperparameters = {{ lr = 0.5 }}
"""


class Page(HTMLParser):
    """Tags and what is between them; fails where tags do not match."""

    VOID = frozenset({"meta", "path", "line", "circle"})  # those of SVG may hold a title

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def told(tmp_path: Path) -> Chapter:
    path = tmp_path / "evil.toml"
    path.write_text(STUDY)
    preset, store = load_preset(path), RunStore(tmp_path)
    for trial in trials(preset, seeds=2, overrides={"epochs": 3}):
        rise = [0.5, 0.6 + 0.01 * trial.seed, 0.7]
        finish(store, preset, trial, {"train_accuracy": rise, "test_accuracy": rise, "test_loss": [0.7, math.nan, 0.5]})
    shelf = Shelf([preset], store.list())
    _, study = shelf.studies(preset)
    return chapter(study, shelf.judged(study))


def test_a_page_escapes_what_users_wrote_and_loads_nothing(told: Chapter) -> None:
    text = to_html([told])
    page = Page(text)
    names = {tag for tag, _ in page.tags}
    assert "script" not in names
    assert not names & {"img", "link", "iframe", "object"}
    assert all("src" not in attributes for _, attributes in page.tags)
    assert page.text.count(EVIL) >= 3
    assert "<code>code</code>" in text
    assert "First <b>paragraph</b> with code." in page.text
    assert "Second." not in page.text
    assert "prefers-color-scheme: dark" in text


def test_a_report_says_how_it_is_scaled_and_how_it_was_made(told: Chapter) -> None:
    for text in (Page(to_html([told])).text, to_markdown([told]).replace("\\", "")):
        assert "Scaled: epochs 3 in place of 4. Its numbers are not those of the study." in text
        assert "tui-lab run evil --seeds=2 --epochs=3" in text
        assert "bench: cpu, 2 threads, fp32" in text
        assert "4 of 4 runs" in text
    versions = {made.torch for made in told.made}
    assert len(told.made) == 4
    assert versions != {"-"}


def test_markdown_tables_keep_their_columns(told: Chapter) -> None:
    text = to_markdown([told])
    columns = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(columns) == 2  # one number for each of the two tables
    assert "<script>" not in text
    assert set(pictures([told])) == {f"charts/evil-epochs-3-{i}.svg" for i in range(1, len(told.charts) + 1)}
    assert all(f"({path})" in text for path in pictures([told]))
    assert "charts/" not in to_markdown([told], with_pictures=False)


def test_published_values_are_marks_only_where_the_study_has_its_full_length(told: Chapter, tmp_path: Path) -> None:
    preset = told.study.preset
    assert all(not line.marks for chart in told.charts for line in chart.lines)
    store = RunStore(tmp_path / "full")
    for trial in trials(preset):
        finish(store, preset, trial, {"test_accuracy": [0.5, 0.6, 0.7, 0.8]})
    full = chapter(results(preset, trials(preset), store.list()), [])
    marks = [line.marks for chart in full.charts for line in chart.lines if line.marks]
    assert marks == [(Mark(4.0, 50.0),)]


def test_a_study_with_a_file_of_a_long_name_is_made_again_by_its_command_and_has_a_short_anchor(tmp_path: Path) -> None:
    preset, store = find_preset("fine-tuning-rates", tmp_path), RunStore(tmp_path)
    weights = str(tmp_path / ("deep/" * 30) / "weights.safetensors")
    changed = {"weights": weights, "epochs": 1}
    for trial in trials(preset, overrides=changed)[:2]:
        finish(store, preset, trial, {"test_accuracy": [0.5]})
    shelf = Shelf([preset], store.list())
    _, study = shelf.studies(preset)
    told = chapter(study, shelf.judged(study))
    assert f"--set=weights={weights}" in told.command
    assert len(told.anchor) < 140
    other = chapter(shelf.study(preset, {**changed, "weights": weights + "2"}), [])
    assert other.anchor != told.anchor
    for text in (to_html([told]), to_markdown([told]).replace("\\", "")):
        assert text.count("weights weights.safetensors in place of none") == 1


numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)
lines = st.lists(
    st.tuples(st.text(max_size=20), st.lists(st.tuples(numbers, numbers, numbers), max_size=8), st.floats(-1e6, 1e6)),
    max_size=9,
)


@given(st.text(max_size=30), lines, st.booleans(), st.booleans())
def test_a_chart_is_xml_without_nan_whatever_it_is_given(
    title: str,
    given_lines: list[tuple[str, list[tuple[float, float, float]], float]],
    may_be_log: bool,
    standalone: bool,
) -> None:
    made = []
    for i, (name, points, mark) in enumerate(given_lines):
        mean, low, high = ([point[k] for point in points] for k in range(3))
        x = [float(k) for k in range(1, len(points) + 1)]
        made.append(Line(name, i, x, mean, low, high, (Mark(3.0, mark),)))
    text = to_svg(Chart(title, tuple(made), may_be_log), standalone=standalone)
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    geometry = {"d", "cx", "cy", "x", "y", "x1", "x2", "y1", "y2"}
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in geometry:
                assert "nan" not in value
                assert "inf" not in value


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_steps_are_round_few_and_within_the_limits(low: float, span: float) -> None:
    high = low + span
    if not high > low + 1e-9 * abs(low):
        return
    steps = round_steps(low, high)
    assert 2 <= len(steps) <= 8
    slack = 1e-6 * max(abs(low), abs(high), span)
    assert all(low - slack <= step <= high + slack for step in steps)
