"""Runs whose model is fitted at once, by an algorithm of its own: no steps, no learning rate, one epoch.

The algorithm is compiled code that nothing can look into or interrupt. It works in a thread of its own, without the
interpreter's lock; the main thread keeps listening, and a stop leaves the fit behind to end with the process.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, cast

import torch
from torch import Tensor, nn

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.errors import DivergedError, UsageError
from tui_lab.hyperparameters import Hyperparameters
from tui_lab.models.progress import Progress, TellsProgress
from tui_lab.runs.recorder import Recorder
from tui_lab.seeding import stream_seed
from tui_lab.training.checkpoint import save_weights
from tui_lab.training.engine import Engine, Score
from tui_lab.training.plan import Plan
from tui_lab.training.prepare import BuildModel
from tui_lab.training.session import Stopped, Stopwatch

POLL_S = 0.05  # between two looks at what the user wants
PATIENCE_S = 60.0  # a fit that is expected to take longer is warned of
LEAST_TRIAL, MOST_TRIALS = 500, 12  # samples, and trials, each with twice the samples of the one before
LONG_TRIAL_S = 1.0  # a trial fit of that time tells enough
CHEAP_SHARE = 4  # trials use at most this part of the samples
BASE = 3  # trials, the last ones, over which growth is looked at
TICK_S = 1e-6  # no trial is shorter
LEAST_GROWTH, USUAL_GROWTH, MOST_GROWTH = 1.0, 2.0, 3.0  # powers of the number of samples that a fit can take

T = TypeVar("T")


class Fittable(Protocol):
    """What a fitted model has besides a module's own: float inputs (B, *shape) give scores (B, classes)."""

    precision: str  # of its arithmetic, as a `Plan` names it
    sizes: Mapping[str, int]  # `parameters` and other numbers that are known before the fit, by name; may be empty
    support_indices: Tensor  # of the training samples that it rests on, int64

    def fit(self, x: Tensor, y: Tensor, seed: int) -> list[str]:
        """Fit to x (N, *shape) and y (N,). Returns what the algorithm warned of."""

    def losses(self, scores: Tensor, labels: Tensor) -> Tensor:
        """The loss of each sample, (B,)."""


class Fitting:
    """A model and what it is fitted to. `epoch` is 0 before the fit, and 1 after it.

    Args:
        hyperparameters: the run's.
        build: makes the unfitted model, which is a `Fittable`.
        train: the training split in its stored order.
        threads: of the CPU, where everything is.
    """

    step = 0
    steps_per_epoch = 1

    def __init__(self, hyperparameters: Hyperparameters, build: Callable[[], nn.Module], train: Batches, threads: int):
        self.hyperparameters = hyperparameters
        self.train = train
        self._build = build
        self.model = build()
        self.plan = Plan("cpu", threads, self.fittable.precision)
        self.epoch = 0

    @property
    def total_step(self) -> int:
        return self.epoch

    @property
    def fittable(self) -> Fittable:
        """The model, as what it is besides a module."""
        return cast(Fittable, self.model)

    @property
    def progress(self) -> Progress | None:
        """What the model tells while it is fitted; None of one that is silent."""
        return self.model.progress if isinstance(self.model, TellsProgress) else None

    def expected_seconds(self) -> float | None:
        """What the fit may take, extrapolated from fits to a few samples; None where there are too few to try with, or
        the model will tell.

        The trials double in size until one takes a second. How much longer it took than one of a quarter of its size
        tells the power of the number of samples with which time grows.
        """
        if self.progress is not None:
            return None
        x, y = self.samples
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(stream_seed(0, "trial")))
        sizes = [LEAST_TRIAL * 2**k for k in range(MOST_TRIALS) if LEAST_TRIAL * 2**k <= len(y) // CHEAP_SHARE]
        seconds: list[float] = []
        work: list[float] = []  # seconds of this thread: what else the machine does is no part of the growth
        for size in sizes:
            chosen, start, begun = order[:size], time.perf_counter(), time.thread_time()
            try:
                cast(Fittable, self._build()).fit(x[chosen], y[chosen], self.hyperparameters.seed)
            except UsageError:
                return None  # so few samples cannot be fitted; perhaps all of them can
            seconds.append(time.perf_counter() - start)
            work.append(time.thread_time() - begun)
            if seconds[-1] > LONG_TRIAL_S:
                break
        if not work:
            return None
        base = work[-BASE:]
        growth = math.log2(max(base[-1], TICK_S) / max(base[0], TICK_S)) / (len(base) - 1) if base[1:] else USUAL_GROWTH
        whole = len(y) / sizes[len(work) - 1]
        return seconds[-1] * math.pow(whole, min(max(growth, LEAST_GROWTH), MOST_GROWTH))

    def fit(self) -> list[str]:
        """Fit the model. Returns what the algorithm warned of.

        Raises DivergedError when a weight is not finite.
        """
        said = self.fittable.fit(*self.samples, self.hyperparameters.seed)
        for name, tensor in self.model.state_dict().items():
            if not bool(torch.isfinite(tensor).all()):
                raise DivergedError(f"The fit ended with {name} that are not finite.", "Scale the inputs: standardize.")
        self.epoch = 1
        return said

    @torch.inference_mode()
    def evaluate(self, batches: Batches, outputs: list[Tensor] | None = None) -> Score:
        """The mean over all samples; `outputs` gets the scores of each batch, (B, classes)."""
        draw = batches.draw(0)
        loss, correct = 0.0, 0
        for i in range(len(batches)):
            x, y = batches.batch(draw, i)
            scores = self.model(x)
            loss += float(self.fittable.losses(scores, y).sum())
            correct += int((scores.argmax(1) == y).sum())
            if outputs is not None:
                outputs.append(scores)
        return Score(loss / batches.samples, correct / batches.samples)

    @property
    def samples(self) -> tuple[Tensor, Tensor]:
        """The whole training split as the model gets it."""
        draw = self.train.draw(0)
        x = torch.empty(self.train.samples, *self.train.sample_shape)
        for i, part in enumerate(x.split(self.train.batch_size)):  # type: ignore[no-untyped-call]
            part.copy_(self.train.batch(draw, i)[0])
        return x, torch.cat(draw.labels)


Subject = Engine | Fitting  # what an inspection looks into


class Inspector(Protocol):
    """What looks inside the fitted model; see `tui_lab.training.session.Inspector`."""

    def inspect(self, engine: Fitting, outputs: Tensor | None, *, may_evaluate: bool) -> None: ...


class FitSession:
    """One worker's part of a run whose model is fitted: the counterpart of a `Session`.

    Args:
        engine: before the fit.
        evaluations: batches to evaluate after it by the name of their split, "train" and "test" among them.
        recorder: the run directory's pen.
        dataset: that `engine` is fitted to.
        inspector: called once the model is fitted.
    """

    def __init__(
        self,
        engine: Fitting,
        evaluations: Mapping[str, Batches],
        recorder: Recorder,
        dataset: Dataset,
        inspector: Inspector | None = None,
    ) -> None:
        self.engine = engine
        self.evaluations = evaluations
        self.recorder = recorder
        self.watch = Stopwatch()
        self._dataset = dataset
        self._inspector = inspector
        self._is_interrupted = False
        self._has_warned = False

    def interrupt(self) -> None:
        """Stop at once. Safe to call from a signal handler."""
        self._is_interrupted = True

    def run(self) -> str:
        """Fit, evaluate, inspect. Returns an empty sentence: nothing ends a fit early.

        Raises Stopped when the user stopped it, with nothing kept; DivergedError when the fit is not finite.
        """
        self.watch.start()
        seconds = self._beside(self.engine.expected_seconds)
        if seconds is not None:
            self._expect(seconds)
        for sentence in self._beside(self.engine.fit):
            self.recorder.event("warning", message=sentence)
        fitted_at = self.watch.elapsed
        outputs: list[Tensor] = []
        metrics: dict[str, float] = {}
        for split, batches in self.evaluations.items():
            kept = outputs if split == "test" else None
            score = self._beside(partial(self.engine.evaluate, batches, kept))
            metrics |= {f"{split}_loss": score.loss, f"{split}_accuracy": score.accuracy}
        metrics["support_vectors"] = len(self.engine.fittable.support_indices)
        self._save(metrics, fitted_at)
        if self._inspector is not None:
            self._inspector.inspect(self.engine, torch.cat(outputs), may_evaluate=True)
        return ""

    def _hear(self) -> None:
        """Pass on what the model has told of its progress."""
        progress = self.engine.progress
        if progress is None:
            return
        for sentence in progress.sentences():
            self.recorder.event("log", message=sentence)
        told = progress.expectation()
        if told is not None:
            evaluated = sum(batches.samples for batches in self.evaluations.values())
            self._expect(told.seconds + told.each * evaluated)

    def _expect(self, seconds: float) -> None:
        """Say how long it will take, and once that this is long."""
        self.recorder.note(expected=self.watch.elapsed + seconds)
        if seconds > PATIENCE_S and not self._has_warned:
            self._has_warned = True
            text = (
                f"Fitting {len(self._dataset.train):,} samples is expected to take about {_roughly(seconds)}. "
                "If that is too long, stop it and set train_size."
            )
            self.recorder.event("warning", message=text)

    def _save(self, metrics: dict[str, float], fitted_at: float) -> None:
        """The only epoch, and the weights that it ended with."""
        run, elapsed = self.recorder.run, self.watch.elapsed
        self.recorder.event("log", message=self._rests_on())
        self.recorder.event(
            "epoch",
            epoch=1,
            total_step=self.engine.total_step,
            elapsed=round(elapsed, 3),
            **metrics,
            is_best=True,
            evaluation_seconds=round(elapsed - fitted_at, 3),
        )
        self.recorder.note(epoch=1, elapsed=elapsed, last=dict(metrics), best={"epoch": 1, **metrics})
        for path in (run.weights, run.best_weights):
            save_weights(path, self.engine.model.state_dict())
        self.recorder.save_history()

    def _rests_on(self) -> str:
        """`93 of 200 training samples are support vectors (outer: 47, inner: 46).`"""
        labels = self._dataset.train.y
        held = labels[self.engine.fittable.support_indices]
        names = self._dataset.class_names
        counts = torch.bincount(held, minlength=len(names)).tolist()
        of_classes = ", ".join(f"{name}: {count:,}" for count, name in zip(counts, names, strict=True))
        return f"{len(held):,} of {len(labels):,} training samples are support vectors ({of_classes})."

    def _beside(self, work: Callable[[], T]) -> T:
        """Do `work` in a thread of its own, taking orders meanwhile, and return its result or raise its error.

        The thread is a daemon: one that was stopped is left behind, and ends with the process.
        """
        outcome: Future[T] = Future()

        def do() -> None:
            torch.set_num_threads(self.engine.plan.threads)  # each thread has its own number
            try:
                outcome.set_result(work())
            except BaseException as error:  # it is the main thread's
                outcome.set_exception(error)

        threading.Thread(target=do, name="fit", daemon=True).start()
        while not outcome.done():
            wait([outcome], POLL_S)
            self._look_up()
        self._hear()
        return outcome.result()

    def _look_up(self) -> None:
        self.recorder.note(elapsed=self.watch.elapsed)
        self._hear()
        control = self.recorder.poll_control()
        if self._is_interrupted or (control is not None and control.command == "stop"):
            raise Stopped
        if control is not None and (control.command in ("pause", "step") or control.lr is not None):
            self.recorder.event("log", message=NO_STEPS)


NO_STEPS = "A fit has no steps: it cannot be paused or stepped, and has no learning rate. It can be stopped."


def _roughly(seconds: float) -> str:
    return f"{seconds / 60:,.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:,.0f} h"


def prepare_fit(
    hyperparameters: Hyperparameters, dataset: Dataset, build_model: BuildModel, *, cache: Path, threads: int
) -> tuple[Fitting, dict[str, Batches]]:
    """What is to be fitted, and the splits to evaluate afterwards, the training split among them.

    Args: as `tui_lab.training.prepare.prepare` has them.
    """
    hp = hyperparameters
    standardizer = fit_standardizer(hp.standardize, dataset.train.x, epsilon=hp.whiten_epsilon, cache_dir=cache)

    def batches(split: Split) -> Batches:
        return Batches(split, None, standardizer, is_training=False, seed=hp.seed, device="cpu")

    train = batches(dataset.train)
    splits = {"train": train}
    if dataset.validation is not None:
        splits["validation"] = batches(dataset.validation)
    splits["test"] = batches(dataset.test)
    return Fitting(hp, lambda: build_model(train.sample_shape, dataset.classes), train, threads), splits
