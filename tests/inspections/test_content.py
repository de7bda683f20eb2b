"""What inspections found survives its file, and files that are none are told from it."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspections.transformers import OF_TRANSFORMERS
from tui_lab.inspections.catalogue import (
    INSPECTIONS,
    inspection_file,
    read_inspection,
    read_inspections,
    write_inspection,
)
from tui_lab.inspections.content import (
    Activity,
    Boundary,
    ChannelValues,
    Confusion,
    EpochMoment,
    FeatureMap,
    FeatureMaps,
    Filters,
    FirstEpoch,
    GradientCheck,
    Guess,
    Histogram,
    LabelledPoint,
    LayerActivity,
    MapLayer,
    Measured,
    Sample,
    SampleMaps,
    Samples,
    Spread,
    Standardization,
    Supports,
    TensorCheck,
    TopLoss,
    UnitLayer,
    UnitMap,
    UnitMaps,
)
from tui_lab.pictures import Picture
from tui_lab.runs.directory import RunDirectory

NAMES = ("cat", "dog")
PICTURE = Picture(2, 1, bytes([0, 1, 2, 253, 254, 255]))
OF_IMAGE = Sample(7, PICTURE, 0, (Guess(1, 0.75), Guess(0, 0.25)), 1.386)
OF_POINT = Sample(0, (0.5, -1.25), 1, (Guess(1, 0.9),), 0.105)
POINT = LabelledPoint(0.5, 0.25, 1)
CONTENTS = {
    **OF_TRANSFORMERS,
    "confusion": Confusion(3.0, 60, NAMES, ((5, 1), (0, 4)), {(0, 1): (OF_IMAGE,)}),
    "samples": Samples(3.25, 65, NAMES, (OF_IMAGE, OF_POINT)),
    "top-loss": TopLoss(3.25, 65, NAMES, 40, 7, (OF_IMAGE, OF_POINT)),
    "feature-maps": FeatureMaps(
        1.0,
        20,
        NAMES,
        (
            SampleMaps(
                OF_IMAGE,
                (MapLayer("conv1", "0", "relu", 8, 3, 2, 1, 0.0, 1.5, (FeatureMap(4, 0.7, bytes([0, 255])),)),),
            ),
        ),
    ),
    "first-epoch": FirstEpoch(
        20,
        100,
        60,
        (
            EpochMoment(0, Measured(0.25, 0.5), Measured(0.1, 2.3), Measured(0.2, 2.25)),
            EpochMoment(10, Measured(0.2, 2.2), Measured(0.3, 2.1), Measured(0.25, math.inf)),
        ),
    ),
    "standardize": Standardization(
        1.0,
        20,
        "channel",
        100,
        (0.5,),
        (0.25,),
        50,
        (ChannelValues("grey", Spread(0.5, 0.25, 0.0, 1.0), Spread(0.0, 1.0, -2.0, 2.0)),),
        Histogram(0.0, 1.0, (1, 2)),
        Histogram(-2.0, 2.0, (2, 1)),
    ),
    "filters": Filters(1.0, 20, "features.0, Conv2d", (PICTURE,), (0.25,), 32),
    "words": Filters(1.0, 1, "vocabulary, raw patches", (PICTURE,), (0.25,), 32, "word"),
    "boundary": Boundary(
        1.0,
        20,
        NAMES,
        -1.5,
        -1.0,
        3.0,
        2,
        bytes(range(8)),
        (LabelledPoint(0.5, 0.25, 1),),
        (LabelledPoint(1, 1, 0),),
        (LabelledPoint(0.5, 0.25, 1),),
    ),
    "units": UnitMaps(
        1.0, 20, "tanh", -1.5, -1.0, 3.0, 2, (UnitLayer("hidden 1", 10, (UnitMap(1, bytes([1, 128, 255, 0]), 1.0),)),)
    ),
    "activations": Activity(
        128,
        10,
        (1.0, 2.5),
        (20, 50),
        (
            LayerActivity("hidden 1", "relu", 10, (0.3, 0.4), (0.1, 0.0), (1e-3, math.inf), (2e-3, 0.0)),
            LayerActivity("output", "", 2, (1.3, 1.4), (2.0, 3.0), (0.1, 0.2), (1e-4, 1e-5)),
        ),
    ),
    "gradient-check": GradientCheck(
        1.0,
        20,
        "mean",
        20,
        1e-7,
        "pooled",
        (
            TensorCheck("1.weight", 1, False, (10, 2), 1e-16, 3e-11, 20),
            TensorCheck("1.bias", 1, True, (10,), 0.7, None, 0),
        ),
    ),
    "supports": Supports(1.0, 1, NAMES, (3, 0), (10, 9), (OF_IMAGE, OF_POINT)),
}


@pytest.fixture
def run(tmp_path):
    return RunDirectory(tmp_path)


@pytest.mark.parametrize("name", INSPECTIONS)
def test_every_inspection_comes_back_from_its_file(name, run):
    write_inspection(run, name, CONTENTS[name])
    assert read_inspection(run, name) == CONTENTS[name]
    kept = json.loads(inspection_file(run, name).read_text())
    position = CONTENTS[name].epoch, CONTENTS[name].total_step
    assert (kept["name"], kept["epoch"], kept["total_step"]) == (name, *position)
    assert list(read_inspections(run)) == [name]


def test_values_that_are_not_finite_come_back(run):
    odd = Sample(0, (math.inf, 0.0), 1, (Guess(0, math.nan),), math.inf)
    write_inspection(run, "samples", Samples(1.0, 1, NAMES, (odd,)))
    back = read_inspection(run, "samples").chosen[0]
    assert (back.loss, back.shown[0]) == (math.inf, math.inf)
    assert math.isnan(back.guesses[0].probability)


@pytest.mark.parametrize("name", INSPECTIONS)
@given(cut=st.floats(0, 1, exclude_max=True))
def test_a_half_file_is_no_inspection(name, cut, tmp_path_factory):
    run = RunDirectory(tmp_path_factory.mktemp("run"))
    write_inspection(run, name, CONTENTS[name])
    file = inspection_file(run, name)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(cut * len(whole))])
    assert read_inspection(run, name) is None
    assert read_inspections(run) == {}


def leaves(value, path=()):
    """The path of every number, string and list in a JSON value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        yield path
        for i, item in enumerate(value):
            yield from leaves(item, (*path, i))
    else:
        yield path


@pytest.mark.parametrize("name", INSPECTIONS)
def test_anything_else_in_the_place_of_a_value_never_raises(name, run):
    whole = {"name": name, **CONTENTS[name].to_json()}
    for path in leaves(whole):
        for odd in (None, "odd", -1, 10**400, [], {}, [[1]]):
            garbled = json.loads(json.dumps(whole))
            target = garbled
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = odd
            run.inspections.mkdir(exist_ok=True)
            inspection_file(run, name).write_text(json.dumps(garbled))
            found = read_inspection(run, name)
            assert found is None or type(found) is INSPECTIONS[name].content


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"name": "confusion"}'])
def test_what_is_no_content_is_told(content, run):
    run.inspections.mkdir()
    for name in INSPECTIONS:
        inspection_file(run, name).write_bytes(content)
        assert read_inspection(run, name) is None


def test_a_label_outside_the_classes_is_refused(run):
    for path, name in ((("mistakes", 0, "true"), "confusion"), (("chosen", 0, "label"), "samples")):
        whole = CONTENTS[name].to_json()
        target = whole
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = 2
        run.inspections.mkdir(exist_ok=True)
        inspection_file(run, name).write_text(json.dumps(whole))
        assert read_inspection(run, name) is None


def test_a_gradient_check_says_what_is_wrong_and_why_where_it_knows():
    found = CONTENTS["gradient-check"]
    weights, bias = found.tensors
    assert (weights.title, bias.symbol) == ("weights of hidden layer 1", "b_1")
    assert found.wrong == (bias,)
    assert found.sentence == (
        "The gradient of the bias of hidden layer 1 is wrong: pooled, one sum for all units of the layer."
    )
    broken = replace(weights, layer=0, differences=math.nan)
    assert (broken.symbol, broken.title) == ("W_y", "weights of the output layer")
    both = replace(found, tensors=(bias, broken)).sentence
    assert both == (
        "The gradients of the bias of hidden layer 1 and the weights of the output layer are wrong."
    )  # pooling does not explain the second
    assert replace(found, tensors=(weights,)).wrong == ()


def test_accuracies_and_pairs_of_a_confusion_matrix():
    found = Confusion(1.0, 1, ("a", "b", "c"), ((8, 2, 0), (3, 7, 0), (0, 0, 0)), {})
    assert found.accuracy == 0.75
    assert found.accuracies == (0.8, 0.7, None)
    assert found.most_confused(5) == [(1, 0, 3), (0, 1, 2)]
    assert found.most_confused(1) == [(1, 0, 3)]
    assert found.precisions == (8 / 11, 7 / 9, None)
    assert Confusion(1.0, 1, ("a",), ((0,),), {}).accuracy == 0.0


def test_the_misclassified_among_the_worst_samples():
    assert CONTENTS["top-loss"].misclassified == (OF_IMAGE,)
