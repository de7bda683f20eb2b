"""The multilayer perceptron by hand against its formulas and against torch, and its four implementations against one
another."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tui_lab.models import mlp_by_hand as by_hand
from tui_lab.models.mlp import MLP
from tui_lab.models.mlp_autograd import AutogradMLP
from tui_lab.models.mlp_by_hand import ByHandMLP, accuracy, backward, cross_entropy, forward, initialise, one_hot, sgd
from tui_lab.models.mlp_nn import SteppingMLP
from tui_lab.models.stepping import TakesOwnSteps

IMPLEMENTATIONS = (ByHandMLP, AutogradMLP, SteppingMLP, MLP)
OWN_STEPS = (ByHandMLP, AutogradMLP, SteppingMLP)

networks = st.tuples(  # sizes n_x, n_1, ..., n_y; activation; softmax_output
    st.lists(st.integers(1, 7), min_size=2, max_size=6), st.sampled_from(["tanh", "relu", "sigmoid"]), st.booleans()
)


def random_layers(sizes, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return [(W.to(dtype), b.to(dtype)) for W, b in initialise(sizes, "normal", 0.8, 0.5)]


def batch(sizes, samples, seed=1, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(samples, sizes[0], generator=generator, dtype=dtype)
    return x, torch.randint(0, sizes[-1], (samples,), generator=generator)


# The functions


@given(network=networks, samples=st.integers(1, 9))
@settings(deadline=None)
def test_a_forward_pass_and_its_loss_are_the_formulas_one_number_at_a_time(network, samples):
    sizes, activation, softmax_output = network
    layers = random_layers(sizes)
    x, labels = batch(sizes, samples)
    passed = forward(layers, x, activation, softmax_output)
    g = {"tanh": math.tanh, "relu": lambda v: max(v, 0.0), "sigmoid": lambda v: 1 / (1 + math.exp(-v))}[activation]

    def softmax(values):
        total = sum(math.exp(value) for value in values)
        return [math.exp(value) / total for value in values]

    losses = []
    for sample in range(samples):
        h = x[sample].tolist()
        for number, (W, b) in enumerate(layers):
            rows = zip(W.tolist(), b.tolist(), strict=True)
            sums = [sum(w * v for w, v in zip(row, h, strict=True)) + c for row, c in rows]
            h = [g(v) for v in sums] if number < len(layers) - 1 else sums
            if number < len(layers) - 1:
                assert passed.h[number + 1][sample].tolist() == pytest.approx(h, abs=1e-12)
        outputs = softmax(h) if softmax_output else h
        assert passed.output[sample].tolist() == pytest.approx(outputs, abs=1e-12)
        y_hat = softmax(outputs)
        assert passed.log_y_hat[sample].exp().tolist() == pytest.approx(y_hat, abs=1e-12)
        losses.append(-math.log(y_hat[int(labels[sample])]))
    y = one_hot(labels, passed.log_y_hat)
    assert float(cross_entropy(passed.log_y_hat, y)) == pytest.approx(sum(losses) / samples)
    right = sum(int(passed.output[i].argmax()) == int(labels[i]) for i in range(samples))
    assert float(accuracy(passed.log_y_hat, y)) == pytest.approx(right / samples)


@given(network=networks, samples=st.integers(1, 9), reduction=st.sampled_from(["sum", "mean"]))
@settings(deadline=None)
def test_the_backward_pass_is_autograds(network, samples, reduction):
    sizes, activation, softmax_output = network
    layers = random_layers(sizes)
    tensors = [tensor.requires_grad_() for layer in layers for tensor in layer]
    x, labels = batch(sizes, samples)
    passed = forward(layers, x, activation, softmax_output)
    expected = torch.autograd.grad(F.cross_entropy(passed.output, labels, reduction=reduction), tensors)
    with torch.no_grad():
        y = one_hot(labels, passed.log_y_hat)
        gradients = backward(layers, passed, y, activation, softmax_output, reduction)
    for ours, theirs in zip([tensor for layer in gradients for tensor in layer], expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-13)


@given(sizes=st.lists(st.integers(2, 6), min_size=3, max_size=5), reduction=st.sampled_from(["sum", "mean"]))
@settings(deadline=None)
def test_a_pooled_gradient_is_one_sum_for_all_hidden_biases_of_a_layer_and_nothing_else(sizes, reduction):
    layers = random_layers(sizes)
    x, labels = batch(sizes, 8)
    passed = forward(layers, x)
    y = one_hot(labels, passed.log_y_hat)
    exact = backward(layers, passed, y, reduction=reduction)
    pooled = backward(layers, passed, y, reduction=reduction, hidden_bias_gradient="pooled")
    for (W, b), (same_W, pooled_b) in zip(exact[:-1], pooled[:-1], strict=True):
        assert torch.equal(W, same_W)
        torch.testing.assert_close(pooled_b, b.sum().expand(len(b)))
    assert all(torch.equal(one, other) for one, other in zip(exact[-1], pooled[-1], strict=True))


def test_a_step_goes_down_the_gradient_in_place():
    layers = random_layers([2, 3, 2])
    before = [(W.clone(), b.clone()) for W, b in layers]
    gradients = [(torch.full_like(W, 2.0), torch.full_like(b, -4.0)) for W, b in layers]
    sgd(layers, gradients, 0.25)
    for (W, b), (old_W, old_b) in zip(layers, before, strict=True):
        torch.testing.assert_close(W, old_W - 0.5)
        torch.testing.assert_close(b, old_b + 1.0)


def test_scores_of_a_thousand_give_a_finite_loss_and_gradient():
    layers = [(1000 * torch.eye(2), torch.zeros(2))]
    passed = forward(layers, torch.tensor([[1.0, -1.0], [1.0, -1.0]]))
    y = one_hot(torch.tensor([0, 1]), passed.log_y_hat)
    assert float(cross_entropy(passed.log_y_hat, y)) == 1000.0
    assert backward(layers, passed, y)[0][1].tolist() == [0.5, -0.5]


def test_the_page_runs_by_itself(capsys):
    torch.manual_seed(0)
    by_hand.train_on_circles()
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("epoch 100  loss ") and float(last.split()[-1]) > 0.85


# Initial weights


@pytest.mark.parametrize("n_in", [1, 2, 3, 7, 10, 64, 100, 784, 3072])
def test_torchs_initial_weights_have_the_bits_of_torchs_layers(n_in):
    torch.manual_seed(3)
    ours = initialise([n_in, 5, 4])
    torch.manual_seed(3)
    for (W, b), linear in zip(ours, [nn.Linear(n_in, 5), nn.Linear(5, 4)], strict=True):
        assert torch.equal(W, linear.weight) and torch.equal(b, linear.bias)


def test_normal_initial_weights_have_the_deviations_asked_for():
    torch.manual_seed(0)
    (W, b), *_ = initialise([200, 1000, 2], "normal", weight_std=0.3, bias_std=2.0)
    assert (float(W.std()), float(W.mean())) == pytest.approx((0.3, 0), abs=0.01)
    assert (float(b.std()), float(b.mean())) == pytest.approx((2.0, 0), abs=0.2)
    assert all(not tensor.any() for tensor in initialise([3, 2], "normal", 0.0, 0.0)[0])


# The four implementations

hyper = st.fixed_dictionaries(
    {
        "hidden": st.lists(st.integers(1, 8), max_size=4),
        "activation": st.sampled_from(["tanh", "relu", "sigmoid"]),
        "softmax_output": st.booleans(),
        "init": st.sampled_from(["torch", "normal"]),
    }
)


def built(made_by, shape, classes, chosen, seed=0):
    torch.manual_seed(seed)
    return made_by(shape, classes, **chosen)


@given(chosen=hyper, shape=st.sampled_from([(2,), (1, 3, 3)]), classes=st.integers(2, 5))
@settings(deadline=None)
def test_all_begin_with_the_same_weights_under_the_same_names_and_say_the_same(chosen, shape, classes):
    first, *others = (built(made_by, shape, classes, chosen) for made_by in IMPLEMENTATIONS)
    x = torch.randn(6, *shape)
    for other in others:
        assert list(other.state_dict()) == list(first.state_dict())
        for name, tensor in first.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name]), name
        torch.testing.assert_close(other(x), first(x))
        other.load_state_dict(first.state_dict())


@given(chosen=hyper, reduction=st.sampled_from(["sum", "mean"]), samples=st.integers(1, 8))
@settings(deadline=None, max_examples=50)
def test_a_step_is_the_same_whoever_takes_it(chosen, reduction, samples):
    shape, classes = (2, 2, 2), 3
    x, y = torch.randn(samples, *shape).double(), torch.randint(0, classes, (samples,))
    reference = built(MLP, shape, classes, chosen).double()
    before = reference(x)
    F.cross_entropy(before, y, reduction=reduction).backward()
    with torch.no_grad():
        for parameter in reference.parameters():
            parameter -= 0.1 * parameter.grad
    for made_by in OWN_STEPS:
        model = built(made_by, shape, classes, chosen).double()
        assert isinstance(model, TakesOwnSteps)
        loss, output = model.gradient_step(x, y, 0.1, reduction)
        torch.testing.assert_close(output, before.detach())
        torch.testing.assert_close(loss, F.cross_entropy(before, y).detach())  # the mean, whatever the reduction
        assert not loss.requires_grad and not output.requires_grad
        for ours, theirs in zip(model.parameters(), reference.parameters(), strict=True):
            torch.testing.assert_close(ours.detach(), theirs.detach(), rtol=1e-9, atol=1e-12)
            assert ours.grad is None


def test_only_the_model_without_steps_of_its_own_leaves_them_to_the_engine():
    assert not isinstance(MLP((2,), 2), TakesOwnSteps)
