"""The two networks: shapes, parameter counts, and the arithmetic of their options."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tui_lab.data.catalogue import sample_shape
from tui_lab.hyperparameters import build
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.models.convnet import ConvNet
from tui_lab.models.mlp import MLP

SMALL = {"timm": {"model": "test_vit", "pretrained": False}}  # without weights from elsewhere


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def test_convnet_has_the_parameters_of_the_practical():
    assert parameters(ConvNet((3, 32, 32), 10)) == 1_191_170
    assert ConvNet((3, 32, 32), 10).fc4.weight.numel() / 1_191_170 == pytest.approx(0.86, abs=0.005)


@pytest.mark.parametrize(
    ("shape", "flat"), [((3, 32, 32), 1024), ((3, 28, 28), 1024), ((1, 28, 28), 1024), ((1, 8, 8), 64)]
)
def test_the_third_pool_rounds_up_so_that_crops_keep_fc4(shape, flat):
    model = ConvNet(shape, 10)
    assert model.fc4.in_features == flat
    assert model(torch.zeros(2, *shape)).shape == (2, 10)


@given(side=st.integers(8, 40), channels=st.sampled_from([1, 3]), classes=st.integers(2, 20))
@settings(max_examples=15, deadline=None)
def test_convnet_takes_any_image_from_8_pixels_on(side, channels, classes):
    assert ConvNet((channels, side, side), classes)(torch.zeros(1, channels, side, side)).shape == (1, classes)


def test_dropout_is_on_fc4_and_only_in_training():
    model = ConvNet((1, 8, 8), 3, dropout=1.0)
    x = torch.rand(4, 1, 8, 8)
    bias = model.fc5.bias.expand(4, -1)
    torch.testing.assert_close(model.train()(x), bias)  # p = 1 leaves nothing but the last bias: it cannot learn
    assert not torch.allclose(model.eval()(x), bias)


def test_batch_normalisation_stands_between_convolution_and_relu():
    kinds = [type(module).__name__ for module in ConvNet((1, 8, 8), 3, batch_norm=True).features]
    assert kinds == ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 3


@pytest.mark.parametrize(("classes", "floor"), [(2, 0.3133), (10, 1.4612)])
def test_a_softmax_before_the_loss_keeps_it_above_a_floor(classes, floor):
    model = MLP((2,), classes, softmax_output=True)
    with torch.no_grad():
        model[-2].weight.zero_()
        model[-2].bias.copy_(torch.tensor([1e4] + [0.0] * (classes - 1)))
    loss = F.cross_entropy(model(torch.zeros(1, 2)), torch.tensor([0])).item()
    assert loss == pytest.approx(floor, abs=1e-4)
    assert loss == pytest.approx(math.log(math.e + classes - 1) - 1, abs=1e-5)


@given(hidden=st.lists(st.integers(1, 20), max_size=4), activation=st.sampled_from(["tanh", "relu", "sigmoid"]))
@settings(max_examples=25, deadline=None)
def test_mlp_is_the_formula(hidden, activation):
    model = MLP((1, 3, 2), 4, hidden, activation)
    x = torch.randn(5, 1, 3, 2)
    h = x.reshape(5, 6).double()
    linears = [module for module in model if isinstance(module, torch.nn.Linear)]
    assert [linear.out_features for linear in linears] == [*hidden, 4]
    for i, linear in enumerate(linears):
        h = h @ linear.weight.double().T + linear.bias.double()
        if i < len(hidden):
            h = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}[activation](h)
    torch.testing.assert_close(model(x).double(), h, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", EXERCISES)
def test_every_exercise_builds_its_model_from_its_declaration(name):
    exercise = EXERCISES[name]
    hyperparameters = build(exercise.hyperparameters, SMALL.get(name, {}))
    shape = sample_shape(hyperparameters)
    model = exercise.build_model(hyperparameters, shape, 10)
    assert model(torch.zeros(2, *shape)).shape == (2, 10)
