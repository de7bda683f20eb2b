"""Which executor works: that of this machine or that of a cluster. Nothing above knows which one it has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_lab.errors import UsageError
from tui_lab.jobs.executor import Executor
from tui_lab.runs.directory import RunDirectory

if TYPE_CHECKING:
    from tui_lab.jobs.ray.options import Options

LOCAL, RAY, AUTO = "local", "ray", "auto"


@dataclass(frozen=True)
class Placement:
    """Where runs are trained, and how many at a time.

    Attributes:
        cluster: how runs are placed on a cluster; None = on this machine.
        jobs: runs at a time on this machine.
    """

    cluster: Options | None = None
    jobs: int = 1


def choose(
    on: str = LOCAL, jobs: int | None = None, cpus_per_run: int | None = None, gpus_per_run: float | None = None
) -> Placement:
    """Settle where runs are trained, before anything is written. Of a cluster it is only seen that somebody answers.

    Args:
        on: "local"; "ray" for the cluster of $RAY_ADDRESS or of this machine; its address, `ray://HOST:PORT`; "auto"
            for a cluster if one is named or runs here, else this machine.
        jobs: runs at a time; None = one here, and as many as have room on a cluster.
        cpus_per_run, gpus_per_run: of a cluster; None = one CPU and no GPU.

    Raises:
        UsageError: there is no such cluster, nobody answers there, or it needs a token and there is none.
        MissingDataError: Ray is not installed.
    """
    if on == AUTO:
        on = RAY if _has_cluster() else LOCAL
    if on == LOCAL:
        if cpus_per_run is not None or gpus_per_run is not None:
            raise UsageError(
                "--cpus-per-run and --gpus-per-run are for a cluster.", "Here, runs share the cores: see --jobs."
            )
        return Placement(jobs=jobs or 1)
    from tui_lab.jobs.ray import address
    from tui_lab.jobs.ray.options import Options

    found = address.find(on)
    address.environment(found)
    address.check_answers(found)
    return Placement(Options(found, jobs or 0, cpus_per_run or 1, gpus_per_run or 0.0))


def _has_cluster() -> bool:
    from tui_lab.jobs.ray import address

    return address.is_installed() and bool(os.environ.get(address.ADDRESS_VARIABLE) or address.running_here())


def executor_for(placement: Placement, runs: Sequence[RunDirectory]) -> Executor:
    """An executor with the runs submitted."""
    executor: Executor
    if placement.cluster is None:
        from tui_lab.jobs.local import LocalExecutor

        executor = LocalExecutor(min(placement.jobs, len(runs)), series=True)
    else:
        from tui_lab.jobs.ray.executor import RayExecutor

        executor = RayExecutor(placement.cluster)
    for run in runs:
        executor.submit(run)
    return executor


def leave(placement: Placement, runs: Sequence[RunDirectory]) -> None:
    """Train the runs from a process that goes on without this one."""
    if placement.cluster is None:
        from tui_lab.jobs.queue import start_queue

        start_queue(runs, placement.jobs)
    else:
        from tui_lab.jobs.ray.executor import start_driver

        start_driver(runs, placement.cluster)
