"""The gradient check passes what is right, fails what is wrong, and says which tensor it is."""

import copy
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tui_lab.inspections import gradient_check as module
from tui_lab.inspections.gradient_check import MOST_ENTRIES, TOLERANCE, gradient_check
from tui_lab.labs.mlp import MLP, MLPHyperparameters
from tui_lab.models.mlp_by_hand import ByHandMLP

AT = (1.0, 20)
IMPLEMENTATIONS = ("by-hand", "autograd", "nn", "optim")


def batch(shape, classes, samples=20, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(samples, *shape, generator=generator), torch.randint(0, classes, (samples,), generator=generator)


def model(shape=(2,), classes=2, seed=0, **values):
    torch.manual_seed(seed)
    return MLP.build_model(MLPHyperparameters(**values), shape, classes)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize("softmax_output", [False, True])
def test_every_implementation_and_activation_passes(implementation, activation, softmax_output):
    values = {"implementation": implementation, "activation": activation, "softmax_output": softmax_output}
    check = gradient_check(model(hidden=[10], **values), *batch((2,), 2), position=AT)
    assert check.wrong == () and check.tolerance == TOLERANCE == 1e-7
    assert [(tensor.name, tensor.symbol, tensor.shape) for tensor in check.tensors] == [
        ("1.weight", "W_1", (10, 2)),
        ("1.bias", "b_1", (10,)),
        ("3.weight", "W_y", (2, 10)),
        ("3.bias", "b_y", (2,)),
    ]
    assert all(tensor.autograd < 1e-12 and tensor.differences is not None for tensor in check.tensors)
    assert (check.epoch, check.total_step, check.samples) == (*AT, 20)
    assert check.sentence == "Every gradient by hand is right: autograd and central differences agree with it."


@given(
    hidden=st.lists(st.integers(1, 12), max_size=4),
    activation=st.sampled_from(["tanh", "relu", "sigmoid"]),
    softmax_output=st.booleans(),
    reduction=st.sampled_from(["sum", "mean"]),
    weight_std=st.sampled_from([0.0, 0.1, 0.5, 1.5]),
    inputs=st.integers(1, 40),
    scale=st.sampled_from([0.01, 1.0, 10.0]),
    classes=st.integers(2, 10),
    seed=st.integers(0, 1000),
)
@settings(deadline=None, max_examples=30)
def test_a_right_gradient_passes_however_large_or_small_it_is(
    hidden, activation, softmax_output, reduction, weight_std, inputs, scale, classes, seed
):
    made = model(
        (inputs,),
        classes,
        seed,
        hidden=hidden,
        activation=activation,
        softmax_output=softmax_output,
        init="normal",
        weight_std=weight_std,
        bias_std=weight_std,
    )
    x, y = batch((inputs,), classes, 8, seed)
    assert gradient_check(made, scale * x, y, reduction=reduction, position=AT).wrong == ()


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_a_pooled_bias_gradient_fails_and_is_named(reduction):
    made = model(implementation="by-hand", hidden_bias_gradient="pooled", hidden=[10, 7])
    check = gradient_check(made, *batch((2,), 2), reduction=reduction, position=AT)
    assert [tensor.symbol for tensor in check.wrong] == ["b_1", "b_2"]
    assert all(tensor.autograd > 0.01 and tensor.differences > 0.01 for tensor in check.wrong)
    assert check.sentence == (
        "The gradients of the bias of hidden layer 1 and the bias of hidden layer 2 are wrong: "
        "pooled, one sum for all units of the layer."
    )


def test_pooling_the_bias_of_a_single_unit_is_no_mistake():
    made = model(implementation="by-hand", hidden_bias_gradient="pooled", hidden=[1])
    assert gradient_check(made, *batch((2,), 2), position=AT).wrong == ()


def test_any_wrong_gradient_is_found_and_only_that(monkeypatch):
    right = module.backward

    def wrong(*arguments):
        gradients = right(*arguments)
        gradients[-1][0][1, 2] += 1e-6
        return gradients

    monkeypatch.setattr(module, "backward", wrong)
    check = gradient_check(model(), *batch((2,), 2), position=AT)
    assert [tensor.symbol for tensor in check.wrong] == ["W_y"]
    assert check.sentence == "The gradient of the weights of the output layer is wrong."


def test_a_gradient_that_autograd_has_wrong_is_told_by_the_differences(monkeypatch):
    """Autograd and by hand could be wrong alike: the differences know neither."""
    monkeypatch.setattr(module.torch.autograd, "grad", lambda *_: [2 * g for g in by_hand])
    made = model(implementation="by-hand")
    x, y = batch((2,), 2)
    double = copy.deepcopy(made).double()
    passed = module.forward(double.layers, x.double())
    gradients = module.backward(double.layers, passed, module.one_hot(y, passed.log_y_hat))
    by_hand = [tensor for layer in gradients for tensor in layer]
    monkeypatch.setattr(module, "backward", lambda *_: [(2 * W, 2 * b) for W, b in gradients])
    check = gradient_check(made, x, y, position=AT)
    assert len(check.wrong) == 4
    assert all(tensor.autograd == 0 and tensor.differences == pytest.approx(1 / 3) for tensor in check.wrong)


def test_of_large_tensors_some_entries_are_compared_always_the_same():
    made = model((1, 8, 8), 10, hidden=[30])
    x, y = batch((1, 8, 8), 10)
    check = gradient_check(made, x, y, position=AT)
    assert [tensor.entries for tensor in check.tensors] == [MOST_ENTRIES, MOST_ENTRIES, MOST_ENTRIES, 10]
    assert gradient_check(made, x, y, position=AT) == check


def test_entries_at_a_kink_of_relu_are_passed_over():
    made = model(activation="relu", hidden=[2], implementation="by-hand")
    (W, b), _ = made.layers
    W.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    b.zero_()
    x = torch.tensor([[0.0, 2.0], [1.0, 3.0]])  # the first unit is at its kink for the first sample
    check = gradient_check(made, x, torch.tensor([0, 1]), position=AT)
    assert check.wrong == ()
    assert [tensor.entries for tensor in check.tensors] == [3, 1, 4, 2]  # W_1 has an input of 0 there
    W.zero_()
    check = gradient_check(made, x, torch.tensor([0, 1]), position=AT)
    assert (check.tensors[1].entries, check.tensors[1].differences, check.wrong) == (0, None, ())


def test_the_model_and_every_draw_stay_as_they_were():
    made = model(implementation="by-hand")
    before, drawn = copy.deepcopy(made.state_dict()), torch.get_rng_state()
    gradient_check(made, *batch((2,), 2), position=AT)
    assert torch.equal(torch.get_rng_state(), drawn)
    for name, tensor in made.state_dict().items():
        assert torch.equal(tensor, before[name]) and tensor.dtype == torch.float32 and not tensor.requires_grad


def test_weights_that_are_not_finite_fail():
    made = model()
    with torch.no_grad():
        next(made.parameters())[0, 0] = math.nan
    assert len(gradient_check(made, *batch((2,), 2), position=AT).wrong) == 4


def test_a_large_model_is_not_checked(monkeypatch):
    monkeypatch.setattr(module, "MOST_WEIGHTS", 51)
    assert gradient_check(ByHandMLP((2,), 2, [10]), *batch((2,), 2), position=AT) is None
