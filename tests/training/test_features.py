"""Features of a frozen body: the same numbers as through the body, computed once, kept, and never trusted blindly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tui_lab.data.dataset import Dataset
from tui_lab.data.load import load_dataset
from tui_lab.labs.timm import TIMM, TimmHyperparameters
from tui_lab.training import features as features_module
from tui_lab.training import prepare as prepare_module
from tui_lab.training.features import FOLDER
from tui_lab.training.plan import Plan
from tui_lab.training.prepare import Prepared, prepare

DEIT = Path(__file__).parents[3] / "shared" / "weights" / "deit_tiny_patch16_224.safetensors"


def settings(**more: Any) -> TimmHyperparameters:
    small = {"dataset": "digits", "model": "test_vit", "pretrained": False, "image_size": 32, "batch_size": 16}
    return TimmHyperparameters(**{**small, "train_size": 60, "test_size": 40, **more})


def prepared(
    hp: TimmHyperparameters, cache: Path, said: list[str] | None = None, tell: Any = lambda _: None
) -> Prepared:
    return prepare(
        hp,
        load_dataset(hp, Path("nowhere")),
        lambda shape, classes: TIMM.build_model(hp, shape, classes),
        cache=cache,
        threads=1,
        plan=Plan("cpu", 1),
        tell=tell,
        say=(said if said is not None else []).append,
    )


def epoch(one: Prepared) -> tuple[list[float], list[float]]:
    """The losses of the steps of an epoch, and the scores after it."""
    one.engine.begin_epoch()
    for _ in range(one.engine.steps_per_epoch):
        one.engine.train_step()
    losses, _ = one.engine.metered()
    return losses, [one.engine.evaluate(batches).loss for batches in one.evaluations.values()]


def files(cache: Path) -> list[Path]:
    return sorted((cache / FOLDER).glob("*.safetensors"))


@pytest.mark.parametrize("more", [{}, {"dropout": 0.5}, {"model": "resnet10t", "validation_fraction": 0.2}])
def test_training_on_features_is_training_through_the_body(tmp_path: Path, monkeypatch, more: dict[str, Any]) -> None:
    hp = settings(**more, evaluate_train=True)
    on_features = prepared(hp, tmp_path)
    assert on_features.engine.train.sample_shape in [(64,), (512,)]
    monkeypatch.setattr(prepare_module, "keeps_features", lambda *_: False)
    through = prepared(hp, tmp_path)
    assert through.engine.train.sample_shape == (1, 8, 8)
    assert list(through.evaluations) == list(on_features.evaluations)
    (losses, scores), (expected_losses, expected_scores) = epoch(on_features), epoch(through)
    assert losses == pytest.approx(expected_losses, rel=1e-4)
    assert scores == pytest.approx(expected_scores, rel=1e-4)


def test_what_the_model_says_of_itself_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    prepared(
        settings(model="deit_tiny_distilled_patch16_224", dropout=0.5, train_size=20, test_size=20), tmp_path, said
    )
    assert said[0].startswith("dropout has no effect")
    prepared(settings(dropout=0.5), tmp_path, later := [])
    assert not any("dropout" in sentence for sentence in later)


def test_they_are_computed_once(tmp_path: Path) -> None:
    said: list[str] = []
    told: list[str] = []
    first = prepared(settings(), tmp_path, said, told.append)
    assert said[0] == "Computing the features of 100 images, once for all epochs."
    assert said[1].startswith("Features of 100 images computed in ")
    assert told[0] == "features of 0 of 100 images" and told[-1].startswith("features of 92 of 100 images, ")
    second = prepared(settings(lr=0.1, seed=0, epochs=3), tmp_path, said, told.append)
    assert said[2] == "Features of 100 images were kept from an earlier run."
    assert torch.equal(first.evaluations["test"].first(9)[0], second.evaluations["test"].first(9)[0])
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"image_size": 48},
        {"seed": 1},  # another body at random, and another subset
        {"model": "test_vit2"},
        {"test_rotation": 30.0},
        {"train_size": 61},
    ],
)
def test_what_would_be_others_is_computed_anew(tmp_path: Path, other: dict[str, Any]) -> None:
    prepared(settings(), tmp_path)
    before = set(files(tmp_path))
    said: list[str] = []
    prepared(settings(**other), tmp_path, said)
    assert "computed in" in said[1]
    assert set(files(tmp_path)) > before


def test_threads_and_precision_are_part_of_what_they_are(tmp_path: Path) -> None:
    hp = settings()
    dataset: Dataset = load_dataset(hp, Path("nowhere"))
    for plan in (Plan("cpu", 1), Plan("cpu", 1, "bf16"), Plan("cpu", 2)):
        prepare(hp, dataset, lambda s, c: TIMM.build_model(hp, s, c), cache=tmp_path, threads=1, plan=plan)
    assert len(files(tmp_path)) == 6


@pytest.mark.parametrize("damage", ["a byte", "the end", "everything", "another file"])
def test_a_damaged_file_is_noticed_and_made_again(tmp_path: Path, damage: str) -> None:
    whole = prepared(settings(), tmp_path).evaluations["test"].first(40)[0]
    contents = [path.read_bytes() for path in files(tmp_path)]
    for i, path in enumerate(files(tmp_path)):
        content = bytearray(contents[i])
        content[-40] ^= 1
        damaged = {
            "a byte": bytes(content),
            "the end": contents[i][:-9],
            "everything": b"",
            "another file": contents[i - 1],
        }
        path.write_bytes(damaged[damage])
    said: list[str] = []
    again = prepared(settings(), tmp_path, said).evaluations["test"].first(40)[0]
    assert "Features of 100 images computed" in said[1]
    assert torch.equal(whole, again)
    assert [path.read_bytes() for path in files(tmp_path)] == contents


def test_a_computation_that_was_stopped_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features_module, "PART", 20)

    class Enough(Exception):  # noqa: N818
        pass

    def stop(doing: str) -> None:
        if doing.startswith("features of 40"):
            raise Enough

    with pytest.raises(Enough):
        prepared(settings(), tmp_path, tell=stop)
    assert len(files(tmp_path)) == 2
    said: list[str] = []
    prepared(settings(), tmp_path, said)
    assert said[0].startswith("Computing the features of 60 images")
    assert said[1].startswith("Features of 60 images computed in ") and "those of 40 more were kept" in said[1]


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("no folder")
    said: list[str] = []
    assert epoch(prepared(settings(), tmp_path, said))[0]
    assert said[1].startswith("Features of 100 images computed in ") and "kept" not in said[1]
    assert said[2] == f"Not all of them could be kept in {tmp_path / FOLDER}: File exists."


@pytest.mark.parametrize(
    "change", [{"flip": True}, {"crop": 8, "crop_padding": 1}, {"erasing": 0.5}, {"rotation": 9.0}]
)
def test_images_that_change_go_through_the_body_at_every_step(tmp_path: Path, change: dict[str, Any]) -> None:
    said: list[str] = []
    one = prepared(settings(**change), tmp_path, said)
    assert one.engine.train.sample_shape == (1, 8, 8)
    assert "cannot be kept" in said[0]
    assert files(tmp_path) == []
    losses, _ = epoch(one)
    assert len(losses) == 4


def test_only_a_head_alone_has_features(tmp_path: Path) -> None:
    for trainable in ("last-1", "all"):
        assert prepared(settings(trainable=trainable), tmp_path).engine.train.sample_shape == (1, 8, 8)
    assert files(tmp_path) == []


def test_a_pretrained_body_is_worth_more_than_one_at_random(real_data: Path, tmp_path: Path) -> None:
    """DeiT-Tiny and some samples of CIFAR-10, at less than its full size."""
    if not DEIT.is_file():
        pytest.skip(f"the weights of DeiT-Tiny are not here: {DEIT}")
    accuracies = {}
    for pretrained in (True, False):
        hp = TimmHyperparameters(
            model="deit_tiny_patch16_224",
            pretrained=pretrained,
            weights=str(DEIT),
            image_size=160,
            lr=0.005,
            train_size=80,
            test_size=60,
            dataset="cifar10",
            batch_size=16,
        )
        one = prepare(
            hp,
            load_dataset(hp, real_data),
            lambda shape, classes, hp=hp: TIMM.build_model(hp, shape, classes),
            cache=tmp_path,
            threads=1,
            plan=Plan("cpu", 1),
        )
        for _ in range(15):
            epoch(one)
            one.engine.end_epoch()
        accuracies[pretrained] = one.engine.evaluate(one.evaluations["test"]).accuracy
    assert accuracies[True] > 0.45
    assert accuracies[False] < accuracies[True] - 0.15
