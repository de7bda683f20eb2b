from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tui_lab.data.folder import list_folder, read_images
from tui_lab.data.load import load_dataset
from tui_lab.errors import DamagedDataError, MissingDataError, UsageError
from tui_lab.hyperparameters import Hyperparameters


def picture(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    """A smooth picture, so that resampling methods agree but for rounding."""
    phase = np.random.default_rng(seed).uniform(0, 6, 3)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / height * 2 + columns / width * 3 + p) for p in phase]
    return Image.fromarray((127.5 + 127.5 * np.stack(waves, axis=2)).astype(np.uint8))


def write_classes(folder: Path, **sizes: int) -> Path:
    for name, size in sizes.items():
        (folder / name).mkdir(parents=True)
        for index in range(size):
            picture(seed=index).save(folder / name / f"{index:03}.png")
    return folder


# What is found


def test_classes_are_the_sorted_folder_names(tmp_path: Path) -> None:
    write_classes(tmp_path, zebra=4, ant=6)
    names, train, test = list_folder(tmp_path, seed=0)
    assert names == ("ant", "zebra")
    for listing in (train, test):
        assert [names[label] for label in listing.labels] == [path.parent.name for path in listing.paths]


@given(seed=st.integers(0, 1000), sizes=st.lists(st.integers(2, 30), min_size=2, max_size=4))
@settings(max_examples=25, deadline=None)
def test_a_fifth_of_every_class_is_held_out_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, seed: int, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("own")
    for label, size in enumerate(sizes):
        (folder / f"class{label}").mkdir()
        for index in range(size):
            (folder / f"class{label}" / f"{index}.jpg").touch()
    _, train, test = list_folder(folder, seed)
    assert test.labels.bincount().tolist() == [max(1, round(size / 5)) for size in sizes]
    assert sorted([*train.paths, *test.paths]) == sorted(folder.glob("*/*"))


def test_the_seed_decides_what_is_held_out(tmp_path: Path) -> None:
    write_classes(tmp_path, a=20, b=20)
    first, again, other = (list_folder(tmp_path, seed)[2].paths for seed in (1, 1, 2))
    assert first == again != other


def test_train_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", a=3, b=1)
    write_classes(tmp_path / "test", a=1, b=2)
    names, train, test = list_folder(tmp_path, seed=0)
    assert (names, train.labels.tolist(), test.labels.tolist()) == (("a", "b"), [0, 0, 0, 1], [0, 1, 1])


def test_train_can_be_the_name_of_a_class(tmp_path: Path) -> None:
    write_classes(tmp_path, bus=2, train=2)
    assert list_folder(tmp_path, seed=0)[0] == ("bus", "train")


def test_hidden_and_other_files_are_left_out(tmp_path: Path) -> None:
    write_classes(tmp_path, a=2, b=2)
    (tmp_path / ".thumbnails").mkdir()
    (tmp_path / "README.txt").touch()
    (tmp_path / "a" / "._000.png").touch()
    (tmp_path / "a" / "notes.txt").touch()
    (tmp_path / "b" / "more.png").mkdir()
    names, train, test = list_folder(tmp_path, seed=0)
    assert names == ("a", "b")
    assert len(train.paths) + len(test.paths) == 4


# What is wrong with a folder


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match=r"no folder .*/nowhere"):
        list_folder(tmp_path / "nowhere", seed=0)


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(MissingDataError, match=r"own cannot be read: Permission denied"):
        list_folder(write_classes(tmp_path / "own", a=2, b=2), seed=0)


@pytest.mark.parametrize(("sizes", "message"), [({}, "has 0 class folders"), ({"only": 3}, "has 1 class folders")])
def test_two_classes_are_needed(tmp_path: Path, sizes: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        list_folder(write_classes(tmp_path, **sizes), seed=0)
    assert "FOLDER/CLASS" in caught.value.hint


@pytest.mark.parametrize(("size", "message"), [(0, "/b has 0 images"), (1, "/b has 1 image, but at least 2 are")])
def test_a_class_needs_an_image_for_each_split(tmp_path: Path, size: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        list_folder(write_classes(tmp_path, a=2, b=size), seed=0)


def test_train_and_test_must_have_the_same_classes(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=1, dog=1)
    write_classes(tmp_path / "test", cat=1, cow=1)
    with pytest.raises(UsageError, match="same classes in train and in test: cow, dog in only one"):
        list_folder(tmp_path, seed=0)


def test_train_without_test_is_not_taken_for_a_class(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", cat=2, dog=2)
    with pytest.raises(UsageError, match="/test has 0 class folders"):
        list_folder(tmp_path, seed=0)


# Pixels


def test_a_square_image_is_resized_as_pillow_does(tmp_path: Path) -> None:
    picture(64, 64).save(tmp_path / "a.png")
    expected = np.asarray(picture(64, 64).resize((20, 20), Image.Resampling.BILINEAR))
    assert np.array_equal(read_images([tmp_path / "a.png"], 20)[0].permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("size", [(60, 40), (40, 60), (41, 97), (24, 8)])
def test_other_shapes_are_resized_and_cropped_as_torchvision_does(tmp_path: Path, size: tuple[int, int]) -> None:
    from torchvision.transforms import v2

    picture(*size).save(tmp_path / "a.png")
    transform = v2.Compose([v2.PILToTensor(), v2.Resize(16, antialias=True), v2.CenterCrop(16)])
    difference = read_images([tmp_path / "a.png"], 16)[0].int() - transform(picture(*size)).int()
    assert difference.abs().float().mean() < 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    picture(8, 8).convert(mode).save(path)
    expected = np.asarray(Image.open(path).convert("RGB"))
    assert np.array_equal(read_images([path], 8)[0].permute(1, 2, 0).numpy(), expected)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_sixteen_bits_of_grey_keep_their_scale(tmp_path: Path, suffix: str) -> None:
    rows = np.repeat(np.linspace(0, 65535, 8).astype(np.uint16), 8).reshape(8, 8)
    Image.fromarray(rows).save(tmp_path / f"a{suffix}")
    read = read_images([tmp_path / f"a{suffix}"], 8)[0]
    assert read[:, :, 3].tolist() == [(rows[:, 3] // 256).tolist()] * 3


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(tmp_path: Path, mode: str) -> None:
    """A drawing in black on nothing, whose hidden pixels are black too, would else be black all over."""
    drawing = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    drawing.paste((0, 0, 0, 255), (0, 0, 4, 8))
    drawing.convert(mode).save(tmp_path / "a.png")
    read = read_images([tmp_path / "a.png"], 8)[0]
    assert (read[:, :, :4].unique().tolist(), read[:, :, 4:].unique().tolist()) == ([0], [255])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".bmp", ".gif", ".ppm", ".tiff", ".webp"])
def test_the_usual_formats_are_found_and_read(tmp_path: Path, suffix: str) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        for index in range(2):
            picture(16, 16).save(tmp_path / name / f"{index}{suffix}")
    _, train, _ = list_folder(tmp_path, seed=0)
    expected = np.asarray(picture(16, 16)).astype(int)
    difference = read_images(train.paths, 16)[0].permute(1, 2, 0).numpy() - expected
    assert np.abs(difference).mean() < 20


def test_a_large_jpeg_looks_like_its_full_decoding(tmp_path: Path) -> None:
    picture(1000, 800).save(tmp_path / "a.jpg", quality=95)
    full = ImageOps.fit(Image.open(tmp_path / "a.jpg"), (32, 32), Image.Resampling.BILINEAR)
    difference = read_images([tmp_path / "a.jpg"], 32)[0].permute(1, 2, 0).numpy() - np.asarray(full).astype(int)
    assert np.abs(difference).max() <= 3


def test_a_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    picture(16, 16).save(tmp_path / "a.png", exif=exif)
    expected = np.asarray(picture(16, 16).transpose(Image.Transpose.ROTATE_270))
    assert np.array_equal(read_images([tmp_path / "a.png"], 16)[0].permute(1, 2, 0).numpy(), expected)


# Damaged images


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(DamagedDataError, match=r"a\.png cannot be read") as caught:
        read_images([tmp_path / "a.png"], 8)
    assert caught.value.hint


def test_what_is_no_image_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("<html>not found</html>")
    with pytest.raises(DamagedDataError, match=r"a\.png cannot be read: it is not an image"):
        read_images([tmp_path / "a.png"], 8)


def test_postscript_under_another_name_is_not_run(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(DamagedDataError, match="it is not an image"):
        read_images([tmp_path / "a.png"], 8)


def test_thirty_two_bits_are_refused_instead_of_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 5000, dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(DamagedDataError, match="32 bits"):
        read_images([tmp_path / "a.tif"], 8)


def test_a_decompression_bomb_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(100, 100).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(DamagedDataError, match=r"a\.png cannot be read: .* over 2,000 pixels"):
        read_images([tmp_path / "a.png"], 8)


def test_an_empty_file_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(DamagedDataError, match=r"a\.png cannot be read: it is empty\."):
        read_images([tmp_path / "a.png"], 8)


def test_a_file_that_has_gone_is_named_once(tmp_path: Path) -> None:
    with pytest.raises(DamagedDataError) as caught:
        read_images([tmp_path / "a.png"], 8)
    assert caught.value.message == f"The image {tmp_path / 'a.png'} cannot be read: No such file or directory."


def test_all_that_cannot_be_read_are_found_in_one_go(tmp_path: Path) -> None:
    write_classes(tmp_path, cat=10)
    paths = sorted(tmp_path.glob("*/*"))
    for path in paths[1:9]:
        path.write_text("no image")
    with pytest.raises(DamagedDataError, match=r"001\.png cannot be read: it is not an image; neither can ") as caught:
        read_images(paths, 8)
    assert caught.value.message.endswith(
        " cat/002.png, cat/003.png, cat/004.png, cat/005.png, cat/006.png, and 2 more."
    )


@given(st.data())
@settings(max_examples=150, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_flipped_bytes_give_an_image_or_an_error_that_names_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    stored = io.BytesIO()
    form = data.draw(st.sampled_from(["png", "jpeg", "gif", "bmp", "ppm", "tiff", "webp"]))
    picture(12, 10).save(stored, form)
    damaged = bytearray(stored.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged), 300) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("flipped") / "a.png"
    path.write_bytes(damaged)
    try:
        assert read_images([path], 8).shape == (1, 3, 8, 8)
    except DamagedDataError as error:
        assert str(path) in error.message


# The whole way


def test_own_images_load_as_a_data_set(tmp_path: Path) -> None:
    write_classes(tmp_path, a=10, b=10)
    dataset = load_dataset(Hyperparameters(dataset="folder", folder=str(tmp_path), image_size=16), tmp_path)
    assert dataset.class_names == ("a", "b")
    assert (dataset.train.x.shape, dataset.test.x.shape) == ((16, 3, 16, 16), (4, 3, 16, 16))
    assert (dataset.train.x.dtype, dataset.train.y.dtype) == (torch.uint8, torch.int64)


def test_broken_images_of_both_splits_are_named_together(tmp_path: Path) -> None:
    for split in ("train", "test"):
        write_classes(tmp_path / split, a=2, b=2)
        (tmp_path / split / "b" / "000.png").write_bytes(b"")
    with pytest.raises(DamagedDataError, match=r"train/b/000\.png cannot be read: it is empty; neither can b/000\.png"):
        load_dataset(Hyperparameters(dataset="folder", folder=str(tmp_path), image_size=8), tmp_path)


def test_only_the_images_asked_for_are_decoded(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", a=5, b=5)
    write_classes(tmp_path / "test", a=1, b=1)
    whole = Hyperparameters(dataset="folder", folder=str(tmp_path), image_size=8)
    part = whole.model_copy(update={"train_size": 4})
    chosen = load_dataset(part, tmp_path).train
    assert chosen.y.tolist() == [0, 0, 1, 1]
    for path in list_folder(tmp_path, 0)[1].paths:  # damage what is not in the subset, by its pixels
        pixels = read_images([path], 8)[0]
        if not any(torch.equal(pixels, kept) for kept in chosen.x):
            path.write_bytes(b"")
    assert torch.equal(load_dataset(part, tmp_path).train.x, chosen.x)
    with pytest.raises(DamagedDataError):
        load_dataset(whole, tmp_path)


def test_more_own_images_than_there_are_cannot_be_asked_for(tmp_path: Path) -> None:
    write_classes(tmp_path, a=5, b=5)
    with pytest.raises(UsageError, match="train_size = 9 is more than the 8 samples in folder"):
        load_dataset(Hyperparameters(dataset="folder", folder=str(tmp_path), train_size=9), tmp_path)
