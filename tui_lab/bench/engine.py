"""The engine, driven as a session drives it: a step, a look at the clock, ten step events a second."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import fmean

from torch import nn

from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.hyperparameters import Hyperparameters
from tui_lab.runs.recorder import Recorder
from tui_lab.training.engine import Engine, Score
from tui_lab.training.plan import make_plan


class EngineLoop:
    """Trains on `dataset`, epoch after epoch, and says so in the run directory of `recorder`.

    Args:
        hyperparameters: of the exercise.
        dataset: uint8 images, on the CPU.
        build: makes the untrained model.
        threads: CPU threads of this process.
        cache: folder with the verdicts of the precision self-test, the same that runs use.
        recorder: of a run.
    """

    def __init__(
        self,
        hyperparameters: Hyperparameters,
        dataset: Dataset,
        build: Callable[[], nn.Module],
        threads: int,
        cache: Path,
        recorder: Recorder,
    ) -> None:
        hp, train = hyperparameters, dataset.train
        batches = partial(
            Batches,
            augmentation=Augmentation.of(hp),
            standardizer=fit_standardizer(hp.standardize, train.x),
            seed=hp.seed,
        )
        first = Split(train.x[: hp.batch_size], train.y[: hp.batch_size])
        trial = batches(first, is_training=True, batch_size=hp.batch_size, device="cpu")
        sample, _ = trial.batch(trial.draw(0), 0)
        self.plan = make_plan(hp, threads, build, sample, cache)
        placed = partial(batches, device=self.plan.device, channels_last=self.plan.channels_last)
        self._test = placed(dataset.test, is_training=False)
        self._engine = Engine(hp, build(), placed(train, is_training=True, batch_size=hp.batch_size), self.plan)
        self._engine.begin_epoch()
        self._recorder = recorder
        self._reported = 0  # steps of the epoch under way whose metrics are in an event

    def train(self, steps: int) -> int:
        """Take `steps` gradient steps. Returns the samples that they used."""
        engine, batches, samples = self._engine, self._engine.train, 0
        for _ in range(steps):
            samples += min(batches.batch_size, batches.samples - engine.step * batches.batch_size)
            engine.train_step()
            if self._recorder.is_step_due():
                self._report()
            if engine.step == engine.steps_per_epoch:
                self._next_epoch()
        return samples

    def evaluate(self) -> Score:
        """The score of the test split, as after an epoch."""
        return self._engine.evaluate(self._test)

    def _report(self) -> None:
        losses, accuracies = self._engine.metered(self._reported)
        self._recorder.event(
            "step",
            total_step=self._engine.total_step,
            steps=len(losses),
            loss=fmean(losses),
            loss_max=max(losses),
            accuracy=fmean(accuracies),
        )
        self._recorder.poll_control()
        self._reported = self._engine.step

    def _next_epoch(self) -> None:
        self._engine.train_score()
        self._engine.end_epoch()
        self._engine.begin_epoch()
        self._reported = 0
