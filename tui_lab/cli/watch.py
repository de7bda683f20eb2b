"""`tui-lab runs watch RUN`: live charts of a run, from nothing but its directory."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import typer
from rich.live import Live
from rich.text import Text

from tui_lab.charts.series import MAX_SMOOTHING
from tui_lab.charts.training import Metric
from tui_lab.cli.drawing import look_of
from tui_lab.cli.keys import Keys
from tui_lab.cli.output import data_console, say
from tui_lab.cli.watch_view import Settings, View, fitted
from tui_lab.errors import INTERRUPTED, TuiLabError
from tui_lab.runs.control import Command, request
from tui_lab.runs.events import EventReader
from tui_lab.runs.history import HistoryReader
from tui_lab.runs.sentences import Snapshot, epoch_line, outcome
from tui_lab.runs.status import FINAL_STATES, LIVE_STATES

if TYPE_CHECKING:
    from tui_lab.runs.directory import RunDirectory

POLL_S = 0.25
CHARTS_SHARE = 0.1  # of a core: drawing must not slow down what it shows
PIPE_SIZE = (100, 30)  # of a picture that does not go to a terminal
SMOOTHINGS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, MAX_SMOOTHING)
AXIS_KEYS = {"e": "epoch", "s": "total_step", "t": "elapsed"}
ONLY_KEYS: Mapping[str, Metric] = {"o": "loss", "a": "accuracy"}


def watch(run: RunDirectory, *, log_loss: bool = False, smoothing: float = 0.6, once: bool = False) -> None:
    """Show a run until the viewer leaves; the run does not notice.

    In a pipe, one line an epoch until the run ends, or one picture if it has ended.

    Args:
        run: in any state.
        log_loss: logarithmic axis for the loss.
        smoothing: of the training curves, 0 to 0.99.
        once: one picture, and leave.

    Raises:
        TuiLabError: the run was deleted while it was shown.
    """
    settings = Settings(log_loss=log_loss, smoothing=smoothing)
    if once:
        _print_picture(run, settings)
    elif sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        Watcher(run, settings).show()
    elif run.read_status().actual_state() in FINAL_STATES:
        _print_picture(run, settings)
    else:
        _print_epochs(run)


class Watcher:
    """The full-screen view: reads the run directory a few times a second, and listens to the keyboard."""

    def __init__(self, run: RunDirectory, settings: Settings) -> None:
        self._run = run
        self._settings = settings
        self._console = data_console()
        self._view = View(look_of(self._console))
        self._reader = HistoryReader(run)
        self._snapshot = _snapshot(run, self._reader)
        self._keys = Keys()
        self._shown: tuple[tuple[int, int], Text] | None = None
        self._charts_due = 0.0
        self._is_asking = False  # whether to stop the run
        self._is_leaving = False
        self._note = ""

    def show(self) -> None:
        """Until the viewer leaves. Afterwards the normal screen says where the run stands."""
        live = Live(console=self._console, screen=True, auto_refresh=False)
        with self._keys, live:
            try:
                while not self._is_leaving:
                    self._draw(live)
                    for key in self._keys.read(POLL_S):
                        self._press(key, live)
                    self._look_again()
            except KeyboardInterrupt:
                pass  # leaves, like q
        self._say_goodbye()

    def _look_again(self) -> None:
        earlier, self._snapshot = self._snapshot, _snapshot(self._run, self._reader)
        if self._snapshot.state != earlier.state:
            self._note, self._is_asking = "", False

    def _draw(self, live: Live) -> None:
        """Show the picture, if it or the terminal's size differs from before."""
        began = time.process_time()
        keep = time.monotonic() < self._charts_due
        size, footer = self._console.size, self._footer()
        picture = self._view.picture(
            self._snapshot, size, self._settings, footer=footer, note=self._note, keep_charts=keep
        )
        if (size, picture) != self._shown:
            self._shown = size, picture
            live.update(picture, refresh=True)
        if not keep:
            cost = time.process_time() - began
            self._charts_due = time.monotonic() + cost / CHARTS_SHARE

    def _footer(self) -> Text:
        width = self._console.width
        if self._is_asking:
            question = Text("Stop the run? It can be resumed later.", "bold")
            return fitted([question, _key("y", "stop"), _key("n", "go on")], width)
        if not self._keys.is_there:
            return fitted([_key("ctrl-c", "leave")], width)
        is_live, is_paused = self._snapshot.state in LIVE_STATES, self._snapshot.state == "paused"
        controls = [_key("p", "continue" if is_paused else "pause"), _key("x", "stop")]
        views = [
            _key("l", "log loss"),
            _key("[ ]", f"smooth {self._settings.smoothing:g}"),
            _key("e s t", "axis"),
            _key("a o", "zoom"),
        ]
        return fitted([_key("q", "leave"), *(controls if is_live else []), *views], width, gap=2)

    def _press(self, key: str, live: Live) -> None:
        self._note = ""
        if self._is_asking:
            self._is_asking = False
            if key in ("y", "Y"):
                self._ask("stop")
        elif key in ("q", "escape"):
            self._is_leaving = True
        elif key == "suspend":
            live.stop()
            self._keys.suspend()
            live.start(refresh=True)
        elif key == "p":
            self._ask("run" if self._snapshot.state == "paused" else "pause")
        elif key == "x":
            self._is_asking = self._snapshot.state in LIVE_STATES
        else:
            self._settings = changed(self._settings, key)

    def _ask(self, command: Command) -> None:
        """Ask the worker, if there is one."""
        if self._snapshot.state not in LIVE_STATES:
            return
        request(self._run.control, command)
        self._note = f"Asked to {'continue' if command == 'run' else command}."

    def _say_goodbye(self) -> None:
        """A run that has ended leaves its picture behind; one that goes on, the way back to it."""
        run_id, state = self._run.id, self._snapshot.state
        if state in FINAL_STATES:
            size = (self._console.width, self._console.height - 2)
            self._console.print(self._view.picture(self._snapshot, size, self._settings))
            return
        stays = {"running": "goes on", "paused": "stays paused"}.get(state, "stays in the queue")
        say(f"{run_id} {stays}.\nCome back: tui-lab runs watch {run_id}")
        if state in LIVE_STATES:
            say(f"Stop it:   tui-lab runs stop {run_id}")


def changed(settings: Settings, key: str) -> Settings:
    """The settings after a key; the same for a key that changes none."""
    if key == "l":
        return replace(settings, log_loss=not settings.log_loss)
    if key in AXIS_KEYS:
        return replace(settings, axis=AXIS_KEYS[key])
    if key in ONLY_KEYS:
        return replace(settings, only="" if settings.only == ONLY_KEYS[key] else ONLY_KEYS[key])
    lower = [value for value in SMOOTHINGS if value < settings.smoothing]
    higher = [value for value in SMOOTHINGS if value > settings.smoothing]
    if key == "[" and lower:
        return replace(settings, smoothing=lower[-1])
    if key == "]" and higher:
        return replace(settings, smoothing=higher[0])
    return settings


def _snapshot(run: RunDirectory, reader: HistoryReader) -> Snapshot:
    """The run as it stands now.

    Raises TuiLabError when its directory is gone.
    """
    if not run.path.is_dir():
        raise TuiLabError(f"Run {run.id} was deleted.")
    reader.update()
    status = run.read_status()
    return Snapshot(run.id, reader.history, status, status.actual_state())


def _key(key: str, meaning: str) -> Text:
    """An entry of the footer."""
    return Text.assemble((key, "bold"), (f" {meaning}", "dim"))


def _print_picture(run: RunDirectory, settings: Settings) -> None:
    console = data_console()
    columns, rows = shutil.get_terminal_size(PIPE_SIZE)
    size = (columns, rows - 1) if console.is_terminal else PIPE_SIZE
    console.print(View(look_of(console)).picture(_snapshot(run, HistoryReader(run)), size, settings))


def _print_epochs(run: RunDirectory) -> None:
    """A line for every epoch, from the first on, until the run ends."""
    reader = EventReader(run.events)
    try:
        while True:
            state = run.read_status().actual_state()  # before the log: what follows the final state is nothing
            for event in reader.read():
                if event["kind"] == "epoch":
                    print(epoch_line(event), flush=True)
            if not run.path.is_dir():
                raise TuiLabError(f"Run {run.id} was deleted.")
            if state in FINAL_STATES:
                break
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        say(f"{run.id} goes on. Come back: tui-lab runs watch {run.id}")
        raise typer.Exit(INTERRUPTED) from None
    say(" ".join(filter(None, (f"{run.id}:", *outcome(_snapshot(run, HistoryReader(run)))))))
