"""Filters as pictures: mid-grey is zero, the largest weight is black or white."""

import pytest
import torch
from torch import nn

from tui_lab.inspections.weights import MOST_FILTERS, filters
from tui_lab.models.convnet import ConvNet
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_by_hand import ByHandMLP

POSITION = (1.0, 10)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_convolution_has_a_picture_a_filter(channels):
    model = ConvNet((channels, 16, 16), 10)
    found = filters(model, (channels, 16, 16), POSITION)
    assert (found.layer, found.filters, len(found.pictures)) == ("features.0, Conv2d", 32, 32)
    weight = model.features[0].weight[5].detach()
    assert found.largest[5] == pytest.approx(float(weight.abs().max()), rel=1e-5)
    picture = found.pictures[5]
    assert (picture.width, picture.height) == (5, 5)
    for y in range(5):
        for x in range(5):
            expected = [127.5 + 127.5 * float(value) / float(weight.abs().max()) for value in weight[:, y, x]]
            assert picture.pixel(x, y) == pytest.approx(expected * (3 // channels), abs=0.51)


def test_zero_is_mid_grey_and_the_largest_weight_is_black_or_white():
    layer = nn.Conv2d(1, 2, 1, bias=False)
    layer.weight.data = torch.tensor([0.0, -0.5]).reshape(2, 1, 1, 1)
    zero, negative = filters(nn.Sequential(layer), (1, 4, 4), POSITION).pictures
    assert zero.pixel(0, 0)[0] in (127, 128)
    assert negative.pixel(0, 0) == (0, 0, 0)


@pytest.mark.parametrize("made_by", [MLP, ByHandMLP])
def test_hidden_units_of_an_mlp_have_the_shape_of_the_image(made_by):
    torch.manual_seed(1)  # no two of the largest weights of a unit are of one grey
    model = made_by((1, 6, 5), 10, hidden=(100,))
    found = filters(model, (1, 6, 5), POSITION)
    assert (found.filters, len(found.pictures)) == (100, MOST_FILTERS)
    picture = found.pictures[0]
    assert (picture.width, picture.height) == (5, 6)
    weight = model.get_parameter("1.weight")[0].detach().reshape(6, 5)
    brightest = max(((x, y) for x in range(5) for y in range(6)), key=lambda at: picture.pixel(*at)[0])
    largest = int(weight.argmax())
    assert brightest == (largest % 5, largest // 5)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (MLP((2,), 2), (2,)),
        (nn.Sequential(nn.Conv2d(4, 2, 3)), (4, 8, 8)),
        (nn.Sequential(nn.Conv2d(1, 2, 3)), (3, 8, 8)),
        (nn.Sequential(nn.Linear(5, 2)), (1, 8, 8)),
        (nn.Sequential(nn.ReLU()), (1, 8, 8)),
    ],
)
def test_what_is_no_picture_has_none(model, shape):
    assert filters(model, shape, POSITION) is None
