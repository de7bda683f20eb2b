"""What a cluster offers, for `tui-lab doctor --on ray`.

`python -m tui_lab.jobs.ray.survey ADDRESS` prints it as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from tui_lab.errors import TuiLabError
from tui_lab.jobs.ray import address
from tui_lab.processes import module_command

SURVEY_S = 120.0  # a first contact with a large cluster, over a slow network
NODE_S = 60.0  # that a node may take to start a process which says its versions


def survey(on: str) -> dict[str, Any]:
    """The nodes of the cluster that `--on` names, asked by a process of its own.

    Returns:
        `address`, `token` (whether one is used) and `nodes`, each a `cluster.Node` as a dict.

    Raises what `address.find` and `address.environment` do, and TuiLabError when the cluster does not answer.
    """
    found = address.find("ray" if on == "auto" else on)
    environment = {**os.environ, **address.environment(found)}
    command = module_command("tui_lab.jobs.ray.survey", found)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SURVEY_S)
    except subprocess.TimeoutExpired as error:
        raise TuiLabError(f"The cluster at {found} does not answer within {SURVEY_S:g} s.") from error
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        *_, last = done.stderr.strip().splitlines() or ["it says nothing"]
        raise TuiLabError(f"The cluster at {found} cannot be asked: {last}.") from error
    if "error" in told:
        raise TuiLabError(told["error"], told["hint"])
    return {"address": found, "token": environment.get(address.MODE_VARIABLE) == "token", "nodes": told["nodes"]}


def main(arguments: list[str]) -> int:
    from tui_lab.jobs.ray.cluster import Cluster

    try:
        cluster = Cluster(arguments[0])
    except TuiLabError as error:
        print(json.dumps({"error": error.message, "hint": error.hint}))
        return error.exit_code
    cluster.survey(NODE_S)
    nodes = [asdict(node) for node in sorted(cluster.nodes.values(), key=lambda node: node.title)]
    for node in nodes:
        if not node["versions"] and not node["problem"]:
            node["problem"] = f"Node {node['title']} does not say its versions."
    print(json.dumps({"nodes": nodes}))
    cluster.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
