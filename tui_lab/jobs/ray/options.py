"""What a driver is given."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Options:
    """How runs are to be placed on a cluster.

    Attributes:
        address: of the cluster.
        jobs: runs at a time; 0 = as many as have room.
        cpus: of each run, and its threads.
        gpus: of each run; a half lets two share one.
        stays: work through the queue when the orders have ended.
    """

    address: str
    jobs: int = 0
    cpus: int = 1
    gpus: float = 0.0
    stays: bool = False

    def to_json(self) -> str:
        return json.dumps(asdict(self))
