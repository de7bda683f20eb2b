"""The questions of the practical, over the screen: a list, and beside it the card of the one that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_lab.charts.formulas import spelled_out
from tui_lab.labs.cards import Card, Cards, canonical
from tui_lab.tui.questions.card import LOOKED_UP, CardView
from tui_lab.tui.questions.showing import show_live

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp


class QuestionsScreen(ModalScreen[None]):
    """List and card side by side; where there is room for one column only, one after the other.

    Args:
        cards: every question.
        predictions: what was predicted so far, by number; new ones are put into it.
        exercise: list those of this exercise, until all are asked for.
        number: open this one.
    """

    HELP = """**Questions.** Choose one, make a prediction, read the answer, then see it live. `/` searches in all that
they say, `t` lists those of every exercise. ✓ and ✕: how your prediction was."""
    AUTO_FOCUS = ""  # it would show the list for a moment where a card was asked for
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("slash", "search", "Search", key_display="/"),
        Binding("t", "toggle_all", "All", tooltip="Questions of every exercise, or of this one only"),
        Binding("a", "answer", "Answer", tooltip="Show the answer without a prediction"),
        Binding("s", "look", "See it live", tooltip="To what shows the answer"),
        Binding("n", "step(1)", "Next"),
        Binding("p", "step(-1)", "Previous question", show=False),
        Binding("question_mark,f1", "app.keys", "Help", key_display="?"),
    ]

    def __init__(self, cards: Cards, predictions: dict[str, int], *, exercise: str = "", number: str = "") -> None:
        super().__init__(id="questions")
        self._cards, self._predictions = cards, predictions
        self._exercise = exercise if cards.of_exercise(exercise) else ""
        self._is_all = not self._exercise
        self._wanted = number
        self._listed: tuple[Card, ...] = ()
        self._is_entering = False  # the card is to be focused as soon as it is shown

    def compose(self) -> ComposeResult:
        with Horizontal(id="questions-panes"):
            with Vertical(id="questions-list-pane", classes="pane"):
                yield Input(placeholder="search: any words", compact=True, id="questions-search")
                yield OptionList(id="questions-list", compact=True)
                yield Static(id="questions-problems")
            with Vertical(id="questions-card-pane", classes="pane") as pane:
                pane.border_subtitle = "escape: to the list"
                yield CardView(self._spell, id="questions-card")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._show_problems()
        wanted = next((card for card in self._cards.cards if card.number == self._wanted), None)
        if wanted is not None and self._exercise not in wanted.exercises:
            self._is_all = True
        self._fill(self._wanted)
        if wanted is not None:
            self._enter(wanted)
        else:
            self._show_page("list")
            self.query_one("#questions-list").focus()

    @property
    def _lab(self) -> LabApp:
        return cast("LabApp", self.app)

    @property
    def _view(self) -> CardView:
        return self.query_one(CardView)

    def _spell(self, text: str) -> str:
        return spelled_out(text) if self._lab.look.ascii else text

    def _show_problems(self) -> None:
        """The user's files that are no cards."""
        problems = self._cards.problems
        line = self.query_one("#questions-problems", Static)
        line.display = bool(problems)
        if problems:
            more = f" And {len(problems) - 1} more: tui-lab questions." if len(problems) > 1 else ""
            line.update(Content(f"✕ {problems[0].file.name} is left out. {problems[0].sentence}{more}"))

    # The list

    def _fill(self, number: str = "") -> None:
        """List what fits the search, with the cursor on the question `number` if it is there."""
        words = self.query_one("#questions-search", Input).value
        found = self._cards.search(words)
        self._listed = tuple(card for card in found if self._is_all or self._exercise in card.exercises)
        questions = self.query_one("#questions-list", OptionList)
        questions.clear_options()
        questions.add_options([Option(self._line(card), id=card.number) for card in self._listed])
        numbers = [card.number for card in self._listed]
        typed = canonical(words.strip())
        number = typed if typed in numbers else number
        if numbers:
            questions.highlighted = numbers.index(number) if number in numbers else 0
        pane = self.query_one("#questions-list-pane")
        pane.border_title = "All questions" if self._is_all else f"Questions of {self._exercise}"
        predicted = [self._predictions[n] for n in numbers if self._predictions.get(n, LOOKED_UP) != LOOKED_UP]
        pane.border_subtitle = f"{len(predicted)} of {len(numbers)} predicted" if numbers else "none has these words"

    def _line(self, card: Card) -> Text:
        """A question in the list, with how it was predicted."""
        prediction = self._predictions.get(card.number)
        if prediction is None:
            mark = " "
        elif prediction == LOOKED_UP:
            mark = "·"
        else:
            mark = "✓" if card.choices[prediction].is_right else "✕"
        return Text.assemble((f"{mark} {card.number:<5}", "dim"), self._spell(card.title))

    @on(OptionList.OptionHighlighted, "#questions-list")
    def _pass_over(self, event: OptionList.OptionHighlighted) -> None:
        self._show(self._listed[event.option_index])

    @on(OptionList.OptionSelected, "#questions-list")
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self._enter(self._listed[event.option_index])

    def _enter(self, card: Card) -> None:
        """Go to a card."""
        self._is_entering = True
        self._show_page("card")
        self._show(card)

    def _show(self, card: Card) -> None:
        self.run_worker(self._show_card(card), group="card", exclusive=True, exit_on_error=False)

    async def _show_card(self, card: Card) -> None:
        view = self._view
        if view.card is not card or not view.is_whole:
            await view.show_card(card, self._predictions.get(card.number))
        if self._is_entering:
            self._is_entering = False
            view.focus_first()
        self.refresh_bindings()

    def action_toggle_all(self) -> None:
        """The questions of the exercise, or of every one."""
        self._is_all = not self._is_all
        self._fill(self._view.card.number if self._view.card else "")

    def action_search(self) -> None:
        self._show_page("list")
        self.query_one("#questions-search").focus()

    @on(Input.Changed, "#questions-search")
    def _search(self) -> None:
        self._fill(self._view.card.number if self._view.card else "")

    @on(Input.Submitted, "#questions-search")
    def _leave_search(self) -> None:
        self.query_one("#questions-list").focus()

    def on_key(self, event: events.Key) -> None:
        if event.key == "down" and self.focused is self.query_one("#questions-search"):
            event.stop()
            self.query_one("#questions-list").focus()

    # The card

    @on(CardView.Predicted)
    def _predicted(self, event: CardView.Predicted) -> None:
        self._predictions[event.card.number] = event.choice
        self._fill(event.card.number)
        self.refresh_bindings()

    @on(CardView.Wanted)
    def _wanted_live(self, event: CardView.Wanted) -> None:
        self.run_worker(show_live(self._lab, event.card, event.show, self.dismiss), exit_on_error=False)

    def action_answer(self) -> None:
        """Give up on predicting."""
        self._show_page("card")
        self._view.predict(LOOKED_UP)

    def action_look(self) -> None:
        self._show_page("card")
        self._view.action_look()

    def action_step(self, by: int) -> None:
        """The next question of the list, opened."""
        questions = self.query_one("#questions-list", OptionList)
        at = (questions.highlighted if questions.highlighted is not None else -1) + by
        if 0 <= at < len(self._listed):
            questions.highlighted = at
            self._enter(self._listed[at])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing are not offered."""
        try:
            view = self._view
        except NoMatches:
            return True
        if action == "answer":
            return view.card is not None and not view.is_answered
        if action == "look":
            return view.card is not None and view.is_answered and bool(view.card.shows)
        return bool(self._exercise) if action == "toggle_all" else True

    # Pages

    def _show_page(self, page: str) -> None:
        """Where there is room for one column only: which."""
        for name in ("list", "card"):
            self.set_class(name == page, f"-page-{name}")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        is_card = self.query_one("#questions-card-pane") in event.widget.ancestors_with_self
        self._show_page("card" if is_card else "list")

    def action_back(self) -> None:
        """From a search or a card to the list, from the list to where one was."""
        self._is_entering = False
        search = self.query_one("#questions-search", Input)
        questions = self.query_one("#questions-list")
        if self.focused is questions and not search.value:
            self.dismiss()
            return
        if self.focused in (search, questions):
            search.value = ""
        questions.focus()
