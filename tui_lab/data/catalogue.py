"""What data sets there are, and whether their files are there: everything that can be said without loading one.

Nothing here imports torch, torchvision or scikit-learn, so that the command line and the screen can ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tui_lab.errors import DamagedDataError, MissingDataError
from tui_lab.hyperparameters import DatasetName, Hyperparameters


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before it is loaded.

    Attributes:
        name: as in the hyperparameter `dataset`.
        title: one line for people.
        kind: "points" in the plane or "images".
        shape: of one sample as stored, (2,) or (C, H, W); None where the hyperparameters decide it.
        class_names: one a class, in the order of the labels; empty where the user's folders decide them.
        train_size, test_size: samples in each split; 0 where the user's folders decide it. For generated points, how
            many there are unless the hyperparameters of the same names ask for another number.
        licence: of the data.
        source: where they come from.
        checksums: the files needed, relative to the data folder in torchvision's layout, each with its MD5 as
            distributed; empty for what is generated or comes with a package.
        download_bytes: what fetching them transfers.
    """

    name: DatasetName
    title: str
    kind: Literal["points", "images"]
    shape: tuple[int, ...] | None
    class_names: tuple[str, ...]
    train_size: int
    test_size: int
    licence: str
    source: str
    checksums: Mapping[str, str] = field(default_factory=dict, hash=False)
    download_bytes: int = 0

    @property
    def files(self) -> tuple[str, ...]:
        """The files needed, relative to the data folder."""
        return tuple(self.checksums)


def _points(name: DatasetName, title: str, class_names: tuple[str, ...], source: str) -> DatasetInfo:
    return DatasetInfo(name, title, "points", (2,), class_names, 200, 200, "none needed: generated", source)


_DIGITS = tuple("0123456789")

DATASETS: dict[str, DatasetInfo] = {
    info.name: info
    for info in (
        _points("circles", "One circle inside another", ("outer", "inner"), "scikit-learn's make_circles"),
        _points("moons", "Two interleaved half circles", ("upper", "lower"), "scikit-learn's make_moons"),
        _points("spirals", "Two interleaved spiral arms", ("first arm", "second arm"), "tui_lab.data.points"),
        _points("gaussians", "Four round clouds of points", ("east", "north", "west", "south"), "tui_lab.data.points"),
        _points("xor", "Four clouds, opposite ones alike", ("same signs", "different signs"), "tui_lab.data.points"),
        DatasetInfo(
            name="digits",
            title="Handwritten digits, 8×8 grey",
            kind="images",
            shape=(1, 8, 8),
            class_names=_DIGITS,
            train_size=1437,
            test_size=360,
            licence="CC BY 4.0",
            source="Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI 1998; comes with scikit-learn",
        ),
        DatasetInfo(
            name="mnist",
            title="MNIST, handwritten digits, 28×28 grey",
            kind="images",
            shape=(1, 28, 28),
            class_names=_DIGITS,
            train_size=60_000,
            test_size=10_000,
            licence="CC BY-SA 3.0",
            source="LeCun, Cortes & Burges, http://yann.lecun.com/exdb/mnist/",
            checksums={
                "MNIST/raw/train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "MNIST/raw/train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
                "MNIST/raw/t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
                "MNIST/raw/t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
            },
            download_bytes=11_594_722,
        ),
        DatasetInfo(
            name="fashion-mnist",
            title="Fashion-MNIST, articles of clothing, 28×28 grey",
            kind="images",
            shape=(1, 28, 28),
            class_names=(
                "T-shirt/top",
                "Trouser",
                "Pullover",
                "Dress",
                "Coat",
                "Sandal",
                "Shirt",
                "Sneaker",
                "Bag",
                "Ankle boot",
            ),
            train_size=60_000,
            test_size=10_000,
            licence="MIT",
            source="Xiao, Rasul & Vollgraf 2017, https://github.com/zalandoresearch/fashion-mnist",
            checksums={
                "FashionMNIST/raw/train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "FashionMNIST/raw/train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
                "FashionMNIST/raw/t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
                "FashionMNIST/raw/t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
            },
            download_bytes=30_878_645,
        ),
        DatasetInfo(
            name="cifar10",
            title="CIFAR-10, photographs of ten things, 32×32 colour",
            kind="images",
            shape=(3, 32, 32),
            class_names=(
                "airplane",
                "automobile",
                "bird",
                "cat",
                "deer",
                "dog",
                "frog",
                "horse",
                "ship",
                "truck",
            ),
            train_size=50_000,
            test_size=10_000,
            licence="none stated by its authors",
            source="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images, "
            "https://www.cs.toronto.edu/~kriz/cifar.html",
            checksums={
                "cifar-10-batches-py/data_batch_1": "c99cafc152244af753f735de768cd75f",
                "cifar-10-batches-py/data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
                "cifar-10-batches-py/data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
                "cifar-10-batches-py/data_batch_4": "634d18415352ddfa80567beed471001a",
                "cifar-10-batches-py/data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
                "cifar-10-batches-py/test_batch": "40351d587109b95175f43aff81a1287e",
            },
            download_bytes=170_498_071,
        ),
        DatasetInfo(
            name="folder",
            title="Your own images, one folder a class",
            kind="images",
            shape=None,
            class_names=(),
            train_size=0,
            test_size=0,
            licence="yours",
            source="the folder named by the hyperparameter `folder`",
        ),
    )
}


def sample_shape(hyperparameters: Hyperparameters) -> tuple[int, ...]:
    """The shape of one sample as stored, before any crop: (2,) or (C, H, W)."""
    side = hyperparameters.stored_side
    return DATASETS[hyperparameters.dataset].shape or (3, side, side)


def find_file(data_dir: Path, file: str) -> Path | None:
    """Where a needed file lies: as distributed, else, for a `.gz`, extracted beside it; None when neither is there.

    A file in a folder that may not be entered is not there either.
    """
    distributed = data_dir / file
    candidates = [distributed, distributed.with_suffix("")] if file.endswith(".gz") else [distributed]
    try:
        return next((path for path in candidates if path.is_file()), None)
    except PermissionError:
        return None


def missing_files(name: str, data_dir: Path) -> list[Path]:
    """The files of data set `name` that are not in `data_dir`; empty for what needs none."""
    return [data_dir / file for file in DATASETS[name].files if find_file(data_dir, file) is None]


def is_present(name: str, data_dir: Path) -> bool:
    """Whether every file that `name` needs is there. Whether they are intact is `tui_lab.data.integrity`'s to say."""
    return not missing_files(name, data_dir)


def missing_data_error(name: str, data_dir: Path) -> MissingDataError:
    """The error for a data set whose files are not, or not all, in `data_dir`."""
    needed, missing = DATASETS[name].files, missing_files(name, data_dir)
    if len(missing) == len(needed):
        message = f"{name} is not in {data_dir}."
    else:
        message = f"{name} is incomplete in {data_dir}: {', '.join(path.name for path in missing)} missing."
    return MissingDataError(message, f"Fetch it with `tui-lab data fetch {name}`; {_offline()} work offline.")


def damaged_data_error(name: str, path: Path, problem: str) -> DamagedDataError:
    """The error for a file of data set `name` that is there but not what it should be."""
    return DamagedDataError(f"{path} {problem}.", f"Fetch it again with `tui-lab data fetch {name} --force`.")


def _offline() -> str:
    *names, last = [info.name for info in DATASETS.values() if not info.files and info.name != "folder"]
    return f"{', '.join(names)} and {last}"
