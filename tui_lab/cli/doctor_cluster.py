"""`tui-lab doctor --on ray`: the nodes of a cluster, and which of them may work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from tui_lab.errors import FAILED

if TYPE_CHECKING:
    from rich.table import Table


def show_cluster(on: str, *, as_json: bool) -> None:
    """Print what a cluster offers. Exits with 1 when no node of it can work."""
    from tui_lab.cli.output import data_console, is_ascii, print_json, talk_console
    from tui_lab.jobs.ray.survey import survey

    with talk_console().status("Asking the nodes", spinner="line" if is_ascii() else "dots"):
        report = survey(on)
    if as_json:
        print_json(report)
    else:
        console = data_console()
        told = "with a token" if report["token"] else "without a token"
        console.print(f"cluster  {report['address']}, {told}", markup=False)
        console.print(nodes_table(report["nodes"]))
        for node in report["nodes"]:
            if node["problem"]:
                console.print(f"{node['problem']} It is left out.", markup=False, style="bold yellow")
    if all(node["problem"] for node in report["nodes"]):
        raise typer.Exit(FAILED)


def nodes_table(nodes: list[dict[str, Any]]) -> Table:
    """A node a row."""
    from tui_lab.cli.output import table

    names = ("tui-lab", "python", "torch", "ray")
    made = table("node", "address", ">CPUs", ">GPUs", *names)
    for node in nodes:
        versions = [node["versions"].get(name) or "-" for name in names]
        made.add_row(node["title"], node["address"], f"{node['cpus']:g}", f"{node['gpus']:g}", *versions)
    return made
