"""What the convolutions of a network make of some images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.data.batches import Batches
from tui_lab.data.dataset import Dataset, Split
from tui_lab.inspections.content import FeatureMap, FeatureMaps, MapLayer, SampleMaps
from tui_lab.inspections.outcomes import Outcomes, in_turns
from tui_lab.training.fit import Subject

MOST_LAYERS = 6  # of a deeper network, evenly spread from the first to the last
MOST_MAPS = 16  # of a layer
MOST_LEVELS = 300_000  # of all samples together: where layers are large, fewer maps of each
LARGEST_SIDE = 32  # of a map, in values
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish, nn.Mish, nn.Tanh, nn.Sigmoid)


@dataclass
class _Seen:
    """One convolution in a forward pass: values float32 (B, channels, h, w), on the CPU and perhaps reduced."""

    module: str
    shape: torch.Size  # of its output
    values: Tensor
    activation: str = ""


def feature_maps(
    engine: Subject, dataset: Dataset, test: Batches, position: tuple[float, int], *, are_probabilities: bool
) -> FeatureMaps | None:
    """The maps of the dozen test samples that the inspection `samples` shows.

    The model is asked in eval mode, and is as it was afterwards.

    Args:
        engine: whose model is looked into: any one with modules of the class `Conv2d`, whatever they are called.
        dataset: as loaded, on the CPU.
        test: the batches of its test split.
        position: epoch and total step of the weights.
        are_probabilities: of the model's outputs.

    Returns:
        None for a model without convolutions, or one that is given what they made already.
    """
    names = _chosen_layers(engine.model)
    chosen = in_turns(dataset.test.y, dataset.classes)
    if not names or not chosen:
        return None
    part = test.part(torch.tensor(chosen))
    x, _ = part.batch(part.draw(0), 0)
    outputs, seen = _look_through(engine, names, x)
    if not seen:
        return None
    split = Split(dataset.test.x[chosen], dataset.test.y[chosen])
    outcomes = Outcomes.of(outputs, split, dataset.class_names, position, are_probabilities=are_probabilities)
    samples = outcomes.samples(list(range(len(chosen))))
    area = sum(one.values[0, 0].numel() for one in seen) * len(chosen)
    most = max(1, min(MOST_MAPS, MOST_LEVELS // area))
    return FeatureMaps(
        *position,
        dataset.class_names,
        tuple(
            SampleMaps(
                replace(sample, index=index),
                tuple(_layer(number, one, place, most) for number, one in enumerate(seen, start=1)),
            )
            for place, (index, sample) in enumerate(zip(chosen, samples, strict=True))
        ),
    )


def _chosen_layers(model: nn.Module) -> list[str]:
    names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)]
    count = min(len(names), MOST_LAYERS)
    return [names[round(i * (len(names) - 1) / max(count - 1, 1))] for i in range(count)]


def _look_through(engine: Subject, names: list[str], x: Tensor) -> tuple[Tensor, list[_Seen]]:
    """Outputs (B, classes), and what the convolutions called `names` gave, in the order of the forward pass."""
    model = engine.model
    seen: list[_Seen] = []
    last: list[_Seen] = []  # the convolution whose activation has not come yet, if it is one of those

    def convolved(name: str, module: nn.Module, inputs: object, output: Tensor) -> None:
        last.clear()
        if name in names:
            last.append(_Seen(name, output.shape, _kept(output)))
            seen.append(last[0])

    def activated(module: nn.Module, inputs: object, output: Tensor) -> None:
        if last and last[0].shape == output.shape:
            last[0].values, last[0].activation = _kept(output), type(module).__name__.lower()
            last.clear()

    was_training = model.training
    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d):
                hooks.enter_context(_hooked(module, partial(convolved, name)))
            elif isinstance(module, ACTIVATIONS):
                hooks.enter_context(_hooked(module, activated))
        model.eval()
        try:
            with torch.inference_mode(), engine.plan.autocast():
                outputs = model(x)
        finally:
            model.train(was_training)
    return outputs, seen


@contextmanager
def _hooked(module: nn.Module, hook: Callable[..., None]) -> Iterator[None]:
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _kept(output: Tensor) -> Tensor:
    """A copy: what follows may write into the output."""
    height, width = output.shape[2:]
    if max(height, width) > LARGEST_SIDE:
        scale = LARGEST_SIDE / max(height, width)
        size = (max(1, round(scale * height)), max(1, round(scale * width)))
        output = F.adaptive_avg_pool2d(output.float(), size)
    return output.to("cpu", torch.float32, copy=True)


def _layer(number: int, seen: _Seen, place: int, most: int) -> MapLayer:
    """The maps of one of the samples."""
    values = torch.nan_to_num(seen.values[place])  # (channels, h, w); infinities become the largest finite values
    means = values.mean((1, 2))
    strongest = means.argsort(descending=True, stable=True)[:most]
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = high - low
    levels = ((values[strongest] - low) / scale * 255 if 0 < scale < torch.inf else 0 * values[strongest]).round()
    maps = zip(strongest.tolist(), means[strongest].tolist(), levels.to(torch.uint8).contiguous().numpy(), strict=True)
    channels, height, width = values.shape
    return MapLayer(
        name=f"conv{number}",
        module=seen.module,
        activation=seen.activation,
        channels=channels,
        silent=int((values == 0).flatten(1).all(1).sum()),
        width=width,
        height=height,
        low=_short(low),
        high=_short(high),
        maps=tuple(FeatureMap(channel + 1, _short(mean), one.tobytes()) for channel, mean, one in maps),
    )


def _short(value: float) -> float:
    return float(f"{value:.4g}")
