"""Receptive fields, against what torch's gradients say that a unit depends on."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tui_lab.hyperparameters import mistakes_in
from tui_lab.models.convnet import ConvNet
from tui_lab.tools.receptive_field import CONVNET_LAYERS, TOOL, ReceptiveFieldInputs, Window, fields, paths

WINDOWS = st.lists(
    st.builds(Window, st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.just(False)), min_size=1, max_size=4
)


def gradient(windows: list[Window], side: int, unit: int) -> Tensor:
    """Of one unit of the last layer with respect to every pixel, all weights being 1: float64 (side, side)."""
    x = torch.zeros(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    h = x
    for window in windows:
        layer = nn.Conv2d(1, 1, window.kernel, window.stride, window.padding, bias=False, dtype=torch.float64)
        nn.init.ones_(layer.weight)
        h = layer(h)
    h[0, 0, unit, unit].backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return x.grad[0, 0]


@settings(max_examples=60)
@given(WINDOWS, st.integers(4, 24), st.data())
def test_a_unit_depends_on_the_pixels_that_paths_lead_from(windows: list[Window], side: int, data: Any) -> None:
    text = " ".join(map(str, windows))
    assume(not mistakes_in(ReceptiveFieldInputs, {"layers": text, "side": side}))
    inputs = ReceptiveFieldInputs(layers=text, side=side)
    assert list(inputs.windows) == windows
    unit = data.draw(st.integers(0, inputs.sides[-1] - 1))
    measured = gradient(windows, side, unit)
    counted = torch.tensor(paths(windows, inputs.sides, unit), dtype=torch.float64)
    assert torch.equal(measured, torch.outer(counted, counted))


@given(WINDOWS, st.integers(0, 3))
@example([Window(3, 3, 1, False), Window(1, 1, 1, False), Window(1, 1, 2, False)], 0)
def test_field_jump_and_start_are_those_of_units_away_from_the_edges(windows: list[Window], unit: int) -> None:
    """In an image so large that no field is cut, measured from where paths begin and end."""
    assume(all(window.kernel >= window.stride for window in windows))  # no pixel is passed over
    field, jump, start = fields(windows)[-1]
    shift = sum(window.padding for window in windows) + field // jump + unit + 1
    side = 2 * (shift * jump + field) + 20
    sides = [side]
    for window in windows:
        sides.append(window.output(sides[-1]))
    counts = paths(windows, sides, shift)
    seen = [pixel for pixel, count in enumerate(counts) if count]
    assert seen[-1] - seen[0] + 1 == field
    assert (seen[0] + seen[-1] + 1) / 2 == start + shift * jump


def test_the_practicals_network() -> None:
    table = TOOL.answer({}).table
    assert table is not None
    assert [row[2:6] for row in table.rows] == [
        (32, 5, 1, 0.5),
        (16, 6, 2, 1.0),
        (16, 14, 2, 1.0),
        (8, 16, 4, 2.0),
        (8, 32, 4, 2.0),
        (4, 36, 8, 4.0),
    ]


@pytest.mark.parametrize("side", [28, 32, 64])
def test_its_sizes_and_fields_are_those_of_the_network_itself(side: int) -> None:
    model = ConvNet((1, side, side), 10).double().eval()
    inputs = ReceptiveFieldInputs(side=side)
    x = torch.rand(1, 1, side, side, dtype=torch.float64, requires_grad=True)
    h, sizes = x, [side]
    for module in model.features:
        if isinstance(module, nn.ReLU):
            continue
        if isinstance(module, nn.MaxPool2d):  # the mean lets every pixel through, and has the same window
            module = nn.AvgPool2d(2, 2, ceil_mode=bool(module.ceil_mode))
        h = module(h)
        sizes.append(h.shape[-1])
    assert tuple(sizes) == inputs.sides
    unit = sizes[-1] // 2
    h[0, :, unit, unit].sum().backward()
    assert x.grad is not None
    depends = x.grad[0, 0] != 0
    counted = torch.tensor(paths(inputs.windows, inputs.sides, unit)) > 0
    assert torch.equal(depends, torch.outer(counted, counted))


def test_each_layer_has_a_picture_in_which_what_is_seen_is_brighter() -> None:
    result = TOOL.answer({"layers": "3 2/2", "side": 8})
    (gallery,) = result.galleries
    assert gallery.captions == ("1: 3/1/0\n3×3", "2: 2/2/0\n4×4")
    first, second = gallery.pictures
    seen = [[picture.pixel(x, y) > (24, 24, 24) for x in range(8)] for picture in (first, second) for y in range(8)]
    assert sum(map(sum, seen[:8])) == 9 and sum(map(sum, seen[8:])) == 16
    assert first.pixel(4, 4) == (255, 255, 255)
    assert second.pixel(2, 2) < second.pixel(3, 3)


def test_large_images_are_drawn_small_and_cut_fields_are_told() -> None:
    (gallery,) = TOOL.answer({"layers": "101/2/50", "side": 100}).galleries
    assert (gallery.pictures[0].width, gallery.pictures[0].height) == (64, 64)
    assert gallery.captions[0] == "1: 101/2/50\n101×101, 100×100 inside"


def test_a_unit_that_lies_in_the_padding_sees_nothing() -> None:
    result = TOOL.answer({"layers": "1/49/100", "side": 5})
    assert result.table is not None and result.table.rows[0][-1] == "0 %"


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ("", "has none: write kernel/stride/padding for each, such as 5/1/2"),
        ("5/1/2 x", "has 'x': a layer is kernel/stride/padding, such as 5/1/2 or 2/2"),
        ("5/0", "has '5/0': a layer is kernel/stride/padding, such as 5/1/2 or 2/2"),
        ("0", "has '0': a layer is kernel/stride/padding, such as 5/1/2 or 2/2"),
        ("2/2/ceil", "has '2/2/ceil': a layer is kernel/stride/padding, such as 5/1/2 or 2/2"),
        ("5/1/2/3/4", "has '5/1/2/3/4': a layer is kernel/stride/padding, such as 5/1/2 or 2/2"),
        ("²", "has '²': a layer is kernel/stride/padding, such as 5/1/2 or 2/2"),
        ("3 33", "has 33/1/0 as number 2: it covers 33 cells, and 30 come in"),
        ("1 " * 41, "has 41: at most 40 are drawn"),
    ],
)
def test_layers_that_are_none_are_refused_in_a_sentence(layers: str, problem: str) -> None:
    (mistake,) = mistakes_in(ReceptiveFieldInputs, {"layers": layers})
    assert (mistake.key, mistake.problem) == ("layers", problem)


@given(st.text(max_size=20))
def test_whatever_is_typed_is_answered_or_refused(layers: str) -> None:
    if not mistakes_in(ReceptiveFieldInputs, {"layers": layers}):
        assert TOOL.answer({"layers": layers}).table is not None


def test_layers_are_written_as_they_are_read() -> None:
    windows = [Window.parse(word) for word in CONVNET_LAYERS.split()]
    assert [Window.parse(str(window)) for window in windows] == windows
    assert windows[-1] == Window(2, 2, 0, rounds_up=True)
