"""The layer table of any module, against what torch itself says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tui_lab.data.catalogue import sample_shape
from tui_lab.hyperparameters import build
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.models.convnet import ConvNet
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_by_hand import ByHandMLP
from tui_lab.models.vit import ViT
from tui_lab.previews.content import Layer
from tui_lab.previews.layers import layer_table

SMALL = {"timm": {"model": "test_vit", "pretrained": False}}


def test_the_network_of_the_practical() -> None:
    table = layer_table(lambda: ConvNet((3, 32, 32), 10), (3, 32, 32))
    assert table.parameters == 1_191_170
    rows = {layer.name: layer for layer in table.layers}
    assert rows["features.0"].kind == "Conv2d 5×5, 32"
    assert rows["features.0"].output_shape == (32, 32, 32)
    assert rows["features.0"].parameters == 2_432
    assert rows["features.8"].kind == "MaxPool2d 2×2"
    assert rows["features.8"].output_shape == (64, 4, 4)
    assert table.share(rows["fc4"]) == pytest.approx(0.86, abs=0.005)
    assert list(rows)[-1] == "fc5"
    assert "dropout" not in rows and "output" not in rows  # switched off


def test_options_and_sizes_change_the_table() -> None:
    def rows(side: int, **options: bool | float) -> dict[str, str]:
        table = layer_table(lambda: ConvNet((3, side, side), 10, **options), (3, side, side))  # type: ignore[arg-type]
        return {layer.name: f"{layer.kind} {layer.output_shape}" for layer in table.layers}

    assert rows(28)["features.8"] == "MaxPool2d 2×2 (64, 4, 4)"
    assert rows(28)["features.2"] == "MaxPool2d 2×2 (32, 14, 14)"
    assert rows(32, dropout=0.5)["dropout"] == "Dropout 0.5 (1000,)"
    assert rows(32, batch_norm=True)["features.1"] == "BatchNorm2d (32, 32, 32)"
    assert rows(32, softmax_output=True)["output"] == "Softmax (10,)"


@pytest.mark.parametrize("name", EXERCISES)
def test_parameters_of_every_exercise_are_those_of_its_model(name: str) -> None:
    exercise = EXERCISES[name]
    hyperparameters = build(exercise.hyperparameters, SMALL.get(name, {}))
    shape = sample_shape(hyperparameters)
    table = layer_table(lambda: exercise.build_model(hyperparameters, shape, 10), shape)
    model = exercise.build_model(hyperparameters, shape, 10)
    assert table.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert table.input_shape == shape
    assert table.layers[-1].output_shape == tuple(model(torch.zeros(1, *shape)).shape[1:])


def test_a_model_too_large_for_memory_is_listed_all_the_same() -> None:
    table = layer_table(lambda: MLP((3, 512, 512), 10, hidden=[65_536] * 8), (3, 512, 512))
    assert table.parameters == 65_537 * 65_536 * 7 + (3 * 512 * 512 + 1) * 65_536 + 65_537 * 10


class Branching(nn.Module):
    """Used out of order and twice, with parameters of its own, a tied weight, and layers that are never called."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 4)
        self.first = nn.Linear(4, 4)
        self.scale = nn.Parameter(torch.ones(3))
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied.weight = self.first.weight
        self.unused = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(self.first(x)) * self.scale.sum()
        h, _ = self.attention(h[:, None], h[:, None], h[:, None])
        y: Tensor = self.last(self.tied(h[:, 0]))
        return y


def test_any_module_is_listed_in_the_order_of_its_calls_and_counted_once() -> None:
    table = layer_table(Branching, (4,))
    names = [layer.name for layer in table.layers]
    called = [name for name in names if name in ("scale", "first", "attention.in_proj_weight", "tied", "last")]
    assert called == ["scale", "first", "attention.in_proj_weight", "tied", "last"]
    rows = {layer.name: layer for layer in table.layers}
    assert (rows["scale"].kind, rows["scale"].parameters) == ("Parameter 3", 3)
    assert (rows["first"].parameters, rows["tied"].parameters) == (20, 0)
    assert rows["attention.out_proj"].output_shape is None and rows["attention.out_proj"].parameters == 20
    assert rows["attention.in_proj_bias"].parameters == 12
    assert rows["unused"].parameters == 25
    assert table.parameters == sum(parameter.numel() for parameter in Branching().parameters())


def test_tokens_and_positions_of_a_transformer_have_rows_of_their_own() -> None:
    def rows(**options: Any) -> dict[str, Layer]:
        table = layer_table(lambda: ViT((1, 28, 28), 10, **options), (1, 28, 28))
        return {layer.name: layer for layer in table.layers}

    found = rows()
    assert list(found)[:3] == ["class_token", "position", "patch_embedding"]
    assert (found["class_token"].kind, found["class_token"].parameters) == ("Parameter 1×1×32", 32)
    assert (found["position"].kind, found["position"].parameters) == ("fixed 1×17×32", 0)
    assert found["blocks.0.mlp.fc1"].output_shape == (17, 128)
    assert found["blocks.1.mlp.fc1"].output_shape == (1, 128)  # only the class token is read after it
    assert found["patch_embedding"].output_shape == (16, 32)
    assert rows(position="learned")["position"].parameters == 17 * 32
    assert rows(class_token="frozen")["class_token"].kind == "fixed 1×1×32"
    assert not {"class_token", "position"} & rows(class_token="mean-pool", position="none").keys()


class LooksAtValues(nn.Module):
    """What the meta device cannot do."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(int(torch.ones(1).item()) + 1))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x if x.sum().item() > 1e9 else -x


def test_a_model_that_looks_at_values_is_listed_from_a_real_one() -> None:
    table = layer_table(LooksAtValues, (2,))
    assert [(layer.name, layer.output_shape) for layer in table.layers] == [("layers.0", (2,)), ("layers.1", (2,))]


class Broken(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("no such luck")


def test_what_a_model_raises_comes_through_and_nothing_is_left_behind() -> None:
    with pytest.raises(ValueError, match="no such luck"):
        layer_table(Broken, (2,))


def test_windows_and_strides_are_told_where_they_are_unusual() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, (3, 5), stride=2), nn.AvgPool2d(3, 1), nn.Flatten())
    table = layer_table(lambda: model, (1, 16, 16))
    assert [layer.kind for layer in table.layers] == ["Conv2d 3×5, 2, stride 2", "AvgPool2d 3×3, stride 1", "Flatten"]


def test_by_hand_a_layer_is_its_weights() -> None:
    table = layer_table(lambda: ByHandMLP((2,), 2, [10]), (2,))
    assert [(layer.kind, layer.parameters) for layer in table.layers] == [("W 10×2, b 10", 30), ("W 2×10, b 2", 22)]
