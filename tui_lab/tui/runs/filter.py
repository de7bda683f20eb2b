"""The line in which the runs are filtered: it says what is wrong while one types, and suggests how to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Label

from tui_lab.errors import UsageError
from tui_lab.runs.fields import Field
from tui_lab.runs.query import Query, suggest

Known = Callable[[], Mapping[str, Field]]
EXAMPLE = 'f filters, as in: exercise=convnet lr<0.1 test_accuracy>=70% "a word"'


class FieldSuggester(Suggester):
    """Names of fields, and the values that they can have."""

    def __init__(self, known: Known) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(suggest(value, self._known())), None)


class RunFilter(Vertical):
    """A filter being typed. What cannot be read leaves the last one that could in force.

    Args:
        known: gives every field there is, asked when the typing begins.
    """

    DEFAULT_CSS = """
    RunFilter {
        height: auto;
        & Input { background: $surface; height: 1; border: none; padding: 0 1; }
        & Input:focus { background: $surface-lighten-1; border: none; }
        & Label { color: $error; width: 1fr; height: auto; padding: 0 1; display: none; }
        &.-wrong Label { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back to the runs", show=False),
        Binding("down", "leave", "Back to the runs", show=False),
    ]

    class Changed(Message):
        """Another filter is in force."""

        def __init__(self, query: Query) -> None:
            super().__init__()
            self.query = query

    class Left(Message):
        """The user has done with the filter."""

    def __init__(self, known: Known, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ask_known = known
        self._known: Mapping[str, Field] = {}
        self._good = ""
        self._query = Query()

    def compose(self) -> ComposeResult:
        suggester = FieldSuggester(lambda: self._known)
        yield Input(placeholder=EXAMPLE, suggester=suggester, compact=True, select_on_focus=False)
        yield Label("")

    def begin(self) -> None:
        """Let the user type."""
        self._known = self._ask_known()
        self.query_one(Input).focus()

    def set(self, text: str) -> None:
        """Filter by `text`, as if it had been typed; an empty one shows every run."""
        self.query_one(Input).value = text

    @on(Input.Changed)
    def _read(self, event: Input.Changed) -> None:
        event.stop()
        self._known = self._known or self._ask_known()
        try:
            query = Query.parse(event.value, self._known)
        except UsageError as error:
            self._complain(f"{error.message} {error.hint}".strip())
            return
        self._complain("")
        self._good = event.value
        if query != self._query:
            self._query = query
            self.post_message(self.Changed(query))

    def _complain(self, sentence: str) -> None:
        self.set_class(bool(sentence), "-wrong")
        self.query_one(Label).update(Content(sentence))

    @property
    def complaint(self) -> str:
        """What is wrong with what is typed; empty when nothing is."""
        return str(self.query_one(Label).content)

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        if not self.complaint:
            self.post_message(self.Left())

    def action_leave(self) -> None:
        """Back to the runs with the filter that is in force."""
        self.query_one(Input).value = self._good
        self.post_message(self.Left())
