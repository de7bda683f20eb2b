"""What an exercise is: something that can be trained, described in one declaration."""

from __future__ import annotations

import importlib
import importlib.resources
import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_lab.devices import cores
from tui_lab.hyperparameters import Declaration, GradientHyperparameters, Hyperparameters, Mistake, declarations

if TYPE_CHECKING:
    from torch import nn


def _nothing_wrong(_: Any) -> Iterable[Mistake]:
    return ()


def _nothing_to_say(_: Any) -> str:
    return ""


def _nothing_needed(_: Any) -> None:
    return None


@dataclass(frozen=True)
class Exercise:
    """One thing that can be trained.

    `model` names the class as "module:Class", so that the catalogue is read without importing torch. Its constructor
    takes `input_shape` (a sample's shape without the batch dimension), `classes`, and, by name, every hyperparameter
    whose topic is "Model" and which has an effect. Where a hyperparameter `implementation` chooses among classes,
    `implementations` names those that are not `model`, by its values.

    `summary` is one line; a page of `text` lies in `texts/`, under the exercise's name.

    `check` finds what hyperparameters of this exercise alone, each allowed by itself, get wrong of the data set or the
    model; `notice` says in a sentence what somebody should know before a run, of its cost for one, or nothing. Both are
    asked while somebody types; `check_files` is asked before a run is made, may take seconds, and raises a TuiLabError
    for what is missing besides the data set.
    """

    name: str
    lab: int
    title: str
    summary: str
    hyperparameters: type[Hyperparameters]
    model: str
    implementations: Mapping[str, str] = field(default_factory=dict, hash=False)
    threads: int = 0  # CPU threads that suit it; 0 = every core
    is_imported_late: bool = False  # by its own runs alone, not by whatever waits for any run: timm takes 190 MB
    smallest_side: int = 1  # the least height and width of an image that the model takes
    check: Callable[[Any], Iterable[Mistake]] = _nothing_wrong
    notice: Callable[[Any], str] = _nothing_to_say
    check_files: Callable[[Any], None] = _nothing_needed

    @property
    def is_fitted(self) -> bool:
        """Whether its model is fitted at once, by an algorithm of its own, and not trained by gradient steps.

        Such a model is a `tui_lab.training.fit.Fittable`; its run has one epoch, no steps, and cannot be paused.
        """
        return not issubclass(self.hyperparameters, GradientHyperparameters)

    @property
    def declarations(self) -> Mapping[str, Declaration]:
        """Its hyperparameters by name, ordered by topic."""
        return declarations(self.hyperparameters)

    @property
    def text(self) -> str:
        """Markdown: what it is, what to look for, what to try."""
        file = importlib.resources.files("tui_lab.labs").joinpath("texts", f"{self.name}.md")
        return file.read_text(encoding="utf-8")

    def model_of(self, values: Mapping[str, Any]) -> str:
        """The class of its model for these hyperparameters, as "module:Class"."""
        return self.implementations.get(values.get("implementation", ""), self.model)

    def source_of(self, values: Mapping[str, Any]) -> Path:
        """The file in which the model for these hyperparameters is written, found without importing it."""
        model = self.model_of(values)
        spec = importlib.util.find_spec(model.partition(":")[0])
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{self.name} has no module {model}")
        return Path(spec.origin)

    def suitable_threads(self) -> int:
        """The CPU threads that one run of it should use on this machine."""
        return min(self.threads or cores(), cores())

    def build_model(self, hyperparameters: Hyperparameters, input_shape: tuple[int, ...], classes: int) -> nn.Module:
        """The untrained model for samples of `input_shape`. Imports torch."""
        values = hyperparameters.model_dump()
        module, _, name = self.model_of(values).partition(":")
        of_model = [d for d in self.declarations.values() if d.topic == "Model" and d.name != "implementation"]
        chosen = {d.name: values[d.name] for d in of_model if d.has_effect(values)}
        model_class: Any = getattr(importlib.import_module(module), name)
        model: nn.Module = model_class(input_shape=input_shape, classes=classes, **chosen)
        return model
