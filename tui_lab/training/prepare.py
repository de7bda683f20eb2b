"""From a configuration and its data to what can be trained: standardisation, plan, model, engine."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches
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
        tell, say: told of features that are computed, see `FeatureStore`.
    """
    hp = hyperparameters
    standardizer = fit_standardizer(hp.standardize, dataset.train.x, epsilon=hp.whiten_epsilon, cache_dir=cache)
    augmentation = Augmentation.of(hp)

    def batches(split: Split, *, is_training: bool, device: str, channels_last: bool) -> Batches:
        return Batches(
            split,
            augmentation,
            standardizer,
            is_training=is_training,
            batch_size=hp.batch_size if is_training else None,
            seed=hp.seed,
            device=device,
            channels_last=channels_last,
        )

    first = Split(dataset.train.x[: hp.batch_size], dataset.train.y[: hp.batch_size])
    trial = batches(first, is_training=True, device="cpu", channels_last=False)
    sample, _ = trial.batch(trial.draw(0), 0)
    shape = trial.sample_shape

    torch.manual_seed(stream_seed(hp.seed, "init"))
    model = build_model(shape, dataset.classes)
    if plan is None:
        tried = sample[: getattr(model, "trial_samples", len(sample))]
        plan = make_plan(hp, threads, lambda: copy.deepcopy(model), tried, cache)
    else:
        choose_device(plan.device)  # it may be gone by now
    train_split = dataset.train.to(plan.device)  # once: the pixels are shared by training and evaluation
    evaluated = {"test": dataset.test}
    if dataset.validation is not None:
        evaluated = {"validation": dataset.validation, **evaluated}
    if hp.evaluate_train:
        evaluated["train_eval"] = train_split
    placed = partial(batches, device=plan.device, channels_last=plan.channels_last)
    train = placed(train_split, is_training=True)
    evaluations = {name: placed(split, is_training=False) for name, split in evaluated.items()}
    if isinstance(model, HasFrozenBody) and keeps_features(model, train):
        store = FeatureStore(_placed(model, plan), plan, cache, tell, say)
        train, evaluations = _of_features(store, train, evaluations, hp)
    elif isinstance(model, HasFrozenBody) and model.body_key is not None:
        say(NOT_KEPT)
    return Prepared(Engine(hp, model, train, plan), evaluations)


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
