"""A form made from declarations: one row a hyperparameter, grouped by topic, checked while one types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static, Switch

from tui_lab.hyperparameters import LARGEST, Declaration, Mistake, written

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

Option = tuple[str, str]  # what the user reads, and the value


class Choice(Select[str], inherit_bindings=False):
    """A Select whose arrows do not open it: up and down lead to the neighbours, left and right to the next value."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "show_overlay", "Choose", show=False),
        Binding("left", "turn(-1)", "Previous value", show=False),
        Binding("right", "turn(1)", "Next value", show=False),
    ]

    def __init__(self, options: Sequence[Option], value: str) -> None:
        super().__init__(options, value=value, allow_blank=False, compact=True)
        self._values = [option[1] for option in options]

    def action_turn(self, by: int) -> None:
        if self.value in self._values:
            self.value = self._values[(self._values.index(str(self.value)) + by) % len(self._values)]


class Field(Horizontal):
    """One hyperparameter: name, editor, and what is allowed."""

    def __init__(self, declaration: Declaration, options: Sequence[Option] = (), hint: str = "") -> None:
        super().__init__(id=f"field-{declaration.name}")
        self.declaration = declaration
        self._hint = hint
        self._options = list(options) or [(choice, choice) for choice in declaration.choices]
        self._shown = ("", declaration.default)  # a text, and the value that it was written for, perhaps shortened
        self.problem = ""
        self.editor: Input | Select[str] | Switch = self._make_editor()
        # What the form has taken in; a Select has its first value only when it is mounted
        self._known: object = str(declaration.default) if self._options else self.editor.value
        self._name_label = Label(f"  {declaration.name}", classes="field-name")
        self._said = self._allowed()
        self._allowed_label = Label(Content(self._said), classes="field-allowed")
        self._is_changed = False

    def _make_editor(self) -> Input | Select[str] | Switch:
        default = self.declaration.default
        if self.declaration.type is bool:
            return Switch(default, animate=False)
        if self._options:
            return Choice(self._options, str(default))
        self._shown = (as_text(default), default)
        return Input(as_text(default), compact=True, select_on_focus=True, validate_on=())  # the form checks

    def compose(self) -> ComposeResult:
        yield self._name_label
        yield self.editor
        yield self._allowed_label

    def _allowed(self) -> str:
        """What an input takes, and in words how a switch stands; a choice shows itself."""
        if isinstance(self.editor, Switch):
            return "on" if self.editor.value else "off"
        return (self._hint or allowed_briefly(self.declaration)) if isinstance(self.editor, Input) else ""

    @property
    def value(self) -> Any:
        """What the editor says; text that stands for no value comes as it is, for validation to refuse."""
        if isinstance(self.editor, Switch):
            return self.editor.value
        text = str(self.editor.value)
        if self._options:
            return text
        return self._shown[1] if text == self._shown[0] else self.declaration.parse(text)

    def set_value(self, value: Any) -> None:
        """Show a value that the user has not typed: `has_news` does not take it for news."""
        if isinstance(self.editor, Switch):
            self.editor.value = bool(value)
        elif isinstance(self.editor, Select):
            if str(value) not in [option[1] for option in self._options]:
                self._options.append((f"{value} (not here)", str(value)))
                self.editor.set_options(self._options)
            self.editor.value = str(value)
        else:
            self.editor.value = as_text(value)
            self._shown = (self.editor.value, value)
        self._known = self.editor.value

    def has_news(self) -> bool:
        """Whether the editor says something else than when this was last asked, or a value was set.

        Editors post their changes some time after them, and one that was set like one that was typed.
        """
        known, self._known = self._known, self.editor.value
        return known != self._known

    def show(self, *, is_changed: bool, problem: str) -> None:
        """Mark the row: a dot for what differs from the default, a sentence for what is wrong."""
        self.problem = problem
        if is_changed != self._is_changed:
            self._is_changed = is_changed
            name = self.declaration.name
            self._name_label.update(Content.styled(f"• {name}", "bold") if is_changed else Content(f"  {name}"))
        said = problem or self._allowed()
        if said != self._said:  # of the many fields of a form, most stay as they are
            self._said = said
            self._allowed_label.update(Content(said))
        self.set_class(bool(problem), "-wrong")
        self.set_class(is_changed, "-changed")

    def on_mount(self) -> None:
        self._name_label.tooltip = self.declaration.help


def allowed_briefly(declaration: Declaration) -> str:
    """The range of an input in few characters: `0 to 512`, `above 0, to 100`, `1 or more`; empty for any text."""
    if declaration.type is list:
        return "such as 128,64"
    if declaration.type is str:
        return ""
    bounds = declaration.bounds
    low = _bound(bounds, "gt", "above ") or _bound(bounds, "ge", "")
    high = _bound(bounds, "lt", "below ") or _bound(bounds, "le", "")
    if low and high:
        return f"{low} to {high}" if "above" not in low else f"{low}, to {high}"
    return (low if "above" in low else f"{low} or more") if low else high


def _bound(bounds: Mapping[str, Any], key: str, word: str) -> str:
    value = bounds.get(key)
    return "" if value is None or value >= LARGEST else f"{word}{value:,}" if value >= 1000 else f"{word}{value:g}"


def as_text(value: Any) -> str:
    """A value as one types it."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class Fields(VerticalScroll, can_focus=False, inherit_bindings=False):
    """The rows. Keys are the form's: up and down lead from field to field, and the rows scroll along."""


class HyperparameterForm(Vertical):
    """The editors of all declarations, a search, and a line on the focused one.

    Args:
        declarations: by name, ordered by topic.
        options: for hyperparameters whose choices depend on the machine: what the user reads, and the value.
        hints: what stands beside an input in place of its range.
    """

    HELP = """**Form.** ↑ ↓ go from field to field, ← → change a choice, space flips a switch. What differs from the
default has a dot. `/` searches; `ctrl+z` resets the field, `R` everything. `F3` opens the question on the field."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "go(-1)", "Field above", show=False),
        Binding("down,enter", "go(1)", "Field below", show=False),
        Binding("slash", "search_from_number", "Search", show=False, priority=True),  # no number has a slash
        Binding("ctrl+z", "reset_field", "Reset field", show=False),
        Binding("f3", "question", "Question on this field", show=False),
    ]

    class Changed(Message):
        """The user has changed a value. `values`: of every field, as parsed, whether allowed or not."""

        def __init__(self, form: HyperparameterForm, values: dict[str, Any]) -> None:
            super().__init__()
            self.form = form
            self.values = values

        @property
        def control(self) -> HyperparameterForm:
            return self.form

    def __init__(
        self,
        declarations: Mapping[str, Declaration],
        *,
        options: Mapping[str, Sequence[Option]] | None = None,
        hints: Mapping[str, str] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._declarations = declarations
        self.fields = {
            name: Field(declaration, (options or {}).get(name, ()), (hints or {}).get(name, ""))
            for name, declaration in declarations.items()
        }
        self._mistakes: dict[str, str] = {}
        self._elsewhere: list[str] = []

    def compose(self) -> ComposeResult:
        yield Input(placeholder="search: name, topic or help", compact=True, id="form-search")
        with Fields(id="form-fields", can_focus=False):
            topic = ""
            for name, declaration in self._declarations.items():
                if declaration.topic != topic:
                    topic = declaration.topic
                    yield Label(topic, classes="form-topic", id=f"topic-{topic}")
                yield self.fields[name]
        yield Static("", id="form-help")

    def on_mount(self) -> None:
        self.query_one("#form-search").display = False
        self._refresh()

    # Values

    @property
    def values(self) -> dict[str, Any]:
        """Of every field, as parsed, whether allowed or not."""
        return {name: field.value for name, field in self.fields.items()}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show `values`, and the defaults of what they leave out. Posts nothing."""
        for name, field in self.fields.items():
            field.set_value(values.get(name, field.declaration.default))
        self._mistakes, self._elsewhere = {}, []
        self._refresh()

    @property
    def changed(self) -> list[str]:
        """Names of the hyperparameters that differ from their defaults."""
        return [name for name, field in self.fields.items() if field.value != field.declaration.default]

    def show_mistakes(self, mistakes: Iterable[Mistake]) -> None:
        """Say beneath each field what is wrong with it; no mistakes clears them."""
        found = list(mistakes)
        problems = {mistake.key: _problem(mistake) for mistake in found}
        elsewhere = [str(mistake) for mistake in found if mistake.key not in self.fields]
        if (problems, elsewhere) != (self._mistakes, self._elsewhere):
            self._mistakes, self._elsewhere = problems, elsewhere
            self._refresh()

    def focus_mistake(self) -> bool:
        """Go to the first field that is wrong."""
        for name in self._mistakes:
            if name in self.fields:
                self.fields[name].display = True
                self.fields[name].editor.focus()
                return True
        return False

    @on(Input.Changed, "#form-fields Input")
    @on(Select.Changed)
    @on(Switch.Changed)
    def _change(self, event: Message) -> None:
        event.stop()
        changed = [field for field in self.fields.values() if field.has_news()]
        if changed:
            self._refresh()
            self.post_message(self.Changed(self, self.values))

    @on(Input.Submitted, "#form-fields Input")
    def _next(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_go(1)

    def action_reset_field(self) -> None:
        field = self._focused_field()
        if field is not None:
            field.set_value(field.declaration.default)
            self._refresh()
            self.post_message(self.Changed(self, self.values))

    def action_question(self) -> None:
        """The question that the focused field belongs to; without one, the key is the app's."""
        field = self._focused_field()
        if field is None or not field.declaration.question:
            raise SkipAction
        cast("LabApp", self.app).open_questions(number=field.declaration.question)

    def reset(self) -> None:
        """Every field to its default."""
        self.set_values({})
        self.post_message(self.Changed(self, self.values))

    # Looking at it

    def _refresh(self) -> None:
        """Show what has an effect and fits the search, with marks and mistakes."""
        if not self.is_mounted:
            return
        values = self.values
        wanted = self.query_one("#form-search", Input).value.strip().casefold()
        shown: set[str] = set()
        focused = self._focused_field()
        for name, field in self.fields.items():
            d = field.declaration
            problem = self._mistakes.get(name, "")
            fits = wanted in f"{name} {name.replace('_', ' ')} {d.topic} {d.help}".casefold()
            is_kept = bool(problem) or field is focused  # whoever types into it goes on typing into it
            field.display = is_kept or (fits and (d.has_effect(values) or bool(wanted)))
            field.show(is_changed=values[name] != d.default, problem=problem)
            if field.display:
                shown.add(d.topic)
        for label in self.query(".form-topic"):
            label.display = (label.id or "").removeprefix("topic-") in shown
        self._show_help()

    def action_search(self) -> None:
        """Open the search."""
        search = self.query_one("#form-search", Input)
        search.display = True
        search.focus()

    def action_search_from_number(self) -> None:
        self.action_search()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text may have a slash in it, and so may what is searched for."""
        if action != "search_from_number":
            return True
        field = self._focused_field()
        return field is not None and isinstance(field.editor, Input) and field.declaration.type is not str

    @on(Input.Changed, "#form-search")
    def _search(self, event: Input.Changed) -> None:
        event.stop()
        self._refresh()

    @on(Input.Submitted, "#form-search")
    def _leave_search(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_go(1)

    def on_key(self, event: events.Key) -> None:
        search = self.query_one("#form-search", Input)
        if event.key == "escape" and search.display:
            event.stop()
            search.value = ""
            search.display = False
            self._refresh()
            self.action_go(1)

    def action_go(self, by: int) -> None:
        """Focus the neighbour that is shown."""
        editors = [field.editor for field in self.fields.values() if field.display]
        if not editors:
            return
        focused = self._focused_field()
        at = editors.index(focused.editor) + by if focused and focused.editor in editors else 0
        if 0 <= at < len(editors):
            editors[at].focus()

    def focus_first(self) -> None:
        """The first field that is shown."""
        self.action_go(1)

    def _focused_field(self) -> Field | None:
        focused: Widget | None = self.screen.focused
        while focused is not None and not isinstance(focused, Field):
            focused = focused.parent if isinstance(focused.parent, Widget) else None
        return focused

    def on_descendant_focus(self) -> None:
        self._show_help()

    def _show_help(self) -> None:
        """What the focused field is; without one, what is wrong or how many have changed."""
        field = self._focused_field()
        help_line = self.query_one("#form-help", Static)
        wanted = self.query_one("#form-search", Input).value.strip()
        if self._elsewhere:
            help_line.update(Content.styled("; ".join(self._elsewhere), "$text-error"))
        elif wanted and not any(field.display for field in self.fields.values()):
            help_line.update(Content(f"Nothing here has {wanted!r} in its name, topic or help.   esc: show all"))
        elif field is not None:
            d = field.declaration
            question = f"  question {d.question}: F3" if d.question else ""
            default = f"  default {written(d.default)}" if d.type is not bool else ""
            text = Content.assemble((d.name, "bold"), f"  {d.help}", (f"{default}{question}", "dim"))
            if field.problem:
                text = Content.assemble((f"{d.name} {field.problem}", "$text-error"))
            help_line.update(text)
        elif self._mistakes:
            first = next(iter(self._mistakes.items()))
            help_line.update(Content.styled(" ".join(first), "$text-error"))
        else:
            help_line.update(Content.styled("tab: to the fields   /: search", "dim"))


def _problem(mistake: Mistake) -> str:
    return f"{mistake.problem} {mistake.hint}".strip()
