"""The Studies area: the figures of the practical with their arms, measured beside published, and what follows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option, OptionDoesNotExist

from tui_lab.errors import MissingDataError, TuiLabError
from tui_lab.jobs import orders
from tui_lab.labs.catalogue import LABS
from tui_lab.presets import Preset, list_presets
from tui_lab.runs.index import Changes
from tui_lab.runs.status import LIVE_STATES
from tui_lab.tui.area import Area
from tui_lab.tui.chart import Chart
from tui_lab.tui.dialogs import Ask, Choice
from tui_lab.tui.labs.study import ask_for_seeds, run_study
from tui_lab.tui.reading import Reading
from tui_lab.tui.studies.listing import Curves, Standing, standings
from tui_lab.tui.studies.page import line_of, page_of, progress_of

EMPTY = "Reading the studies ..."


class StudiesScreen(Area):
    """The list at the left; curves, table and verdicts of the chosen study at the right. Where it is narrow, one at a
    time."""

    AREA = "studies"
    JUMPS: ClassVar[Mapping[str, str]] = {"#study-list": "e", "#study-chart": "c", "#study-page": "v"}
    HELP = """**Studies.** A study trains several arms, each with one seed or more, and lays what was measured beside
what the practical reports. `r` queues what is missing; what is there already is not trained again."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "Run", id="studies.run", tooltip="Queue what is missing of it"),
        Binding("x", "stop", "Stop", id="studies.stop"),
        Binding("o", "runs", "Its runs", id="studies.runs"),
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
        home, entries, presets = self.workspace.home, list(self.workspace.index.entries.values()), self._presets

        def read() -> tuple[list[Preset], list[Standing]]:
            found = presets or [listed.preset for listed in list_presets(home) if listed.preset]
            return found, standings(found, entries)

        try:
            self._presets, there = await self.lab.in_background(read)
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
        chart.display = not study.preset.exercise.is_fitted
        page = self.query_one("#study-page")
        page.border_title = progress_of(standing)
        self.query_one("#study-table", Static).update(
            page_of(standing, max(20, page.scrollable_content_region.width), ascii=self.lab.look.ascii)
        )
        self.query_one("#study-text", Reading).show(study.preset.text)

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "stop":
            return self.standing is not None and self.standing.live + self.standing.waiting > 0
        return True

    def action_run(self) -> None:
        """Queue what is missing, after asking for the seeds."""
        if self.standing is not None:
            preset = self.standing.preset
            self.app.push_screen(ask_for_seeds(preset, self.workspace), partial(self._run, preset))

    def _run(self, preset: Preset, seeds: str | None) -> None:
        if seeds is not None:
            self.run_worker(partial(self._start, preset, int(seeds)), thread=True, group="launch", exit_on_error=False)

    def _start(self, preset: Preset, seeds: int) -> None:
        """On a thread of its own: files are written and processes started."""
        try:
            runs = run_study(preset, seeds, self.workspace)
        except MissingDataError as error:
            self.app.call_from_thread(self.lab.say, error)
        except (TuiLabError, OSError) as error:
            self.app.call_from_thread(self.lab.say, error)
        else:
            self.app.call_from_thread(self._started, preset, len(runs))

    def _started(self, preset: Preset, count: int) -> None:
        jobs = self.workspace.queue.jobs
        text = f"{count} queued, {jobs} at a time. F2 changes how many." if count else "Nothing is missing."
        self.notify(text, title=f"Study {preset.name}", markup=False)
        self._read()

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
        for entry in sorted(
            standing.entries, key=lambda entry: entry.state != "queued"
        ):  # or the next ones would begin
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
