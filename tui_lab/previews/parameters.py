"""The parameters of a network, for the tool of that name: counted on the model itself."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tui_lab.data.augment import Augmentation
from tui_lab.data.catalogue import DATASETS, sample_shape
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import build, declarations
from tui_lab.labs.catalogue import find_exercise
from tui_lab.labs.check import check_configuration
from tui_lab.previews.content import Layer, LayerTable
from tui_lab.previews.layers import layer_table
from tui_lab.tools.parameters import ParametersInputs
from tui_lab.tools.tool import Cell, Folders, Result, Table

BLOCK = re.compile(r"(?:^|\.)blocks\.\d+\.([a-z_]+)")  # of a transformer, with the part of it that a layer belongs to


def parameters(inputs: ParametersInputs, _: Folders) -> Result:
    """A row for each layer, the input first and the sum last. Raises UsageError for what cannot be built."""
    table = _layers(inputs)
    rows: list[tuple[Cell, ...]] = [("input", "", _shape(table.input_shape), "", "")]
    for layer in table.layers:
        counted = (layer.parameters, f"{100 * table.share(layer):.1f} %") if layer.parameters else ("", "")
        rows.append((layer.name, layer.kind, _shape(layer.output_shape), *counted))
    rows.append(("all", "", "", table.parameters, ""))
    return Result(_sentences(table), Table(("layer", "what it is", "output", "parameters", "share"), tuple(rows)))


def _layers(inputs: ParametersInputs) -> LayerTable:
    exercise = find_exercise(inputs.exercise)
    is_other = inputs.dataset == "other"
    given = {name: d for name, d in declarations(ParametersInputs).items() if d.topic == "Model" and name != "exercise"}
    values: dict[str, Any] = {"crop": inputs.crop}
    if "pretrained" in exercise.hyperparameters.model_fields:
        values["pretrained"] = False  # which weights they are does not change their number
    values |= {name: getattr(inputs, name) for name in given if name in exercise.hyperparameters.model_fields}
    if not is_other:
        values["dataset"] = inputs.dataset
    hp = build(exercise.hyperparameters, values)
    shape: tuple[int, ...]
    if is_other:
        shape, classes = (inputs.channels, inputs.side, inputs.side), inputs.classes
    else:
        check_configuration(exercise, hp)
        shape, classes = sample_shape(hp), len(DATASETS[hp.dataset].class_names)
    shape = Augmentation.of(hp).output_shape(shape)
    if len(shape) == 3 and min(shape[1:]) < exercise.smallest_side:
        least = exercise.smallest_side
        raise UsageError(
            f"{exercise.name} needs images of at least {least}×{least}, and these are {shape[1]}×{shape[2]}."
        )
    try:
        return layer_table(lambda: exercise.build_model(hp, shape, classes), shape)
    except ValueError as error:  # sizes that the model cannot be built for
        raise UsageError(f"{exercise.name}: {error}.") from error


def _sentences(table: LayerTable) -> tuple[str, ...]:
    blocks = Counter[str]()
    for layer in table.layers:
        if part := BLOCK.search(layer.name):
            blocks[part[1].rstrip("_")] += layer.parameters
    largest: Layer = max(table.layers, key=lambda layer: layer.parameters)
    megabytes = 4 * table.parameters / 1e6
    return (
        f"{table.parameters:,} parameters, weights and biases: {megabytes:.3g} MB as 32-bit numbers.",
        f"{100 * table.share(largest):.0f} % of them are in {largest.name}, {largest.kind}.",
        *([f"In all blocks: {_parts(blocks, table.parameters)}."] if blocks else []),
    )


def _parts(counts: Counter[str], whole: int) -> str:
    """`mlp 61.0 %, attention 30.9 %, norm 0.9 %`."""
    return ", ".join(f"{name} {100 * count / whole:.1f} %" for name, count in counts.most_common() if count)


def _shape(shape: tuple[int, ...] | None) -> str:
    return "" if shape is None else " × ".join(map(str, shape))
