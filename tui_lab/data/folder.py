"""A user's own images: one folder a class, FOLDER/CLASS/*.png, or the same below FOLDER/train and FOLDER/test."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from tui_lab.errors import DamagedDataError, MissingDataError, UsageError
from tui_lab.seeding import stream_seed

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
TEST_FRACTION = 0.2
NAMED = 5  # images that cannot be read, beside the first
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # and not what else Pillow would recognise by content
_LAYOUT = "Put the images of each class into a folder of its own: FOLDER/CLASS/*.png, or FOLDER/train and FOLDER/test."
_SUFFIX_LIST = " ".join(sorted(SUFFIXES))
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)


@dataclass(frozen=True)
class Listing:
    """The image files of one split, nothing decoded yet: paths and, int64 of shape (N,), the class of each."""

    paths: tuple[Path, ...]
    labels: Tensor


def list_folder(folder: Path, seed: int) -> tuple[tuple[str, ...], Listing, Listing]:
    """Find the images and which of them are test samples, without opening any.

    Where `folder` has train and test folders, these are the splits; otherwise a fifth of each class, drawn with the
    run's seed, is held out to test on. Files and folders whose name begins with a dot are left out.

    Args:
        folder: the user's folder.
        seed: of the run.

    Returns:
        The class names, sorted, and the train and the test images, sorted by class and name.

    Raises:
        MissingDataError: there is no such folder, or it cannot be read.
        UsageError: fewer than two classes, too few images in one, or other classes in train than in test.
    """
    try:
        if not folder.is_dir():
            raise MissingDataError(f"There is no folder {folder}.", "Give another with `folder`.")
        return _list(folder, seed)
    except OSError as error:
        raise MissingDataError(f"{error.filename} cannot be read: {error.strerror}.") from error


def _list(folder: Path, seed: int) -> tuple[tuple[str, ...], Listing, Listing]:
    train_folder, test_folder = folder / "train", folder / "test"
    if not _subfolders(train_folder) and not _subfolders(test_folder):
        images = _images_by_class(folder, at_least=2)
        return tuple(images), *_split(images, seed)
    train, test = _images_by_class(train_folder, at_least=1), _images_by_class(test_folder, at_least=1)
    if train.keys() != test.keys():
        names = ", ".join(sorted(train.keys() ^ test.keys()))
        raise UsageError(f"{folder} does not have the same classes in train and in test: {names} in only one of them.")
    return tuple(train), _listing(train), _listing(test)


def read_images(paths: Sequence[Path], side: int) -> Tensor:
    """Decode images to squares: the shorter side is scaled to `side`, and what sticks out of the centre is cut off.

    What is transparent becomes white, and of 16-bit grey the high byte is kept.

    Returns:
        uint8 of shape (N, 3, side, side), red, green, blue.

    Raises:
        DamagedDataError: images that cannot be decoded, are implausibly large, or have 32 bits a pixel. All are looked
            at before, so that they can be put right in one go.
    """
    images = torch.empty((len(paths), 3, side, side), dtype=torch.uint8)
    reasons: dict[Path, str] = {}
    for pixels, path in zip(images.numpy(), paths, strict=True):
        try:
            pixels[:] = np.asarray(_read_image(path, side)).transpose(2, 0, 1)
        except _UNREADABLE as error:
            reasons[path] = _reason(path, error)
    if reasons:
        raise _damaged(reasons)
    return images


def _read_image(path: Path, side: int) -> Image.Image:
    """Raises one of _UNREADABLE."""
    with Image.open(path, formats=_FORMATS) as image:
        image.draft(None, (2 * side, 2 * side))  # a JPEG far larger than needed is decoded at a fraction
        has_16_bits = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
        upright = _in_color(ImageOps.exif_transpose(image), has_16_bits)
        return ImageOps.fit(upright, (side, side), Image.Resampling.BILINEAR)


def _in_color(image: Image.Image, has_16_bits: bool) -> Image.Image:
    """RGB, also where Pillow's conversion would clip 16 bits to white, or show what lies under transparent pixels."""
    if has_16_bits:
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError("its pixels are numbers of 32 bits, whose white is not known; save it with 8 or 16")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError):
        return f"it says that it has over {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels"  # Pillow's limit for an error
    if isinstance(error, UnidentifiedImageError):
        return "it is not an image" if path.stat().st_size else "it is empty"
    return (error.strerror if isinstance(error, OSError) else None) or str(error).rstrip(".") or "it is cut off"


def _damaged(reasons: Mapping[Path, str]) -> DamagedDataError:
    """The first with its reason, and the names of some more."""
    (path, reason), *others = reasons.items()
    if not others:
        return DamagedDataError(f"The image {path} cannot be read: {reason}.", "Replace or remove it.")
    names = ", ".join(f"{other.parent.name}/{other.name}" for other, _ in others[:NAMED])
    more = f", and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
    sentence = f"The image {path} cannot be read: {reason}; neither can {names}{more}."
    return DamagedDataError(sentence, "Replace or remove them.")


def _subfolders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images_by_class(folder: Path, at_least: int) -> dict[str, list[Path]]:
    found = {
        class_folder.name: sorted(
            path
            for path in class_folder.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
        )
        for class_folder in _subfolders(folder)
    }
    if len(found) < 2:
        raise UsageError(f"{folder} has {len(found)} class folders, but two or more are needed.", _LAYOUT)
    for name, paths in found.items():
        if len(paths) < at_least:
            images, are = ("image" if len(paths) == 1 else "images"), ("is" if at_least == 1 else "are")
            sentence = f"{folder / name} has {len(paths)} {images}, but at least {at_least} {are} needed."
            raise UsageError(sentence, f"Add some ({_SUFFIX_LIST}), or remove the folder.")
    return found


def _split(images: dict[str, list[Path]], seed: int) -> tuple[Listing, Listing]:
    """Hold out a fifth of every class, at least one image: no class may be without a test sample."""
    train: dict[str, list[Path]] = {}
    test: dict[str, list[Path]] = {}
    for label, (name, paths) in enumerate(images.items()):
        generator = torch.Generator().manual_seed(stream_seed(seed, "folder", label))
        order = torch.randperm(len(paths), generator=generator).tolist()
        size = max(1, round(TEST_FRACTION * len(paths)))
        test[name] = [paths[index] for index in sorted(order[:size])]
        train[name] = [paths[index] for index in sorted(order[size:])]
    return _listing(train), _listing(test)


def _listing(images: dict[str, list[Path]]) -> Listing:
    paths = tuple(path for of_class in images.values() for path in of_class)
    labels = [label for label, of_class in enumerate(images.values()) for _ in of_class]
    return Listing(paths, torch.tensor(labels, dtype=torch.int64))
