"""What an exercise is: something that can be trained, described in one declaration."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui_lab.devices import cores
from tui_lab.hyperparameters import Declaration, Hyperparameters, declarations

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Exercise:
    """One thing that can be trained.

    `model` names the class as "module:Class", so that the catalogue is read without importing torch. Its constructor
    takes `input_shape` (a sample's shape without the batch dimension), `classes`, and, by name, every hyperparameter
    whose topic is "Model".
    """

    name: str
    lab: int
    title: str
    hyperparameters: type[Hyperparameters]
    model: str
    threads: int = 0  # CPU threads that suit it; 0 = every core
    smallest_side: int = 1  # the least height and width of an image that the model takes

    @property
    def declarations(self) -> dict[str, Declaration]:
        """Its hyperparameters by name, ordered by topic."""
        return declarations(self.hyperparameters)

    def suitable_threads(self) -> int:
        """The CPU threads that one run of it should use on this machine."""
        return min(self.threads or cores(), cores())

    def build_model(self, hyperparameters: Hyperparameters, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """The untrained model for samples of `input_shape`. Imports torch."""
        module, _, name = self.model.partition(":")
        chosen = {d.name: getattr(hyperparameters, d.name) for d in self.declarations.values() if d.topic == "Model"}
        model_class: Any = getattr(importlib.import_module(module), name)
        model: nn.Module = model_class(input_shape=input_shape, classes=classes, **chosen)
        return model
