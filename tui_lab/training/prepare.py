"""From a configuration and its data to what can be trained: standardisation, plan, model, engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from tui_lab.data.augment import Augmentation
from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.data.standardize import fit_standardizer
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.seeding import stream_seed
from tui_lab.training.engine import Engine
from tui_lab.training.plan import Plan, choose_device, make_plan

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
) -> Prepared:
    """Build the engine at its start.

    Args:
        hyperparameters: the run's.
        dataset: as loaded, on the CPU.
        build_model: makes the untrained model for a sample shape and a number of classes.
        cache: folder for whitening matrices and the self-test's verdicts.
        threads: CPU threads of this process.
        plan: how an earlier worker ran it; None decides anew.
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

    def build() -> nn.Module:
        return build_model(shape, dataset.classes)

    if plan is None:
        plan = make_plan(hp, threads, build, sample, cache)
    else:
        choose_device(plan.device)  # it may be gone by now
    torch.manual_seed(stream_seed(hp.seed, "init"))
    model = build()
    train_split = dataset.train.to(plan.device)  # once: the pixels are shared by training and evaluation
    evaluated = {"test": dataset.test}
    if dataset.validation is not None:
        evaluated = {"validation": dataset.validation, **evaluated}
    if hp.evaluate_train:
        evaluated["train_eval"] = train_split
    placed = partial(batches, device=plan.device, channels_last=plan.channels_last)
    train = placed(train_split, is_training=True)
    evaluations = {name: placed(split, is_training=False) for name, split in evaluated.items()}
    return Prepared(Engine(hp, model, train, plan), evaluations)
