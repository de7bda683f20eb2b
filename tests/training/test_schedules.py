"""The closed forms against torch's own schedulers, stepped once an epoch."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.training.schedules import learning_rate


def torch_rates(hp: GradientHyperparameters) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=hp.lr)
    lr = torch.optim.lr_scheduler
    scheduler = {
        "none": lambda: lr.LambdaLR(optimizer, lambda _: 1.0),
        "constant": lambda: lr.ConstantLR(optimizer, hp.factor, hp.total_iters),
        "linear": lambda: lr.LinearLR(optimizer, hp.factor, total_iters=hp.total_iters),
        "step": lambda: lr.StepLR(optimizer, hp.step_size, hp.gamma or 0.1),
        "exponential": lambda: lr.ExponentialLR(optimizer, hp.gamma or 0.95),
        "polynomial": lambda: lr.PolynomialLR(optimizer, hp.total_iters, hp.power),
        "cosine": lambda: lr.CosineAnnealingLR(optimizer, hp.T_max or hp.epochs, hp.eta_min),
    }[hp.scheduler]()
    rates = []
    for _ in range(hp.epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@given(
    scheduler=st.sampled_from(["none", "constant", "linear", "step", "exponential", "polynomial", "cosine"]),
    lr=st.floats(1e-5, 1.0),
    epochs=st.integers(1, 60),
    gamma=st.sampled_from([0.0, 0.5, 0.95]),
    step_size=st.integers(1, 20),
    factor=st.floats(0.01, 1.0),
    total_iters=st.integers(1, 30),
    power=st.floats(0.5, 3.0),
    t_max=st.integers(0, 40),
)
def test_every_schedule_is_torchs(scheduler, lr, epochs, gamma, step_size, factor, total_iters, power, t_max):
    hp = GradientHyperparameters(
        scheduler=scheduler,
        lr=lr,
        epochs=epochs,
        gamma=gamma,
        step_size=step_size,
        factor=factor,
        total_iters=total_iters,
        power=power,
        T_max=t_max,
        eta_min=lr / 100,
    )
    ours = [learning_rate(hp, epoch) for epoch in range(epochs)]
    # torch's recursive forms divide by small factors on the way, and lose digits there
    assert ours == pytest.approx(torch_rates(hp), rel=1e-6, abs=1e-6 * lr)


def test_a_changed_base_rate_keeps_the_shape():
    hp = GradientHyperparameters(scheduler="exponential", lr=0.1)
    assert learning_rate(hp, 7, base=0.2) == pytest.approx(2 * learning_rate(hp, 7))


def test_the_published_polynomial_is_zero_from_epoch_5_on():
    hp = GradientHyperparameters(scheduler="polynomial", lr=0.1, epochs=10)
    assert [learning_rate(hp, epoch) for epoch in (4, 5, 9)] == pytest.approx([0.02, 0, 0])


def test_the_usual_decay_depends_on_the_schedule():
    rates = {
        name: learning_rate(GradientHyperparameters(scheduler=name, lr=1.0), 10) for name in ("step", "exponential")
    }
    assert rates == pytest.approx({"step": 0.1, "exponential": 0.95**10})


def test_a_cosine_over_all_epochs_ends_near_its_minimum():
    hp = GradientHyperparameters(scheduler="cosine", lr=1.0, epochs=100)
    assert learning_rate(hp, 50) == pytest.approx(0.5)
    assert learning_rate(hp, 99) == pytest.approx((1 + math.cos(math.pi * 0.99)) / 2)
