"""The terminal app, measured in a terminal: first paint, a run from the key to its first loss, keys and training."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles

import psutil

from tui_lab.bench.files import FilesRequest
from tui_lab.bench.interleave import in_turns
from tui_lab.bench.page import Line, Section, Settings, Target, Tell
from tui_lab.bench.process import Child
from tui_lab.bench.terminal import PATIENCE_S, Terminal
from tui_lab.devices import cores
from tui_lab.errors import TuiLabError
from tui_lab.hyperparameters import build
from tui_lab.jobs.workers import start_worker
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.paths import HOME_VARIABLE
from tui_lab.processes import STANDBY_FLAG
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.history import HistoryReader
from tui_lab.runs.store import RunStore

APP = ("-m", "tui_lab")
EMPTY = (
    "-c",
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class Empty(App):\n    def compose(self):\n        yield Static('hello there')\nEmpty().run()",
)
DOWN, UP, LEFT, END, ENTER, ESCAPE = "\x1b[B", "\x1b[A", "\x1b[D", "\x1b[F", "\r", "\x1b"
AREAS, LABS = "4 Tools", "A first run"  # in the first line, and in the tree of exercises
FIRST_LOSS_TEXT = r"train +\d\.\d{4}"  # in the numbers of the Run area
TABLE = r"finished +\d{8}-.*sorted by"  # rows, and the frame below them
CURVES = r"Loss .*epoch"  # of a chart: before it is drawn, nothing of it is there
READOUT = r"Loss +epoch"  # the cursor of a chart
KEYS = 6  # a round, in each area
BETWEEN_KEYS_S = (0.05, 0.45)  # some while the form is made anew or a chart is drawn, some not
AT_REST_S = 1.0  # without work: the stand-by has warmed up
MOST_REPEATS = 3  # of what needs a new app each time
WATCH_S = 4.0  # a window of one run, watched or not
FIRST_PAINT, FIRST_LOSS, OPENING = Target("<=", 1.5), Target("<", 1.0), Target("<", 1.0)
KEY_MS, THROUGHPUT = Target("<", 50.0), Target(">=", 0.95)


def measure_first_paint(settings: Settings, tell: Tell) -> Section:
    """Seconds until the first line of the app, and its first area, are on the screen, beside an empty Textual app."""
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home:
        blocks = {
            "first paint": partial(_paint, APP, AREAS, home),
            "the Labs area": partial(_paint, APP, LABS, home),
            "empty": partial(_paint, EMPTY, "hello", home),
        }
        in_turns(blocks, 1, lambda i: tell("first paint: warming up"))
        took = in_turns(blocks, settings.rounds, lambda i: tell(f"first paint: round {i} of {settings.rounds}"))
    empty = took.pop("empty")
    targets = {"first paint": FIRST_PAINT}
    lines = [Line.comparing(name, took[name], empty, targets.get(name)) for name in took]
    how = "In a pseudo-terminal of 120x40, from the start of the process, with warm file caches."
    return Section("paint", "the app beside an empty Textual app", "s", lines, how)


def measure_first_loss(settings: Settings, tell: Tell) -> Section:
    """Seconds from the key that trains circles to its first loss on the screen, with the stand-by warm."""
    took = []
    for i in range(repeats := min(settings.rounds, MOST_REPEATS)):
        tell(f"first loss: round {i + 1} of {repeats}")
        with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home, _app(home) as terminal:
            terminal.press(DOWN)
            _await_standby(terminal)
            took.append(terminal.seconds_to(FIRST_LOSS_TEXT, "r"))
            terminal.drain(AT_REST_S)
            _await_standby(terminal)  # made when the run has ended, which must not be before its folder goes
    line = Line("press run to first loss, circles", median(took), target=FIRST_LOSS)
    how = f"Median of {repeats} apps in new homes: until the number stands in the Run area, at its first visit."
    return Section("first-loss", "a run from the key on", "s", [line], how)


def measure_responsiveness(settings: Settings, tell: Tell) -> Section:
    """Milliseconds until a key has its effect on the screen, while a ConvNet trains on all cores."""
    pause = random.Random(0)
    labs: list[float] = []
    run: list[float] = []
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home, _Training(Path(home)), _app(home) as terminal:
        _await_standby(terminal)
        for i in range(settings.rounds):
            tell(f"keys: round {i + 1} of {settings.rounds}, Labs")
            terminal.press("1")
            terminal.drain(AT_REST_S)
            for j in range(KEYS):
                terminal.drain(pause.uniform(*BETWEEN_KEYS_S))
                labs.append(1000 * terminal.seconds_to(LABS, UP if j % 2 else DOWN))
            tell(f"keys: round {i + 1} of {settings.rounds}, Run")
            terminal.press("2")
            terminal.drain(AT_REST_S)
            for _ in range(KEYS):
                terminal.press(ESCAPE)
                terminal.drain(pause.uniform(*BETWEEN_KEYS_S))
                run.append(1000 * terminal.seconds_to(READOUT, LEFT))
    keys = {"a cursor key in the tree of Labs": labs, "the cursor of a live chart": run}
    lines = [Line(f"{name}, p95", _p95(took), target=KEY_MS) for name, took in keys.items()]
    lines += [Line(f"{name}, median", median(took)) for name, took in keys.items()]
    how = f"{len(labs)} keys in each, 50 to 450 ms apart, while a ConvNet trains on all cores."
    return Section("keys", "from a key to its effect", "ms", lines, how)


def measure_watching(settings: Settings, tell: Tell) -> Section:
    """Steps a second of one run, in windows with the app showing it and without, in turns."""
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home, _Training(Path(home)) as training:

        def watched() -> float:
            with _app(home) as terminal:
                _await_standby(terminal)
                terminal.press("2")
                terminal.until(CURVES)
                return training.rate(lambda: terminal.drain(WATCH_S))

        def alone() -> float:
            return training.rate(lambda: time.sleep(WATCH_S))

        rounds = max(1, settings.rounds // 2)
        blocks = {"watched": watched, "alone": alone}
        rates = in_turns(blocks, rounds, lambda i: tell(f"watching: round {i} of {rounds}"))
    line = Line.comparing("training while it is watched", rates["watched"], rates["alone"], THROUGHPUT)
    how = f"One run in windows of {WATCH_S:g} s: live curves in the Run area, and nothing but the worker."
    return Section("watching", "one run, watched and alone", "steps/s", [line], how)


def measure_large_home(settings: Settings, tell: Tell) -> Section:
    """Seconds from the key to a table of many runs, and to the curves of a long one."""
    tables, long_runs = [], []
    tell(f"large home: writing {settings.runs:,} runs and {settings.events:,} step events")
    with Child("files", FilesRequest(settings.runs, settings.events).to_json()) as child:
        for i in range(repeats := min(settings.rounds, MOST_REPEATS)):
            tell(f"large home: round {i + 1} of {repeats}")
            with _app(child.facts["home"]) as terminal:
                _await_standby(terminal)
                tables.append(terminal.seconds_to(TABLE, "3"))
                terminal.drain(AT_REST_S)
                terminal.press(END)  # the oldest run, which is the long one
                terminal.drain(AT_REST_S)
                long_runs.append(terminal.seconds_to(CURVES, ENTER))
    lines = [
        Line(f"key to a table of {settings.runs:,} runs", median(tables), target=OPENING),
        Line(f"key to the curves of {settings.events:,} step events", median(long_runs), target=OPENING),
    ]
    return Section(
        "large-home", "opening what is large", "s", lines, f"Medians of {repeats} apps, at their first visits."
    )


class _Training:
    """A ConvNet that trains on all cores until the block ends."""

    def __init__(self, home: Path) -> None:
        exercise = EXERCISES["convnet"]
        asked = {"dataset": "digits", "epochs": 100_000, "batch_size": 128}
        values = build(exercise.hyperparameters, asked).model_dump()
        self.run: RunDirectory = RunStore(home).create(exercise.name, values)
        self._worker = start_worker(self.run, cores())
        self._reader = HistoryReader(self.run)

    def __enter__(self) -> _Training:
        self._next_step()
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.kill()
        self._worker.wait()

    def rate(self, wait: Callable[[], None]) -> float:
        """Steps a second while `wait` lasts, by the clock of the run's own events."""
        first = self._next_step()
        wait()
        last = self._next_step()
        return (last[0] - first[0]) / (last[1] - first[1])

    def _next_step(self) -> tuple[float, float]:
        """Steps done, and when (Unix time), of the newest step event since the last call; waits for one.

        Raises TuiLabError when the worker has ended.
        """
        while True:
            events = [event for event in self._reader.update() if event["kind"] == "step"]
            if events:
                return float(events[-1]["total_step"]), float(events[-1]["t"])
            if self._worker.poll() is not None:
                raise TuiLabError("The run that should train meanwhile has ended.")
            time.sleep(0.05)


def _app(home: str) -> Terminal:
    """The app, from the moment that its first area is there."""
    terminal = Terminal(APP, {HOME_VARIABLE: home})
    terminal.until(LABS)
    return terminal


def _await_standby(terminal: Terminal) -> None:
    """Until the app's stand-by has nothing more to import. Raises TuiLabError when it takes too long."""
    worked, since, end = -1.0, time.perf_counter(), time.perf_counter() + PATIENCE_S
    while time.perf_counter() < end:
        terminal.drain(0.1)
        now = _standby_seconds(terminal.pid)
        if now is None or now != worked:
            worked, since = now or -1.0, time.perf_counter()
        elif time.perf_counter() - since >= AT_REST_S:
            return
    raise TuiLabError("The app's stand-by was never ready.")


def _standby_seconds(pid: int) -> float | None:
    """Processor time that the stand-by of the app has taken; None when there is none."""
    for process in psutil.Process(pid).children(recursive=True):
        try:
            if STANDBY_FLAG in process.cmdline():
                times = process.cpu_times()
                return float(times.user + times.system)
        except psutil.Error:  # it has ended meanwhile
            continue
    return None


def _paint(arguments: tuple[str, ...], text: str, home: str) -> float:
    began = time.perf_counter()
    with Terminal(arguments, {HOME_VARIABLE: home}) as terminal:
        return terminal.until(text) - began


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1] if len(values) > 1 else values[0]
