"""How a network learns in its first epoch: while it trains, and asked in between. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from tui_lab.inspections.content.shared import place, position


@dataclass(frozen=True)
class Measured:
    """Accuracy, 0 to 1, and loss; NaN where there is none yet."""

    accuracy: float
    loss: float

    def to_json(self) -> list[float]:
        return [self.accuracy, self.loss]

    @classmethod
    def from_json(cls, content: list[Any]) -> Self:
        accuracy, loss = map(float, content)
        return cls(accuracy, loss)


@dataclass(frozen=True)
class EpochMoment:
    """The epoch after some of its steps.

    Attributes:
        step: steps done.
        running: mean of the batches so far, each measured in train mode, before the step that it was used for. After
            the last step it is what the epoch is said to have.
        train, test: what the weights of the moment can do, in eval mode, on the same samples at every moment.
    """

    step: int
    running: Measured
    train: Measured
    test: Measured

    def to_json(self) -> dict[str, Any]:
        measured = {"running": self.running.to_json(), "train": self.train.to_json(), "test": self.test.to_json()}
        return {"step": self.step, **measured}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        measured = (Measured.from_json(content[key]) for key in ("running", "train", "test"))
        return cls(int(content["step"]), *measured)


@dataclass(frozen=True)
class FirstEpoch:
    """What the training says of itself in the first epoch, beside what its weights can do.

    Attributes:
        steps_per_epoch: of the run.
        train_samples, test_samples: how many the weights were asked about.
        moments: at least one, the earliest first.
    """

    steps_per_epoch: int
    train_samples: int
    test_samples: int
    moments: tuple[EpochMoment, ...]

    def __post_init__(self) -> None:
        if not self.moments or self.steps_per_epoch < 1:
            raise ValueError("a first epoch at no moment, or without steps")

    @property
    def epoch(self) -> float:
        return round(self.total_step / self.steps_per_epoch, 4)

    @property
    def total_step(self) -> int:
        return self.moments[-1].step

    def to_json(self) -> dict[str, Any]:
        counts = {"train_samples": self.train_samples, "test_samples": self.test_samples}
        moments = [moment.to_json() for moment in self.moments]
        return {**place(self), "steps_per_epoch": self.steps_per_epoch, **counts, "moments": moments}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        found = cls(
            int(content["steps_per_epoch"]),
            int(content["train_samples"]),
            int(content["test_samples"]),
            tuple(map(EpochMoment.from_json, content["moments"])),
        )
        if position(content) != (found.epoch, found.total_step):
            raise ValueError("the last moment is another than that of the file")
        return found
