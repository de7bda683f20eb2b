"""`tui-lab inspect`: what a run has is listed, drawn and given as JSON, and what it lacks is explained."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.cli.terminal import Terminal
from tests.inspections.transformers import OF_TRANSFORMERS
from tui_lab.cli.main import app
from tui_lab.errors import USAGE, UsageError
from tui_lab.inspections.catalogue import INSPECTIONS, write_inspection
from tui_lab.inspections.content import (
    Activity,
    Boundary,
    ChannelValues,
    Confusion,
    Content,
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
from tui_lab.runs.status import Status
from tui_lab.runs.store import RunStore

NAMES = ("cat", "dog", "deer")
GREY = Picture(8, 8, bytes([128]) * 192)
MISTAKE = Sample(7, GREY, 0, (Guess(1, 0.75), Guess(0, 0.25)), 1.4)
RIGHT = Sample(9, GREY, 0, (Guess(0, 0.4), Guess(1, 0.35)), 0.9)
OF_IMAGES: dict[str, Content] = {
    "confusion": Confusion(3.0, 60, NAMES, ((5, 1, 0), (0, 4, 2), (0, 0, 8)), {(0, 1): (MISTAKE,)}),
    "samples": Samples(3.0, 60, NAMES, (MISTAKE,)),
    "top-loss": TopLoss(3.0, 60, NAMES, 40, 7, (MISTAKE, RIGHT)),
    "filters": Filters(3.0, 60, "features.0, Conv2d", (GREY, GREY), (0.25, 0.5), 2),
}
PLANE = Boundary(1.5, 30, ("outer", "inner"), -1, -1, 2, 2, bytes([255, 0] * 4), (LabelledPoint(0, 0, 1),), ())

WORDS = Filters(1.0, 1, "vocabulary, raw patches", (GREY, GREY), (0.25, 0.5), 1000, "word")
SUPPORTS = Supports(1.0, 0, NAMES, (5, 3, 2), (9, 8, 7), (MISTAKE,))
GRADIENTS = GradientCheck(3.0, 60, "sum", 20, 1e-7, "pooled", (TensorCheck("1.bias", 1, True, (10,), 0.7, 0.7, 10),))
UNITS = UnitMaps(
    1.5, 30, "tanh", -1, -1, 2, 2, (UnitLayer("hidden 1", 1, (UnitMap(1, bytes([1, 1, 255, 255]), 1.0),)),)
)
LAYERS = Activity(
    128,
    10,
    (1.0, 3.0),
    (20, 60),
    (LayerActivity("hidden 1", "tanh", 9, (0.3, 0.4), (0.0, 0.5), (0.1, 0.2), (1e-3, 0.1)),),
)


LAYER = MapLayer("conv1", "features.0", "relu", 32, 5, 8, 8, 0.0, 1.5, (FeatureMap(4, 0.7, bytes(range(64))),))
MAPS = FeatureMaps(3.0, 60, NAMES, (SampleMaps(MISTAKE, (LAYER,)), SampleMaps(RIGHT, (LAYER,))))
EPOCH = FirstEpoch(20, 100, 60, tuple(EpochMoment(i, *[Measured(0.1 * i, 2 - 0.1 * i)] * 3) for i in range(1, 5)))
INPUTS = Standardization(
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
)


def made(home: Path, contents: dict[str, Content], **status: object) -> RunDirectory:
    run = RunStore(home).create("convnet", {})
    for name, content in contents.items():
        write_inspection(run, name, content)
    Status.of({"exercise": "convnet", "state": "finished", "epoch": 3, "epochs": 3, **status}).write(run.status)
    return run


def invoke(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), "inspect", *arguments])


def output(home: Path, *arguments: str) -> str:
    result = invoke(home, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refusal(home: Path, *arguments: str) -> str:
    """The sentence and the hint of the error."""
    error = invoke(home, *arguments).exception
    assert isinstance(error, UsageError)
    assert error.exit_code == USAGE
    return str(error)


def test_without_a_name_everything_there_is_is_listed(tmp_path: Path) -> None:
    made(tmp_path, OF_IMAGES)
    rows = output(tmp_path, "last").splitlines()[2:]
    assert [row.split()[0] for row in rows] == list(OF_IMAGES)
    for name, row in zip(OF_IMAGES, rows, strict=True):
        assert INSPECTIONS[name].title in row and INSPECTIONS[name].help in row and " 3 " in row
    assert json.loads(output(tmp_path, "last", "--json"))[0] == {
        "name": "confusion",
        "title": "Confusion matrix",
        "epoch": 3.0,
        "total_step": 60,
    }


@pytest.mark.parametrize("name", INSPECTIONS)
def test_each_is_drawn_and_given_as_json(name: str, tmp_path: Path) -> None:
    contents = {
        **OF_IMAGES,
        "feature-maps": MAPS,
        "first-epoch": EPOCH,
        "standardize": INPUTS,
        "words": WORDS,
        "boundary": PLANE,
        "units": UNITS,
        "activations": LAYERS,
        "supports": SUPPORTS,
        "gradient-check": GRADIENTS,
        **OF_TRANSFORMERS,
    }
    made(tmp_path, contents)
    content = contents[name]
    drawn = output(tmp_path, "last", name)
    when = f" after epoch {content.epoch:g}" if INSPECTIONS[name].is_of_weights else ""
    assert drawn.startswith(f"{INSPECTIONS[name].title}{when}\n")
    given = json.loads(output(tmp_path, "last", name, "--json"))
    assert given.pop("name") == name
    assert INSPECTIONS[name].content.from_json(given) == content


def test_a_cell_opens_its_misclassified_samples(tmp_path: Path) -> None:
    made(tmp_path, OF_IMAGES)
    drawn = output(tmp_path, "last", "confusion", "--cell", "cat", "dog")
    assert "dog  75 %" in drawn and drawn.count("▒") + drawn.count("+") >= 16 * 8
    assert (
        "cat taken for dog: 1 of 6, 1 of them kept" in invoke(tmp_path, "last", "confusion", "--cell", "0", "1").stderr
    )
    assert json.loads(output(tmp_path, "last", "confusion", "--cell", "cat", "dog", "--json")) == [MISTAKE.to_json()]
    assert json.loads(output(tmp_path, "last", "confusion", "--cell", "dog", "deer", "--json")) == []
    assert "Did you mean 'deer'?" in refusal(tmp_path, "last", "confusion", "--cell", "cat", "der")
    assert "--cell belongs to confusion" in refusal(tmp_path, "last", "samples", "--cell", "cat", "dog")


def test_an_image_is_chosen_for_its_feature_maps(tmp_path: Path) -> None:
    made(tmp_path, {"feature-maps": MAPS})
    assert "Image 2 of 2: cat, seen as such (40 %)" in output(tmp_path, "last", "feature-maps", "--sample", "2")
    assert "Image 1 of 2: cat, taken for dog (75 %)" in output(tmp_path, "last", "feature-maps")
    given = json.loads(output(tmp_path, "last", "feature-maps", "--sample", "2", "--json"))
    assert [one["sample"]["index"] for one in given["samples"]] == [9]
    assert "there are 2" in refusal(tmp_path, "last", "feature-maps", "--sample", "3")
    assert "--sample belongs to feature-maps" in refusal(tmp_path, "last", "filters", "--sample", "1")


def test_the_misclassified_alone(tmp_path: Path) -> None:
    made(tmp_path, OF_IMAGES)
    assert "1 to 2 of the 2 samples with the highest loss. 7 of 40" in output(tmp_path, "last", "top-loss")
    drawn = output(tmp_path, "last", "top-loss", "--misclassified")
    assert "1 to 1 of the 1 misclassified ones" in drawn and "loss 1.4" in drawn and "loss 0.9" not in drawn
    assert json.loads(output(tmp_path, "last", "top-loss", "--misclassified", "--json")) == [MISTAKE.to_json()]
    assert "--misclassified belongs to top-loss" in refusal(tmp_path, "last", "samples", "--misclassified")


def test_a_wrong_name_is_told_with_the_nearest(tmp_path: Path) -> None:
    made(tmp_path, OF_IMAGES)
    said = refusal(tmp_path, "last", "confuson")
    assert "There is no inspection 'confuson'" in said and "Did you mean 'confusion'?" in said


def test_what_a_run_cannot_have_is_told_with_the_reason(tmp_path: Path) -> None:
    made(tmp_path, OF_IMAGES)
    said = refusal(tmp_path, "last", "boundary")
    assert (
        "has no boundary" in said and "points in the plane" in said and "confusion, samples, top-loss, filters" in said
    )


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"state": "queued", "epoch": 0}, "is queued"),
        ({"state": "failed", "epoch": 0, "message": "Out of memory."}, "before its first epoch was done"),
        ({"state": "failed", "epoch": 0, "message": "Out of memory."}, "Out of memory."),
        ({"state": "finished", "epoch": 3}, "no inspections that can be read"),
    ],
)
def test_a_run_without_any_says_why(status: dict[str, object], reason: str, tmp_path: Path) -> None:
    made(tmp_path, {}, **status)
    assert reason in refusal(tmp_path, "last")
    assert reason in refusal(tmp_path, "last", "samples")


def test_a_gradient_check_names_the_tensor_that_is_wrong(tmp_path: Path) -> None:
    made(tmp_path, {"gradient-check": GRADIENTS})
    drawn = output(tmp_path, "last", "gradient-check")
    assert "The gradient of the bias of hidden layer 1 is wrong: pooled" in drawn
    assert len([line for line in drawn.splitlines() if line.startswith("b_1") and line.count("FAIL") == 2]) == 1
    made(tmp_path / "other", OF_IMAGES)
    assert "It is of runs of mlp" in refusal(tmp_path / "other", "last", "gradient-check")


def test_a_terminal_of_80_columns_shows_ten_classes_in_colours(tmp_path: Path) -> None:
    names = tuple(f"class number {i}" for i in range(10))
    counts = tuple(tuple(1000 if i == j else 7 for j in range(10)) for i in range(10))
    made(tmp_path, {"confusion": Confusion(1.0, 1, names, counts, {})})
    with Terminal(
        "--home", str(tmp_path), "inspect", "last", "confusion", environment={"COLORTERM": "truecolor"}
    ) as it:
        assert it.wait() == 0
        assert it.output.count("1000") == 10 and "48;2;" in it.output
        lines = it.output.replace("\r", "").split("\n")
        assert len([line for line in lines if "1000" in line and line.rstrip().endswith("94.1")]) == 10


def test_the_layers_are_a_table_of_their_newest_numbers(tmp_path: Path) -> None:
    made(tmp_path, {"activations": LAYERS, "units": UNITS})
    drawn = output(tmp_path, "last", "activations").splitlines()
    assert [line.split() for line in drawn if line.startswith("hidden 1  ")] == [
        ["hidden", "1", "9", "0.4", "50.0", "%", "0.2", "0.1"]
    ]
    assert "hidden 1: 1 unit" in output(tmp_path, "last", "units")
    made(tmp_path / "other", OF_IMAGES)
    assert "on points in the plane" in refusal(tmp_path / "other", "last", "units")
    assert "It is of runs of mlp, convnet and vit." in refusal(tmp_path / "other", "last", "activations")


def test_drawing_imports_no_torch(tmp_path: Path) -> None:
    made(tmp_path, OF_IMAGES)
    script = (
        "import sys; from typer.testing import CliRunner; from tui_lab.cli.main import app;"
        f"r = CliRunner().invoke(app, ['--home', {str(tmp_path)!r}, 'inspect', 'last', 'samples']);"
        "assert r.exit_code == 0, r.output;"
        "found = {'torch', 'numpy', 'sklearn'} & set(sys.modules); assert not found, found"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_an_image_a_block_and_a_head_are_chosen_of_attention(tmp_path: Path) -> None:
    made(tmp_path, OF_TRANSFORMERS)
    drawn = output(tmp_path, "last", "attention", "--block", "1", "--head", "2", "--sample", "2")
    assert "Image 2 of 2: cat" in drawn and "in block 1 of 2, head 2 of 2" in drawn
    assert "after block 1 of 2" in output(tmp_path, "last", "rollout", "--block", "1")
    assert "Image 2 of 2: cat" in output(tmp_path, "last", "class-token", "--sample", "2")
    given = json.loads(output(tmp_path, "last", "attention", "--sample", "2", "--json"))
    assert [one["sample"]["index"] for one in given["samples"]] == [9]
    assert "no sample 3: there are 2" in refusal(tmp_path, "last", "class-token", "--sample", "3")
    assert "no map of block 3; there are 1, 2" in refusal(tmp_path, "last", "rollout", "--block", "3")
    assert "no map of head 3: there are 2" in refusal(tmp_path, "last", "attention", "--head", "3")
    assert "--head belongs to attention" in refusal(tmp_path, "last", "rollout", "--head", "1")
    assert "--block belongs to attention, rollout" in refusal(tmp_path, "last", "class-token", "--block", "1")
