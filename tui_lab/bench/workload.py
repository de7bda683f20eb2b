"""What the training loops are timed on, and what a loop's process is told. Imports no torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tui_lab.hyperparameters import GradientHyperparameters, build
from tui_lab.labs.catalogue import find_exercise
from tui_lab.labs.exercise import Exercise

LoopName = Literal["engine", "bare", "plain"]


@dataclass(frozen=True)
class Workload:
    """An exercise with settings at which its training loops are compared.

    Attributes:
        name: the exercise.
        settings: what differs from the exercise's defaults.
        plain_threads: CPU threads that the plain loop is tried with; 0 = torch's default.
        target: the least ratio to the plain loop.
        needs_bf16: whether the target is for machines that compute in bf16 only.
        rival: whose model the other loops train, of `tui_lab.bench.rivals`; "" = the engine's.
    """

    name: str
    settings: dict[str, Any] = field(hash=False)
    plain_threads: tuple[int, ...]
    target: float
    needs_bf16: bool = False
    rival: str = ""

    @property
    def exercise(self) -> Exercise:
        return find_exercise(self.name)

    def hyperparameters(self, device: str = "auto") -> GradientHyperparameters:
        built = build(self.exercise.hyperparameters, {**self.settings, "device": device})
        assert isinstance(built, GradientHyperparameters)  # every workload is trained step by step
        return built


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            "convnet",
            {"dataset": "cifar10", "standardize": "channel", "crop": 28, "flip": True, "batch_size": 128},
            plain_threads=(0,),
            target=2.3,
            needs_bf16=True,
        ),
        Workload(
            "mlp",
            {"dataset": "mnist", "standardize": "channel", "hidden": [100], "batch_size": 128},
            plain_threads=(0, 1),
            target=8.0,
        ),
        Workload(
            "vit",
            {"dataset": "mnist", "standardize": "channel", "norm": "pre", "position": "learned"},
            plain_threads=(0, 1),
            target=2.5,
            rival="timm",
        ),
    )
}

BARE_TARGET = 0.97  # what the engine may lose to a loop that does nothing but train
PLAIN_WORKERS = (0, 2)  # DataLoader workers that the plain loop is tried with


@dataclass(frozen=True)
class LoopRequest:
    """What the process of one loop is started with.

    Attributes:
        workload: its name.
        loop: which loop.
        data_dir: folder with the data sets.
        device: as the hyperparameter.
        samples: training samples, random ones; 0 = the data set, or as many random samples where it is not there.
        plan: how the engine trains, for the loops that follow it: the bare one in everything, the plain one only in
            the device.
        workers, threads: DataLoader workers, and CPU threads (0 = torch's default), of the plain loop.
    """

    workload: str
    loop: LoopName
    data_dir: str
    device: str = "auto"
    samples: int = 0
    plan: dict[str, Any] = field(default_factory=dict, hash=False)
    workers: int = 0
    threads: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> LoopRequest:
        return cls(**json.loads(text))

    @property
    def hyperparameters(self) -> GradientHyperparameters:
        return WORKLOADS[self.workload].hyperparameters(self.device)
