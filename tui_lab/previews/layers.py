"""The layers of any model, found by sending one sample through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from tui_lab.models.mlp_by_hand import Weights
from tui_lab.previews.content import Layer, LayerTable


def layer_table(build: Callable[[], nn.Module], input_shape: tuple[int, ...]) -> LayerTable:
    """Build a model and list its layers, without memory or arithmetic for its values where it allows that.

    Args:
        build: makes the model.
        input_shape: of one sample, (C, H, W) or (2,).

    Returns:
        One layer for each module that has no modules within it, and one for each tensor that other modules have besides
        theirs, such as a class token, in the order in which the sample meets them: such a tensor where its module
        begins. A module that is used several times is listed once, where it is used first.
    """
    try:
        return _table_on("meta", build, input_shape)
    except RuntimeError:  # a model that looks at values, which the meta device does not have
        return _table_on("cpu", build, input_shape)


def _table_on(device: str, build: Callable[[], nn.Module], input_shape: tuple[int, ...]) -> LayerTable:
    with torch.device(device):
        model = build().eval()
        listed = {name: module for name, module in model.named_modules() if _is_layer(module)}
        shapes = _shapes(model, listed, torch.zeros(1, *input_shape))
    counted: set[int] = set()
    layers: list[Layer] = []
    for name in _in_order(list(listed), list(shapes)):
        module = listed[name]
        if _has_modules_within(module):
            layers += _own_tensors(name, module, counted)
            continue
        parameters = _count(module.parameters(recurse=False), counted)
        if parameters or not _is_switched_off(module):
            layers.append(Layer(name or type(module).__name__, _kind(module), shapes.get(name), parameters))
    return LayerTable(input_shape, tuple(layers))


def _is_layer(module: nn.Module) -> bool:
    return not _has_modules_within(module) or next(_tensors(module), None) is not None


def _is_switched_off(module: nn.Module) -> bool:
    """Whether it stands where an option is not taken."""
    return isinstance(module, nn.Identity) or (isinstance(module, nn.Dropout) and module.p == 0)


def _has_modules_within(module: nn.Module) -> bool:
    return next(module.children(), None) is not None


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The parameters of a module itself, then what it has of fixed values."""
    yield from module.named_parameters(recurse=False)
    yield from ((name, buffer) for name, buffer in module.named_buffers(recurse=False) if buffer.is_floating_point())


def _own_tensors(name: str, module: nn.Module, counted: set[int]) -> Iterator[Layer]:
    for own, tensor in _tensors(module):
        is_parameter = isinstance(tensor, nn.Parameter)
        kind = f"{'Parameter' if is_parameter else 'fixed'} {_window(tuple(tensor.shape))}"
        parameters = _count([tensor], counted) if is_parameter else 0
        yield Layer(f"{name}.{own}" if name else own, kind, None, parameters)


def _count(parameters: Iterable[Tensor], counted: set[int]) -> int:
    """The values of those that are not among the `counted`, where they are afterwards."""
    new = [parameter for parameter in parameters if id(parameter) not in counted]
    counted.update(map(id, new))
    return sum(parameter.numel() for parameter in new)


def _shapes(model: nn.Module, listed: dict[str, nn.Module], sample: Tensor) -> dict[str, tuple[int, ...] | None]:
    """The shape that each layer makes of the sample, without the batch dimension, by name in the order of the calls."""
    shapes: dict[str, tuple[int, ...] | None] = {}
    hooks = []
    for name, module in listed.items():

        def begin(_module: nn.Module, _inputs: Any, name: str = name) -> None:
            shapes.setdefault(name, None)

        def end(_module: nn.Module, _inputs: Any, output: Any, name: str = name) -> None:
            shapes[name] = shapes[name] or _shape(output)

        hooks += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
    try:
        with torch.no_grad():
            model(sample)
    finally:
        for hook in hooks:
            hook.remove()
    return shapes


def _shape(output: Any) -> tuple[int, ...] | None:
    """Of a tensor, or of the first one of several."""
    first = next(iter(output), None) if isinstance(output, tuple | list) else output
    return tuple(first.shape[1:]) if isinstance(first, Tensor) else None


def _in_order(registered: Iterable[str], called: list[str]) -> list[str]:
    """The layers that are called, each followed by those that are not: some modules only hold parameters for others."""
    order = list(called)
    place = 0
    for name in registered:
        if name in called:
            place = order.index(name) + 1
        else:
            order.insert(place, name)
            place += 1
    return order


def _kind(module: nn.Module) -> str:
    """What a layer is, with the sizes that its output does not tell."""
    name = type(module).__name__
    match module:
        case nn.Conv2d():
            return f"{name} {_window(module.kernel_size)}, {module.out_channels}{_step(module.stride, 1)}"
        case nn.MaxPool2d() | nn.AvgPool2d():
            return f"{name} {_window(module.kernel_size)}{_step(module.stride, module.kernel_size)}"
        case nn.Linear():
            return f"{name} {module.out_features:,}"
        case Weights():
            return f"W {_window(tuple(module.weight.shape))}, b {len(module.bias)}"
        case nn.Dropout():
            return f"{name} {module.p:g}"
        case _:
            return name


def _window(size: int | tuple[int, ...]) -> str:
    sides = (size, size) if isinstance(size, int) else size
    return "×".join(map(str, sides))


def _step(stride: Any, usual: Any) -> str:
    """`, stride 2` where it is not the usual one."""
    pair, usual_pair = ((side, side) if isinstance(side, int) else tuple(side) for side in (stride, usual))
    return "" if pair == usual_pair else f", stride {pair[0] if len(set(pair)) == 1 else _window(pair)}"
