"""What the app's process imports: little before the first paint, and nothing that trains, ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = {"torch", "torchvision", "timm", "sklearn", "scipy"}
FIRST_PAINT = "import tui_lab.__main__, tui_lab.cli.app, tui_lab.tui.app"
EVERY_AREA = """
import asyncio, sys
from pathlib import Path
from tui_lab.tui.app import LabApp
from tui_lab.tui.topbar import AREAS

async def visit(home):
    app = LabApp(home, home / "data", standby=False)
    async with app.run_test(size=(160, 45)) as pilot:
        for area in AREAS:
            app.action_area(area)
            await pilot.pause()
            assert app.screen.AREA == area
        await pilot.press("question_mark")
        await pilot.press("escape", "ctrl+p", "escape", "f2")

asyncio.run(visit(Path(sys.argv[1])))
"""


def imported(code: str, home: Path) -> set[str]:
    """The modules of a new interpreter after `code`."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script, str(home)], capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.split())


def test_the_app_never_imports_what_trains(tmp_path: Path) -> None:
    found = imported(EVERY_AREA, tmp_path)
    assert "tui_lab.tui.tools.screen" in found
    assert not found & HEAVY


def test_the_first_paint_waits_for_neither_models_nor_charts_nor_areas(tmp_path: Path) -> None:
    found = imported(FIRST_PAINT, tmp_path)
    assert not found & {
        *HEAVY,
        "pydantic",
        "numpy",
        "plotext",
        "psutil",
        "typer",
        "tomlkit",
        "textual.widgets._markdown",
    }
    assert not {name for name in found if name.startswith("tui_lab.") and name.endswith(".screen")}
