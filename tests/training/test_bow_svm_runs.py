"""Runs of bag of words and SVM: from the request to its inspections, with a real worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.training.workers import start, train, wait_for
from tui_lab.data.load import load_dataset
from tui_lab.hyperparameters import build
from tui_lab.inspections.catalogue import read_inspections
from tui_lab.inspections.content import Confusion, Filters
from tui_lab.labs.catalogue import find_exercise
from tui_lab.runs.control import request
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.events import EventReader
from tui_lab.runs.store import RunStore

SMALL: dict[str, Any] = {"dataset": "digits", "words": 64, "patch_size": 4, "stride": 1, "patches": 5000}
# k-means with so many words takes much longer than a test may
LONG = {**SMALL, "words": 5000, "patch_size": 2, "patches": 500_000}


def create_bow_svm(home: Path, **values: Any) -> RunDirectory:
    settled = build(find_exercise("bow-svm").hyperparameters, {"threads": 1, **values})
    return RunStore(home).create("bow-svm", settled.model_dump(), data_dir=home / "data")


def events(run: RunDirectory, kind: str) -> list[dict[str, Any]]:
    return [event for event in EventReader(run.events).read() if event["kind"] == kind]


def test_a_run_says_its_sizes_and_what_it_does_and_keeps_what_it_measured(tmp_path: Path) -> None:
    run = create_bow_svm(tmp_path, **SMALL, validation_fraction=0.2)
    status = train(run)
    assert (status.state, status.epoch, status.precision) == ("finished", 1, "fp32")
    assert status.expected > 0
    (started,) = events(run, "started")
    assert (started["parameters"], started["vocabulary_parameters"]) == (650, 1024)
    said = [event["message"].partition(" ")[0] for event in events(run, "log")]
    assert said[:3] == ["Vocabulary", "1,150", "Linear"]
    assert "support vectors" in events(run, "log")[3]["message"]
    assert events(run, "warning") == []
    assert status.last["test_accuracy"] > 0.8
    assert status.last.keys() >= {"train_loss", "validation_accuracy", "test_loss", "support_vectors"}

    hp = build(find_exercise("bow-svm").hyperparameters, run.read_request().hyperparameters)
    data = load_dataset(hp, tmp_path)
    model = find_exercise("bow-svm").build_model(hp, data.sample_shape, data.classes)
    model.load_state_dict(load_file(run.best_weights))
    right = model(data.test.x.float() / 255).argmax(1) == data.test.y
    assert right.double().mean().item() == status.last["test_accuracy"]

    found = read_inspections(run)
    assert list(found) == ["confusion", "samples", "top-loss", "words", "standardize", "supports"]
    words, confusion = found["words"], found["confusion"]
    assert isinstance(words, Filters) and isinstance(confusion, Confusion)
    assert (words.filters, len(words.pictures), words.unit) == (64, 64, "word")
    assert (words.pictures[0].width, words.pictures[0].height) == (4, 4)
    assert words.largest[5] == pytest.approx(model.vocabulary.words[5].abs().max().item(), rel=1e-5)
    assert confusion.accuracy == status.last["test_accuracy"]


def test_the_same_seed_ends_with_the_same_numbers(tmp_path: Path) -> None:
    first, second = (create_bow_svm(tmp_path, **SMALL, train_size=300, seed=3) for _ in range(2))
    assert train(first).last == train(second).last
    assert first.weights.read_bytes() == second.weights.read_bytes()


def test_more_words_than_patches_of_the_images_fail_the_run_in_a_sentence(tmp_path: Path) -> None:
    status = train(create_bow_svm(tmp_path, dataset="digits", words=200, patch_size=8, train_size=100))
    assert (status.state, status.exit_code) == ("failed", 2)
    assert status.message == "100 patches of 100 images are too few for 200 words."


def test_a_fit_under_way_stops_at_once(tmp_path: Path) -> None:
    run = create_bow_svm(tmp_path, **LONG)
    worker = start(run)
    wait_for(run, lambda status: status.expected > 0)
    request(run.control, "stop")
    worker.join()
    status = run.read_status()
    assert (worker.exitcode, status.state, status.epoch) == (0, "stopped", 0)
    assert "from the start" in status.hint
    assert not run.weights.exists()
