"""The layers of a network over its training, as a table and curves."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tui_lab.charts.activity import layer_activity
from tui_lab.charts.look import Look
from tui_lab.inspections.content import Activity, LayerActivity

TANH = Activity(
    128,
    10,
    (1.0, 50.0, 100.0),
    (20, 1000, 2000),
    (
        LayerActivity(
            "hidden 1", "tanh", 10, (0.3, 0.5, 0.7), (0.0, 0.05, 0.125), (1e-4, 0.1, 0.034), (0.1, 0.01, 3e-3)
        ),
        LayerActivity("output", "", 2, (0.5, 1.0, 1.81), (math.nan,) * 3, (0.1, 0.1, 0.027), (1e-2, 1e-3, 4e-4)),
    ),
)


def lines(found, **how):
    return layer_activity(found, **how).plain.split("\n")


def test_the_table_has_the_newest_numbers():
    assert [line.split() for line in lines(TANH, width=100)[:3]] == [
        ["layer", "units", "mean", "|a|", "saturated", "gradient", "update"],
        ["hidden", "1", "10", "0.7", "12.5", "%", "0.034", "0.003"],
        ["output", "2", "1.81", "-", "0.027", "4e-4"],
    ]


@pytest.mark.parametrize(("width", "across"), [(60, 1), (76, 2), (120, 2), (153, 4)])
def test_charts_stand_side_by_side_where_there_is_room(width, across):
    titles = ["Mean |a|", "Saturated values, %", "Norm of the gradient", "Update / weights"]
    found = [[title for title in titles if title in line] for line in lines(TANH, width=width)[3:]]
    assert [titles_of for titles_of in found if titles_of] == [
        titles[start : start + across] for start in range(0, 4, across)
    ]


def test_gradients_and_updates_have_log_axes_and_updates_the_usual_one():
    drawn = lines(TANH, width=60)
    assert sum("log y" in line for line in drawn) == 2
    assert sum("usual" in line for line in drawn if "usually" not in line) == 1
    assert "one step on 10 of the samples" in " ".join(drawn).replace("  ", " ")


def test_units_of_relu_are_dead_and_a_network_without_hidden_layers_has_none():
    relu = LayerActivity("conv1", "relu", 32, (0.3,), (0.25,), (0.1,), (1e-3,))
    drawn = lines(Activity(128, 10, (1.0,), (20,), (relu,)), width=76)
    assert "dead" in drawn[0] and "25.0 %" in drawn[1] and any("Dead units, %" in line for line in drawn)
    output = LayerActivity("output", "", 2, (0.5,), (math.nan,), (0.1,), (1e-3,))
    drawn = lines(Activity(128, 10, (1.0,), (20,), (output,)), width=76)
    assert drawn[0].split() == ["layer", "units", "mean", "|a|", "gradient", "update"]


@settings(max_examples=30)
@given(
    width=st.integers(20, 170),
    color=st.booleans(),
    ascii=st.booleans(),
    values=st.lists(st.floats(), min_size=1, max_size=4),
    name=st.text(max_size=30),
    activation=st.sampled_from(["tanh", "sigmoid", "relu", "", "odd"]),
)
def test_whatever_was_measured_stays_within_the_width(width, color, ascii, values, name, activation):
    curves = (tuple(values),) * 4
    steps = tuple(range(len(values)))
    layers = tuple(LayerActivity(f"{name}{i}", activation, 10**i, *curves) for i in range(9))
    drawn = layer_activity(Activity(128, 10, steps, steps, layers), width=width, look=Look(color=color, ascii=ascii))
    assert max(map(cell_len, drawn.plain.split("\n"))) <= width
    assert drawn.plain.isascii() or not ascii
    assert color or not drawn.spans
