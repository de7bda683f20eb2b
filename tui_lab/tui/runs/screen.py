"""The Runs area: every run of the home folder; find some, mark them, compare them, act on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widgets import Static

from tui_lab.errors import TuiLabError
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.command import train_command
from tui_lab.labs.fields import known_fields
from tui_lab.runs.directory import RunDirectory
from tui_lab.runs.fields import Field
from tui_lab.runs.index import Changes
from tui_lab.runs.label import Label
from tui_lab.runs.status import LIVE_STATES, RESUMABLE_STATES
from tui_lab.runs.store import Listed
from tui_lab.tui.area import Area
from tui_lab.tui.dialogs import Ask, AskText, Choice
from tui_lab.tui.runs import orders
from tui_lab.tui.runs.columns import EVERY
from tui_lab.tui.runs.comparing import Comparison
from tui_lab.tui.runs.filter import RunFilter
from tui_lab.tui.runs.listing import Listing
from tui_lab.tui.runs.orders import Outcome
from tui_lab.tui.runs.sorting import AskOrder
from tui_lab.tui.runs.table import RunTable

EMPTY = """\
No runs yet.

Press 1 for the labs, choose an exercise, and press r to train it: it appears here at once,
and so does every run that is started elsewhere with this home folder."""
NOTHING_SHOWN = "No run is like that. Press escape to see all of them again, or f to change the filter."
NAMED = 3  # runs that a question calls by their names


class RunsScreen(Area):
    """The table of runs, and the comparison below it; on a narrow screen one at a time."""

    AREA = "runs"
    JUMPS: ClassVar[Mapping[str, str]] = {"#filter Input": "f", "#table": "t", "#overlay": "c", "#differences": "d"}
    HELP = (
        "Every run of the home folder. Mark some with **space** to compare them; **v** shows or hides the comparison."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f,slash", "filter", "Filter", key_display="f", id="runs.filter"),
        Binding("o", "sort", "Sort", id="runs.sort"),
        Binding("v", "compare", "Compare", id="runs.compare"),
        Binding("u", "resume", "Resume", id="runs.resume"),
        Binding("c", "clone", "Clone into the form", show=False, id="runs.clone"),
        Binding("delete,backspace", "delete", "Delete", key_display="del", id="runs.delete"),
        Binding("a", "mark_all", "Mark all shown, or none", show=False, id="runs.mark_all"),
        Binding("x", "stop", "Stop", show=False, id="runs.stop"),
        Binding("p", "pause", "Pause, or continue", show=False, id="runs.pause"),
        Binding("r", "rename", "Rename", show=False, id="runs.rename"),
        Binding("n", "note", "Note", show=False, id="runs.note"),
        Binding("e", "export", "Export", show=False, id="runs.export"),
        Binding("y", "copy_command", "Copy the command that trains the same", show=False, id="runs.copy"),
        Binding("t", "split", "Curves of test or train", show=False, id="runs.split"),
        Binding("l", "metric", "Curves of loss or accuracy", show=False, id="runs.metric"),
        Binding("escape", "back", "Back; every run", show=False, id="runs.back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._listing = Listing()

    def compose_area(self) -> ComposeResult:
        with Container(id="runs"):
            with Vertical(id="listing", classes="pane"):
                yield RunFilter(self._known_fields, id="filter")
                yield RunTable(id="table")
                yield Static(id="nothing")
            yield Comparison(id="comparison")

    def on_mount(self) -> None:
        self._table.focus()

    def on_screen_resume(self) -> None:
        self._take_over()
        self.query_one(Comparison).redraw()

    def runs_changed(self, changes: Changes) -> None:
        if self.is_mounted:
            self._take_over()

    def _take_over(self) -> None:
        """Show what the index knows now: it may have changed while another area was shown."""
        if self.workspace.index.entries is not self._listing.entries:
            self._listing.update(self.workspace.index.entries)
        self._show()

    def _show(self) -> None:
        listing = self._listing
        self._table.show(listing.rows, listing.marks, listing.order)
        self.query_one("#listing").border_title = listing.summary
        self.query_one("#listing").border_subtitle = f"sorted by {self._order_text()}"
        self.set_class(not listing.rows, "-nothing")
        self.set_class(not listing.entries, "-empty")
        self.query_one("#nothing", Static).update(Content(NOTHING_SHOWN if listing.entries else EMPTY))
        self._compare()

    def _order_text(self) -> str:
        name = self._listing.order.removeprefix("-")
        title = next((column.title for column in EVERY if column.field == name and column.title), name)
        lowest, highest = ("newest", "oldest") if name == "age" else ("lowest", "highest")
        return f"{title}, {highest if self._listing.order.startswith('-') else lowest} first"

    def _compare(self) -> None:
        entry = self._table.entry
        marked = self._listing.marked
        self.query_one(Comparison).show(marked or ([entry] if entry else []), self._listing.marks)

    def _known_fields(self) -> dict[str, Field]:
        return known_fields(self._listing.entries.values())

    @property
    def _table(self) -> RunTable:
        return self.query_one(RunTable)

    # Finding runs

    @on(RunTable.Highlighted)
    def _follow_cursor(self) -> None:
        if not self._listing.marks:
            self._compare()

    @on(RunTable.Opened)
    def _open(self, event: RunTable.Opened) -> None:
        self.lab.open_run(event.run_id)

    @on(RunTable.MarkAsked)
    def _mark(self, event: RunTable.MarkAsked) -> None:
        self._listing.toggle(event.run_id)
        self._show()

    @on(RunTable.SortAsked)
    def _sort(self, event: RunTable.SortAsked) -> None:
        self._sort_by(event.order)

    @on(RunFilter.Changed)
    def _filter(self, event: RunFilter.Changed) -> None:
        self._listing.filter(event.query)
        self._show()

    @on(RunFilter.Left)
    def _leave_filter(self) -> None:
        self._table.focus()

    def filter_by(self, text: str) -> None:
        """Show the runs that a filter lets through, from the first one on."""
        self.query_one(RunFilter).set(text)

    def action_filter(self) -> None:
        if not self.is_wide:
            self.remove_class("-swapped")
        self.query_one(RunFilter).begin()

    def action_back(self) -> None:
        """From the comparison to the table; from there to every run."""
        if not self.is_wide and self.has_class("-swapped"):
            self.action_compare()
        elif not self._table.has_focus:
            self._table.focus()
        else:
            self.filter_by("")

    def action_mark_all(self) -> None:
        self._listing.toggle_all()
        self._show()

    def action_sort(self) -> None:
        columns = [(column.title, column.order) for column in EVERY if column.title and column.order]
        named = {order.removeprefix("-") for _, order in columns}
        others = [(name, name) for name in self._known_fields() if name not in named]
        self.app.push_screen(AskOrder([*columns, *others], self._listing.order), self._sort_by)

    def _sort_by(self, order: str | None) -> None:
        if order is not None:
            self._listing.sort(order)
            self._show()
            self._table.move_to(0)

    # Comparing

    def action_compare(self) -> None:
        """Wide: show or hide the comparison. Narrow: go to it, or back to the table."""
        self.toggle_class("-swapped")
        is_shown = self.has_class("-swapped") != self.is_wide
        if self.is_wide or not is_shown:
            self._table.focus()
        else:
            self.query_one("#overlay").focus()

    def action_split(self) -> None:
        comparison = self.query_one(Comparison)
        comparison.choose(split="train" if comparison.split == "test" else "test")

    def action_metric(self) -> None:
        comparison = self.query_one(Comparison)
        comparison.choose(metric="loss" if comparison.metric == "accuracy" else "accuracy")

    # What is done to runs

    @property
    def _chosen(self) -> list[Listed]:
        """The marked runs; without any, the one under the cursor."""
        entry = self._table.entry
        return self._listing.marked or ([entry] if entry else [])

    def _among_chosen(self, fits: Callable[[Listed], bool], otherwise: str) -> list[RunDirectory]:
        """Those of the chosen runs that something can be done to; says so when it is none of them."""
        chosen = self._chosen
        found = [entry.run for entry in chosen if fits(entry)]
        if chosen and not found:
            self.notify(otherwise, severity="warning")
        return found

    def _give(self, order: Callable[[], Outcome], done: str) -> None:
        """Carry an order out beside the screen, and say what came of it; `{}` in `done` stands for the runs."""
        self.run_worker(self._carry_out(order, done), exit_on_error=False)

    async def _carry_out(self, order: Callable[[], Outcome], done: str) -> None:
        outcome = await self.lab.in_background(order)
        self._report(outcome, done)
        try:
            await self.lab.refresh_runs()
        except OSError as error:
            self.lab.say(error)
        self._take_over()

    def _report(self, outcome: Outcome, done: str) -> None:
        if outcome.done:
            self.notify(done.replace("{}", _named(outcome.done), 1), markup=False)
        for error in outcome.errors[:NAMED]:
            self.lab.say(error)
        if len(outcome.errors) > NAMED:
            self.notify(f"And {len(outcome.errors) - NAMED} more could not be done.", severity="error")

    def action_resume(self) -> None:
        runs = self._among_chosen(
            lambda entry: entry.state in RESUMABLE_STATES or entry.state == "queued",
            "Only a run that was stopped, failed or crashed can go on.",
        )
        if runs:
            self._give(partial(orders.resume_all, runs, self.workspace.queue), "{} will go on.")

    def action_stop(self) -> None:
        runs = self._among_chosen(
            lambda entry: entry.state in LIVE_STATES or entry.state == "queued", "Only a run under way can be stopped."
        )
        if runs:
            text = f"Stop {_named([run.id for run in runs])}? Everything is kept, and it can go on later."
            choices = [Choice("stop", "stop", "s", "warning"), Choice("no", "let it go on", "n")]
            self.app.push_screen(Ask("Stop", text, choices), partial(self._stop, runs))

    def _stop(self, runs: Sequence[RunDirectory], answer: str | None) -> None:
        if answer == "stop":
            self._give(partial(orders.ask_all, runs, "stop"), "{}: asked to stop.")

    def action_pause(self) -> None:
        """Pause what runs; when nothing does, let what is paused go on."""
        chosen = self._chosen
        running = [entry.run for entry in chosen if entry.state == "running"]
        if running:
            self._give(partial(orders.ask_all, running, "pause"), "{}: asked to pause.")
            return
        paused = self._among_chosen(lambda entry: entry.state == "paused", "Only a run under way can be paused.")
        if paused:
            self._give(partial(orders.ask_all, paused, "run"), "{}: asked to go on.")

    def action_clone(self) -> None:
        entry = self._table.entry
        if entry is None:
            return
        if entry.status.exercise in EXERCISES:
            run = f"run {entry.label.name or entry.run.id}"
            self.lab.open_in_form(entry.status.exercise, entry.status.hyperparameters, run)
        else:
            self._no_exercise(entry)

    def _no_exercise(self, entry: Listed) -> None:
        name = entry.status.exercise
        why = f"this version has no exercise {name!r}" if name else "what was asked of it cannot be read"
        self.notify(f"{entry.run.id}: {why}.", severity="warning", markup=False)

    def action_rename(self) -> None:
        entry = self._table.entry
        if entry is not None:
            text = f"A name for {entry.run.id}, by which every command finds it. Empty: no name."
            ask = AskText("Rename", text, entry.label.name, check=lambda name: _problem(lambda: Label().renamed(name)))
            self.app.push_screen(ask, partial(self._rename, entry.run))

    def _rename(self, run: RunDirectory, name: str | None) -> None:
        if name is not None:
            done = f"{{}} is now called {name.strip()}." if name.strip() else "{} has no name now."
            self._give(partial(orders.label, run, lambda label: label.renamed(name)), done)

    def action_note(self) -> None:
        entry = self._table.entry
        if entry is not None:
            text = f"A note on {entry.label.name or entry.run.id}. Empty: no note."
            ask = AskText("Note", text, entry.label.note, check=lambda note: _problem(lambda: Label().noted(note)))
            self.app.push_screen(ask, partial(self._note, entry.run))

    def _note(self, run: RunDirectory, note: str | None) -> None:
        if note is not None:
            done = "{}: noted." if note.strip() else "{}: the note is gone."
            self._give(partial(orders.label, run, lambda label: label.noted(note)), done)

    def action_export(self) -> None:
        runs = [entry.run for entry in self._chosen]
        if runs:
            folder = self.workspace.home / "exports"
            choices = [
                Choice("csv", "csv", "c", "primary"),
                Choice("json", "json", "j"),
                Choice("tensorboard", "tensorboard", "t"),
                Choice("no", "cancel", "n"),
            ]
            text = (
                f"Export {_named([run.id for run in runs])} into {folder}: csv has a row an epoch, json everything, "
                "tensorboard the curves for TensorBoard."
            )
            self.app.push_screen(Ask("Export", text, choices), partial(self._export, runs))

    def _export(self, runs: Sequence[RunDirectory], format: str | None) -> None:
        if format not in (None, "no"):
            self.run_worker(self._write_export(runs, format or ""), exit_on_error=False)

    async def _write_export(self, runs: Sequence[RunDirectory], format: str) -> None:
        folder = self.workspace.home / "exports"
        outcome, target = await self.lab.in_background(partial(orders.export_all, runs, format, folder))
        self._report(outcome, f"{{}}: written to {target}")

    def action_copy_command(self) -> None:
        """The commands that train the chosen runs again, a line each."""
        lines = []
        for entry in self._chosen:
            exercise = EXERCISES.get(entry.status.exercise)
            if exercise is None:
                self._no_exercise(entry)
                continue
            where = {"home": self.workspace.home, "data": self.workspace.data}
            lines.append(train_command(exercise, entry.status.hyperparameters, **where))
        if lines:
            self.app.copy_to_clipboard("\n".join(lines))
            self.notify("\n".join(lines), title="Copied", markup=False, timeout=10)

    def action_delete(self) -> None:
        chosen = self._chosen
        live = [entry for entry in chosen if entry.state in LIVE_STATES]
        runs = self._among_chosen(
            lambda entry: entry.state not in LIVE_STATES, "A run under way cannot be deleted: stop it first, with x."
        )
        if runs:
            kept = f" {len(live)} under way {'are' if len(live) > 1 else 'is'} left alone." if live else ""
            text = f"Delete {_named([run.id for run in runs])} with everything kept of {_it(runs)}?{kept}"
            choices = [Choice("delete", f"delete {len(runs)}", "d", "error"), Choice("no", "keep", "n", "primary")]
            self.app.push_screen(Ask("Delete", text, choices), partial(self._delete, runs))

    def _delete(self, runs: Sequence[RunDirectory], answer: str | None) -> None:
        if answer == "delete":
            self._give(partial(orders.delete_all, runs, self.workspace.store), "Deleted {}.")


def _named(run_ids: Sequence[str]) -> str:
    """The id of one run, a few of them, or how many there are."""
    return ", ".join(run_ids) if len(run_ids) <= NAMED else f"{len(run_ids)} runs"


def _it(runs: Sequence[RunDirectory]) -> str:
    return "it" if len(runs) == 1 else "them"


def _problem(check: Callable[[], object]) -> str:
    """What is wrong, as a sentence; empty when nothing is."""
    try:
        check()
    except TuiLabError as error:
        return str(error)
    return ""
