"""A training session: drives an `Engine` over its epochs and keeps the run directory true.

Events, control, checkpoints, best weights and early stopping live here; the arithmetic does not.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

import torch
from torch import Tensor

from tui_lab.data.batches import Batches
from tui_lab.errors import DivergedError
from tui_lab.runs.recorder import Recorder
from tui_lab.training.checkpoint import save_checkpoint, save_weights
from tui_lab.training.engine import SMALLER_STEPS, Engine
from tui_lab.training.selection import Selection

CHECKPOINT_INTERVAL_S = 10.0  # between checkpoints at ends of epochs
LONG_EPOCH_S = 60.0  # a checkpoint is also made within an epoch that lasts this long
PAUSE_POLL_S = 0.05
DIVERGED = 3.0  # times the loss of guessing: no run that learns has that, averaged over an epoch
PATIENCE_S = 5.0  # that a run takes, where it is stopped or paused, to evaluate for its inspections
STEP_PATIENCE_S = 0.2  # the same after a single step


class Inspector(Protocol):
    """What looks inside the model between two steps. It leaves the model and every draw alone, and its mistakes are no
    reason to end a run: only what keeps it from reporting them is raised."""

    def is_due(self, elapsed: float) -> bool:
        """Whether it is worth looking now, after `elapsed` seconds of training."""

    def follow(self, engine: Engine) -> int | None:
        """Measure within the first epoch, before its first step and after each that this returns; None = no more."""

    def glance(self, engine: Engine, elapsed: float) -> None:
        """Note what is followed over the training, after an epoch that is not inspected."""

    def inspect(self, engine: Engine, outputs: Tensor | None, *, may_evaluate: bool) -> None:
        """Look. `outputs`: of the model as it is now on the test split; where None, it may make them or not."""


class Stopped(Exception):  # noqa: N818
    """The user asked the run to stop."""


class _StopHeard(Exception):  # noqa: N818
    """The same, in the middle of an evaluation."""


class Stopwatch:
    """Seconds of training: pauses are left out, earlier workers' time is counted in. Starts standing still."""

    def __init__(self) -> None:
        self.set(0.0)

    def set(self, elapsed: float) -> None:
        self._elapsed = elapsed
        self._since: float | None = None

    def start(self) -> None:
        self._since = time.perf_counter()

    def pause(self) -> None:
        self.set(self.elapsed)

    @property
    def elapsed(self) -> float:
        return self._elapsed + (time.perf_counter() - self._since if self._since is not None else 0.0)


class Session:
    """One worker's part of a run.

    Args:
        engine: at its start, or loaded from a checkpoint through `load_state`.
        evaluations: batches to evaluate after each epoch by the name of their split: "test", "validation",
            "train_eval" (the training set in eval mode).
        recorder: the run directory's pen.
        classes: of the data set; guessing evenly among them has a loss of log(classes).
        inspector: called after the first epoch, when it is due, and wherever the run comes to stand.
    """

    def __init__(
        self,
        engine: Engine,
        evaluations: Mapping[str, Batches],
        recorder: Recorder,
        classes: int,
        inspector: Inspector | None = None,
    ) -> None:
        self.engine = engine
        self.evaluations = evaluations
        self.recorder = recorder
        self.selection = Selection(engine.hyperparameters)
        self._guessing_loss = math.log(classes)
        self.watch = Stopwatch()
        self._is_interrupted = False
        self._best_weights: dict[str, Tensor] | None = None
        # What step events have told so far; the last steps of an epoch are carried into the first event of the next
        self._reported_step = 0  # of the epoch under way
        self._reported_samples = engine.samples_seen
        self._reported_at = 0.0
        self._carried: tuple[list[float], list[float]] = [], []  # losses, accuracies
        self._carried_seconds = 0.0
        self._saved_at = time.monotonic()  # nothing to lose yet
        self._has_diverged = False
        self._is_paused = False
        self._steps_allowed = 0  # single ones, while paused
        self._inspector = inspector
        self._inspected_at = -1  # total step
        self._outputs: list[Tensor] = []  # of the last evaluation of the test split, batch by batch
        self._outputs_at = -1  # total step

    def interrupt(self) -> None:
        """Stop at the next step, or at the next batch of an evaluation. Safe in a signal handler: it takes no lock."""
        self._is_interrupted = True

    def run(self) -> str:
        """Train to the end. Returns a sentence on why it ended before the last epoch, or an empty one.

        Raises Stopped when the user stopped it (everything is saved), DivergedError when the loss is not finite.
        """
        epochs, selection = self.engine.hyperparameters.epochs, self.selection
        self.watch.start()
        self._describe_selection()
        try:
            while self.engine.epoch < epochs and not selection.is_over:
                self._train_epoch()
                self._end_epoch()
        except DivergedError:
            self._keep_best()
            raise
        self._report_steps()  # what no later step would take along
        self._save()
        self._look_inside(PATIENCE_S)
        if not selection.is_over:
            return ""
        since = f"{selection.metric} has not improved for {selection.patience} epochs"
        return f"Stopped early after epoch {self.engine.epoch}: {since}."

    def state(self) -> dict[str, Any]:
        """The content of a checkpoint."""
        return {
            "engine": self.engine.state(),
            "selection": self.selection.state(),
            "elapsed": self.watch.elapsed,
            "plan": asdict(self.engine.plan),
            "torch": str(torch.__version__),  # a plain string: checkpoints hold no classes
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state` was taken."""
        self.engine.load_state(state["engine"])
        self.selection.load_state(state["selection"])
        self.watch.set(state["elapsed"])
        self._reported_samples = self.engine.samples_seen
        if state["torch"] != torch.__version__:
            text = f"Resumed with torch {torch.__version__}; until here it was {state['torch']}: bits may differ."
            self.recorder.event("warning", message=text)

    # One epoch

    def _train_epoch(self) -> None:
        self.engine.begin_epoch()
        self._reported_step = self.engine.step
        self._reported_at = self.watch.elapsed - self._carried_seconds  # the evaluation in between is no training
        followed = self._follow()
        while self.engine.step < self.engine.steps_per_epoch:
            self.engine.train_step()
            if self.engine.step == followed:
                followed = self._follow()
            if self._is_paused or self._is_interrupted or self.recorder.is_step_due():
                self._look_up()

    def _look_up(self) -> None:
        """What happens up to ten times a second, between two steps."""
        self._report_steps()
        self._take_orders()
        if self._is_paused and not self._is_interrupted:
            self._wait()
        if self._is_interrupted:
            self._stop()
        if time.monotonic() - self._saved_at > LONG_EPOCH_S:
            self._save()

    def _report_steps(self, now: float | None = None) -> None:
        """A step event on the steps since the last; the finite-loss check rides along.

        `now`: seconds of training when the last of them was done, where other things have been done since.
        """
        engine, first = self.engine, self._reported_step
        losses, accuracies = (old + new for old, new in zip(self._carried, engine.metered(first), strict=True))
        if not losses:
            return
        now = self.watch.elapsed if now is None else now
        seen = engine.samples_seen
        speed = (seen - self._reported_samples) / (now - self._reported_at) if now > self._reported_at else 0.0
        self.recorder.event(
            "step",
            epoch=round(engine.epoch + engine.step / engine.steps_per_epoch, 4),
            total_step=engine.total_step,
            elapsed=round(now, 3),
            steps=len(losses),
            loss=_short(sum(losses) / len(losses)),
            loss_max=_short(max(losses)),
            accuracy=_short(sum(accuracies) / len(accuracies)),
            lr=engine.lr,
            images_per_second=round(speed, 1),
        )
        self.recorder.note(
            step=engine.step, elapsed=now, images_per_second=speed, steps_per_epoch=engine.steps_per_epoch
        )
        self._reported_step, self._reported_at, self._reported_samples = engine.step, now, seen
        self._carried, self._carried_seconds = ([], []), 0.0

    def _end_epoch(self) -> None:
        engine = self.engine
        train, lr = engine.train_score(), engine.lr
        trained_at = self.watch.elapsed
        metrics = {"train_loss": train.loss, "train_accuracy": train.accuracy, **self._evaluated(trained_at)}
        losses, accuracies = engine.metered(self._reported_step)
        self._carried = self._carried[0] + losses, self._carried[1] + accuracies
        self._carried_seconds = trained_at - self._reported_at
        engine.check_weights()
        engine.end_epoch()
        self._outputs_at = engine.total_step
        is_best = self.selection.see({"epoch": engine.epoch, **metrics})
        if is_best:
            self._best_weights = engine.weights()
        elapsed = self.watch.elapsed
        self.recorder.event(
            "epoch",
            epoch=engine.epoch,
            total_step=engine.total_step,
            elapsed=round(elapsed, 3),
            **metrics,
            lr=lr,
            is_best=is_best,
            evaluation_seconds=round(elapsed - trained_at, 3),
        )
        self.recorder.note(
            epoch=engine.epoch, step=0, elapsed=elapsed, last=dict(metrics), best=dict(self.selection.best)
        )
        self._warn_of_divergence(train.loss)
        if self._inspector is not None:
            if self._inspector.is_due(elapsed):
                self._look_inside(PATIENCE_S)
            else:
                self._inspector.glance(engine, elapsed)
        if engine.epoch == 1 or time.monotonic() - self._saved_at > CHECKPOINT_INTERVAL_S:
            self._save()

    def _evaluated(self, trained_at: float) -> dict[str, float]:
        """Loss and accuracy on each split. Who goes on from a stop in between begins with this again.

        `trained_at`: seconds of training until now.
        """
        self._outputs = []
        metrics: dict[str, float] = {}
        try:
            for split, batches in self.evaluations.items():
                score = self.engine.evaluate(batches, self._outputs if split == "test" else None, self._listen)
                metrics |= {f"{split}_loss": score.loss, f"{split}_accuracy": score.accuracy}
        except _StopHeard:
            self._outputs = []
            self._report_steps(trained_at)  # no checkpoint holds what is carried along
            self._stop()
        return metrics

    def _listen(self) -> None:
        """What happens between two batches of an evaluation, which may take minutes: a pause begins after it."""
        self._take_orders()
        if self._is_interrupted:
            raise _StopHeard

    def _warn_of_divergence(self, train_loss: float) -> None:
        """A loss can diverge and stay finite: the run goes on, but nobody should take it for a result."""
        if not self._has_diverged and train_loss > DIVERGED * self._guessing_loss:
            self._has_diverged = True
            text = (
                f"The training loss of epoch {self.engine.epoch} is {train_loss:.4g}; guessing would have "
                f"{self._guessing_loss:.2f}: the run diverges. {SMALLER_STEPS}"
            )
            self.recorder.event("warning", message=text)

    # Control

    def _take_orders(self) -> None:
        control = self.recorder.poll_control()
        if control is None:
            return
        if control.lr is not None and control.lr != self.engine.base_lr:
            message = f"Learning rate changed from {self.engine.base_lr:g} to {control.lr:g}."
            self.engine.set_lr(control.lr)
            self.recorder.note(changed_lr=control.lr)
            self.recorder.event("log", message=message, total_step=self.engine.total_step)
            self._save()  # or a crash would bring the old rate back
        if control.command == "stop":
            self._is_interrupted = True
            return
        self._is_paused = control.command in ("pause", "step")
        self._steps_allowed = self._steps_allowed + control.steps if control.command == "step" else 0

    def _wait(self) -> None:
        """Stand still until told to run on, to take single steps, or to stop."""
        self.watch.pause()
        if not self._steps_allowed:
            self._save()  # a pause may last; whatever ends it, nothing is lost
            has_stepped = self.recorder.status.state == "paused"
            self.recorder.update(state="paused", step=self.engine.step, elapsed=self.watch.elapsed)
            self._look_inside(STEP_PATIENCE_S if has_stepped else PATIENCE_S)
        while self._is_paused and not self._steps_allowed and not self._is_interrupted:
            time.sleep(PAUSE_POLL_S)
            self._take_orders()
        self._steps_allowed = max(0, self._steps_allowed - 1)
        if not self._is_paused:
            self.recorder.update(state="running")
        self._reported_at = self.watch.elapsed
        self.watch.start()

    def _stop(self) -> None:
        self._save()
        self._look_inside(PATIENCE_S)
        raise Stopped

    # Inspections

    def _follow(self) -> int | None:
        """Have the first epoch measured; the step after which to do so again."""
        if self._inspector is None or self.engine.epoch > 0:
            return None
        start = self.watch.elapsed
        step = self._inspector.follow(self.engine)
        self._reported_at += self.watch.elapsed - start  # it is no training
        return step

    def _look_inside(self, patience: float) -> None:
        """Have the model inspected as it is now, if it has not been; a pass over the test split may take `patience`."""
        engine = self.engine
        if self._inspector is None or self._inspected_at == engine.total_step:
            return
        is_fresh = self._outputs_at == engine.total_step
        # A forward pass is at least as fast as training was
        seconds = self.evaluations["test"].samples * self.watch.elapsed / max(engine.samples_seen, 1)
        outputs = torch.cat(self._outputs) if is_fresh else None
        self._inspector.inspect(engine, outputs, may_evaluate=seconds <= patience)
        self._inspected_at = engine.total_step

    # Keeping

    def _save(self) -> None:
        """Best weights, last weights, curves, and last of all the checkpoint that vouches for them."""
        run = self.recorder.run
        self.engine.check_weights()
        self._keep_best()
        save_weights(run.weights, self.engine.model.state_dict())
        self.recorder.save_history()
        save_checkpoint(run.checkpoint, self.state())
        self._saved_at = time.monotonic()

    def _keep_best(self) -> None:
        """Write the weights of the best epoch, if they are newer than the file."""
        if self._best_weights is not None:
            save_weights(self.recorder.run.best_weights, self._best_weights)
            self._best_weights = None

    def _describe_selection(self) -> None:
        if self.selection.split == "test" and self.selection.patience:
            text = "Early stopping looks at the test split: hold some samples out with validation_fraction to avoid it."
            self.recorder.event("warning", message=text)


def _short(value: float) -> float:
    """Six significant digits: a step's loss is float32, and the log of a long run is mostly such numbers."""
    return float(f"{value:.6g}")
