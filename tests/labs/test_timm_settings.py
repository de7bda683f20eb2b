"""The settings of timm's networks: what goes together, what a model takes, and what somebody is told before a run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tui_lab import paths
from tui_lab.errors import MissingWeightsError, TuiLabError, UsageError
from tui_lab.hyperparameters import build, mistakes_in
from tui_lab.jobs.launch import check_launch, create_run
from tui_lab.labs import timm_models
from tui_lab.labs.check import mistakes_for
from tui_lab.labs.timm import TIMM, TimmHyperparameters
from tui_lab.labs.timm_models import find_models, known_models, known_size, sizes_of
from tui_lab.labs.timm_models import timm_models as all_models
from tui_lab.runs.store import RunStore

LIST = [
    {"name": "vit_base_patch16_224", "side": 224, "tags": ["augreg", "mae"], "hub_id": "timm/vit_b", "hub_file": ""},
    {"name": "vit_tiny_patch16_384", "side": 384, "tags": ["augreg"], "hub_id": "timm/vit_t", "hub_file": ""},
    {"name": "test_vit", "side": 160, "tags": ["r160"], "hub_id": "timm/test_vit", "hub_file": ""},
    {"name": "no_weights", "side": 64, "tags": [], "hub_id": "", "hub_file": ""},
]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which timm's models are known, and the size of one; nothing may ask timm itself."""
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(timm_models, "_ask", lambda *names: pytest.fail("timm was asked"))
    folder = tmp_path / "cache" / f"timm-{timm_models.timm_version()}"
    folder.mkdir(parents=True)
    (folder / "models.json").write_text(json.dumps(LIST))
    (folder / "size-test_vit.json").write_text('{"parameters": 306890, "blocks": 6}')
    return folder


def settled(**values: Any) -> TimmHyperparameters:
    return build(TimmHyperparameters, values)


@pytest.mark.parametrize(
    ("values", "sentences"),
    [
        ({}, []),
        ({"model": "vit_base_patch16_224.mae"}, []),
        (
            {"model": "vit_base_patch16_24"},
            ["model = \"vit_base_patch16_24\": timm {} has no model 'vit_base_patch16_24'"],
        ),
        ({"model": "test_vit.x"}, ["model = \"test_vit.x\": timm {} has no weights 'test_vit.x'"]),
        ({"model": "no_weights"}, ["pretrained = true: timm has no weights of no_weights"]),
        ({"model": "no_weights", "weights": "mine.pth"}, []),
        ({"model": "no_weights", "pretrained": False}, []),
        ({"model": "test_vit", "trainable": "last-6"}, []),
        ({"model": "test_vit", "trainable": "last-7"}, ['trainable = "last-7": test_vit has 6 blocks']),
        ({"trainable": "last-99"}, []),  # nobody knows yet
        ({"train_size": 50_001}, ["train_size = 50001: cifar10 has 50,000"]),
    ],
)
def test_what_does_not_fit_the_model_is_a_mistake(values: dict[str, Any], sentences: list[str]) -> None:
    found = [mistake.sentence for mistake in mistakes_for(TIMM, settled(**values))]
    assert found == [sentence.format(timm_models.timm_version()) for sentence in sentences]


@pytest.mark.parametrize(
    ("values", "key", "problem"),
    [
        ({"trainable": "last-0"}, "trainable", "head | all | last-N"),
        ({"trainable": "tail"}, "trainable", "head | all | last-N"),
        ({"layer_decay": 0.5}, "layer_decay", "needs trainable = all"),
        ({"layer_decay": 0.5, "trainable": "last-2"}, "layer_decay", "needs trainable = all"),
        ({"layer_decay": 0.0, "trainable": "all"}, "layer_decay", "0 < layer_decay <= 1"),
        ({"warmup_epochs": 3.5, "epochs": 3}, "warmup_epochs", "at most epochs = 3"),
        ({"standardize": "channel"}, "standardize", "must be none"),
        ({"image_size": 40}, "image_size", "patches of 16 pixels do not divide it; 32 and 48 would fit"),
        ({"image_size": 8}, "image_size", "; 16 would fit"),
        ({"dataset": "circles"}, "dataset", "digits | mnist"),
        ({"model": ""}, "model", ""),
    ],
)
def test_what_does_not_go_together_is_refused(values: dict[str, Any], key: str, problem: str) -> None:
    (mistake,) = mistakes_in(TimmHyperparameters, values)
    assert mistake.key == key
    assert problem in mistake.problem


@pytest.mark.parametrize(
    "values",
    [
        {"image_size": 48},
        {"image_size": 41, "model": "resnet10t"},
        {"image_size": 384, "model": "vit_so400m_patch14_siglip_384"},  # made for images with a rest, which timm drops
    ],
)
def test_image_sizes_that_networks_take_are_no_mistake(values: dict[str, Any]) -> None:
    assert mistakes_in(TimmHyperparameters, values) == []


def test_nothing_is_said_of_models_before_timm_has_been_asked(cache: Path) -> None:
    (cache / "models.json").unlink()
    assert known_models() is None
    assert mistakes_for(TIMM, settled(model="vit_base_patch16_24")) == []
    (cache / "models.json").write_text("garbled")
    assert known_models() is None
    assert known_size("vit_base_patch16_224") is None


@pytest.mark.parametrize(
    ("values", "side"),
    [
        ({}, 224),
        ({"image_size": 96}, 96),
        ({"model": "vit_tiny_patch16_384"}, 384),
        ({"model": "swin_base_patch4_window12_384.ms_in22k"}, 384),
        ({"model": "resnet50"}, 224),
        ({"model": "efficientnet_b0.ra_in1k"}, 224),
    ],
)
def test_own_images_are_kept_as_large_as_the_model_takes_them(values: dict[str, Any], side: int) -> None:
    assert settled(dataset="folder", folder="mine", **values).stored_side == side


def test_what_a_configuration_costs_or_loses_is_said_before_it_runs() -> None:
    quick = {"train_size": 1000, "test_size": 500}
    assert TIMM.notice(settled(**quick)) == ""
    assert "60,000 passes" in TIMM.notice(settled())
    assert "30,000 passes" in TIMM.notice(settled(**quick, trainable="all", lr=1e-4))
    assert "cannot be kept" in TIMM.notice(settled(**quick, flip=True))
    assert "cannot be kept" not in TIMM.notice(settled(**quick, flip=True, trainable="all", lr=1e-4))
    assert "suits a new head" in TIMM.notice(settled(**quick, trainable="all"))
    assert "suits a new head" not in TIMM.notice(settled(**quick, trainable="all", pretrained=False, epochs=1))


# Before a run is made


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"model": "vit_tiny"}, UsageError, "has no model 'vit_tiny'. Did you mean 'test_vit'|vit_tiny_patch16_384"),
        ({"weights": "/"}, MissingWeightsError, "^/ is a folder"),
        ({"weights": "/dev/null"}, MissingWeightsError, "There is no file /dev/null"),
        ({"weights": "/nowhere/w.pth"}, MissingWeightsError, "There is no file /nowhere/w.pth"),
        ({}, MissingWeightsError, r"vit_base_patch16_224 are not here.*--weights FILE"),
        ({"model": "test_vit.r160"}, MissingWeightsError, r"test_vit.r160 are not here.*--weights FILE"),
        ({"model": "no_weights"}, UsageError, "timm has no weights of no_weights"),
        ({"model": "test_vit", "pretrained": False, "trainable": "last-7"}, UsageError, "test_vit has 6 blocks"),
    ],
)
def test_what_is_missing_is_said_before_a_run_is_made(
    tmp_path: Path, values: dict[str, Any], error: type[TuiLabError], message: str
) -> None:
    with pytest.raises(error, match=message):
        check_launch(TIMM, settled(dataset="digits", **values), tmp_path)


def test_weights_that_are_here_are_enough(tmp_path: Path) -> None:
    (tmp_path / "mine.pth").write_bytes(b"weights")
    check_launch(TIMM, settled(dataset="digits", weights=str(tmp_path / "mine.pth")), tmp_path)
    check_launch(TIMM, settled(dataset="digits", pretrained=False), tmp_path)
    snapshot = tmp_path / "hub" / "models--timm--vit_b" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "pytorch_model.bin").write_bytes(b"weights")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("abc")
    check_launch(TIMM, settled(dataset="digits"), tmp_path)


def test_a_run_remembers_where_its_weights_are_from_wherever_it_is_resumed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = create_run(RunStore(tmp_path), TIMM, settled(dataset="digits", weights="mine.pth"), tmp_path)
    assert run.read_request().hyperparameters["weights"] == str(tmp_path / "mine.pth")


# The list


def test_words_find_models_the_best_first() -> None:
    models = all_models()
    assert [model.name for model in find_models("", models)] == [model["name"] for model in LIST]
    assert find_models("vit", models)[0].name == "vit_base_patch16_224"
    assert [model.name for model in find_models("VIT 384", models)] == ["vit_tiny_patch16_384"]
    assert [model.name for model in find_models("vit*224", models)] == ["vit_base_patch16_224"]
    assert [model.name for model in find_models("vit-tiny", models)] == ["vit_tiny_patch16_384"]
    assert find_models("resnet", models) == []
    assert [model.is_pretrained for model in models.values()] == [True, True, True, False]


def test_sizes_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, ...]] = []

    def ask(*names: str) -> Any:
        asked.append(names)
        return {name: {"parameters": 10, "blocks": 2} for name in names if name != "no_weights"}

    monkeypatch.setattr(timm_models, "_ask", ask)
    for _ in range(2):
        found = sizes_of(["test_vit", "vit_base_patch16_224"])
    assert asked == [("vit_base_patch16_224",)]
    assert {name: (size.parameters, size.blocks) for name, size in found.items()} == {
        "test_vit": (306_890, 6),
        "vit_base_patch16_224": (10, 2),
    }
    assert sizes_of(["no_weights"]) == {}  # which cannot be built


def test_a_process_that_fails_is_told_of(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(paths, "cache_dir", lambda: cache.parents[1] / "other")
    command = [sys.executable, "-c", "import sys; sys.exit('no timm here')"]
    monkeypatch.setattr(timm_models, "module_command", lambda *_: command)
    with pytest.raises(TuiLabError, match=r"ended with 1\. no timm here"):
        all_models()


def test_timm_lists_its_models_and_builds_some() -> None:
    code = (
        "from tui_lab.models.timm_list import all_models, sizes\n"
        "models = {model['name']: model for model in all_models()}\n"
        "assert len(models) > 500\n"
        "vit = models['vit_base_patch16_224']\n"
        "assert vit['side'] == 224 and 'augreg_in21k' in vit['tags'], vit\n"
        "assert vit['hub_id'].startswith('timm/vit_base_patch16_224.'), vit\n"
        "assert sizes(['test_vit', 'no such model'])['test_vit'] == {'parameters': 371240, 'blocks': 6}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_cannot_be_kept_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    """A full disk refuses nobody the answer."""

    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    (cache / "models.json").unlink()
    monkeypatch.setattr(timm_models, "write_atomically", full)
    monkeypatch.setattr(
        timm_models, "_ask", lambda *names: {"no_weights": {"parameters": 10, "blocks": 2}} if names else LIST
    )
    assert [model.name for model in all_models().values()] == [model["name"] for model in LIST]
    assert sizes_of(["no_weights.tag"])["no_weights.tag"].parameters == 10
    assert known_models() is None
