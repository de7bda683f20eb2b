"""Sizes of a network whose dense layers are convolutions, against the network itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tui_lab.hyperparameters import mistakes_in
from tui_lab.models.convnet import ConvNet
from tui_lab.models.fully_convolutional import score_map
from tui_lab.tools.fc_as_conv import TOOL, FcAsConvInputs, multiply_adds


def rows(**values: Any) -> dict[str, tuple[Any, ...]]:
    table = TOOL.answer(values).table
    assert table is not None
    return {str(row[0]): row[1:] for row in table.rows}


@pytest.mark.parametrize(
    ("height", "width", "side"), [(64, 64, 32), (40, 96, 32), (32, 32, 32), (61, 50, 28), (9, 8, 8)]
)
def test_sizes_are_those_of_the_network(height: int, width: int, side: int) -> None:
    model = ConvNet((3, side, side), 10).eval()
    found = rows(height=height, width=width, trained_side=side)
    h, sizes = torch.zeros(1, 3, height, width), []
    for module in model.features:
        h = module(h)
        if not isinstance(module, nn.ReLU):
            sizes.append(" × ".join(map(str, h.shape[1:])))
    assert [found[name][2] for name in ("conv1", "pool1", "conv2", "pool2", "conv3", "pool3")] == sizes
    scores = score_map(model, torch.zeros(1, 3, height, width))
    assert found["fc5"][2] == " × ".join(map(str, scores.shape[1:]))
    assert found["fc4"][3] == model.fc4.weight.numel()
    convolutions = [module for module in model.features if isinstance(module, nn.Conv2d)]
    assert [found[f"conv{i}"][3] for i in (1, 2, 3)] == [layer.weight.numel() for layer in convolutions]


def test_work_is_counted_at_every_place() -> None:
    """At the size that the network was made for it is the work of its own layers."""
    expected = 32**2 * 32 * 75 + 16**2 * 64 * 800 + 8**2 * 64 * 1600 + 1_024_000 + 10_000
    assert multiply_adds(32, 32, 32) == expected
    assert 4 * expected < multiply_adds(64, 64, 32) < 25 * expected


def test_the_sentences_tell_the_map() -> None:
    lines = TOOL.answer({}).lines
    assert any("a map of 5 × 5 places: the network every 8 pixels" in line for line in lines)
    assert any("takes 1,024 values; from 64 × 64 pixels come 4,096" in line for line in lines)
    assert len(TOOL.answer({"height": 32, "width": 32}).lines) == 1


def test_an_image_that_is_too_small_is_refused() -> None:
    (mistake,) = mistakes_in(FcAsConvInputs, {"height": 24})
    assert mistake.sentence == "height = 24: leaves 3 of what fc4 as a convolution covers 4 of"
