"""What `auto` comes to mean, and that it stays so."""

import json

import pytest
import torch

from tui_lab.errors import MissingDeviceError
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.models.convnet import ConvNet
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_autograd import AutogradMLP
from tui_lab.models.mlp_by_hand import ByHandMLP
from tui_lab.models.mlp_nn import SteppingMLP
from tui_lab.models.vit import ViT
from tui_lab.training import plan as plans
from tui_lab.training.plan import Plan, choose_device, make_plan

IMAGES = torch.rand(4, 1, 8, 8)


def convnet():
    return ConvNet((1, 8, 8), 3)


def forbidden(*_):
    raise AssertionError("nothing needs to be measured here")


def measured(monkeypatch, seconds):
    """Let the self-test find `seconds`, in the order of the candidates: for images channels_last, then contiguous."""
    monkeypatch.setattr(plans, "_shortest", lambda *_: seconds)


def test_what_is_asked_for_is_taken_without_a_test(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "_shortest", forbidden)
    hp = GradientHyperparameters(device="cpu", precision="bf16", channels_last="on")
    assert make_plan(hp, 2, convnet, IMAGES, tmp_path) == Plan("cpu", 2, "bf16", True)


def test_points_have_no_memory_layout(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "_shortest", forbidden)
    hp = GradientHyperparameters(device="cpu", precision="fp32", channels_last="on")
    assert make_plan(hp, 1, lambda: MLP((2,), 2), torch.rand(4, 2), tmp_path) == Plan("cpu", 1, "fp32", False)


def test_a_model_without_convolutions_has_no_memory_layout_even_on_images(tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "_shortest", forbidden)
    hp = GradientHyperparameters(device="cpu", precision="fp32")
    assert make_plan(hp, 1, lambda: MLP((1, 8, 8), 3), IMAGES, tmp_path) == Plan("cpu", 1, "fp32", False)


@pytest.mark.parametrize("made_by", [ByHandMLP, AutogradMLP, SteppingMLP])
def test_a_model_that_takes_its_own_steps_does_them_in_fp32_without_a_test(made_by, tmp_path, monkeypatch):
    monkeypatch.setattr(plans, "_shortest", forbidden)
    monkeypatch.setattr(plans, "has_bf16", lambda _: True)
    hp = GradientHyperparameters(device="cpu", channels_last="on")
    assert make_plan(hp, 1, lambda: made_by((1, 8, 8), 3), IMAGES, tmp_path) == Plan("cpu", 1, "fp32", False)


def test_the_fastest_wins_by_a_worthwhile_margin_and_the_verdict_is_kept(tmp_path, monkeypatch):
    hp = GradientHyperparameters(device="cpu", precision="fp32")
    measured(monkeypatch, [1.0, 0.5])
    assert not make_plan(hp, 1, convnet, IMAGES, tmp_path).channels_last
    monkeypatch.setattr(plans, "_shortest", forbidden)
    assert not make_plan(hp, 1, convnet, IMAGES, tmp_path).channels_last


def test_a_difference_that_noise_could_make_leaves_what_is_usually_fastest(tmp_path, monkeypatch):
    measured(monkeypatch, [1.0, 0.95])
    assert make_plan(
        GradientHyperparameters(device="cpu", precision="fp32"), 1, convnet, IMAGES, tmp_path
    ).channels_last


def test_bf16_is_a_candidate_only_where_it_has_hardware(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(plans, "_fastest", lambda candidates, *_: seen.append(candidates) or candidates[0])
    for has_hardware in (False, True):
        monkeypatch.setattr(plans, "has_bf16", lambda _, has=has_hardware: has)
        make_plan(GradientHyperparameters(device="cpu"), 1, convnet, IMAGES, tmp_path)
    assert [{plan.precision for plan in candidates} for candidates in seen] == [{"fp32"}, {"bf16", "fp32"}]


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"x": 5})])
def test_a_garbled_verdict_costs_the_self_test_again(tmp_path, monkeypatch, content):
    (tmp_path / "self-test.json").write_text(content)
    measured(monkeypatch, [1.0, 1.0])
    assert make_plan(
        GradientHyperparameters(device="cpu", precision="fp32"), 1, convnet, IMAGES, tmp_path
    ).channels_last


def test_the_real_self_test_answers_with_one_of_its_candidates(tmp_path):
    plan = make_plan(GradientHyperparameters(device="cpu"), 1, convnet, IMAGES, tmp_path)
    assert plan.device == "cpu" and plan.precision in ("fp32", "bf16")


@pytest.mark.parametrize(("seconds", "way"), [([1.0, 0.5], "fused"), ([1.0, 0.95], "by-hand")])
def test_among_the_ways_of_a_model_the_fastest_is_used(tmp_path, monkeypatch, seconds, way):
    measured(monkeypatch, seconds)
    hp = GradientHyperparameters(device="cpu", precision="fp32", channels_last="off")
    plan = make_plan(hp, 1, lambda: ViT((1, 8, 8), 3, patch_size=4), IMAGES, tmp_path)
    assert plan.way == way
    monkeypatch.setattr(plans, "_shortest", forbidden)
    assert make_plan(hp, 1, lambda: ViT((1, 8, 8), 3, patch_size=4), IMAGES, tmp_path) == plan
    placed = plan.place(ViT((1, 8, 8), 3, patch_size=4))
    assert [block.attention.kind for block in placed.blocks] == [way, way]


@pytest.mark.parametrize("way", ["by-hand", "fused"])
def test_a_way_that_was_asked_for_is_taken_without_a_test(tmp_path, monkeypatch, way):
    monkeypatch.setattr(plans, "_shortest", forbidden)
    hp = GradientHyperparameters(device="cpu", precision="fp32", channels_last="off")
    plan = make_plan(hp, 1, lambda: ViT((1, 8, 8), 3, patch_size=4, attention=way), IMAGES, tmp_path)
    placed = plan.place(ViT((1, 8, 8), 3, patch_size=4, attention=way))
    assert [block.attention.kind for block in placed.blocks] == [way, way]


def test_a_missing_device_is_named():
    with pytest.raises(MissingDeviceError, match="cuda:99"):
        choose_device("cuda:99")
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto").split(":")[0] in ("cpu", "cuda", "mps")


def test_bf16_keeps_the_weights_in_fp32():
    plan = Plan(precision="bf16")
    model = plan.place(convnet())
    with plan.autocast():
        assert model(IMAGES).dtype == torch.bfloat16
    assert {p.dtype for p in model.parameters()} == {torch.float32}
