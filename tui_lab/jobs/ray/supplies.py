"""What runs need besides their directories: data sets, and files of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tui_lab import paths
from tui_lab.data.catalogue import DATASETS
from tui_lab.hyperparameters import USERS_FILES
from tui_lab.jobs.ray import parcels
from tui_lab.jobs.ray.parcels import Contents, Parcel
from tui_lab.jobs.ray.seat import DATASET
from tui_lab.runs.directory import Request

Sources = Mapping[str, Path]


class Supplies:
    """Describes what a run needs, and sends what a node asks for; nothing is described or put anywhere twice.

    Args:
        put: takes an array into the cluster's object store, and gives what stands for it there.
    """

    def __init__(self, put: Callable[[Any], Any]) -> None:
        self._put = put
        self._contents: dict[tuple[str, ...], tuple[Contents, Sources]] = {}
        self._parcels: dict[str, Parcel] = {}  # by digest

    def dataset_of(self, asked: Request) -> str:
        """The name of the data set that a run needs files of; empty where it needs none."""
        dataset = str(asked.hyperparameters.get("dataset", ""))
        return dataset if dataset in DATASETS and DATASETS[dataset].files else ""

    def own_of(self, asked: Request) -> dict[str, tuple[str, str]]:
        """The user's own files by hyperparameter, as an `Order` has them.

        Raises UsageError or OSError where one cannot be read.
        """
        own = {}
        for name in USERS_FILES:
            if value := str(asked.hyperparameters.get(name) or ""):
                contents, sources = self._own(Path(value))
                own[name] = (contents.digest, "" if Path(value).is_dir() else next(iter(sources)))
        return own

    def parcel(self, asked: Request, name: str) -> Parcel:
        """What a seat has asked for: the data set, or the files of a hyperparameter."""
        if name == DATASET:
            dataset, data = self.dataset_of(asked), paths.data_dir(asked.data_dir)
            contents, sources = self._described(
                (DATASET, dataset, str(data)), lambda: parcels.dataset_sources(dataset, data)
            )
        else:
            contents, sources = self._own(Path(asked.hyperparameters[name]))
        if contents.digest not in self._parcels:
            pieces = tuple(self._put(piece) for piece in parcels.pieces(sources))
            self._parcels[contents.digest] = Parcel(contents, pieces)
        return self._parcels[contents.digest]

    def _own(self, path: Path) -> tuple[Contents, Sources]:
        return self._described(("own", str(path)), lambda: parcels.own_sources(path))

    def _described(self, name: tuple[str, ...], find: Callable[[], Sources]) -> tuple[Contents, Sources]:
        if name not in self._contents:
            sources = find()
            self._contents[name] = parcels.describe(sources), sources
        return self._contents[name]
