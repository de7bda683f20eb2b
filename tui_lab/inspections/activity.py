"""What the layers do while a network trains: outputs, gradients, and the size of a step beside that of the weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.inspections.content import Activity, LayerActivity
from tui_lab.inspections.passes import Layered, LayerPass, look_through
from tui_lab.models.stepping import TakesOwnSteps
from tui_lab.models.vit import DropPath
from tui_lab.training.engine import Engine
from tui_lab.training.schedules import learning_rate

SAMPLES = 128  # that outputs and gradients are of
SATURATED = 0.97  # |tanh| beyond; a sigmoid beyond it, or below 1 - 0.97
DIGITS = 5


def activity(engine: Engine, position: tuple[float, int], earlier: Activity | None) -> Activity | None:
    """Read all layers as they are now, after what is known of `earlier` moments.

    The samples are always the same: the first of the training split, without augmentation. Everything is computed on
    copies, in train mode but without dropout: batches are normalised as in training, and nothing is drawn. The loss is
    the run's, averaged over the samples whatever its `reduction`.

    `update` is exact: one more step of the run's own kind, with the state of its optimiser, its reduction and clipping
    and the learning rate of its last step, on as many of the samples as a batch has. Its ratio to the weights should
    be somewhere around 1e-3: much more, and the learning rate is too high; much less, and it is too low
    (https://cs231n.github.io/neural-networks-3/#ratio). The movement since the last look would be cheaper to tell and
    says something else: steps that go back and forth cancel in it.

    Args:
        engine: between two steps; it stays as it is.
        position: epoch and total step of the weights.
        earlier: of the same run.

    Returns:
        None where the model is none whose layers are known.
    """
    if not isinstance(engine.model, Layered):
        return None
    batch_size = min(engine.train.batch_size, engine.train.samples)
    x, y = engine.train.first(max(SAMPLES, batch_size))
    readings = _read(engine, x[:SAMPLES], y[:SAMPLES])
    groups = [reading.names for reading in readings]
    updates = _updates(engine, groups, x[:batch_size], y[:batch_size])
    layers = tuple(_layer(reading, update) for reading, update in zip(readings, updates, strict=True))
    now = Activity(len(y[:SAMPLES]), batch_size, (position[0],), (position[1],), layers)
    if earlier is None or list(map(_kind, earlier.layers)) != list(map(_kind, layers)):
        return now
    return now.after(earlier)


def _kind(layer: LayerActivity) -> tuple[str, str, int]:
    return layer.name, layer.activation, layer.units


@dataclass(frozen=True)
class _Reading:
    """A layer, the names of its weights in the model, and the norm of their gradient."""

    layer: LayerPass
    names: tuple[str, ...]
    gradient: float


def _read(engine: Engine, x: Tensor, y: Tensor) -> list[_Reading]:
    model = cast(Layered, _as_in_training(copy.deepcopy(engine.model)).requires_grad_(True))
    with engine.plan.autocast():
        layers, output = look_through(model, x)
    loss = F.cross_entropy(output.float(), y, label_smoothing=engine.hyperparameters.label_smoothing)
    gradients = iter(torch.autograd.grad(loss, [weight for layer in layers for weight in layer.weights]))
    name_of = {id(parameter): name for name, parameter in model.named_parameters()}
    return [
        _Reading(
            layer,
            tuple(name_of[id(weight)] for weight in layer.weights),
            _norm([next(gradients) for _ in layer.weights]),
        )
        for layer in layers
    ]


def _updates(engine: Engine, groups: Sequence[tuple[str, ...]], x: Tensor, y: Tensor) -> list[float]:
    """‖ΔW‖ / ‖W‖ of each group of weights in one more step on the batch."""
    hp = engine.hyperparameters
    before = dict(engine.model.named_parameters())
    model, optimizer = copy.deepcopy((engine.model, engine.optimizer))  # together: they share the parameters
    _as_in_training(model)
    lr = learning_rate(hp, max(0, engine.epoch - (engine.step == 0)), engine.base_lr)
    if optimizer is None:
        cast(TakesOwnSteps, model).gradient_step(x, y, lr, engine.reduction)
    else:
        with engine.plan.autocast():
            output = model(x)
        loss = F.cross_entropy(output.float(), y, label_smoothing=hp.label_smoothing)
        (loss if engine.reduction == "mean" else loss * len(y)).backward()  # type: ignore[no-untyped-call]
        if hp.clip_norm:
            nn.utils.clip_grad_norm_(model.parameters(), hp.clip_norm)
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.step()
    after = dict(model.named_parameters())
    return [
        _ratio(
            _norm([(after[name] - before[name]).detach() for name in names]), _norm([before[name] for name in names])
        )
        for names in groups
    ]


def _as_in_training(model: nn.Module) -> nn.Module:
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout | DropPath):
            module.eval()
    return model


def _norm(tensors: Sequence[Tensor]) -> float:
    """Of all their values together."""
    return math.sqrt(sum(float(tensor.detach().norm()) ** 2 for tensor in tensors))


def _ratio(change: float, size: float) -> float:
    return change / size if size else math.inf if change else 0.0


def _layer(reading: _Reading, update: float) -> LayerActivity:
    """One layer at this moment alone."""
    layer = reading.layer
    output = layer.output.detach().float()
    measured = (float(output.abs().mean()), _stuck(output, layer.activation), reading.gradient, update)
    curves = [(_short(value),) for value in measured]
    return LayerActivity(layer.name, layer.activation, layer.units, *curves)


def _stuck(output: Tensor, activation: str) -> float:
    match activation:
        case "relu":
            units = output.transpose(0, 1).flatten(1)  # (units, samples and places)
            return float((units == 0).all(1).float().mean())
        case "tanh":
            return float((output.abs() > SATURATED).float().mean())
        case "sigmoid":
            return float(((output - 0.5).abs() > SATURATED - 0.5).float().mean())
        case _:
            return math.nan


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
