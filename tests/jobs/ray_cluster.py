"""A cluster for tests, in a process of its own: as many nodes of one CPU as the first argument says.

Says its address on stdout, then does what lines on stdin say: `remove` ends a node other than the head without
grace, `add` adds one; `add other` adds one on which another version of torch seems to be installed, and `remove other`
ends it. Without more lines, everything is ended.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
# What is lost is known in two seconds instead of in a quarter of a minute
HEALTH = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}


def main() -> None:
    cluster = start(int(sys.argv[1]))
    other = None
    for line in sys.stdin:
        if line == "remove\n":
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        elif line == "add\n":
            cluster.add_node(**NODE)
        elif line == "add other\n":
            other = cluster.add_node(**NODE, env_vars={"PYTHONPATH": other_torch()})
        elif line == "remove other\n":
            cluster.remove_node(other, allow_graceful=False)
        print("done", flush=True)
    cluster.shutdown()


def other_torch() -> str:
    """A folder with what a package manager leaves of a torch 0.1."""
    folder = Path(os.environ["RAY_TMPDIR"]) / "other"
    (folder / "torch-0.1.dist-info").mkdir(parents=True)
    (folder / "torch-0.1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 0.1\n")
    return str(folder)


def start(nodes: int) -> Cluster:
    cluster = Cluster(
        initialize_head=True, head_node_args={"include_dashboard": False, "_system_config": HEALTH, **NODE}
    )
    for _ in range(nodes - 1):
        cluster.add_node(**NODE)
    print(cluster.address, flush=True)
    return cluster


if __name__ == "__main__":
    main()
