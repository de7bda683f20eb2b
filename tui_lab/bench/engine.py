"""The engine, driven as a session drives it: a step, a look at the clock, ten step events a second."""

from __future__ import annotations

from statistics import fmean

from tui_lab.runs.recorder import Recorder
from tui_lab.training.engine import Score
from tui_lab.training.prepare import Prepared


class EngineLoop:
    """Trains epoch after epoch, and says so in the run directory of `recorder`.

    Args:
        prepared: an engine at its start, and the test split.
        recorder: of a run.
    """

    def __init__(self, prepared: Prepared, recorder: Recorder) -> None:
        self._engine = prepared.engine
        self._test = prepared.evaluations["test"]
        self.plan = self._engine.plan
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
