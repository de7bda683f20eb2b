"""A cluster for tests, in a process of its own: as many nodes of one CPU as the first argument says.

Says its address on stdout, then does what lines on stdin say: `remove` ends a node other than the head without
grace, `add` adds one. Without more lines, everything is ended.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
# What is lost is known in two seconds instead of in a quarter of a minute
HEALTH = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}


def main() -> None:
    cluster = start(int(sys.argv[1]))
    for line in sys.stdin:
        if line == "remove\n":
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        elif line == "add\n":
            cluster.add_node(**NODE)
        print("done", flush=True)
    cluster.shutdown()


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
