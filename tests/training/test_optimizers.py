"""Optimisers built from hyperparameters, step by step beside torch's own with default arguments."""

import pytest
import torch

from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.training.optimizers import build_optimizer

REFERENCES = {
    "sgd": ({}, lambda p, lr: torch.optim.SGD(p, lr)),
    "sgd with momentum": ({"momentum": 0.9}, lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9)),
    "sgd with Nesterov": (
        {"momentum": 0.9, "nesterov": True},
        lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True),
    ),
    "sgd with decay": ({"weight_decay": 0.01}, lambda p, lr: torch.optim.SGD(p, lr, weight_decay=0.01)),
    "adam": ({}, lambda p, lr: torch.optim.Adam(p, lr)),
    "adamw with torch's decay": ({"weight_decay": 0.01}, lambda p, lr: torch.optim.AdamW(p, lr)),
    "adamw": ({}, lambda p, lr: torch.optim.AdamW(p, lr, weight_decay=0)),
    "adagrad": ({}, lambda p, lr: torch.optim.Adagrad(p, lr)),
    "adadelta": ({}, lambda p, lr: torch.optim.Adadelta(p, lr)),
    "rmsprop": ({}, lambda p, lr: torch.optim.RMSprop(p, lr)),
    "rmsprop with momentum": ({"momentum": 0.5}, lambda p, lr: torch.optim.RMSprop(p, lr, momentum=0.5)),
}


@pytest.mark.parametrize("case", REFERENCES)
def test_every_step_is_torchs(case):
    settings, reference = REFERENCES[case]
    hp = GradientHyperparameters(optimizer=case.split()[0], lr=0.05, **settings)
    ours, theirs = (torch.nn.Parameter(torch.linspace(-1, 1, 12).reshape(3, 4)) for _ in range(2))
    optimizer, expected = build_optimizer(hp, [ours], torch.device("cpu")), reference([theirs], 0.05)
    for step in range(20):
        for parameter, stepper in ((ours, optimizer), (theirs, expected)):
            parameter.grad = torch.sin(parameter.detach() * 3 + step)
            stepper.step()
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
