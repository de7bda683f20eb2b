"""What tools work out with torch: parameters, standardisation, augmentation, samples, a network on a larger image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from PIL import Image

from tests.training.workers import create
from tui_lab import paths
from tui_lab.data.load import load_dataset
from tui_lab.errors import UsageError
from tui_lab.hyperparameters import Standardize, build
from tui_lab.inspections.outcomes import shown
from tui_lab.labs.catalogue import EXERCISES, find_exercise
from tui_lab.labs.convnet import CONVNET
from tui_lab.pictures import Picture
from tui_lab.previews import __main__ as server
from tui_lab.previews import attention_cost
from tui_lab.previews import sample_grid as sample_grid_module
from tui_lab.previews import score_map as module
from tui_lab.runs.directory import RunDirectory
from tui_lab.tools.catalogue import TOOLS
from tui_lab.tools.tool import PictureRows, Result
from tui_lab.training.checkpoint import save_weights

DIGITS = {"dataset": "digits"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path


def answer(tool: str, home: Path, *, measure: bool = False, **inputs: Any) -> Result:
    """By way of the process's own handling of a request, JSON included."""
    request = {"id": 7, "kind": "tool", "tool": tool, "inputs": inputs, "measure": measure}
    folders = {"home": str(home), "data_dir": str(home / "data")}
    content = json.loads(json.dumps(server.answer(json.dumps({**request, **folders})), allow_nan=False))
    assert content["id"] == 7
    if "error" in content:
        raise UsageError(content["error"], content["hint"])
    return Result.from_json(content["content"])


def rows(result: Result) -> dict[str, tuple[Any, ...]]:
    assert result.table is not None
    return {str(row[0]): row[1:] for row in result.table.rows}


# Parameters


def test_the_network_of_the_practical(home: Path) -> None:
    result = answer("parameters", home)
    found = rows(result)
    assert found["all"][2] == 1_191_170
    assert found["fc4"] == ("Linear 1,000", "1000", 1_025_000, "86.0 %")
    assert found["input"][1] == "3 × 32 × 32"
    assert "86 % of them are in fc4, Linear 1,000." in result.lines


def test_the_other_count_is_made_as_the_text_says() -> None:
    """Without the biases of convolutions, and with one for each value that comes in."""
    assert 2_400 + 51_200 + 102_400 + (1000 + 1) * 1024 + (10 + 1) * 1000 == 1_192_024
    assert all(text in TOOLS["parameters"].text for text in ("1,191,170", "1,192,024", "(1000 + 1) × 1024"))


@pytest.mark.parametrize(
    ("inputs", "shape", "classes", "options"),
    [
        ({"batch_norm": True}, (3, 32, 32), 10, {"batch_norm": True}),
        ({"crop": 16}, (3, 16, 16), 10, {}),
        ({"dataset": "mnist"}, (1, 28, 28), 10, {}),
        ({"dataset": "other", "channels": 4, "side": 64, "classes": 1000}, (4, 64, 64), 1000, {}),
        ({"exercise": "mlp", "dataset": "circles", "hidden": [7, 3]}, (2,), 2, {"hidden": [7, 3]}),
        (
            {"exercise": "vit", "embed_dim": 24, "num_heads": 3, "depth": 3, "position": "learned"},
            (3, 32, 32),
            10,
            {"embed_dim": 24, "num_heads": 3, "depth": 3, "position": "learned", "patch_size": 4},
        ),
        (
            {"exercise": "vit", "dataset": "mnist", "patch_size": 14, "class_token": "mean-pool", "mlp_ratio": 2},
            (1, 28, 28),
            10,
            {"patch_size": 14, "class_token": "mean-pool", "mlp_ratio": 2},
        ),
        ({"exercise": "timm", "model": "test_vit"}, (3, 32, 32), 10, {"model": "test_vit", "pretrained": False}),
    ],
)
def test_any_configuration_is_counted(
    home: Path, inputs: dict[str, Any], shape: tuple[int, ...], classes: int, options: dict[str, Any]
) -> None:
    exercise = find_exercise(inputs.get("exercise", "convnet"))
    hp = build(exercise.hyperparameters, options)
    model = exercise.build_model(hp, shape, classes)
    assert rows(answer("parameters", home, **inputs))["all"][2] == sum(p.numel() for p in model.parameters())


def test_a_transformer_is_told_part_by_part(home: Path) -> None:
    result = answer("parameters", home, exercise="vit", dataset="mnist", patch_size=7)
    found = rows(result)
    assert found["class_token"] == ("Parameter 1×1×32", "", 32, "0.1 %")
    assert found["position"] == ("fixed 1×17×32", "", "", "")
    assert found["blocks.1.attention.qkv"] == ("Linear 96", "17 × 96", 3_168, "11.5 %")
    parts = {name: sum(row[2] for layer, row in found.items() if f".{name}" in layer) for name in ("mlp", "attention")}
    shares = ", ".join(f"{name} {100 * count / 27_434:.1f} %" for name, count in parts.items())
    assert f"In all blocks: {shares}, norm 0.9 %." in result.lines


def test_every_exercise_with_layers_can_be_counted() -> None:
    with_layers = {name for name, exercise in EXERCISES.items() if not exercise.is_fitted}
    assert set(TOOLS["parameters"].declarations["exercise"].choices) == with_layers


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        ({"dataset": "circles"}, "dataset"),
        ({"crop": 40}, "crop = 40: is larger than the 32×32 images of cifar10"),
        ({"crop": 4}, "convnet needs images of at least 8×8"),
        ({"dataset": "other", "side": 4}, "convnet needs images of at least 8×8, and these are 4×4"),
        ({"dataset": "other", "side": 16, "crop": 20}, "crop = 20 is larger than the 16×16 images"),
        ({"exercise": "mlp", "hidden": [0]}, "hidden"),
        ({"exercise": "vit", "patch_size": 7}, "patch_size = 7: patches do not tile images of 32×32"),
        ({"exercise": "vit", "dataset": "other", "side": 30}, "vit: patches of 4×4 do not tile an image of 30×30"),
        ({"exercise": "vit", "num_heads": 5}, "num_heads = 5: must divide embed_dim = 32"),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(home: Path, inputs: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        answer("parameters", home, **inputs)


# Standardisation


def test_every_scheme_is_shown_beside_none(home: Path) -> None:
    result = answer("standardize", home, **DIGITS, standardize="all", images=3)
    schemes = [name for name in get_args(Standardize) if name != "pca-published"]  # digits are grey
    assert list(rows(result)) == schemes
    assert [gallery.title.partition(":")[0] for gallery in result.galleries] == schemes
    assert {len(gallery.pictures) for gallery in result.galleries} == {3}
    assert result.galleries[0].captions == ("0", "1", "2")


def test_the_statistics_are_those_of_the_values(home: Path) -> None:
    found = rows(answer("standardize", home, **DIGITS, standardize="channel"))
    x = load_dataset(CONVNET.hyperparameters(**DIGITS), home).train.x.double() / 255
    neighbours = torch.corrcoef(torch.stack([x[..., :-1].flatten(), x[..., 1:].flatten()]))[0, 1].item()
    expected = (x.mean().item(), x.std().item(), 0.0, x.max().item(), neighbours)
    assert found["none"] == pytest.approx(expected, abs=2e-4)
    assert found["channel"][:2] == pytest.approx((0, 1), abs=2e-4)
    assert found["channel"][4] == pytest.approx(neighbours, abs=2e-4)


def test_whitening_leaves_neighbours_uncorrelated(home: Path) -> None:
    found = rows(answer("standardize", home, **DIGITS, standardize="zca", whiten_epsilon=0.0))
    assert found["none"][4] > 0.3
    assert abs(found["zca"][4]) < 0.05


def test_one_scheme_stands_beside_none_and_another_draw_shows_other_images(home: Path) -> None:
    first, again, other = (answer("standardize", home, **DIGITS, standardize="gcn", draw=draw) for draw in (0, 0, 1))
    assert list(rows(first)) == ["none", "gcn"]
    assert first == again
    assert first.galleries[0].pictures != other.galleries[0].pictures
    assert list(rows(answer("standardize", home, **DIGITS, standardize="none"))) == ["none"]


# Augmentation


def pixels(picture: Picture) -> list[list[tuple[int, int, int]]]:
    return [[picture.pixel(x, y) for x in range(picture.width)] for y in range(picture.height)]


def test_every_draw_is_a_crop_of_the_image_or_its_mirror_image(home: Path) -> None:
    result = answer("augment", home, **DIGITS, image=5, crop=6, draws=20)
    stored, drawn = result.galleries
    image = pixels(stored.pictures[0])
    whole = [image, [line[::-1] for line in image]]
    crops = [
        [line[left : left + 6] for line in one[top : top + 6]] for one in whole for top in range(3) for left in range(3)
    ]
    assert len(drawn.pictures) == 20
    assert all(pixels(picture) in crops for picture in drawn.pictures)
    different = len({picture.rgb for picture in drawn.pictures})
    assert different > 1
    assert f"Of 20 draws, {different} are different." in result.lines
    assert "Crop and mirroring alone can make 18 images of one." in result.lines
    assert rows(result)["crop"] == ("6×6 of 8×8, at 9 places", "the 6×6 in the middle")
    digit = load_dataset(CONVNET.hyperparameters(**DIGITS), home).train.y[5].item()
    assert stored.captions == (str(digit),)


def test_without_augmentation_every_draw_is_the_image(home: Path) -> None:
    result = answer("augment", home, **DIGITS, crop=0, flip=False, draws=3)
    assert {picture.rgb for picture in result.galleries[1].pictures} == {result.galleries[0].pictures[0].rgb}
    assert result.lines == ("Of 3 draws, 1 is different.",)


def test_another_seed_draws_anew(home: Path) -> None:
    inputs = {**DIGITS, "crop": 0, "flip": False, "erasing": 1.0, "rotation": 90.0}
    first, again, other = (answer("augment", home, **inputs, seed=seed).galleries[1] for seed in (0, 0, 1))
    assert first == again != other


# Samples of every class


def grid_of(result: Result) -> PictureRows:
    (grid,) = result.galleries
    assert isinstance(grid, PictureRows)
    return grid


def test_every_class_has_its_rows_of_its_own_samples(home: Path) -> None:
    result = answer("sample-grid", home, **DIGITS, rows=2, columns=4)
    dataset = load_dataset(CONVNET.hyperparameters(**DIGITS), home)
    grid = grid_of(result)
    assert [name for name, _ in grid.groups] == list(dataset.class_names) and grid.across == 4
    for label, (_, pictures) in enumerate(grid.groups):
        own = {shown(x) for x in dataset.train.x[dataset.train.y == label]}
        assert len(pictures) == 8 and set(pictures) <= own
    counts = torch.bincount(dataset.train.y)
    sizes = f"{counts.min()} to {counts.max()}"
    assert result.lines == (f"1,437 train images of 8×8 in 10 classes of {sizes}.",)


def test_another_draw_or_split_shows_other_samples(home: Path) -> None:
    first, again, other, test = (
        answer("sample-grid", home, **DIGITS, **more) for more in ({}, {}, {"draw": 1}, {"split": "test"})
    )
    assert first == again
    assert grid_of(first).groups != grid_of(other).groups
    assert test.lines[0].startswith("360 test images")


def test_own_images_are_shown_and_a_broken_one_is_told(home: Path) -> None:
    for name, size in (("ants", 6), ("bees", 40)):
        (home / "mine" / name).mkdir(parents=True)
        for i in range(size):
            Image.new("RGB", (20, 16), (i, 2 * i, 0)).save(home / "mine" / name / f"{i:02}.png")
    inputs = {"dataset": "folder", "folder": str(home / "mine"), "image_size": 16}
    result = answer("sample-grid", home, **inputs)
    assert result.lines == ("37 train images of 16×16 in 2 classes of 5 to 32.",)
    assert [(name, len(pictures)) for name, pictures in grid_of(result).groups] == [("ants", 5), ("bees", 18)]
    (home / "mine" / "ants" / "00.png").write_bytes(b"no picture")
    (home / "mine" / "ants" / "01.png").write_bytes(b"no picture")
    (home / "mine" / "ants" / "02.png").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"The image .*0\d\.png cannot be read"):
        answer("sample-grid", home, **inputs)
    with pytest.raises(UsageError, match="must name a folder"):
        answer("sample-grid", home, dataset="folder")


def test_of_very_many_classes_the_first_are_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_grid_module, "MOST_PICTURES", 25)
    result = answer("sample-grid", home, **DIGITS, rows=1, columns=6)
    assert [name for name, _ in grid_of(result).groups] == list("0123")
    assert result.lines[1] == "Shown are the first 4 classes."


# The cost of attention

SMALL = {"image_side": 8, "patch_sizes": [1, 2, 8], "embed_dim": 8, "num_heads": 2, "depth": 1, "batch_size": 4}


def test_a_step_of_every_patch_size_is_timed_and_its_memory_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_cost, "LEAST_S", 0.0)
    result = answer("attention-cost", home, measure=True, **SMALL)
    assert result.table is not None
    assert [row[:2] for row in result.table.rows] == [(8, 2), (2, 17), (1, 65)]
    assert result.lines[0].startswith("One step of Adam on 4 random images in float32, by-hand")
    for row in result.table.rows:
        _, _, microseconds, rate, peak, kept = row
        assert microseconds > 0 and rate == pytest.approx(1e6 / microseconds, rel=0.02)
        assert kept / 2 < peak < 3 * kept
    assert [list(curve.x) for chart in result.charts for curve in chart.curves] == [[2, 17, 65]] * 2


def test_what_would_take_too_long_is_left_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_cost, "LEAST_S", 0.0)
    monkeypatch.setattr(attention_cost, "MOST_BYTES", 5e4)
    result = answer("attention-cost", home, measure=True, **SMALL)
    assert result.table is not None
    assert [row[2] == "too large" for row in result.table.rows] == [False, False, True]


def test_the_peak_is_what_tensors_take_together() -> None:
    memory = attention_cost.PeakMemory(held=1000)
    with memory:
        first = torch.zeros(250)
        same = first.view(10, 25)
        second = first + 1
        del first, same
        third = second * 2
        second.mul_(3)
        del second, third
        torch.zeros(500)
    assert memory.peak == 1000 + 4 * 500
    assert memory._live == 1000


# A network on a larger image


def map_of(home: Path, **inputs: Any) -> Result:
    return answer("fc-as-conv", home, measure=True, **{"height": 16, "width": 24, "trained_side": 8, **inputs})


def test_an_untrained_network_gives_a_map(home: Path) -> None:
    result = map_of(home, **DIGITS)
    assert result.lines[0] == "With weights at random: a map of 2 × 3 places, 10 classes each."
    assert result.table is not None
    assert result.table.columns == ("row", "column 0", "column 8", "column 16")
    image, classes = result.galleries
    assert (image.pictures[0].width, image.pictures[0].height) == (24, 16)
    assert {(picture.width, picture.height) for picture in classes.pictures} == {(3, 2)}
    assert len(classes.pictures) == 10


def test_where_nothing_slides_the_map_is_the_network(home: Path) -> None:
    result = map_of(home, **DIGITS, height=8, width=8)
    assert "At 1 of 1 places the class is that of the window of 8×8 by itself." in result.lines
    assert len(result.lines) == 2  # nothing differs


def test_large_maps_are_told_class_by_class(home: Path) -> None:
    result = map_of(home, **DIGITS, height=80, width=80)
    found = rows(result)
    assert sum(row[0] for row in found.values()) == 10 * 10
    assert list(found) == [str(digit) for digit in range(10)]


def test_a_mosaic_is_made_of_test_samples_and_one_sample_is_enlarged(home: Path) -> None:
    test = load_dataset(CONVNET.hyperparameters(**DIGITS), home).test
    inputs = module.FcAsConvInputs(height=20, width=16, trained_side=8, dataset="digits")
    image, labels = module._image(inputs, test)
    assert image.shape == (1, 1, 20, 16) and len(labels) == 6
    for place, label in enumerate(labels[:4]):  # those that are not cut
        row, column = divmod(place, 2)
        tile = image[0, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        (same,) = {int(test.y[i]) for i in range(len(test)) if torch.equal(test.x[i], tile)}
        assert same == label
    enlarged, one = module._image(inputs.model_copy(update={"image": "sample", "height": 8, "width": 8}), test)
    assert any(torch.equal(x, enlarged[0]) for x in test.x) and len(one) == 1


@pytest.fixture
def run(home: Path) -> RunDirectory:
    """A run whose network says 7 whatever it sees."""
    run = create(home, "convnet", dataset="digits", crop=8, standardize="channel")
    hp = build(CONVNET.hyperparameters, run.read_request().hyperparameters)
    model = CONVNET.build_model(hp, (1, 8, 8), 10)
    weights = model.state_dict()
    weights["fc5.weight"].zero_()
    weights["fc5.bias"].copy_(10.0 * (torch.arange(10) == 7))
    save_weights(run.weights, weights)
    return run


def test_a_run_lends_its_weights_and_its_data(home: Path, run: RunDirectory) -> None:
    result = map_of(home, run="last", trained_side=32, height=32, width=32)
    assert result.lines[0] == f"With the weights of run {run.id}: a map of 4 × 4 places, 10 classes each."
    assert result.table is not None
    assert {cell for row in result.table.rows for cell in row[1:]} == {"7 100"}


def test_what_is_wrong_with_a_run_is_told_in_a_sentence(home: Path, run: RunDirectory) -> None:
    with pytest.raises(UsageError, match="There is no run 'nobody'"):
        map_of(home, run="nobody")
    run.weights.write_bytes(b"garbled")
    with pytest.raises(UsageError, match=r"cannot be read: .* is damaged"):
        map_of(home, run=run.id)
    save_weights(run.weights, {"fc5.bias": torch.zeros(3)})
    with pytest.raises(UsageError, match=r"cannot be read: .* is damaged"):
        map_of(home, run=run.id)
    run.weights.unlink()
    with pytest.raises(UsageError, match="has saved no weights yet"):
        map_of(home, run=run.id)
    whitened = create(home, "convnet", dataset="digits", standardize="zca")
    with pytest.raises(UsageError, match="whitens its images"):
        map_of(home, run=whitened.id)
    other = create(home, "mlp", dataset="digits")
    with pytest.raises(UsageError, match="is one of mlp: this needs a convnet"):
        map_of(home, run=other.id)


def test_an_image_smaller_than_the_network_was_made_for_is_refused(home: Path) -> None:
    large = create(home, "convnet", dataset="digits", crop=16, crop_padding=4)
    save_weights(large.weights, CONVNET.build_model(CONVNET.hyperparameters(), (1, 16, 16), 10).state_dict())
    with pytest.raises(UsageError, match="made for 16×16: the image must not be smaller"):
        map_of(home, run=large.id, height=8, width=8)


# The process


def test_missing_data_and_tools_without_torch_are_told(home: Path) -> None:
    with pytest.raises(UsageError, match="cifar10 is not in"):
        answer("augment", home)
    with pytest.raises(UsageError, match="conv needs no torch"):
        answer("conv", home)
    with pytest.raises(UsageError, match="There is no tool 'augmen'"):
        answer("augmen", home)
