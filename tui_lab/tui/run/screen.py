"""The Run area: one run, watched, controlled and looked into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from tui_lab.charts.series import MAX_SMOOTHING, Series
from tui_lab.charts.training import METRICS, TITLES, Metric, axis_label, curves, of_steps, tail
from tui_lab.errors import TuiLabError
from tui_lab.jobs.orders import ask, check_lr, kill, resume
from tui_lab.runs.control import Command, read_control
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.index import Changes
from tui_lab.runs.status import FINAL_STATES, LIVE_STATES
from tui_lab.tui.area import Area
from tui_lab.tui.chart import Chart, Plot
from tui_lab.tui.dialogs import Ask, AskText, Choice
from tui_lab.tui.run.follow import Follower, Seen
from tui_lab.tui.run.header import progress_lines, title_line
from tui_lab.tui.run.inspecting import Inspections
from tui_lab.tui.run.now import machine_lines, number_lines, summary_lines
from tui_lab.tui.settings import Axis, Settings
from tui_lab.tui.texts import put

LOOK_S = 0.125  # between two looks at a run that begins, or stands and is stepped: its user waits for it
LIVE_S, REST_S = 0.5, 1.0  # at one that trains, which each look slows down on a machine of few cores; at one that ended
YOUNG_S = 10.0  # of training, after which a run that trains is looked at no more often than one that has ended
SMOOTHINGS = (0.0, 0.3, 0.6, 0.8, 0.9, 0.95, 0.98, MAX_SMOOTHING)
AXES: Mapping[str, Axis] = {"e": "epoch", "s": "total_step", "t": "elapsed"}
ROOMY, TALL = 44, 55  # rows from which the learning rate, and throughput too, find room below the numbers
OF_STEPS = ("pause", "step", "scale_lr", "type_lr")  # actions
OF_CURVES = ("only", "axis", "log", "smooth", "zoom", "curves")
CHART_KEYS = "o loss  a accuracy  r rate  i inspect"
NOTHING = "No run yet.\n\nPress 1, choose an exercise, and press r."


class RunScreen(Area):
    """Curves at the left, numbers at the right, looks inside the model below; where it is narrow, one at a time."""

    AREA = "run"
    JUMPS: ClassVar[Mapping[str, str]] = {
        "#chart-loss": "l",
        "#chart-accuracy": "a",
        "ContentTabs": "i",
        "#show-confusion": "c",
    }
    HELP = "**A run.** It is a process of its own: leave this screen and it goes on."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "Pause", id="run.pause"),
        Binding("full_stop", "step", "Step", key_display=".", id="run.step"),
        Binding("x", "stop", "Stop", id="run.stop"),
        Binding("u", "resume", "Go on", id="run.resume"),
        Binding(
            "plus", "scale_lr(2)", "lr", key_display="+ -", tooltip="Double or halve the learning rate", id="run.faster"
        ),
        Binding("minus", "scale_lr(0.5)", "Halve the learning rate", show=False, id="run.slower"),
        Binding("equals_sign", "type_lr", "Set the learning rate", show=False, id="run.lr"),
        Binding("c", "clone", "To form", tooltip="Its settings into the form", id="run.clone"),
        Binding("i", "inspect", "Inspect", id="run.inspect"),
        Binding("i", "curves", "Curves", id="run.curves"),
        Binding("d", "detach", "Detach", tooltip="Leave it running, back to the runs", id="run.detach"),
        Binding("k", "kill", "Kill the worker", show=False, id="run.kill"),
        Binding("o", "only('loss')", "Loss chart", show=False),
        Binding("a", "only('accuracy')", "Accuracy chart", show=False),
        Binding("e", "axis('e')", "x axis: epochs", show=False),
        Binding("s", "axis('s')", "x axis: steps", show=False),
        Binding("t", "axis('t')", "x axis: time", show=False),
        Binding("l", "log", "Logarithmic loss", show=False),
        Binding("left_square_bracket", "smooth(-1)", "Less smoothing", show=False),
        Binding("right_square_bracket", "smooth(1)", "More smoothing", show=False),
        Binding("z", "zoom", "Zoom to the end and back", show=False),
        Binding("r", "tab('rate')", "Learning rate and throughput", show=False),
        Binding("g", "tab('log')", "Log", show=False),
        Binding("escape", "leave", "Back to the charts", show=False),
        Binding("less_than_sign", "neighbour(-1)", "Older run", show=False),
        Binding("greater_than_sign", "neighbour(1)", "Newer run", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.add_class("-nothing", "-loss")  # not on mounting: that may come after the first run was opened
        self._follower: Follower | None = None
        self._seen: Seen | None = None
        self._is_looking = False
        self._only: Metric = "loss"  # where there is room for one chart
        self._is_zoomed = False
        self._is_gone = False  # the run that was shown: its place is not taken by another one by itself
        self._shown: dict[str, object] = {}  # the text of each part, so that only what has changed is drawn

    def compose_area(self) -> ComposeResult:
        yield Static(id="run-title")
        yield Static(id="run-progress")
        with Vertical(id="run-body"):
            with Horizontal(id="run-upper"):
                with Horizontal(id="run-charts"):
                    yield Chart(id="chart-loss", classes="pane")
                    yield Chart(id="chart-accuracy", classes="pane")
                with Vertical(id="run-side"):
                    with Vertical(id="run-now", classes="pane") as now:
                        now.border_title = "Now"
                        yield Static(id="run-numbers")
                        yield Static(id="run-machine")
                    yield Chart(id="side-lr", classes="pane")
                    yield Chart(id="side-speed", classes="pane")
            yield Static(id="run-summary")
            yield Inspections(id="run-inspections")
        yield Static(NOTHING, id="run-nothing")

    def on_mount(self) -> None:
        self.set_interval(LOOK_S, self._tick)
        self.watch(self.app, "settings", self._settings_changed, init=False)
        self.call_after_refresh(self._open_something)

    def _open_something(self) -> None:
        """The newest run that trains, else the newest one, when none was asked for."""
        if self._follower is not None:
            return
        entries = list(self.workspace.index.entries.values())
        live = [entry for entry in entries if entry.state in LIVE_STATES]
        if live or entries:
            self.open_run((live or entries)[-1].run.id)

    def runs_changed(self, changes: Changes) -> None:
        if self._follower is None and not self._is_gone:
            self._open_something()
        elif self._seen is not None and self._seen.snapshot.run_id in changes.changed:
            self._show(self._seen)  # its name may be another one

    def on_screen_resume(self) -> None:
        self._is_gone = False
        self._tick(is_due=True)
        self.call_after_refresh(self._open_something)

    def open_run(self, run_id: str, *, from_curves: bool = False) -> None:
        """Show a run from now on: as the one before was looked at, or from its curves on."""
        run = RunDirectory(self.workspace.store.root / run_id)
        self._follower, self._seen = Follower(run, self.workspace.home), None
        self._shown.clear()
        self._is_zoomed = self._is_gone = False
        if from_curves:
            self._inspect(False)
        self.query_one(Inspections).show_run(run)
        self._show_nothing("")
        self._put("#run-title", Text(run_id, "bold"))
        self._put("#run-progress", Text("reading ...", "dim"))
        for selector in ("#run-numbers", "#run-machine", "#run-summary"):
            self._put(selector, Text())
        for chart in self.query(Chart):
            chart.show(Plot, (run_id, "reading"))
            chart.set_cursor(None)
        self._ticks = 0
        self._tick(is_due=True)
        if not (self.has_class("-inspecting") or self.has_class("-fitted")):
            self.query_one(f"#chart-{self._only}").focus()

    # Following

    _ticks = 0

    def _tick(self, *, is_due: bool = False) -> None:
        """Look again, as often as somebody waits for it; not at all while nobody sees it."""
        self._ticks += 1
        if not is_due and self._ticks % round(self._pace() / LOOK_S):
            return
        if self._follower is not None and not self._is_looking and self.is_active:
            self._is_looking = True
            self.run_worker(self._look(self._follower), group="look", exit_on_error=False)

    def _pace(self) -> float:
        """Seconds between two looks."""
        if self._seen is None or not self._seen.history.steps.buckets:
            return LOOK_S
        state = self._seen.snapshot.state
        if state == "running":
            return LIVE_S if self._seen.snapshot.status.elapsed < YOUNG_S else REST_S
        return REST_S if state in FINAL_STATES else LOOK_S

    async def _look(self, follower: Follower) -> None:
        try:
            seen = await self.lab.in_background(follower.look)
        except TuiLabError as error:
            if follower is self._follower:
                self._follower, self._seen, self._is_gone = None, None, True
                self._show_nothing("\n\n".join(filter(None, (error.message, error.hint))))
                self.refresh_bindings()
            return
        except OSError as error:
            self._seen = None
            self._put("#run-progress", Text(f"It cannot be read at the moment: {error.strerror or error}"))
            return
        finally:
            self._is_looking = False
        if follower is self._follower and seen != self._seen:
            self._show(seen)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height >= ROOMY, "-roomy")
        self.set_class(event.size.height >= TALL, "-tall")
        if self._seen is not None:
            self.call_after_refresh(self._show, self._seen)

    def _show(self, seen: Seen) -> None:
        earlier, self._seen = self._seen, seen
        look, width = self.lab.look, self.size.width - 2
        entry = self.workspace.index.entries.get(seen.snapshot.run_id)
        name = entry.label.name if entry and entry.label.name else seen.snapshot.run_id
        self._put("#run-title", title_line(seen, name, width))
        self._put("#run-progress", progress_lines(seen, look.palette, width))
        self._put("#run-numbers", number_lines(seen, look.palette))
        self._put("#run-machine", machine_lines(seen, ascii=look.ascii))
        self._put("#run-summary", summary_lines(seen, look.palette))
        self._show_curves(seen)
        self.query_one(Inspections).show_seen(seen)
        self._lead_with_inspections(seen.snapshot.status.is_fitted)
        if earlier is None or earlier.snapshot.state != seen.snapshot.state:
            self.refresh_bindings()

    def _lead_with_inspections(self, is_fitted: bool) -> None:
        """What is fitted at once has no curves."""
        if is_fitted == self.has_class("-fitted"):
            return
        self.set_class(is_fitted, "-fitted")
        self.refresh_bindings()
        if is_fitted and isinstance(self.focused, Chart):
            self.query_one(Inspections).focus_tabs(is_asked=False)

    def _put(self, selector: str, text: Text) -> None:
        """Update a part if it has changed."""
        if self._shown.get(selector) != text:
            self._shown[selector] = text
            part = self.query_one(selector, Static)
            put(part, text)
            part.set_class(not text, "-empty")

    def _show_nothing(self, sentence: str) -> None:
        nothing = self.query_one("#run-nothing", Static)
        nothing.update(Text(sentence))
        self.set_class(bool(sentence), "-nothing")

    def _show_curves(self, seen: Seen) -> None:
        settings, zoomed = self.lab.settings, self._is_zoomed
        stamp = (seen.snapshot.run_id, seen.curves, settings, zoomed)
        for metric in METRICS:
            chart = self.query_one(f"#chart-{metric}", Chart)
            chart.show(partial(_plot, seen, metric, settings, zoomed), stamp)
            chart.border_subtitle = _chart_note(metric, settings, zoomed) if self.is_wide else CHART_KEYS
        rate = partial(_step_plot, seen, "lr", "Learning rate", settings, zoomed)
        speed = partial(_step_plot, seen, "images_per_second", "Samples a second", settings, zoomed)
        for place in ("chart", "side"):
            self.query_one(f"#{place}-lr", Chart).show(rate, stamp)
            self.query_one(f"#{place}-speed", Chart).show(speed, stamp)

    def _settings_changed(self) -> None:
        if self._seen is not None:
            self._show(self._seen)

    @on(Chart.CursorMoved)
    def _move_all_cursors(self, event: Chart.CursorMoved) -> None:
        for chart in self.query(Chart):
            if chart is not event.chart:
                chart.set_cursor(event.x)

    # Control

    @property
    def _run(self) -> RunDirectory | None:
        return self._follower.run if self._follower else None

    @property
    def _state(self) -> str:
        return self._seen.snapshot.state if self._seen else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what makes sense in the run's state."""
        state = self._state
        if self.has_class("-fitted") and action in (*OF_STEPS, *OF_CURVES):
            return False
        if action in ("inspect", "curves") and (action == "curves") != self._is_inspecting:
            return False
        if action in ("kill", *OF_STEPS):
            return state in LIVE_STATES
        if action == "stop":
            return state in LIVE_STATES or state == "queued"
        if action == "resume":
            return state in ("stopped", "failed", "crashed", "queued")
        if action == "detach":
            return state in LIVE_STATES or state == "queued"
        if action in ("clone", "inspect", "tab", "neighbour", *OF_CURVES):
            return self._follower is not None
        return True

    def _order(self, command: Command | None = None, lr: float | None = None) -> None:
        self._do(lambda run: ask(run, command, lr))

    def _do(self, work: Callable[[RunDirectory], object]) -> None:
        """Something that may be refused, or meet a full disk."""
        if self._run is None:
            return
        try:
            done = work(self._run)
        except (TuiLabError, OSError) as error:
            self.lab.say(error)
            return
        if isinstance(done, str) and done:
            self.notify(done[0].upper() + done[1:] + ".", timeout=2, markup=False)
        self._tick(is_due=True)

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self._order("run" if self._state == "paused" else "pause")

    def action_step(self) -> None:
        """One gradient step of a run that stands still; a running one stands still after it."""
        self._order("step")

    def action_stop(self) -> None:
        choices = [Choice("stop", "stop it", "y", "warning"), Choice("no", "go on", "n")]
        if self._state == "queued":
            text = "It is taken out of the queue and kept; u puts it back."
        else:
            text = "It stops at the next step and keeps everything; u goes on from there."
        if self.has_class("-fitted"):
            text = "It stops at once, with nothing to keep of half a fit; u begins again."
        self.app.push_screen(Ask("Stop the run?", text, choices), self._stop)

    def _stop(self, answer: str | None) -> None:
        if answer == "stop":
            self._order("stop")

    def action_kill(self) -> None:
        choices = [Choice("kill", "kill it", "y", "error"), Choice("no", "leave it", "n")]
        text = "Its process ends at once. What came after the last checkpoint is lost; u goes on from there."
        self.app.push_screen(Ask("Kill the worker?", text, choices), self._kill)

    def _kill(self, answer: str | None) -> None:
        if answer == "kill" and self._run is not None:
            self.run_worker(partial(self._kill_in_thread, self._run), thread=True, exit_on_error=False)

    def _kill_in_thread(self, run: RunDirectory) -> None:
        """It waits for the end of the process."""
        try:
            kill(run)
        except (TuiLabError, OSError) as error:
            self.app.call_from_thread(self.lab.say, error)

    def action_resume(self) -> None:
        """Go on where the run was last saved."""
        if self._run is not None:
            self.run_worker(self._resume(self._run), exit_on_error=False)

    async def _resume(self, run: RunDirectory) -> None:
        try:
            await self.lab.in_background(lambda: self.workspace.queue.submit(resume(run)))
        except (TuiLabError, OSError) as error:
            self.lab.say(error)
            return
        self.notify("Queued again: it goes on where it was last saved.", timeout=3)
        self._tick(is_due=True)

    def action_scale_lr(self, factor: float) -> None:
        """Multiply the base learning rate."""
        if self._run is None or self._seen is None:
            return
        status = self._seen.snapshot.status
        # what was asked for last counts, whether or not the worker has taken it by now
        base = read_control(self._run.control).lr or status.changed_lr or status.hyperparameters.get("lr")
        if isinstance(base, int | float) and base > 0:
            self._change_lr(float(f"{base * factor:.6g}"))

    def _change_lr(self, lr: float) -> None:
        try:
            check_lr(lr)
        except TuiLabError as error:
            self.lab.say(error)
            return
        self._do(lambda run: ask(run, None, lr) and f"base learning rate {lr:g} from the next step on")

    def action_type_lr(self) -> None:
        question = AskText("Learning rate", "A new base learning rate, from the next step on.", check=_problem_with_lr)
        self.app.push_screen(question, lambda text: self._change_lr(float(text)) if text else None)

    def action_clone(self) -> None:
        """The run's settings, in the form."""
        if self._seen is not None:
            status = self._seen.snapshot.status
            self.lab.open_in_form(status.exercise, dict(status.hyperparameters), f"run {self._seen.snapshot.run_id}")

    def action_detach(self) -> None:
        self.lab.action_area("runs")
        self.notify("It goes on. Enter opens it again, 2 comes back to it.", timeout=3)

    def action_neighbour(self, by: int) -> None:
        """The run before or after this one."""
        ids = list(self.workspace.index.entries)
        if self._run is not None and self._run.id in ids:
            at = ids.index(self._run.id) + by
            if 0 <= at < len(ids):
                self.open_run(ids[at])

    # Looking

    def _change(self, **changes: object) -> None:
        self.lab.settings = replace(self.lab.settings, **changes)  # type: ignore[arg-type]

    def action_axis(self, key: str) -> None:
        self._change(axis=AXES[key])

    def action_log(self) -> None:
        self._change(log_loss=not self.lab.settings.log_loss)

    def action_smooth(self, by: int) -> None:
        now = self.lab.settings.smoothing
        nearest = min(range(len(SMOOTHINGS)), key=lambda i: abs(SMOOTHINGS[i] - now))
        self._change(smoothing=SMOOTHINGS[min(max(nearest + by, 0), len(SMOOTHINGS) - 1)])
        self.notify(f"Smoothing {self.lab.settings.smoothing:g}", timeout=1.5)

    def action_zoom(self) -> None:
        self._is_zoomed = not self._is_zoomed
        self._settings_changed()

    def action_only(self, metric: Metric) -> None:
        """The chart that a narrow screen shows, and the focused one."""
        self._only = metric
        self.set_class(metric == "loss", "-loss")
        self._inspect(False)
        self.query_one(f"#chart-{metric}").focus()

    @property
    def _is_inspecting(self) -> bool:
        """Whether the tabs were gone to; where it is narrow, they are in place of the charts."""
        return self.has_class("-inspecting") and not self.has_class("-fitted")

    def _inspect(self, is_wanted: bool) -> None:
        self.set_class(is_wanted, "-inspecting")
        self.refresh_bindings()

    def action_inspect(self) -> None:
        """To the tabs."""
        if not self.has_class("-fitted"):
            self._inspect(True)
        self.query_one(Inspections).focus_tabs()

    def action_curves(self) -> None:
        """Back to the charts."""
        self.action_only(self._only)

    def action_tab(self, name: str) -> None:
        self._inspect(True)
        self.query_one(Inspections).open_tab(name)
        self.query_one(Inspections).focus_tabs()

    def action_leave(self) -> None:
        if not self._is_inspecting:
            raise SkipAction
        self.action_only(self._only)


def _plot(seen: Seen, metric: Metric, settings: Settings, is_zoomed: bool) -> Plot:
    """On the background thread, where the history changes too."""
    found = curves(seen.history, metric, axis=settings.axis, smoothing=settings.smoothing)
    found = tail(found) if is_zoomed else found
    published = seen.published.get("test_accuracy")
    if found and published is not None and metric == "accuracy":
        ends = [min(one.x[0] for one in found), max(one.x[-1] for one in found)]
        found.append(Series("report", ends, [100 * published] * 2, "published"))
    is_log = settings.log_loss and metric == "loss"
    return Plot(found, TITLES[metric], axis_label(seen.history, settings.axis), is_log)


def _step_plot(seen: Seen, metric: str, title: str, settings: Settings, is_zoomed: bool) -> Plot:
    found = of_steps(seen.history, metric, title.lower(), axis=settings.axis)
    return Plot(tail(found) if is_zoomed else found, title, axis_label(seen.history, settings.axis))


def _chart_note(metric: Metric, settings: Settings, is_zoomed: bool) -> str:
    """How a chart is drawn, as far as keys have a say in it."""
    log = "log y" if metric == "loss" and settings.log_loss else ""
    return "  ".join(filter(None, (log, f"smoothing {settings.smoothing:g}", "the end" if is_zoomed else "")))


def _problem_with_lr(text: str) -> str:
    try:
        check_lr(float(text))
    except ValueError:
        return "A number, such as 0.01."
    except TuiLabError as error:
        return str(error)
    return ""
