"""What an exercise is: something that can be trained, described in one declaration."""

from __future__ import annotations

import importlib
import importlib.resources
import importlib.util
from dataclasses import dataclass
from pathlib import Path
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
    whose topic is "Model". `summary` is one line; a page of `text` lies in `texts/`, under the exercise's name.
    """

    name: str
    lab: int
    title: str
    summary: str
    hyperparameters: type[Hyperparameters]
    model: str
    threads: int = 0  # CPU threads that suit it; 0 = every core
    smallest_side: int = 1  # the least height and width of an image that the model takes

    @property
    def declarations(self) -> dict[str, Declaration]:
        """Its hyperparameters by name, ordered by topic."""
        return declarations(self.hyperparameters)

    @property
    def text(self) -> str:
        """Markdown: what it is, what to look for, what to try."""
        file = importlib.resources.files("tui_lab.labs").joinpath("texts", f"{self.name}.md")
        return file.read_text(encoding="utf-8")

    @property
    def source(self) -> Path:
        """The file that its model is written in, found without importing it."""
        spec = importlib.util.find_spec(self.model.partition(":")[0])
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{self.name} has no module {self.model}")
        return Path(spec.origin)

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
