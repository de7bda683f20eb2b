"""The Labs area: pick an exercise or a figure, set its hyperparameters, train it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from rich.syntax import Syntax
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.css.query import NoMatches
from textual.timer import Timer
from textual.widgets import Button, ContentSwitcher, Static, Tree

from tui_lab.devices import available_devices
from tui_lab.errors import MissingDataError, TuiLabError, UsageError
from tui_lab.hyperparameters import Hyperparameters, Mistake, build, mistakes_in, refusal
from tui_lab.jobs.launch import check_launch
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.check import mistakes_for
from tui_lab.labs.command import train_command
from tui_lab.labs.exercise import Exercise
from tui_lab.presets import check_name, find_preset, list_presets, save_preset, user_dir
from tui_lab.runs.directory import RunDirectory
from tui_lab.tui.area import Area
from tui_lab.tui.dialogs import AskText, Page
from tui_lab.tui.fetching import offer_data
from tui_lab.tui.form import HyperparameterForm, Option
from tui_lab.tui.labs.about import About
from tui_lab.tui.labs.models import FindModel
from tui_lab.tui.labs.rates import FindRate
from tui_lab.tui.labs.tree import Entry, PracticalTree, entry_of_preset
from tui_lab.tui.study_launch import StudyLaunch

PAGES = {"tree": "practical", "about": "about-pane", "form": "form-pane"}
HINTS = {"model": "F4 searches", "weights": "file, or empty", "trainable": "head|last-2|all"}  # 15 cells
READ_S = 0.1  # the cursor rests this long on an entry before it is shown: whoever passes over is not slowed down


class LabsScreen(Area):
    """Three panes side by side where there is room, else two and the text under the exercises, else one at a time."""

    AREA = "labs"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (40, "-narrow"), (110, "-medium"), (150, "-wide")]  # noqa: RUF012
    JUMPS: ClassVar[Mapping[str, str]] = {"#practical": "e", "#about-tabs": "a", "#form-pane": "f"}
    HELP = "Pick an exercise or a figure, change what you like in its settings, and press **r** (while typing, ctrl+r)."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "launch", "Run", id="labs.run"),
        Binding("ctrl+r", "launch", "Run", priority=True),  # in the footer where r is typed
        Binding("q", "queue", "Queue", id="labs.queue"),
        Binding("S", "study", "Study", tooltip="Run every arm of the study", id="labs.study"),
        Binding("a", "page('about')", "About", id="labs.about"),
        Binding("f", "page('form')", "Settings", id="labs.form"),
        Binding("e", "page('tree')", "Exercises", show=False, id="labs.tree"),
        Binding("s", "save_preset", "Save", tooltip="Save the settings as a preset of yours", id="labs.save"),
        Binding("c", "copy_command", "Copy the command line that trains the same", show=False, id="labs.copy"),
        Binding("slash", "search", "Search", key_display="/", id="labs.search"),
        Binding("Q", "questions", "Questions", tooltip="Questions of the exercise", id="labs.questions"),
        Binding("m,f4", "find_model", "Find a model of timm", show=False, id="labs.model"),
        Binding("F", "find_rate", "Find a learning rate", show=False, id="labs.rate"),
        Binding("o", "open_preset", "Open a preset file", show=False, id="labs.open"),
        Binding("v", "view_source", "Source of the model", show=False, id="labs.source"),
        Binding("R", "reset", "Reset all settings", show=False, id="labs.reset"),
        Binding("escape", "page('tree')", "Back to the exercises", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._entry: Entry | None = None
        self._drafts: dict[str, dict[str, Any]] = {}  # what the user has changed, by the key of the entry
        self._forms: dict[str, HyperparameterForm] = {}
        self._timer: Timer | None = None
        self._devices: list[Option] = []
        self._is_filled = False
        self._wanted: Callable[[], None] | None = None  # what is to be shown as soon as there is a tree

    def compose_area(self) -> ComposeResult:
        with Horizontal(id="labs-panes"):
            tree = PracticalTree(id="practical")
            tree.border_title = "Practical"
            tree.border_subtitle = "enter: read and set   r: train"
            tree.add_class("pane")
            yield tree
            with Vertical(id="about-pane", classes="pane") as about:
                about.border_subtitle = "esc: exercises   f: settings"
                yield About(id="about-widget")
            with Vertical(id="form-pane", classes="pane") as form:
                form.border_title = "Settings"
                yield ContentSwitcher(id="forms")
                yield Static(id="labs-problem")
                with Horizontal(id="labs-actions"):
                    yield Button("▶ Run r", id="run", variant="primary", compact=True)
                    yield Button("Queue q", id="queue", compact=True)
                    yield Button("Save s", id="save", compact=True)
                    yield Button("Copy c", id="copy", compact=True)
                    yield Button("Reset R", id="reset", compact=True)
                    yield Button("Rate F", id="rate", compact=True, tooltip="Find a learning rate")

    def on_mount(self) -> None:
        self.add_class("-page-tree")
        self.query_one(PracticalTree).focus()
        self.call_after_refresh(self._fill)

    def on_screen_resume(self) -> None:
        if self._is_filled:
            self._reload_presets()

    def _fill(self) -> None:
        """What the first paint does not wait for."""
        self._devices = [("auto", "auto"), *((d.title_line, d.name) for d in available_devices())]
        self._is_filled = True
        self._reload_presets()
        if self._wanted is not None:  # after the tree has moved to its first entry
            self.call_after_refresh(self._wanted)
            self._wanted = None

    def _reload_presets(self) -> None:
        self.query_one(PracticalTree).fill(list_presets(self.workspace.home))
        self._mark_finished()

    def runs_changed(self, changes: object) -> None:
        self._mark_finished()

    def _mark_finished(self) -> None:
        entries = self.workspace.index.entries.values()
        finished = frozenset(e.status.preset for e in entries if e.state == "finished" and e.status.preset)
        self.query_one(PracticalTree).mark_finished(finished)

    # What is chosen

    @on(Tree.NodeHighlighted)
    def _pass_over(self, event: Tree.NodeHighlighted[Entry]) -> None:
        if self._timer is not None:
            self._timer.stop()
        entry = event.node.data
        if entry is not None:
            delay = READ_S if self._entry is not None else 0.0
            self._timer = self.set_timer(delay, partial(self._choose, entry)) if delay else None
            if not delay:
                self._choose(entry)

    @on(Tree.NodeSelected)
    def _enter(self, event: Tree.NodeSelected[Entry]) -> None:
        if event.node.data is None:
            event.node.toggle()
        else:
            self._choose(event.node.data)
            self.action_page("about" if not self.is_wide else "form")

    def _choose(self, entry: Entry) -> None:
        """Show an entry: its text, and its values in the form."""
        if self._entry is not None and entry.key == self._entry.key and entry == self._entry:
            return
        is_other_kind = self._entry is None or self._entry.is_study != entry.is_study
        self._entry = entry
        if is_other_kind:
            self.refresh_bindings()
        pane = self.query_one("#form-pane", Vertical)
        if entry.exercise is None:
            pane.border_title, pane.border_subtitle = "Settings", ""
            self.query_one("#forms", ContentSwitcher).current = None
            self._say_problem("This preset cannot be used.")
            self.query_one(About).show_entry(entry)
            return
        pane.border_title = f"Settings of {entry.title}" if not entry.preset else f"Settings of {entry.preset}"
        work = self._show_entry(entry, entry.exercise)
        self.run_worker(work, group="entry", exclusive=True, exit_on_error=False)

    async def _show_entry(self, entry: Entry, exercise: Exercise) -> None:
        """The text, then the form: a key that comes between them is answered between them."""
        self.query_one(About).show_entry(entry)
        await asyncio.sleep(0)
        await self._show_form(entry, exercise)

    async def _show_form(self, entry: Entry, exercise: Exercise) -> None:
        form = self._forms.get(exercise.name)
        switcher = self.query_one("#forms", ContentSwitcher)
        if form is None:
            is_open = not exercise.declarations["device"].choices
            options = {"device": self._devices} if is_open else {}
            form = HyperparameterForm(exercise.declarations, options=options, hints=HINTS, id=f"form-{exercise.name}")
            self._forms[exercise.name] = form
            await switcher.add_content(form, set_current=True)
        switcher.current = form.id
        form.set_values(self._drafts.get(entry.key, dict(entry.values)))
        self._check(form)

    def load_values(self, exercise: str, values: Mapping[str, Any], source: str = "") -> None:
        """Take a configuration into the form; `source` says where it comes from."""
        if not self._is_filled:
            self._wanted = partial(self.load_values, exercise, values, source)
            return
        found = EXERCISES.get(exercise)
        if found is None:
            self.lab.say(UsageError(f"There is no exercise {exercise!r} here."))
            return
        known = {name: value for name, value in values.items() if name in found.declarations}
        preset = source.removeprefix("preset ") if source.startswith("preset ") else ""
        key = f"{exercise}/{preset}"
        if not preset:
            self._drafts[key] = known
        self._entry = None
        if not self.query_one(PracticalTree).select(key):
            self._choose(Entry(found, title=found.title, text=found.text, values=known))
        elif not preset:
            self._choose(Entry(found, title=found.title, text=found.text))
        if source:
            self.notify(f"Taken from {source}.", markup=False)
        self.action_page("form")

    # The form

    @property
    def _form(self) -> HyperparameterForm | None:
        return self._forms.get(self._entry.exercise.name) if self._entry and self._entry.exercise else None

    @on(HyperparameterForm.Changed)
    def _changed(self, event: HyperparameterForm.Changed) -> None:
        if self._entry is not None:
            self._drafts[self._entry.key] = event.values
        self._check(event.form)

    def _check(self, form: HyperparameterForm) -> Hyperparameters | None:
        """The configuration of the form, or None with its mistakes shown."""
        entry = self._entry
        if entry is None or entry.exercise is None:
            return None
        values = form.values
        mistakes: list[Mistake] = mistakes_in(entry.exercise.hyperparameters, values)
        configuration = None if mistakes else build(entry.exercise.hyperparameters, values)
        if configuration is not None:
            mistakes = mistakes_for(entry.exercise, configuration)
        form.show_mistakes(mistakes)
        count = len(form.changed)
        pane = self.query_one("#form-pane", Vertical)
        pane.border_subtitle = f"{f'{count} changed' if count else 'all as by default'}   esc: exercises"
        if mistakes:
            self._say_problem(f"{len(mistakes)} to correct: {mistakes[0].sentence}")
        else:
            self._say_problem(entry.exercise.notice(configuration), is_notice=True)
        if mistakes or configuration is None:
            return None
        self.query_one(About).follow(entry.exercise, configuration)
        return configuration

    def _say_problem(self, sentence: str, *, is_notice: bool = False) -> None:
        """A mistake, or only something to know before one runs it."""
        line = self.query_one("#labs-problem", Static)
        if not sentence and not line.display:
            return
        line.set_class(is_notice, "-notice")
        line.update(Content(sentence))
        line.display = bool(sentence)

    # Actions

    @on(Button.Pressed, "#labs-actions Button")
    def _press(self, event: Button.Pressed) -> None:
        actions = {
            "run": self.action_launch,
            "queue": self.action_queue,
            "save": self.action_save_preset,
            "copy": self.action_copy_command,
            "reset": self.action_reset,
            "rate": self.action_find_rate,
        }
        actions[event.button.id or ""]()

    def action_launch(self) -> None:
        """Train what the form says, and watch it."""
        self._launch(is_shown=True)

    def action_queue(self) -> None:
        """Put it at the end of the queue, and stay here."""
        self._launch(is_shown=False)

    def _launch(self, *, is_shown: bool) -> None:
        configuration, entry = self._checked(), self._entry
        if configuration is None or entry is None or entry.exercise is None:
            return
        work = partial(self._start, entry.exercise, configuration, entry.preset, is_shown)
        self.run_worker(work, thread=True, group="launch", exit_on_error=False)

    def _checked(self) -> Hyperparameters | None:
        """The configuration of the form, or None with its mistakes said and the first one focused."""
        form, entry = self._form, self._entry
        if form is None or entry is None or entry.exercise is None:
            return None
        configuration = self._check(form)
        if configuration is None:
            self.action_page("form")
            form.focus_mistake()
            self.lab.say(refusal(self._mistakes(form)))
        return configuration

    def _mistakes(self, form: HyperparameterForm) -> list[Mistake]:
        assert self._entry is not None and self._entry.exercise is not None
        model, values = self._entry.exercise.hyperparameters, form.values
        return mistakes_in(model, values) or mistakes_for(self._entry.exercise, build(model, values))

    def _start(self, exercise: Exercise, configuration: Hyperparameters, preset: str, is_shown: bool) -> None:
        """On a thread of its own: files are written and processes started."""
        try:
            run = self.workspace.launch(exercise, configuration, preset)
        except MissingDataError as error:
            again = partial(self._launch, is_shown=is_shown)
            self.app.call_from_thread(offer_data, self, error, configuration.dataset, again)
        except (TuiLabError, OSError) as error:
            self.app.call_from_thread(self.lab.say, error)
        else:
            self.app.call_from_thread(self._started, run, is_shown)

    def _started(self, run: RunDirectory, is_shown: bool) -> None:
        if is_shown:
            self.lab.open_run(run.id)
            return
        jobs = self.workspace.queue.jobs
        at_once = "one at a time" if jobs == 1 else f"{jobs} at a time"
        self.notify(f"{at_once}; 3 shows it, F2 changes how many.", title=f"Queued {run.id}", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only a study can be run as one, and only timm has models to choose among."""
        entry = self._entry
        if action == "study":
            return entry is not None and entry.is_study
        if action == "find_model":
            return entry is not None and entry.exercise is not None and "model" in entry.exercise.declarations
        return True

    def action_study(self) -> None:
        """Every arm of the study that is chosen, with as many seeds as the user likes."""
        entry = self._entry
        if entry is None or not entry.is_study:
            return
        try:
            preset = find_preset(entry.preset, self.workspace.home)
        except TuiLabError as error:
            self.lab.say(error)
            return
        StudyLaunch(self, preset, then=partial(self.lab.open_runs, f'preset="{preset.name}"')).ask()

    def action_find_rate(self) -> None:
        """Try growing learning rates on what the form says, and take the suggestion into it."""
        configuration, entry = self._checked(), self._entry
        if configuration is None or entry is None or entry.exercise is None:
            return
        if entry.exercise.is_fitted:
            self.lab.say(UsageError(f"{entry.exercise.title}: not trained by gradients, it has no learning rate."))
            return
        try:
            check_launch(entry.exercise, configuration, self.workspace.data)
        except MissingDataError as error:
            offer_data(self, error, configuration.dataset, self.action_find_rate)
        except TuiLabError as error:
            self.lab.say(error)
        else:
            dialog = FindRate(entry.exercise.name, configuration.model_dump(), self.workspace.data)
            self.app.push_screen(dialog, partial(self._take_rate, entry))

    def _take_rate(self, entry: Entry, rate: float | None) -> None:
        form = self._form
        if rate is None or form is None or self._entry is not entry:
            return
        values = {**form.values, "lr": rate}
        self._drafts[entry.key] = values
        form.set_values(values)
        self._check(form)
        self.notify(f"lr = {rate:g}", title="Learning rate taken into the settings", markup=False)

    def action_find_model(self) -> None:
        """Choose one of timm's models, where the exercise has one of them."""
        form, entry = self._form, self._entry
        if form is not None and entry is not None:
            self.app.push_screen(FindModel(str(form.values["model"])), partial(self._take_model, entry))

    def _take_model(self, entry: Entry, model: str | None) -> None:
        form = self._form
        if model is None or form is None or self._entry is not entry:
            return
        values = {**form.values, "model": model}
        self._drafts[entry.key] = values
        form.set_values(values)
        self._check(form)
        self.action_page("form")
        form.fields["model"].editor.focus()  # what is next, the weights, is below

    def action_save_preset(self) -> None:
        """Keep what the form says as a preset of the user's."""
        form, entry = self._form, self._entry
        if form is None or entry is None or entry.exercise is None:
            return
        configuration = self._check(form)
        if configuration is None:
            form.focus_mistake()
            return
        question = AskText(
            "Save as preset",
            f"A name for it. It will be in {user_dir(self.workspace.home)} and under My presets.",
            placeholder="my-experiment",
            check=_problem_with_name,
        )
        self.app.push_screen(question, partial(self._save, entry.exercise, configuration))

    def _save(self, exercise: Exercise, configuration: Hyperparameters, name: str | None) -> None:
        if name is None:
            return
        path = user_dir(self.workspace.home) / f"{name.removesuffix('.toml')}.toml"
        try:
            if any(listed.is_shipped and listed.name == path.stem for listed in list_presets(self.workspace.home)):
                raise UsageError(f"{path.stem!r} comes with tui_lab.", "Choose another name.")
            save_preset(path, exercise, configuration, title=path.stem)
        except (TuiLabError, OSError) as error:
            self.lab.say(error)
            return
        self._reload_presets()
        self.notify(f"{path}", title=f"Saved {path.stem}", markup=False)

    def action_open_preset(self) -> None:
        """A preset from a file, by its path."""
        question = AskText("Open a preset", "Path of a file, or a name such as 2.5.", placeholder="~/class/moons.toml")
        self.app.push_screen(question, self._open)

    def _open(self, name: str | None) -> None:
        if not name:
            return
        try:
            preset = find_preset(name, self.workspace.home)
        except TuiLabError as error:
            self.lab.say(error)
            return
        if not self.query_one(PracticalTree).select(f"{preset.exercise.name}/{preset.name}"):
            self._choose(entry_of_preset(preset))
        self.action_page("about")

    def action_copy_command(self) -> None:
        """The `tui-lab train ...` line of the form."""
        form, entry = self._form, self._entry
        if form is None or entry is None or entry.exercise is None:
            return
        line = train_command(entry.exercise, form.values, home=self.workspace.home, data=self.workspace.data)
        self.app.copy_to_clipboard(line)
        self.notify(line, title="Copied", timeout=10, markup=False)

    def action_questions(self) -> None:
        """The questions of the exercise that is chosen."""
        exercise = self._entry.exercise if self._entry is not None else None
        self.lab.open_questions(exercise=exercise.name if exercise is not None else "")

    def action_view_source(self) -> None:
        """The source of the model that the form describes, to read."""
        form, entry = self._form, self._entry
        if form is None or entry is None or entry.exercise is None:
            return
        path = entry.exercise.source_of(form.values)
        code = Syntax(path.read_text(encoding="utf-8"), "python", line_numbers=True, theme=self._code_theme())
        self.app.push_screen(Page(str(path), Static(code)))

    def _code_theme(self) -> str:
        return "ansi_dark" if self.app.current_theme.dark else "ansi_light"

    def action_search(self) -> None:
        """Find a hyperparameter by its name or what it does."""
        if self._form is not None:
            self.action_page("form")
            self._form.action_search()

    def action_reset(self) -> None:
        """The form as the exercise or the preset has it."""
        form, entry = self._form, self._entry
        if form is None or entry is None:
            return
        self._drafts.pop(entry.key, None)
        form.set_values(entry.values)
        self._check(form)

    # Pages

    def action_page(self, page: str) -> None:
        """Go to a pane; where there is room for one only, show it."""
        self._show_page(page)
        if page == "tree":
            self.query_one(PracticalTree).focus()
        elif page == "about":
            self.query_one("#about-widget", About).query_one("#about-scroll").focus()
        elif self._form is not None:
            self._form.focus_first()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """With one pane at a time, the focused one is shown."""
        for name, pane in PAGES.items():
            try:
                is_within = event.widget in self.query_one(f"#{pane}").walk_children() or event.widget.id == pane
            except NoMatches:
                continue
            if is_within:
                self._show_page(name)

    def _show_page(self, page: str) -> None:
        # where all panes are shown, no style depends on it
        self.update_classes({f"-page-{name}": name == page for name in PAGES}, update=not self.is_wide)


def _problem_with_name(name: str) -> str:
    try:
        check_name(name)
    except UsageError as error:
        return error.hint
    return ""
