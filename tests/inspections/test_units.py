"""Maps of hidden units, beside what the units give at single places."""

import numpy as np
import pytest
import torch

from tests.inspections.runs import SMALL_POINTS, opened
from tui_lab.inspections.catalogue import read_inspection
from tui_lab.inspections.plane import Grid
from tui_lab.inspections.units import CELLS, unit_maps

FUNCTIONS = {"tanh": np.tanh, "relu": lambda a: np.maximum(a, 0), "sigmoid": lambda a: 1 / (1 + np.exp(-a))}


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("implementation", ["by-hand", "autograd", "nn", "optim"])
def test_a_map_is_what_the_unit_gives_at_each_place(implementation, activation, tmp_path):
    values = {"implementation": implementation, "activation": activation, "hidden": [5, 3], "standardize": "channel"}
    with opened(tmp_path, "mlp", **SMALL_POINTS, **values) as it:
        it.session.run()
        found = read_inspection(it.run, "units")
        weights = [tensor.double().numpy() for tensor in it.session.engine.model.state_dict().values()]
        x = it.dataset.train.x.double()
        mean, std = x.mean(0).numpy(), x.std(0).numpy()
    assert (found.epoch, found.activation, found.cells) == (3.0, activation, CELLS)
    assert [(layer.name, layer.units, len(layer.maps)) for layer in found.layers] == [
        ("hidden 1", 5, 5),
        ("hidden 2", 3, 3),
    ]
    g, step = FUNCTIONS[activation], found.side / CELLS
    for column, row in ((0, 0), (CELLS - 1, 0), (13, 7), (4, CELLS - 1)):
        place = np.array([found.left + (column + 0.5) * step, found.bottom + (CELLS - row - 0.5) * step])
        h = (place - mean) / std
        for layer, (W, b) in zip(found.layers, (weights[:2], weights[2:4]), strict=True):
            h = g(h @ W.T + b)
            for one, value in zip(layer.maps, h, strict=True):
                told = found.middle + (one.levels[row * CELLS + column] - 128) / 127 * one.largest
                assert told == pytest.approx(value, abs=0.006 * max(one.largest, 0.1))


def test_a_unit_that_is_off_everywhere_is_level(tmp_path):
    with opened(tmp_path, "mlp", activation="relu", **SMALL_POINTS) as it:
        engine = it.session.engine
        with torch.no_grad():
            engine.model[1].bias[0] = -100.0
        (layer,) = unit_maps(engine.model, Grid(it.dataset, engine, CELLS), (0.0, 0)).layers
    assert (layer.maps[0].largest, set(layer.maps[0].levels)) == (0.0, {128})
    assert all(one.largest > 0 and max(one.levels) == 255 and min(one.levels) >= 128 for one in layer.maps[1:4])


def test_of_many_units_the_first_ones_are_shown(tmp_path):
    for hidden, shown in (([100], [32]), ([40] * 4, [16] * 4)):
        with opened(tmp_path / str(len(hidden)), "mlp", hidden=hidden, **SMALL_POINTS) as it:
            engine = it.session.engine
            found = unit_maps(engine.model, Grid(it.dataset, engine, CELLS), (0.0, 0))
        assert [len(layer.maps) for layer in found.layers] == shown
        assert [one.number for one in found.layers[0].maps] == list(range(1, shown[0] + 1))


def test_without_hidden_layers_or_points_there_are_none(tmp_path):
    with opened(tmp_path, "mlp", hidden=[], **SMALL_POINTS) as it:
        it.session.run()
        assert read_inspection(it.run, "units") is None and not it.events("warning")
