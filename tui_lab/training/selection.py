"""Which epoch is the best, and when to stop early."""

from __future__ import annotations

from typing import Any

from tui_lab.hyperparameters import GradientHyperparameters


class Selection:
    """Watches one metric over the epochs.

    It is taken from the validation split when there is one. Without one it is the test split's, as in the practical:
    the best value is then an optimistic estimate, because the split that reports it also chose it.
    """

    def __init__(self, hyperparameters: GradientHyperparameters) -> None:
        self.split = "validation" if hyperparameters.validation_fraction > 0 else "test"
        self.metric = f"{self.split}_{hyperparameters.selection_metric}"
        self.patience = hyperparameters.early_stopping
        self._higher_is_better = hyperparameters.selection_metric == "accuracy"
        self.best: dict[str, float] = {}
        self.epochs_since = 0

    def see(self, metrics: dict[str, float]) -> bool:
        """Take in an epoch's metrics, `epoch` among them; True when it is the best so far."""
        value, best = metrics[self.metric], self.best.get(self.metric)
        is_best = best is None or (value > best if self._higher_is_better else value < best)
        if is_best:
            self.best, self.epochs_since = dict(metrics), 0
        else:
            self.epochs_since += 1
        return is_best

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return 0 < self.patience <= self.epochs_since

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "epochs_since": self.epochs_since}

    def load_state(self, state: dict[str, Any]) -> None:
        self.best, self.epochs_since = dict(state["best"]), state["epochs_since"]
