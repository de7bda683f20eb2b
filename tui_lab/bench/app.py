"""The terminal app, measured in a terminal: first paint, a run from the key to its first loss, keys and training."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from tui_lab.bench.files import FilesRequest
from tui_lab.bench.interleave import in_turns
from tui_lab.bench.page import Line, Section, Settings, Target, Tell
from tui_lab.bench.process import Child
from tui_lab.bench.terminal import Terminal
from tui_lab.devices import cores
from tui_lab.jobs.workers import start_worker
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.paths import HOME_VARIABLE
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.history import HistoryReader
from tui_lab.runs.store import RunStore

APP = ("-m", "tui_lab")
EMPTY = (
    "-c",
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class Empty(App):\n    def compose(self):\n        yield Static('hello there')\nEmpty().run()",
)
KEYS = 40  # a round
DOWN, UP, END, ENTER = "\x1b[B", "\x1b[A", "\x1b[F", "\r"
SETTLE_S = 10.0  # until the stand-by of the app has warmed up
WATCH_S = 6.0  # a window of one run, watched or not
FIRST_PAINT, FIRST_LOSS = Target("<=", 1.5), Target("<", 1.0)
OPENING = Target("<", 1.0)
KEY_MS, THROUGHPUT = Target("<", 50.0), Target(">=", 0.95)


def measure_first_paint(settings: Settings, tell: Tell) -> Section:
    """Seconds until the first line of the app is on the screen, beside an empty Textual app's."""
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home:
        blocks = {"app": partial(_paint, APP, "Labs", home), "empty": partial(_paint, EMPTY, "hello", home)}
        in_turns(blocks, 1, lambda i: tell("app: warming up"))
        took = in_turns(blocks, settings.rounds, lambda i: tell(f"first paint: round {i} of {settings.rounds}"))
    line = Line.comparing("first paint", took["app"], took["empty"], FIRST_PAINT)
    return Section("paint", "the app beside an empty Textual app", "s", [line], "In a pseudo-terminal of 120x40.")


def measure_first_loss(settings: Settings, tell: Tell) -> Section:
    """Seconds from the key that trains circles to its first loss on the screen, with the stand-by warm."""
    took = []
    for i in range(min(settings.rounds, 3)):
        tell(f"first loss: round {i + 1}")
        with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home, _app(home) as terminal:
            terminal.until("A first run")
            terminal.press(DOWN)
            terminal.drain(SETTLE_S)
            began = time.perf_counter()
            terminal.press("r")
            took.append(terminal.until("train") - began)
            terminal.drain(2.0)
    line = Line("press run to first loss, circles", median(took), target=FIRST_LOSS)
    return Section("first-loss", "a run from the key on", "s", [line], "The median of a few new homes.")


def measure_responsiveness(settings: Settings, tell: Tell) -> Section:
    """Keys answered while a ConvNet trains on all cores."""
    answers: list[float] = []
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home, _Training(Path(home)), _app(home) as terminal:
        terminal.until("A first run")
        terminal.drain(SETTLE_S)
        for i in range(settings.rounds):
            tell(f"keys: round {i + 1} of {settings.rounds}")
            answers += [1000 * terminal.seconds_to_answer(key) for _ in range(KEYS // 2) for key in (DOWN, UP)]
    p95 = quantiles(answers, n=20)[-1]
    lines = [
        Line("key to repaint, p95", p95, target=KEY_MS),
        Line("key to repaint, median", median(answers)),
    ]
    how = f"{len(answers)} cursor keys in the tree of exercises, while digits-convnet trains on all cores."
    return Section("keys", "keys while a ConvNet trains", "ms", lines, how)


def measure_watching(settings: Settings, tell: Tell) -> Section:
    """Steps a second of one run, in windows with the app showing it and without, in turns."""
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home, _Training(Path(home)) as training:

        def watched() -> float:
            with _app(home) as terminal:
                terminal.until("A first run")
                terminal.press("2")
                terminal.drain(SETTLE_S)
                return training.rate(lambda: terminal.drain(WATCH_S))

        def alone() -> float:
            return training.rate(lambda: time.sleep(WATCH_S))

        rounds = max(1, settings.rounds // 2)
        blocks = {"watched": watched, "alone": alone}
        rates = in_turns(blocks, rounds, lambda i: tell(f"watching: round {i} of {rounds}"))
    line = Line.comparing("training while it is watched", rates["watched"], rates["alone"], THROUGHPUT)
    return Section("watching", "one run, watched and alone", "steps/s", [line], "One run, in windows of six seconds.")


def measure_large_home(settings: Settings, tell: Tell) -> Section:
    """Seconds from the key to a table of many runs, and to the curves of a long one."""
    tables, long_runs = [], []
    tell(f"large home: writing {settings.runs:,} runs and {settings.events:,} step events")
    with Child("files", FilesRequest(settings.runs, settings.events).to_json()) as child:
        for i in range(min(settings.rounds, 3)):
            tell(f"large home: round {i + 1}")
            with _app(child.facts["home"]) as terminal:
                terminal.until("A first run")
                terminal.drain(SETTLE_S)
                began = time.perf_counter()
                terminal.press("3")
                tables.append(terminal.until("sorted by") - began)
                terminal.drain(3.0)
                terminal.press(END)
                terminal.drain(2.0)
                began = time.perf_counter()
                terminal.press(ENTER)
                long_runs.append(terminal.until("Finished") - began)
    lines = [
        Line(f"key to a table of {settings.runs:,} runs", median(tables), target=OPENING),
        Line(f"key to a run of {settings.events:,} step events", median(long_runs), target=OPENING),
    ]
    return Section("large-home", "opening what is large", "s", lines, "Medians; the first visit of each area.")


class _Training:
    """A ConvNet that trains on all cores until the block ends."""

    def __init__(self, home: Path) -> None:
        exercise = EXERCISES["convnet"]
        values = exercise.hyperparameters(dataset="digits", epochs=100_000, batch_size=128).model_dump()
        self.run: RunDirectory = RunStore(home).create(exercise.name, values)
        self._worker = start_worker(self.run, cores())
        self._reader = HistoryReader(self.run)

    def __enter__(self) -> _Training:
        while not self._steps():
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.kill()
        self._worker.wait()

    def rate(self, wait: Callable[[], None]) -> float:
        """Steps a second while `wait` lasts, by the clock of the run's own events."""
        first = self._last_event()
        wait()
        last = self._last_event()
        return (last[0] - first[0]) / (last[1] - first[1])

    def _steps(self) -> int:
        self._reader.update()
        return len(self._reader.history.steps.buckets)

    def _last_event(self) -> tuple[float, float]:
        """Steps done, and when (Unix time), of the newest step event."""
        newest = (0.0, 0.0)
        while not newest[1]:
            events = [event for event in self._reader.update() if event["kind"] == "step"]
            if events:
                newest = (float(events[-1]["total_step"]), float(events[-1]["t"]))
            else:
                time.sleep(0.05)
        return newest


def _app(home: str) -> Terminal:
    return Terminal(APP, {HOME_VARIABLE: home})


def _paint(arguments: tuple[str, ...], text: str, home: str) -> float:
    began = time.perf_counter()
    with Terminal(arguments, {HOME_VARIABLE: home}) as terminal:
        return terminal.until(text) - began
