"""What the multilayer perceptron refuses, and which model its hyperparameters make."""

from __future__ import annotations

from typing import Any

import pytest

from tui_lab.hyperparameters import mistakes_in
from tui_lab.labs.mlp import MLP, MLPHyperparameters

OWN_STEPS = ("by-hand", "autograd", "nn")
BEYOND = (
    {"optimizer": "adam"},
    {"momentum": 0.9},
    {"weight_decay": 1e-4},
    {"clip_norm": 1.0},
    {"label_smoothing": 0.1},
    {"precision": "bf16"},
    {"compile": True},
)


def sentences(**values: Any) -> list[str]:
    return [mistake.sentence for mistake in mistakes_in(MLPHyperparameters, values)]


@pytest.mark.parametrize("implementation", OWN_STEPS)
@pytest.mark.parametrize("values", BEYOND, ids=lambda values: next(iter(values)))
def test_what_only_the_optimiser_can_do_is_refused_without_it(implementation: str, values: dict[str, Any]) -> None:
    (sentence,) = sentences(implementation=implementation, **values)
    assert sentence.startswith(f"{next(iter(values))} = ") and "implementation" in sentence
    assert sentences(implementation="optim", **values) == []


def test_a_refusal_says_what_would_do() -> None:
    assert sentences(implementation="by-hand", momentum=0.9, optimizer="rmsprop") == [
        'optimizer = "rmsprop": needs implementation = optim; by-hand takes plain gradient steps',
        "momentum = 0.9: needs implementation = optim; by-hand takes plain gradient steps",
    ]
    assert sentences(implementation="nn", hidden_bias_gradient="pooled") == [
        'hidden_bias_gradient = "pooled": needs implementation = by-hand; nn has its gradients from autograd'
    ]
    assert sentences(implementation="nn", precision="bf16") == [
        'precision = "bf16": must be auto or fp32 where implementation = nn'
    ]
    assert sentences(hidden=[10, 0]) == ["hidden = [10, 0]: must be whole numbers of at least 1, such as 128,64"]


@pytest.mark.parametrize("implementation", OWN_STEPS)
def test_what_belongs_to_the_inputs_or_the_schedule_is_taken_by_all(implementation: str) -> None:
    taken = {"scheduler": "cosine", "early_stopping": 5, "dataset": "mnist", "flip": True, "reduction": "sum"}
    assert sentences(implementation=implementation, precision="fp32", **taken) == []


def test_each_implementation_is_a_class_in_a_file_of_its_own() -> None:
    choices = MLP.declarations["implementation"].choices
    assert {MLP.source_of({"implementation": name}).stem for name in choices} == {
        "mlp_by_hand",
        "mlp_autograd",
        "mlp_nn",
        "mlp",
    }
    for name in choices:
        model = MLP.build_model(MLPHyperparameters(implementation=name, hidden=[3]), (2,), 2)
        assert type(model).__module__ == MLP.model_of({"implementation": name}).partition(":")[0]
    assert MLP.source_of({}).stem == "mlp"


def test_initial_weights_are_as_wide_as_asked_for_only_where_they_are_drawn_so() -> None:
    wide = {"weight_std": 5.0, "bias_std": 5.0, "hidden": [100], "implementation": "by-hand"}
    for init, is_wide in (("torch", False), ("normal", True)):
        model = MLP.build_model(MLPHyperparameters(init=init, **wide), (2,), 2)
        assert (float(next(model.parameters()).std()) > 3) == is_wide
