"""The Studies area: the figures of the practical with their arms, measured beside published, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option, OptionDoesNotExist

from tui_lab.errors import MissingDataError, TuiLabError, UsageError
from tui_lab.jobs import orders
from tui_lab.jobs.launch import check_launch
from tui_lab.labs.catalogue import LABS
from tui_lab.labs.exercise import Exercise
from tui_lab.presets import Arm, Preset, list_presets
from tui_lab.previews.client import PreviewProcess, SupersededError
from tui_lab.runs.index import Changes
from tui_lab.runs.status import LIVE_STATES
from tui_lab.studies.cost import Kind, kind_of
from tui_lab.studies.plan import Trial
from tui_lab.training.timing import Timing
from tui_lab.tui.area import Area
from tui_lab.tui.chart import Chart
from tui_lab.tui.dialogs import Ask, Choice
from tui_lab.tui.fetching import offer_data
from tui_lab.tui.reading import Reading
from tui_lab.tui.studies.arms import ChooseArms
from tui_lab.tui.studies.listing import Curves, Seen, Standing, standings
from tui_lab.tui.studies.page import line_of, page_of, progress_of
from tui_lab.tui.study_launch import StudyLaunch

EMPTY = "Reading the studies ..."
MARGIN = 6  # columns that a page as wide as the screen has for its border, its padding and the scroll bar


class StudiesScreen(Area):
    """The list at the left; curves, table and verdicts of the chosen study at the right. Where it is narrow, one at a
    time."""

    AREA = "studies"
    JUMPS: ClassVar[Mapping[str, str]] = {"#study-list": "e", "#study-chart": "c", "#study-page": "v"}
    HELP = """**Studies.** A study trains several arms, each with one seed or more, and lays what was measured beside
what the practical reports. `r` queues what is missing, `a` of some arms only; what is there already is not trained
again. `m` measures for some seconds what it would take, where no earlier run tells."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "Run", id="studies.run", tooltip="Queue what is missing of it"),
        Binding("x", "stop", "Stop", id="studies.stop"),
        Binding("o", "runs", "Its runs", id="studies.runs"),
        Binding("a", "arms", "Run arms", show=False, tooltip="Queue what is missing of some arms", id="studies.arms"),
        Binding("m", "time", "Time it", tooltip="Measure what its runs would take here", id="studies.time"),
        Binding("t", "split", "Test/train", id="studies.split"),
        Binding("l", "metric", "Loss/accuracy", id="studies.metric"),
        Binding("f", "form", "To form", tooltip="What its arms share, into the form", id="studies.form"),
        Binding("c", "page('chart')", "Curves", show=False),
        Binding("v", "page('page')", "Verdicts", show=False),
        Binding("e,escape", "page('list')", "Studies", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._presets: list[Preset] = []
        self._standings: dict[str, Standing] = {}
        self._chosen = ""
        self._split, self._metric = "test", "accuracy"
        self._is_reading = False
        self._curves = Curves()
        self._seen: tuple[object, ...] = ()  # the stamp of what the standings were made of
        self._timings: Mapping[Kind, Timing] = {}
        self._measuring: PreviewProcess | None = None  # that measures now
        self._timing = ""  # what is said meanwhile

    def compose_area(self) -> ComposeResult:
        with Horizontal(id="study-panes"):
            studies = OptionList(Option(Text(EMPTY, "dim"), disabled=True), id="study-list", classes="pane")
            studies.border_title = "Studies"
            studies.border_subtitle = "enter: its page   r: run"
            yield studies
            with Vertical(id="study-right"):
                yield Chart(id="study-chart", classes="pane")
                with VerticalScroll(id="study-page", classes="pane"):
                    yield Static(id="study-table")
                    yield Reading(id="study-text")

    def on_mount(self) -> None:
        self._show_page("list")
        self.query_one("#study-list").focus()

    def on_screen_resume(self) -> None:
        self._presets = []  # a preset may have been written meanwhile
        self._read()

    def runs_changed(self, changes: Changes) -> None:
        self._read()

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    # Reading

    def _read(self) -> None:
        if not self._is_reading:
            self._is_reading = True
            self.run_worker(self._take_in(), group="read", exit_on_error=False)

    async def _take_in(self) -> None:
        home, presets, before = self.workspace.home, self._presets, list(self._standings.values())
        seen = Seen(dict(self.workspace.index.entries), self.workspace.queue.submitted, self._timings)

        def read() -> tuple[list[Preset], list[Standing]]:
            if presets and seen.stamp == self._seen:
                return presets, [standing.now(seen.entries) for standing in before]
            found = presets or [listed.preset for listed in list_presets(home) if listed.preset]
            return found, standings(found, seen)

        try:
            self._presets, there = await self.lab.in_background(read)
            self._seen = seen.stamp
        finally:
            self._is_reading = False
        self._standings = {one.key: one for one in there}
        self._fill()
        self._show()

    def _fill(self) -> None:
        """The list, with how far each study has come; the cursor stays where it was."""
        options = self.query_one("#study-list", OptionList)
        known = {option.id for option in options.options if option.id}
        if known == set(self._standings):
            for name, standing in self._standings.items():
                options.replace_option_prompt(name, line_of(standing))
            return
        options.clear_options()
        for number, lab in LABS.items():
            of_lab = [one for one in self._standings.values() if one.preset.exercise.lab == number]
            if of_lab:
                options.add_option(Option(Text(f"{number} {lab}", "bold"), disabled=True))
                options.add_options(Option(line_of(one), id=one.key) for one in of_lab)
        first = self._chosen or next(iter(self._standings), "")
        try:
            options.highlighted = options.get_option_index(first)
        except OptionDoesNotExist:
            options.highlighted = None

    # What is chosen

    @property
    def standing(self) -> Standing | None:
        """The study that is chosen."""
        return self._standings.get(self._chosen)

    @on(OptionList.OptionHighlighted)
    def _pass_over(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_id and event.option_id != self._chosen:
            self._chosen = event.option_id
            self._show()

    @on(OptionList.OptionSelected)
    def _enter(self) -> None:
        self.action_page("page")

    def _show(self) -> None:
        standing = self.standing
        self.refresh_bindings()
        if standing is None:
            return
        study, metric = standing.study, f"{self._split}_{self._metric}"
        chart = self.query_one("#study-chart", Chart)
        unit = ", %" if self._metric == "accuracy" else ""
        chart.border_title = study.preset.title
        chart.border_subtitle = "mean over seeds   t test/train   l loss/accuracy"
        title = f"{self._split.capitalize()} {self._metric}{unit}"
        chart.show(partial(self._curves.plot, study, metric, title), (standing.stamp, metric))
        chart.set_class(study.preset.exercise.is_fitted, "-fitted")  # whether it is shown depends on the page, too
        page = self.query_one("#study-page")
        page.border_title = progress_of(standing)
        width = max(20, page.scrollable_content_region.width or self.size.width - MARGIN)  # while it is hidden
        self.query_one("#study-table", Static).update(
            page_of(standing, width, timing=self._timing_line(standing), ascii=self.lab.look.ascii)
        )
        self.query_one("#study-text", Reading).show(study.preset.text)

    def _timing_line(self, standing: Standing) -> str:
        """What is said in place of what the missing runs would take; empty where that is known."""
        if self._timing or not standing.untold:
            return self._timing
        return f"{standing.cost.sentence} m measures it now."

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return self.standing is not None and self.standing.live + self.standing.waiting > 0
        if action == "time":
            return self._measuring is None and self.standing is not None and bool(self.standing.untold)
        if action == "arms":
            return self.standing is not None and bool(self.standing.preset.arms)
        return True

    def action_run(self) -> None:
        """Queue what is missing, after asking for the seeds."""
        self._launch()

    def action_arms(self) -> None:
        """The same for some arms only."""
        if self.standing is not None:
            preset = self.standing.preset
            self.app.push_screen(ChooseArms(preset.name, preset.arms), self._launch_some)

    def _launch_some(self, arms: tuple[Arm, ...] | None) -> None:
        if arms is not None:
            self._launch(arms)

    def _launch(self, arms: tuple[Arm, ...] | None = None) -> None:
        """At the size that is shown."""
        if self.standing is not None:
            study = self.standing.study
            StudyLaunch(self, study.preset, then=self._read, overrides=study.overrides, arms=arms).ask()

    def action_time(self) -> None:
        """Measure what an epoch takes, of one arm of each kind of which no run tells it."""
        standing = self.standing
        if standing is None:
            return
        exercise = standing.preset.exercise
        if any(entry.state == "running" for entry in self.workspace.index.entries.values()):
            self.lab.say(UsageError("A run is training, which would be slowed down.", "Measure when nothing trains."))
            return
        try:
            for trial in standing.untold:
                check_launch(exercise, trial.hyperparameters, self.workspace.data)
        except MissingDataError as error:
            offer_data(self, error, trial.hyperparameters.dataset, self.action_time)
        except TuiLabError as error:
            self.lab.say(error)
        else:
            self._measuring = PreviewProcess()  # of its own: nothing that is previewed meanwhile ends it
            work = partial(self._time, self._measuring, exercise, standing.untold)
            self.run_worker(work, thread=True, group="time", exit_on_error=False)

    def _time(self, process: PreviewProcess, exercise: Exercise, untold: Sequence[Trial]) -> None:
        """On a thread of its own."""
        try:
            for i, trial in enumerate(untold, start=1):
                name = trial.arm.name or exercise.name
                said = f"Measuring {name} for some seconds ... ({i} of {len(untold)})"
                self.app.call_from_thread(self._say_timing, said)
                values = trial.hyperparameters.model_dump()
                timing = process.ask("timing", exercise.name, values, self.workspace.data)
                self._timings = {**self._timings, kind_of(exercise, values): timing}
        except SupersededError:
            return  # the app is left
        except TuiLabError as error:
            self.app.call_from_thread(self.lab.say, error)
        finally:
            process.close()
        self.app.call_from_thread(self._timed)

    def _timed(self) -> None:
        self._measuring = None
        self._say_timing("")
        self._read()

    def _say_timing(self, sentence: str) -> None:
        self._timing = sentence
        self._show()

    def on_unmount(self) -> None:
        if self._measuring is not None:
            self._measuring.close()

    def action_stop(self) -> None:
        standing = self.standing
        if standing is None:
            return
        count = standing.live + standing.waiting
        text = f"{count} of its runs end at their next step, or leave the queue. They keep what they have; r goes on."
        choices = [Choice("stop", "stop them", "y", "warning"), Choice("no", "go on", "n")]
        self.app.push_screen(Ask(f"Stop {standing.preset.name}?", text, choices), partial(self._stop, standing))

    def _stop(self, standing: Standing, answer: str | None) -> None:
        if answer != "stop":
            return
        # those that wait come first, or the next of them would begin
        for entry in sorted(standing.entries, key=lambda entry: entry.state != "queued"):
            if entry.state in LIVE_STATES or entry.state == "queued":
                try:
                    orders.ask(entry.run, "stop")
                except (TuiLabError, OSError):
                    continue  # it has ended by itself
        self._read()

    def action_runs(self) -> None:
        """The runs that were started for it."""
        if self.standing is not None:
            self.lab.open_runs(f'preset="{self.standing.preset.name}"')

    def action_form(self) -> None:
        """What its arms share, into the form."""
        if self.standing is not None:
            preset = self.standing.preset
            self.lab.open_in_form(preset.exercise.name, dict(preset.hyperparameters), f"preset {preset.name}")

    def action_split(self) -> None:
        self._split = "train" if self._split == "test" else "test"
        self._show()

    def action_metric(self) -> None:
        self._metric = "loss" if self._metric == "accuracy" else "accuracy"
        self._show()

    def action_page(self, page: str) -> None:
        self._show_page(page)
        self.query_one(f"#study-{page}").focus()

    def _show_page(self, page: str) -> None:
        for name in ("list", "chart", "page"):
            self.set_class(name == page, f"-page-{name}")
