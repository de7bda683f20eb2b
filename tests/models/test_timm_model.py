"""Networks of timm: what they see, what of them is trained, what is kept of them, and the weights they begin with."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from timm.optim import param_groups_layer_decay
from torchvision.transforms import InterpolationMode, v2

from tui_lab.errors import CheckpointError, MissingWeightsError, UsageError
from tui_lab.models import hub
from tui_lab.models.hub import cached_file
from tui_lab.models.timm_model import TimmModel, blocks_in

TINY = "test_vit"  # 300 thousand parameters, six blocks, images of 160


def untrained(name: str = TINY, trainable: str = "all", shape: tuple[int, ...] = (3, 32, 32), **more: Any) -> TimmModel:
    torch.manual_seed(0)
    return TimmModel(shape, 4, name, False, "", trainable, more.pop("image_size", 32), **more)


def trained(model: TimmModel) -> set[str]:
    return {name for name, parameter in model.network.named_parameters() if parameter.requires_grad}


# What it sees


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("side", "kind"), [(8, TINY), (32, TINY), (50, "test_efficientnet"), (32, "lcnet_035")])
def test_images_are_scaled_as_torchvision_would(channels: int, side: int, kind: str) -> None:
    model = untrained(kind, shape=(channels, side, side))
    config = timm.data.resolve_model_data_config(model.network)
    x = torch.rand(3, channels, side, side, generator=torch.Generator().manual_seed(1))
    expected = v2.Compose(
        [
            v2.Grayscale(3) if channels == 1 else v2.Identity(),
            v2.Resize((32, 32), InterpolationMode(config["interpolation"]), antialias=True),
            v2.Normalize(config["mean"], config["std"]),
        ]
    )(x)
    torch.testing.assert_close(model.scaled(x), expected, rtol=1e-5, atol=1e-5)


def test_the_side_is_the_networks_own_unless_another_is_given() -> None:
    assert untrained(image_size=0).scaling.side == 160
    assert untrained(image_size=64).scaling.side == 64
    assert untrained(image_size=64)(torch.rand(1, 3, 32, 32)).shape == (1, 4)
    assert untrained("resnet10t", image_size=0).scaling.side == 176


# The model and its parts


@pytest.mark.parametrize(
    "name",
    [TINY, "resnet10t", "test_convnext", "test_nfnet", "resnetv2_18", "repvit_m1", "deit_tiny_distilled_patch16_224"],
)
def test_the_outputs_are_timms(name: str) -> None:
    model = untrained(name, "head").eval()
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model(x), model.network(model.scaled(x)))


@pytest.mark.parametrize("name", [TINY, "resnet10t", "test_convnext", "resnetv2_18"])
def test_features_in_place_of_images_give_the_same_and_their_gradients_end_at_the_classifier(name: str) -> None:
    model = untrained(name, "head")
    x = torch.rand(3, 3, 32, 32)
    features = model.features(x)
    assert features.dim() == 2 and not features.requires_grad
    torch.testing.assert_close(model(features), model(x))
    model(x).sum().backward()
    assert [name for name, p in model.network.named_parameters() if p.grad is not None] == sorted(
        trained(model), key=[name for name, _ in model.network.named_parameters()].index
    )


def test_dropout_falls_on_the_features_alone() -> None:
    model = untrained(trainable="head", dropout=1.0)
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model(x), model.network.head.bias.expand(2, -1))
    assert not torch.allclose(model.eval()(x), model.network.head.bias)


# What is trained


def test_a_head_is_the_classifier() -> None:
    assert trained(untrained(trainable="head")) == {"head.weight", "head.bias"}
    assert trained(untrained("resnet10t", "head")) == {"fc.weight", "fc.bias"}
    assert trained(untrained("test_convnext", "head")) == {"head.fc.weight", "head.fc.bias"}


@pytest.mark.parametrize(
    ("name", "count", "prefixes"),
    [
        (TINY, 1, ("blocks.5.", "norm.", "head.")),
        (TINY, 3, ("blocks.3.", "blocks.4.", "blocks.5.", "norm.", "head.")),
        ("resnet10t", 1, ("layer4.0.", "fc.")),
        ("resnet10t", 2, ("layer3.0.", "layer4.0.", "fc.")),
        ("test_convnext", 1, ("stages.3.blocks.1.", "head.")),
        ("test_efficientnet", 1, ("blocks.4.0.", "conv_head.", "bn2.", "classifier.")),
    ],
)
def test_the_last_blocks_are_trained_with_all_that_follows_them_and_nothing_else(name, count, prefixes) -> None:
    model = untrained(name, f"last-{count}")
    everything = [parameter for parameter, _ in model.network.named_parameters()]
    expected = {parameter for parameter in everything if parameter.startswith(prefixes)}
    assert trained(model) == expected


@pytest.mark.parametrize("name", [TINY, "resnet10t", "test_convnext", "test_maxvit"])
def test_all_blocks_are_everything_but_the_stem_and_one_more_is_refused(name: str) -> None:
    model = untrained(name)
    blocks = blocks_in(model.network)
    left = {n for n, _ in model.network.named_parameters()} - trained(untrained(name, f"last-{blocks}"))
    assert left and all(n.startswith(("stem", "conv1", "bn1", "patch_embed", "cls_token", "pos_embed")) for n in left)
    with pytest.raises(UsageError, match=f"last-{blocks + 1}: {name} has {blocks} blocks"):
        untrained(name, f"last-{blocks + 1}")


@pytest.mark.parametrize("trainable", ["head", "last-1"])
def test_what_is_frozen_stays_as_it_is_in_train_mode(trainable: str) -> None:
    model = untrained("resnet10t", trainable).train()
    before = {name: tensor.clone() for name, tensor in model.named_buffers()}
    model(torch.rand(4, 3, 32, 32))
    changed = {name for name, tensor in model.named_buffers() if not torch.equal(tensor, before[name])}
    assert all(name.startswith("network.layer4.") for name in changed)
    assert bool(changed) == (trainable == "last-1")
    assert model.network.layer1.training is False and model.dropout.training is True


@pytest.mark.parametrize("trainable", ["head", "last-2", "all"])
def test_a_state_dict_holds_what_changes_and_restores_the_rest_from_its_file(trainable: str) -> None:
    model, other = untrained("resnet10t", trainable), untrained("resnet10t", trainable)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    model(torch.rand(4, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    state = copy.deepcopy(model.state_dict())
    assert {name for name, _ in model.named_parameters()} & set(state) == {f"network.{n}" for n in trained(model)}
    assert ("body_digest" in state) == (trainable != "all")
    other.load_state_dict(state)
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(other.eval()(x), model.eval()(x), rtol=0, atol=0)


def test_what_was_trained_on_another_body_is_refused() -> None:
    state = untrained(trainable="head").state_dict()
    torch.manual_seed(1)
    other = TimmModel((3, 32, 32), 4, TINY, False, "", "head", 32)
    with pytest.raises(CheckpointError, match="not those that this was trained on"):
        other.load_state_dict(state)
    with pytest.raises(CheckpointError, match=r"network\.conv1\.0\.weight"):
        untrained("resnet10t").load_state_dict(untrained(trainable="head").state_dict())


@given(decay=st.floats(0.3, 0.99), weight_decay=st.sampled_from([0.0, 0.05]), name=st.sampled_from([TINY, "resnet10t"]))
@settings(max_examples=6, deadline=None)
def test_groups_of_layers_are_timms(decay: float, weight_decay: float, name: str) -> None:
    model = untrained(name)
    network = model.network
    exempt = network.no_weight_decay() if hasattr(network, "no_weight_decay") else ()
    expected = param_groups_layer_decay(network, weight_decay, exempt, layer_decay=decay)

    def by_parameter(groups: list[dict[str, Any]]) -> dict[int, tuple[float, float]]:
        return {id(p): (group["lr_scale"], group["weight_decay"]) for group in groups for p in group["params"]}

    found = by_parameter(model.layer_groups(weight_decay, decay))
    assert found == by_parameter(expected)
    assert found[id(network.get_classifier().weight)][0] == 1
    assert min(scale for scale, _ in found.values()) == pytest.approx(decay ** (blocks_in(network) + 1))


# Names


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": "vit_base_patch16_24"}, "no model 'vit_base_patch16_24'. Did you mean 'vit_base_patch16_224', "),
        ({"model": "test_vit.nothing"}, r"no weights 'test_vit.nothing'. There are r160_in1k."),
        ({"model": TINY, "image_size": 40}, f"{TINY} has patches of 16×16. 32 and 48 would fit."),
        ({"model": TINY, "image_size": 8}, f"{TINY} has patches of 16×16. 16 would fit."),
        ({"model": "twins_svt_small", "image_size": 33}, "twins_svt_small cannot be built for images of 33×33"),
    ],
)
def test_what_is_not_in_timm_is_refused_with_what_is(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        TimmModel((3, 32, 32), 4, pretrained=False, **values)
    assert message in str(caught.value)


# Weights


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of the tiny transformer with a classifier for 1,000 classes."""
    torch.manual_seed(5)
    path = tmp_path / "weights.safetensors"
    save_file(timm.create_model(TINY, num_classes=1000).state_dict(), path)
    return path


def given_weights(path: Path, classes: int = 4, name: str = TINY, **more: Any) -> TimmModel:
    return TimmModel((3, 32, 32), classes, name, True, str(path), "head", **more)


def test_a_file_is_taken_in_whole_but_for_a_classifier_of_other_classes(weights: Path) -> None:
    found, expected = given_weights(weights).network.state_dict(), load_file(weights)
    assert found["head.weight"].shape == (4, 64)
    for name, tensor in expected.items():
        if not name.startswith("head."):
            assert torch.equal(found[name], tensor), name
    whole = given_weights(weights, classes=1000).network.state_dict()
    assert torch.equal(whole["head.weight"], expected["head.weight"])


@pytest.mark.parametrize("key", ["state_dict", "model", "state_dict_ema", ""])
@pytest.mark.parametrize("prefix", ["module.", ""])
def test_a_pickle_is_read_as_training_programs_write_it(weights: Path, key: str, prefix: str) -> None:
    state = {prefix + name: tensor for name, tensor in load_file(weights).items()}
    path = weights.with_suffix(".pth")
    torch.save({key: state, "epoch": 3} if key else state, path)
    assert torch.equal(given_weights(path).network.norm.weight, load_file(weights)["norm.weight"])


def test_weights_of_other_classes_or_without_a_classifier_are_taken_too(weights: Path, tmp_path: Path) -> None:
    state = load_file(weights)
    body = {name: tensor for name, tensor in state.items() if not name.startswith("head.")}
    few = {**body, "head.weight": torch.zeros(7, 64), "head.bias": torch.ones(7)}
    for content, classes in ((body, 4), (few, 4), (few, 7)):
        path = tmp_path / "other.safetensors"
        save_file(content, path)
        network = given_weights(path, classes).network
        assert torch.equal(network.blocks[0].norm1.weight, state["blocks.0.norm1.weight"])
        assert network.head.weight.shape == (classes, 64)
    assert torch.equal(network.head.bias, torch.ones(7))


def test_positions_are_resized_with_the_images(weights: Path) -> None:
    model = given_weights(weights, image_size=96)
    assert model(torch.rand(1, 3, 32, 32)).shape == (1, 4)
    assert model.network.pos_embed.shape[1] < load_file(weights)["pos_embed"].shape[1]
    (note,) = model.notes
    assert note.endswith("resized: pos_embed (1, 101, 64 to 1, 37, 64).")
    assert given_weights(weights).notes == ()


def test_weights_that_are_no_numbers_are_refused(weights: Path) -> None:
    state = load_file(weights)
    state["norm.weight"][3] = torch.nan
    save_file(state, weights)
    with pytest.raises(MissingWeightsError, match=r"NaN: norm\.weight\."):
        given_weights(weights)


@pytest.mark.parametrize("kind", [".safetensors", ".pth"])
def test_a_file_without_its_end_is_refused_in_plain_words(weights: Path, kind: str) -> None:
    path = weights.with_suffix(kind)
    if kind == ".pth":
        torch.save(load_file(weights), path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(MissingWeightsError, match="cannot be read: its end is missing"):
        given_weights(path)


def test_weights_of_another_model_are_refused_with_what_does_not_fit(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(
        MissingWeightsError, match=r"does not fit resnet10t: missing: conv1.0.weight.* and \d+ more; un"
    ):
        given_weights(weights, name="resnet10t")
    state = load_file(weights)
    state["norm.weight"] = torch.zeros(63)
    del state["blocks.2.mlp.fc1.bias"]
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(MissingWeightsError) as caught:
        given_weights(tmp_path / "other.safetensors")
    expected = "does not fit test_vit: missing: blocks.2.mlp.fc1.bias; other shape: norm.weight (63 instead of 64)."
    assert expected in caught.value.message
    assert caught.value.exit_code == 3


class Attack:
    """A pickle that would do something when it is read."""

    def __reduce__(self) -> Any:
        return (exec, ("raise SystemExit('it was run')",))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.pth", None, "There is no file"),
        ("cut.safetensors", b"\x10\0\0\0\0\0\0\0{", "cannot be read"),
        ("text.pth", b"not weights at all", "cannot be read"),
        ("code.pth", pickle.dumps(Attack(), protocol=2), "cannot be read"),
        ("empty.pth", b"", "is empty"),
    ],
)
def test_a_file_that_holds_no_weights_is_refused(tmp_path: Path, name: str, content: Any, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(MissingWeightsError, match=message):
        given_weights(path)


def test_without_the_hub_one_sentence_says_how_to_give_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingWeightsError, match=r"HF_HUB_OFFLINE.*--weights FILE"):
        TimmModel((3, 32, 32), 4, TINY)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # where nobody listens
    with pytest.raises(MissingWeightsError, match=r"127\.0\.0\.1 cannot be reached.*--weights FILE"):
        TimmModel((3, 32, 32), 4, TINY)


def test_a_hub_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def silence(*_: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(hub.socket, "create_connection", silence)
    monkeypatch.setattr(hub.urllib.request, "getproxies", dict)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    with pytest.raises(MissingWeightsError, match="cannot be reached"):
        hub.check_hub("anything")


def test_weights_in_the_cache_of_the_hub_are_used_without_asking_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, weights: Path
) -> None:
    repository = tmp_path / "models--timm--test_vit.r160_in1k"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert cached_file("timm/test_vit.r160_in1k") is None
    weights.rename(repository / "snapshots" / "abc" / "model.safetensors")
    assert cached_file("timm/test_vit.r160_in1k") == repository / "snapshots" / "abc" / "model.safetensors"
    assert TimmModel((3, 32, 32), 4, TINY).body_key is not None


def test_on_the_meta_device_no_weights_are_looked_for() -> None:
    with torch.device("meta"):
        model = TimmModel((1, 28, 28), 10, "vit_base_patch16_224", weights="/nowhere").eval()
        assert model(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
    assert sum(p.numel() for p in model.parameters()) == 85_806_346
