"""Draws the screenshots of the README from real runs: `uv run python docs/screenshots/make.py`.

Trains what needs no download (circles and digits) in a home of its own, opens the app on it, and writes an SVG an area
beside this file.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tui_lab.paths import HOME_VARIABLE
from tui_lab.tui.app import LabApp
from tui_lab.tui.chart import Chart
from tui_lab.tui.labs.about import About
from tui_lab.tui.labs.tree import PracticalTree

SIZE = (140, 40)
HERE = Path(__file__).parent
RUNS = (
    ("run", "circles-quick", "--seeds", "3"),
    ("train", "mlp", "--dataset", "moons", "--lr", "3", "--epochs", "60"),
    ("run", "digits-convnet", "--seeds", "2"),
)


async def until(pilot: Pilot[None], condition: Callable[[], Any]) -> None:
    """Let the app go on until `condition()` is true, and its charts are drawn."""
    while not condition() or any(not chart.is_current for chart in pilot.app.screen.query(Chart) if chart.size):
        await pilot.pause(0.1)


async def draw(home: Path) -> None:
    app = LabApp(home, home / "data", standby=False)

    def keep(name: str) -> None:
        (HERE / f"{name}.svg").write_text(app.export_screenshot(title="tui_lab"), encoding="utf-8")

    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.screen.query("Field"))
        app.screen.query_one(PracticalTree).select("mlp/circles-quick")
        await pilot.pause(1)
        app.screen.query_one(About).tabs.active = "samples"
        await until(pilot, lambda: app.screen.query_one(About)._grid)
        keep("labs")
        runs = sorted(app.workspace.index.entries)
        app.open_run(next(run for run in reversed(runs) if "convnet" in run))
        await pilot.pause(3)
        await until(pilot, lambda: True)
        keep("run")
        app.action_area("runs")
        await pilot.pause(1)
        await pilot.press("end", "up", "up", "space", "space", "space")  # marking goes on to the next
        await pilot.pause(2)
        await until(pilot, lambda: True)
        keep("runs")
        app.action_area("tools")
        await pilot.pause(2)
        await until(pilot, lambda: True)
        keep("tools")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tui-lab-screenshots-") as folder:
        environment = {**os.environ, HOME_VARIABLE: folder}
        for arguments in RUNS:
            subprocess.run([sys.executable, "-m", "tui_lab", *arguments], env=environment, check=True)
        asyncio.run(draw(Path(folder)))


if __name__ == "__main__":
    main()
