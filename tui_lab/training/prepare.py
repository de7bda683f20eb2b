"""From a configuration and its data to what can be trained: standardisation, plan, model, engine."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import EVALUATION_BATCH_SIZE, Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.models.frozen import HasFrozenBody
from tui_lab.seeding import stream_seed
from tui_lab.training.engine import Engine
from tui_lab.training.features import FeatureStore, Say, Tell, keeps_features
from tui_lab.training.plan import Plan, choose_device, make_plan

NOT_KEPT = (
    "The images change from epoch to epoch, so that the features of the frozen body cannot be kept: every step goes "
    "through all of it."
)


def _nobody_listens(_: str) -> None:
    return None


BuildModel = Callable[[tuple[int, ...], int], nn.Module]  # (shape of a sample, classes) -> untrained model


@dataclass(frozen=True)
class Prepared:
    """`evaluations` maps the name of a split to its batches: test, validation, train_eval."""

    engine: Engine
    evaluations: Mapping[str, Batches]


def prepare(
    hyperparameters: GradientHyperparameters,
    dataset: Dataset,
    build_model: BuildModel,
    *,
    cache: Path,
    threads: int,
    plan: Plan | None = None,
    tell: Tell = _nobody_listens,
    say: Say = _nobody_listens,
) -> Prepared:
    """Build the engine at its start.

    Args:
        hyperparameters: the run's.
        dataset: as loaded, on the CPU.
        build_model: makes the untrained model for a sample shape and a number of classes.
        cache: folder for whitening matrices and the self-test's verdicts.
        threads: CPU threads of this process.
        plan: how an earlier worker ran it; None decides anew.
        tell, say: told of features that are computed, see `FeatureStore`; `say` also gets the model's `notes`, if any.
    """
    inputs = _Inputs(hyperparameters, dataset, cache)
    sample = inputs.trial_batch()
    torch.manual_seed(stream_seed(hyperparameters.seed, "init"))
    model = build_model(tuple(sample.shape[1:]), dataset.classes)
    for note in getattr(model, "notes", ()):
        say(note)
    if plan is None:
        tried = sample[: getattr(model, "trial_samples", len(sample))]
        plan = make_plan(hyperparameters, threads, lambda: copy.deepcopy(model), tried, cache)
    else:
        choose_device(plan.device)  # it may be gone by now
    train, evaluations = inputs.placed(plan, getattr(model, "evaluation_batch_size", EVALUATION_BATCH_SIZE))
    if isinstance(model, HasFrozenBody) and keeps_features(model, train):
        store = FeatureStore(_placed(model, plan), plan, cache, tell, say)
        train, evaluations = _of_features(store, train, evaluations, hyperparameters)
    elif isinstance(model, HasFrozenBody) and model.body_key is not None:
        say(NOT_KEPT)
    return Prepared(Engine(hyperparameters, model, train, plan), evaluations)


class _Inputs:
    """The splits of a data set as a run's model gets them, augmented and standardised."""

    def __init__(self, hyperparameters: GradientHyperparameters, dataset: Dataset, cache: Path) -> None:
        self._hp, self._dataset = hyperparameters, dataset
        self._augmentation = Augmentation.of(hyperparameters)
        self._standardizer = fit_standardizer(
            hyperparameters.standardize, dataset.train.x, epsilon=hyperparameters.whiten_epsilon, cache_dir=cache
        )

    def trial_batch(self) -> Tensor:
        """A batch of training samples on the CPU, to try out a model with."""
        x, y = self._dataset.train.x, self._dataset.train.y
        first = Split(x[: self._hp.batch_size], y[: self._hp.batch_size])
        trial = self._batches(first, is_training=True, device="cpu", channels_last=False)
        sample, _ = trial.batch(trial.draw(0), 0)
        return sample

    def placed(self, plan: Plan, evaluation_batch_size: int) -> tuple[Batches, dict[str, Batches]]:
        """Those to train on, and those to evaluate on by the names of their splits, on the plan's device."""
        train = self._dataset.train.to(plan.device)  # once: the pixels are shared by training and evaluation
        evaluated = {"test": self._dataset.test}
        if self._dataset.validation is not None:
            evaluated = {"validation": self._dataset.validation, **evaluated}
        if self._hp.evaluate_train:
            evaluated["train_eval"] = train
        batches = partial(
            self._batches,
            device=plan.device,
            channels_last=plan.channels_last,
            evaluation_batch_size=evaluation_batch_size,
        )
        evaluations = {name: batches(split, is_training=False) for name, split in evaluated.items()}
        return batches(train, is_training=True), evaluations

    def _batches(
        self,
        split: Split,
        *,
        is_training: bool,
        device: str,
        channels_last: bool,
        evaluation_batch_size: int = EVALUATION_BATCH_SIZE,
    ) -> Batches:
        return Batches(
            split,
            self._augmentation,
            self._standardizer,
            is_training=is_training,
            batch_size=self._hp.batch_size if is_training else None,
            evaluation_batch_size=evaluation_batch_size,
            seed=self._hp.seed,
            device=device,
            channels_last=channels_last,
        )


def _of_features(
    store: FeatureStore, train: Batches, evaluations: Mapping[str, Batches], hp: GradientHyperparameters
) -> tuple[Batches, dict[str, Batches]]:
    """Batches of features in place of batches of images."""
    splits = store.splits({"train": train, **evaluations})
    nothing = fit_standardizer("none", splits["train"].x)
    batches = {
        name: Batches(
            split,
            None,
            nothing,
            is_training=name == "train",
            batch_size=hp.batch_size if name == "train" else None,
            seed=hp.seed,
            device=split.x.device,
        )
        for name, split in splits.items()
    }
    return batches.pop("train"), batches


def _placed(model: HasFrozenBody, plan: Plan) -> HasFrozenBody:
    """On the plan's device, in eval mode: what has no parameters of its own may be random in training."""
    placed = plan.place(cast(nn.Module, model)).eval()
    return cast(HasFrozenBody, placed)
