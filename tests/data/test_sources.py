from __future__ import annotations

import gzip
import hashlib
import math
import os
import pickle
import shutil
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest
import torch

from tui_lab.data import load
from tui_lab.data.catalogue import DATASETS, find_file, is_present, missing_data_error, missing_files, sample_shape
from tui_lab.data.cifar import load_cifar10
from tui_lab.data.dataset import Split
from tui_lab.data.digits import load_digits
from tui_lab.data.idx import load_idx
from tui_lab.data.integrity import bad_files, idx_header, idx_shape
from tui_lab.data.load import load_dataset
from tui_lab.data.points import LARGEST, load_points
from tui_lab.errors import DamagedDataError, MissingDataError, UsageError
from tui_lab.hyperparameters import DatasetName, Hyperparameters, PointSet
from tui_lab.seeding import stream_seed

POINT_SETS = typing.get_args(PointSet)


# The catalogue


def test_every_choice_of_the_hyperparameter_is_in_the_catalogue() -> None:
    assert tuple(DATASETS) == typing.get_args(DatasetName)


def test_asking_what_there_is_imports_nothing_heavy() -> None:
    modules = "tui_lab.data.catalogue, tui_lab.data.integrity, tui_lab.data.fetch"
    heavy = "{'torch', 'torchvision', 'sklearn', 'numpy'} & set(sys.modules)"
    code = f"import sys, {modules}; sys.exit(str({heavy}) if {heavy} else 0)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


def test_files_checksums_and_classes_are_torchvisions() -> None:
    from torchvision.datasets import CIFAR10, MNIST, FashionMNIST

    for name, source in (("mnist", MNIST), ("fashion-mnist", FashionMNIST)):
        expected = {f"{source.__name__}/raw/{file}": md5 for file, md5 in source.resources}
        assert DATASETS[name].checksums == expected
    assert DATASETS["fashion-mnist"].class_names == tuple(FashionMNIST.classes)
    assert DATASETS["cifar10"].checksums == {
        f"{CIFAR10.base_folder}/{file}": md5 for file, md5 in CIFAR10.train_list + CIFAR10.test_list
    }


@pytest.mark.parametrize("name", DATASETS)
def test_sample_shape_is_known_before_loading(name: DatasetName) -> None:
    hyperparameters = Hyperparameters(dataset=name, folder="mine", image_size=48)
    assert sample_shape(hyperparameters) == (DATASETS[name].shape or (3, 48, 48))


@pytest.mark.parametrize("name", [name for name, info in DATASETS.items() if not info.files])
def test_what_needs_no_files_is_always_present(name: str, tmp_path: Path) -> None:
    assert is_present(name, tmp_path)


def test_a_file_counts_as_present_as_distributed_or_extracted(tmp_path: Path) -> None:
    first, second, *others = DATASETS["mnist"].files
    (tmp_path / first).parent.mkdir(parents=True)
    (tmp_path / first).touch()
    (tmp_path / second).with_suffix("").touch()
    assert missing_files("mnist", tmp_path) == [tmp_path / file for file in others]
    assert find_file(tmp_path, second) == (tmp_path / second).with_suffix("")


def test_a_folder_that_may_not_be_entered_has_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "is_file", denied)
    assert not is_present("mnist", tmp_path)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_loading_what_is_not_there_says_where_it_looked_and_how_to_fetch_it(name: DatasetName, tmp_path: Path) -> None:
    with pytest.raises(MissingDataError) as caught:
        load_dataset(Hyperparameters(dataset=name), tmp_path)
    assert caught.value.message == f"{name} is not in {tmp_path}."
    assert f"`tui-lab data fetch {name}`" in caught.value.hint
    assert "circles, moons, spirals, gaussians, xor and digits work offline" in caught.value.hint


def test_an_incomplete_set_names_what_is_missing(tmp_path: Path) -> None:
    *others, last = DATASETS["cifar10"].files
    for file in others:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    assert missing_data_error("cifar10", tmp_path).message.endswith(f"{Path(last).name} missing.")


# Points


@pytest.mark.parametrize("name", POINT_SETS)
def test_points_are_balanced_float32_and_200_a_split(name: PointSet, tmp_path: Path) -> None:
    dataset = load_dataset(Hyperparameters(dataset=name), tmp_path)
    for split in (dataset.train, dataset.test):
        assert (split.x.shape, split.x.dtype, split.y.dtype) == ((200, 2), torch.float32, torch.int64)
        assert split.y.bincount().tolist() == [200 // dataset.classes] * dataset.classes


@pytest.mark.parametrize("name", POINT_SETS)
def test_points_depend_on_the_seed_and_the_split_and_on_nothing_else(name: PointSet) -> None:
    train, test = load_points(name, 50, 50, 0.1, seed=3)
    again, _ = load_points(name, 50, 99, 0.1, seed=3)
    other, _ = load_points(name, 50, 50, 0.1, seed=4)
    assert torch.equal(train.x, again.x)
    assert not torch.equal(train.x, other.x)
    assert not torch.equal(train.x, test.x)


@pytest.mark.parametrize("name", POINT_SETS)
def test_noise_is_a_standard_deviation(name: PointSet) -> None:
    # zero-mean noise independent of the clean points adds its variance to theirs
    clean, noisy = (load_points(name, 40_000, 10, noise, seed=0)[0] for noise in (0.0, 0.5))
    for label in range(int(clean.y.max()) + 1):
        added = noisy.x[noisy.y == label].var(dim=0) - clean.x[clean.y == label].var(dim=0)
        assert torch.allclose(added, torch.tensor(0.25), atol=0.03)


@pytest.mark.parametrize("name", ["circles", "moons"])
def test_circles_and_moons_are_scikit_learns(name: PointSet) -> None:
    from sklearn import datasets

    make = {"circles": lambda **k: datasets.make_circles(factor=0.3, **k), "moons": datasets.make_moons}[name]
    for index, split in enumerate(load_points(name, 60, 30, 0.2, seed=7)):
        x, y = make(n_samples=len(split), noise=0.2, random_state=stream_seed(7, "points", index) % 2**32)
        assert np.array_equal(split.x.numpy(), x.astype(np.float32))
        assert np.array_equal(split.y.numpy(), y)


def test_without_noise_spirals_lie_on_their_arms_and_spread_over_the_area() -> None:
    split, _ = load_points("spirals", 4000, 10, 0.0, seed=0)
    radius = split.x.norm(dim=1) / 1.5
    angle = torch.atan2(split.x[:, 1], split.x[:, 0])
    turns = (angle / math.pi - 2 * radius - split.y) / 2  # θ = 2πt + πk up to whole turns
    assert (turns - turns.round()).abs().max() < 1e-4
    assert abs((radius < 0.5).float().mean() - 0.25) < 0.03


def test_gaussians_are_as_hard_as_their_noise_says() -> None:
    from scipy.stats import norm

    split, _ = load_points("gaussians", 40_000, 10, 0.5, seed=0)
    centres = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    accuracy = (torch.cdist(split.x, centres).argmin(dim=1) == split.y).float().mean().item()
    assert accuracy == pytest.approx(norm.cdf(1 / (math.sqrt(2) * 0.5)) ** 2, abs=0.006)


def test_xor_is_as_hard_as_its_noise_says_and_a_line_gets_three_clouds_right_at_most() -> None:
    from scipy.stats import norm

    split, _ = load_points("xor", 40_000, 10, 0.8, seed=0)
    signs = split.x.sign()
    accuracy = ((signs[:, 0] != signs[:, 1]) == split.y.bool()).float().mean().item()
    p = norm.cdf(1 / 0.8)
    assert accuracy == pytest.approx(p**2 + (1 - p) ** 2, abs=0.008)
    clean, _ = load_points("xor", 400, 10, 0.0, seed=0)
    directions = torch.linspace(0, 2 * math.pi, 64)
    scores = clean.x @ torch.stack([directions.cos(), directions.sin()])
    offsets = torch.linspace(-2, 2, 41)
    says = (scores[:, :, None] > offsets).float()  # (points, directions, offsets)
    assert (says == clean.y[:, None, None]).float().mean(dim=0).max().item() == 0.75


def test_points_come_in_the_number_asked_for(tmp_path: Path) -> None:
    dataset = load_dataset(Hyperparameters(dataset="moons", train_size=31, test_size=7), tmp_path)
    assert (len(dataset.train), len(dataset.test)) == (31, 7)
    with pytest.raises(UsageError, match="test_size = 1,000,001 is more than the 1,000,000 points"):
        load_points("moons", test_size=LARGEST + 1)


# Digits


def test_digits_are_scikit_learns_with_the_grey_levels_spread_over_a_byte() -> None:
    from sklearn import datasets

    scans = datasets.load_digits()
    train, test = load_digits()
    ours = {(x.numpy().tobytes(), int(y)) for x, y in zip(*_joined(train, test), strict=True)}
    theirs = {
        (np.round(image / 16 * 255).astype(np.uint8).tobytes(), int(y))
        for image, y in zip(scans.images, scans.target, strict=True)
    }
    assert ours == theirs
    assert int(train.x.min()) == 0
    assert int(train.x.max()) == 255


def _joined(train: Split, test: Split) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.cat([train.x, test.x]), torch.cat([train.y, test.y])


def test_the_split_of_the_digits_is_stratified_and_always_the_same() -> None:
    train, test = load_digits()
    info = DATASETS["digits"]
    assert (train.x.shape, test.x.shape) == ((info.train_size, 1, 8, 8), (info.test_size, 1, 8, 8))
    share = test.y.bincount() / (test.y.bincount() + train.y.bincount())
    assert (share - 360 / 1797).abs().max() < 1 / 170
    # results on digits are compared across versions: a changed split would make them incomparable
    assert hashlib.sha256(test.x.numpy().tobytes()).hexdigest()[:16] == "656049f4f0291795"


# MNIST and Fashion-MNIST


def extracted_mnist(folder: Path, label: int = 3) -> Path:
    """MNIST's extracted files with black images (sparse files: nothing is written) and one label throughout."""
    for file in DATASETS["mnist"].files:
        path, shape = (folder / file).with_suffix(""), idx_shape("mnist", file)
        path.parent.mkdir(parents=True, exist_ok=True)
        header = idx_header(shape)
        path.write_bytes(header + (bytes([label]) * shape[0] if len(shape) == 1 else b""))
        os.truncate(path, len(header) + math.prod(shape))
    return folder


def test_extracted_files_alone_are_enough(tmp_path: Path) -> None:
    train, test = load_idx("mnist", extracted_mnist(tmp_path))
    assert (train.x.shape, train.x.dtype, train.y.dtype) == ((60_000, 1, 28, 28), torch.uint8, torch.int64)
    assert (test.x.shape, test.y.unique().tolist()) == ((10_000, 1, 28, 28), [3])


@pytest.mark.parametrize("file", [Path(file).stem for file in DATASETS["mnist"].files])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: os.truncate(path, path.stat().st_size - 1), "bytes instead of"),
        (lambda path: os.truncate(path, path.stat().st_size + 1), "bytes instead of"),
        (lambda path: os.truncate(path, 0), "does not begin with the header"),
        (lambda path: path.write_bytes(b"\x00\x00\x0d" + path.read_bytes()[3:20]), "does not begin with the header"),
        (lambda path: path.write_bytes(b"<html>"), "does not begin with the header"),
    ],
    ids=["short", "long", "empty", "other type", "other content"],
)
def test_a_damaged_extracted_file_is_named(
    file: str, damage: typing.Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = extracted_mnist(tmp_path) / "MNIST" / "raw" / file
    damage(path)
    with pytest.raises(DamagedDataError, match=f"{file} .*{message}") as caught:
        load_idx("mnist", tmp_path)
    assert "`tui-lab data fetch mnist --force`" in caught.value.hint


def test_a_label_that_no_class_has_is_damage(tmp_path: Path) -> None:
    with pytest.raises(DamagedDataError, match="train-labels-idx1-ubyte has a label 10, but there are 10 classes"):
        load_idx("mnist", extracted_mnist(tmp_path, label=10))


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extracted_mnist(tmp_path)

    def denied(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(DamagedDataError, match="train-images-idx3-ubyte cannot be read: Permission denied"):
        load_idx("mnist", tmp_path)


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_mnist_like_sets_equal_torchvisions_and_the_catalogue(
    name: DatasetName, real_data: Path, tmp_path: Path
) -> None:
    from torchvision import datasets

    info = DATASETS[name]
    for file in info.files:
        extracted = (tmp_path / file).with_suffix("")
        extracted.parent.mkdir(parents=True, exist_ok=True)
        extracted.write_bytes(gzip.decompress((real_data / file).read_bytes()))
    source = datasets.MNIST if name == "mnist" else datasets.FashionMNIST
    for data_dir in (real_data, tmp_path):  # compressed, extracted
        dataset = load_dataset(Hyperparameters(dataset=name), data_dir)
        for split, is_train in ((dataset.train, True), (dataset.test, False)):
            expected = source(tmp_path, train=is_train)
            assert torch.equal(split.x.squeeze(1), expected.data)
            assert torch.equal(split.y, expected.targets)
        assert (len(dataset.train), len(dataset.test)) == (info.train_size, info.test_size)
        assert (dataset.sample_shape, dataset.class_names) == (info.shape, info.class_names)
    assert info.download_bytes == sum((real_data / file).stat().st_size for file in info.files)


@pytest.mark.data
def test_nothing_is_extracted_onto_the_disk(real_data: Path, tmp_path: Path) -> None:
    linked(real_data, tmp_path, "mnist")
    load_idx("mnist", tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*-ubyte*")) == sorted(
        Path(file).name for file in DATASETS["mnist"].files
    )


def linked(real_data: Path, folder: Path, name: str, but: str = "") -> Path:
    """The real files of `name` as links below `folder`; `but` is copied, to be damaged, and its path returned."""
    for file in DATASETS[name].files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        if file == but:
            shutil.copyfile(real_data / file, folder / file)
        else:
            (folder / file).symlink_to(real_data / file)
    return folder / but


def flip_one_bit(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 0b100]))


@pytest.mark.data
@pytest.mark.parametrize(
    "damage", [flip_one_bit, lambda path: os.truncate(path, path.stat().st_size // 2)], ids=["bit", "half"]
)
@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "MNIST/raw/t10k-images-idx3-ubyte.gz"),
        ("fashion-mnist", "FashionMNIST/raw/train-labels-idx1-ubyte.gz"),
        ("cifar10", "cifar-10-batches-py/data_batch_3"),
    ],
)
def test_a_damaged_file_is_named_and_the_only_one_named(
    name: DatasetName, file: str, damage: typing.Callable[[Path], None], real_data: Path, tmp_path: Path
) -> None:
    path = linked(real_data, tmp_path, name, but=file)
    damage(path)
    assert bad_files(name, tmp_path) == {path: "has the wrong MD5 checksum"}
    with pytest.raises(DamagedDataError) as caught:
        load_dataset(Hyperparameters(dataset=name), tmp_path)
    assert caught.value.message == f"{path} has the wrong MD5 checksum."
    assert f"`tui-lab data fetch {name} --force`" in caught.value.hint


# CIFAR-10


@pytest.mark.data
def test_cifar10_equals_torchvisions_and_the_catalogue(real_data: Path) -> None:
    from torchvision.datasets import CIFAR10

    info = DATASETS["cifar10"]
    dataset = load_dataset(Hyperparameters(dataset="cifar10"), real_data)
    for split, is_train in ((dataset.train, True), (dataset.test, False)):
        expected = CIFAR10(real_data, train=is_train)
        assert (split.x.dtype, split.y.dtype) == (torch.uint8, torch.int64)
        assert split.x.is_contiguous()
        assert np.array_equal(split.x.numpy(), expected.data.transpose(0, 3, 1, 2))
        assert split.y.tolist() == expected.targets
        assert info.class_names == tuple(expected.classes)
    assert (len(dataset.train), len(dataset.test)) == (info.train_size, info.test_size)
    assert dataset.sample_shape == info.shape


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[typing.Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


def test_nothing_is_unpickled_before_its_checksum_is_right(tmp_path: Path) -> None:
    exploded = tmp_path / "exploded"
    for file in DATASETS["cifar10"].files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(pickle.dumps(Bomb(exploded)))
    with pytest.raises(DamagedDataError, match="data_batch_1 has the wrong MD5"):
        load_cifar10(tmp_path)
    assert not exploded.exists()
    pickle.loads((tmp_path / DATASETS["cifar10"].files[0]).read_bytes())
    assert exploded.exists()  # the bomb does work


# From hyperparameters to a data set


def test_taking_everything_copies_no_pixels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    splits = load_digits()
    monkeypatch.setattr(load, "load_digits", lambda: splits)
    for sizes in ({}, {"train_size": 1437, "test_size": 360}):
        dataset = load_dataset(Hyperparameters(dataset="digits", **sizes), tmp_path)
        assert dataset.train.x.data_ptr() == splits[0].x.data_ptr()
        assert dataset.test.x.data_ptr() == splits[1].x.data_ptr()


def test_sizes_are_stratified_and_follow_the_seed(tmp_path: Path) -> None:
    few = Hyperparameters(dataset="digits", train_size=100, test_size=50, seed=1)
    first, again = load_dataset(few, tmp_path), load_dataset(few, tmp_path)
    other = load_dataset(few.model_copy(update={"seed": 2}), tmp_path)
    assert (len(first.train), len(first.test)) == (100, 50)
    assert first.train.y.bincount().tolist() == [10] * 10
    assert torch.equal(first.train.x, again.train.x)
    assert not torch.equal(first.train.x, other.train.x)


def test_validation_is_held_out_of_the_reduced_training_samples(tmp_path: Path) -> None:
    without = load_dataset(Hyperparameters(dataset="digits", train_size=200), tmp_path)
    assert without.validation is None
    with_validation = load_dataset(Hyperparameters(dataset="digits", train_size=200, validation_fraction=0.1), tmp_path)
    assert with_validation.validation is not None
    assert (len(with_validation.train), len(with_validation.validation)) == (180, 20)
    joined = torch.cat([with_validation.train.x, with_validation.validation.x]).flatten(1)
    assert sorted(joined.tolist()) == sorted(without.train.x.flatten(1).tolist())
    assert torch.equal(with_validation.test.x, without.test.x)


@pytest.mark.parametrize(("key", "available"), [("train_size", "1,437"), ("test_size", "360")])
def test_more_samples_than_there_are_cannot_be_asked_for(key: str, available: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{key} = 5,000 is more than the {available} samples in digits"):
        load_dataset(Hyperparameters(dataset="digits", **{key: 5000}), tmp_path)
