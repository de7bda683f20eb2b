"""The engine, driven as a session drives it: steps, a look at the clock after each, ten step events a second."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from statistics import fmean

import torch
from torch import nn

from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.hyperparameters import Hyperparameters
from tui_lab.labs.exercise import Exercise
from tui_lab.runs.recorder import Recorder
from tui_lab.training.engine import Engine, Score
from tui_lab.training.plan import make_plan


class EngineLoop:
    """Trains on `dataset`, epoch after epoch, and records it in the run directory of `recorder`.

    Args:
        hyperparameters: of the exercise.
        exercise: whose model is trained.
        dataset: uint8 images, on the CPU.
        threads: CPU threads of this process.
        cache: folder with the verdicts of the precision self-test.
        recorder: of a run that nobody keeps.
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        exercise: Exercise,
        dataset: Dataset,
        *,
        threads: int,
        cache: Path,
        recorder: Recorder,
    ) -> None:
        hp = hyperparameters
        batches = partial(
            Batches,
            augmentation=Augmentation.of(hp),
            standardizer=fit_standardizer(hp.standardize, dataset.train.x),
            seed=hp.seed,
        )
        first = Split(dataset.train.x[: hp.batch_size], dataset.train.y[: hp.batch_size])
        trial = batches(first, is_training=True, batch_size=hp.batch_size, device="cpu")
        sample, _ = trial.batch(trial.draw(0), 0)

        def build() -> nn.Module:
            return exercise.build_model(hp, trial.sample_shape, dataset.classes)

        self.plan = make_plan(hp, threads, build, sample, cache)
        placed = partial(batches, device=self.plan.device, channels_last=self.plan.channels_last)
        train = placed(dataset.train, is_training=True, batch_size=hp.batch_size)
        self.test = placed(dataset.test, is_training=False)
        self.engine = Engine(hp, build(), train, self.plan)
        self.engine.begin_epoch()
        self._recorder = recorder
        self._reported = 0  # steps of the epoch under way whose metrics are in an event

    def train(self, steps: int) -> int:
        """Take `steps` gradient steps. Returns the samples that they used."""
        engine, samples = self.engine, 0
        for _ in range(steps):
            first = engine.step * engine.train.batch_size
            engine.train_step()
            samples += min(engine.train.batch_size, engine.train.samples - first)
            if self._recorder.is_step_due():
                self._report()
            if engine.step == engine.steps_per_epoch:
                self._next_epoch()
        return samples

    def evaluate(self) -> Score:
        """The test split's score, as after an epoch."""
        return self.engine.evaluate(self.test)

    def _report(self) -> None:
        losses, accuracies = self.engine.metered(self._reported)
        self._recorder.event(
            "step",
            total_step=self.engine.total_step,
            steps=len(losses),
            loss=fmean(losses),
            loss_max=max(losses),
            accuracy=fmean(accuracies),
        )
        self._recorder.poll_control()
        self._reported = self.engine.step

    def _next_epoch(self) -> None:
        self.engine.train_score()
        self.engine.end_epoch()
        self.engine.begin_epoch()
        self._reported = 0


def has_bf16() -> bool:
    """Whether this CPU computes in bf16 itself."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
