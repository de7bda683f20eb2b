"""Learning-rate schedules as pure functions of the epoch: drawable and testable without an optimiser.

They are the closed forms of torch.optim.lr_scheduler's classes, stepped once an epoch. Imports no torch.
"""

from __future__ import annotations

import math

from tui_lab.hyperparameters import GradientHyperparameters

WARMUP_POINTS = 20  # of a curve
USUAL_GAMMA = {"exponential": 0.95, "step": 0.1}  # the practical's, and torch's default


def learning_rate(hyperparameters: GradientHyperparameters, epoch: int, base: float | None = None) -> float:
    """The learning rate of an epoch.

    Args:
        hyperparameters: `scheduler` and its arguments, `epochs`, and `lr`.
        epoch: from 0 on.
        base: replaces `lr`, when the user changed it while training.

    With η the base rate and e the epoch:

        none         η
        constant     η·factor while e < total_iters, then η
        linear       η·(factor + (1 − factor)·min(e, total_iters)/total_iters)
        step         η·γ^⌊e / step_size⌋
        exponential  η·γ^e
        polynomial   η·(1 − min(e, total_iters)/total_iters)^power
        cosine       η_min + (η − η_min)·(1 + cos(π·e/T_max))/2      (Loshchilov & Hutter, 2017)
    """
    hp = hyperparameters
    lr = hp.lr if base is None else base
    done = min(epoch, hp.total_iters) / hp.total_iters
    match hp.scheduler:
        case "none":
            return lr
        case "constant":
            return lr * hp.factor if epoch < hp.total_iters else lr
        case "linear":
            return lr * (hp.factor + (1 - hp.factor) * done)
        case "step":
            return float(lr * gamma_of(hp) ** (epoch // hp.step_size))
        case "exponential":
            return float(lr * gamma_of(hp) ** epoch)
        case "polynomial":
            return float(lr * (1 - done) ** hp.power)
        case "cosine":
            half_period = hp.T_max or hp.epochs
            return hp.eta_min + (lr - hp.eta_min) * (1 + math.cos(math.pi * epoch / half_period)) / 2


def gamma_of(hyperparameters: GradientHyperparameters) -> float:
    """`gamma`, or the usual one of the scheduler where it is 0."""
    return hyperparameters.gamma or USUAL_GAMMA.get(hyperparameters.scheduler, 1.0)


def warmup_factor(hyperparameters: GradientHyperparameters, progress: float) -> float:
    """What the learning rate is multiplied with after `progress` epochs, whole or not: min(1, progress / w).

    w are the `warmup_epochs` of an exercise that has them (Goyal et al., 2017); without, or with 0, the factor is 1.
    The rate of a step is that of the progress at its end, so that no step has a rate of 0.
    """
    warmup: float = getattr(hyperparameters, "warmup_epochs", 0.0)
    return min(1.0, progress / warmup) if warmup > 0 else 1.0


def schedule_curve(hyperparameters: GradientHyperparameters, most: int = 300) -> tuple[list[float], list[float]]:
    """Epochs, from 0 on, and their learning rates, to be drawn: all, or `most` (at least 2) of them, evenly spread.

    Where the rate warms up, there are fractions of epochs among them.
    """
    hp = hyperparameters
    last = hp.epochs - 1
    count = min(hp.epochs, most)
    epochs: list[float] = [i * last // max(count - 1, 1) for i in range(count)]
    warmup: float = getattr(hp, "warmup_epochs", 0.0)
    if warmup > 0:
        rising = (warmup * i / WARMUP_POINTS for i in range(WARMUP_POINTS + 1))
        epochs = sorted({*epochs, *(epoch for epoch in rising if epoch <= hp.epochs)})
    return epochs, [learning_rate(hp, int(epoch)) * warmup_factor(hp, epoch) for epoch in epochs]
