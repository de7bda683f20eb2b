"""What every area looks like, as text: the same in every theme, with letters that can be read.

With TUI_LAB_UPDATE_SCREENS=1 the texts in `screens/` are written anew; look at them before they are kept.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.color import ColorTriplet
from rich.style import Style
from textual.geometry import Region
from textual.pilot import Pilot
from textual.strip import Strip

from tests.tui.conftest import screen_text, until
from tests.tui.recording import CREATED, inspect, record
from tui_lab.devices import Device
from tui_lab.runs import sentences
from tui_lab.runs.events import EventWriter
from tui_lab.tui import chart as chart_module
from tui_lab.tui.app import LabApp
from tui_lab.tui.chart import Chart
from tui_lab.tui.form import HyperparameterForm
from tui_lab.tui.help import Keys
from tui_lab.tui.labs import screen as labs_module
from tui_lab.tui.settings_screen import SettingsScreen
from tui_lab.tui.topbar import AREAS

FOLDER = Path(__file__).parent / "screens"
UPDATE = "TUI_LAB_UPDATE_SCREENS"
SIZES = [(80, 24), (120, 40), (200, 60)]
THEMES = ["tui-lab-dark", "tui-lab-light"]
MORE_THEMES = {(120, 40): ["tui-lab-safe"]}  # which differ in their colours alone
LEAST_CONTRAST = 3.0  # of letters and digits (WCAG 2.2, for large text and what is not essential)
LOOKS = 3  # in a row, at which a screen must be the same


@dataclass(frozen=True)
class View:
    """A screen by its name, what leads to it, and a text that is on it once it is there."""

    name: str
    go: Callable[[Pilot[None], LabApp], Awaitable[None]]
    text: str
    is_narrow_only: bool = False


def area(name: str) -> Callable[[Pilot[None], LabApp], Awaitable[None]]:
    return keys(str(list(AREAS).index(name) + 1))


def keys(*names: str) -> Callable[[Pilot[None], LabApp], Awaitable[None]]:
    async def go(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press(*names)

    return go


def run(word: str) -> Callable[[Pilot[None], LabApp], Awaitable[None]]:
    async def go(pilot: Pilot[None], app: LabApp) -> None:
        await pilot.press("escape")
        app.open_run(next(run_id for run_id in app.workspace.index.entries if run_id.endswith(word)))

    return go


VIEWS = [
    View("settings", keys("f2"), "curves drawn with"),
    View("labs", keys("escape"), "A first run"),
    View("labs-about", keys("a"), "What to look for", is_narrow_only=True),
    View("labs-form", keys("f"), "hidden  "),
    View("help", keys("question_mark"), "Focused"),
    View("run-finished", run("fern"), "finished"),
    View("run-running", run("moss"), "epoch 3/4"),
    View("run-inspect", keys("i"), "predicted", is_narrow_only=True),
    View("runs", area("runs"), "5 runs"),
    View("studies", area("studies"), "1 Networks by hand"),
    View("studies-page", keys("v"), "measures it now", is_narrow_only=True),
    View("tools", area("tools"), "1 Networks by hand"),
    View("tools-form", keys("f"), "Answer", is_narrow_only=True),
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with five runs, on a machine and at a time that are always the same."""
    folder = tmp_path / "home"
    inspect(record(folder, "fern"))
    live = record(folder, "moss", epochs=2, state="running", age_s=600)
    inspect(live)
    writer = EventWriter(live.events)
    writer.write("system", cpu_percent=195.0, memory_bytes=3 << 30)
    writer.close()
    record(folder, "reed", epochs=3, state="stopped", age_s=7200)
    record(folder, "elm", nan_from=25, epochs=2, state="failed", age_s=86_400, message="The loss is not a number.")
    record(folder, "oak", epochs=0, state="crashed", age_s=200_000)
    monkeypatch.setattr(sentences, "time", SimpleNamespace(time=lambda: CREATED))
    device = Device("cpu", "A processor, 2 cores", 8 << 30, 4 << 30)
    monkeypatch.setattr(labs_module, "available_devices", lambda: [device])
    monkeypatch.setattr(chart_module, "LEAST_INTERVAL_S", 0.0)  # nothing trains that could be slowed down
    monkeypatch.setattr(chart_module, "SHARE", 1.0)
    return folder


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
async def test_every_screen_is_as_it_was_in_every_theme(
    make_app: Callable[..., LabApp], home: Path, size: tuple[int, int]
) -> None:
    found: list[str] = []
    app = make_app()
    app.animation_level = "none"
    themes = [*THEMES, *MORE_THEMES.get(size, [])]
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(app.workspace.index.entries) == 5)
        await until(pilot, lambda: app.screen.query(HyperparameterForm))
        for view in VIEWS:
            if view.is_narrow_only and size[0] >= 110:
                continue
            await view.go(pilot, app)
            await until(pilot, lambda view=view: view.text in screen_text(app))
            texts = []
            for theme in themes:
                app.theme = theme
                texts.append(await settled(pilot, app))
                found += [f"{view.name}, {theme}: {what}" for what in faint(app)]
            assert len(set(texts)) == 1, f"{view.name} is not the same in every theme"
            found += difference(f"{view.name}-{size[0]}x{size[1]}.txt", texts[0])
            themes.reverse()  # the next screen begins with the theme that is there
    assert not found, "\n".join([*found, f"Where this is wanted: {UPDATE}=1 pytest {Path(__file__).name}"])


async def settled(pilot: Pilot[None], app: LabApp) -> str:
    """The text of the screen, once it and its charts are no longer changing."""
    looks: list[list[Strip]] = []

    def is_settled() -> bool:
        charts = [chart for chart in app.screen.query(Chart) if chart.is_on_screen and chart.size.area]
        looks.append(app.screen._compositor.render_strips())
        return (
            len(looks) > LOOKS
            and all(look == looks[-1] for look in looks[-LOOKS:])
            and all(c.is_current for c in charts)
        )

    await until(pilot, is_settled)
    return "".join(f"{strip.text.rstrip()}\n" for strip in looks[-1])


def difference(name: str, text: str) -> list[str]:
    """How `text` differs from what is kept, which it replaces if that is asked for."""
    path = FOLDER / name
    if os.environ.get(UPDATE):
        path.write_text(text, encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.is_file() else ""
    return list(unified_diff(kept.splitlines(), text.splitlines(), f"kept/{name}", f"now/{name}", lineterm=""))


# Contrast


def faint(app: LabApp) -> list[str]:
    """Texts of the screen that is on top with less contrast than `LEAST_CONTRAST`."""
    screen = app.screen
    is_dialog = isinstance(screen, Keys | SettingsScreen)
    shown = screen.query_one(".page-box, .dialog-box").region if is_dialog else screen.region
    found = {}
    for text, style in letters(app, shown):
        if style.color and style.bgcolor and (ratio := contrast(style)) < LEAST_CONTRAST:
            found.setdefault((round(ratio, 2), style.color.name, style.bgcolor.name), text)
    return [
        f"{text!r} has a contrast of {ratio} ({color} on {ground})" for (ratio, color, ground), text in found.items()
    ]


def letters(app: LabApp, region: Region) -> Iterator[tuple[str, Style]]:
    """Every piece of a line within `region` that has letters or digits, with its style."""
    strips = app.screen._compositor.render_strips()[region.y : region.bottom]
    for segment in chain.from_iterable(strip.crop(region.x, region.right) for strip in strips):
        if segment.style is not None and any(character.isalnum() for character in segment.text):
            yield segment.text, segment.style


def contrast(style: Style) -> float:
    """Of a style's two colours, from 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    assert style.color is not None and style.bgcolor is not None
    darker, lighter = sorted(luminance(color.get_truecolor()) for color in (style.color, style.bgcolor))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: ColorTriplet) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
