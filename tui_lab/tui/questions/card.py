"""One question: what is asked, what one predicts, and then the answer and what shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Markdown, OptionList, Static
from textual.widgets.option_list import Option

from tui_lab.labs.cards import Card, Show

INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\*([^*]+)\*")
KINDS = {
    "preset": "preset {}",
    "exercise": "{} in the form",
    "tool": "tool {}",
    "inspection": "inspection {}",
}
LOOKED_UP = -1  # in place of the choice that was predicted


class CardView(VerticalScroll, can_focus=True):
    """A card to read. The answer waits for a prediction, or for whoever gives up on one."""

    HELP = """**Question.** ↑ ↓ choose a prediction, enter makes it; then the answer can be read. `s` goes to what shows
it live, `n` and `p` to the next question and the one before."""

    class Predicted(Message):
        """The reader has predicted, or looked the answer up: the position of the choice, or `LOOKED_UP`."""

        def __init__(self, card: Card, choice: int) -> None:
            super().__init__()
            self.card = card
            self.choice = choice

    class Wanted(Message):
        """The reader wants to see what shows the answer."""

        def __init__(self, card: Card, show: Show) -> None:
            super().__init__()
            self.card = card
            self.show = show

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "look", "See it live", show=False),
        Binding("space", "choose", "Predict", show=False),
    ]

    def __init__(self, spell: Callable[[str], str], *, id: str) -> None:
        super().__init__(id=id)
        self._spell = spell
        self.card: Card | None = None
        self.is_whole = False  # all of it is shown; false while it is being put up, which may be given up
        self.prediction: int | None = None  # None: the answer is not shown yet

    def compose(self) -> ComposeResult:
        yield Static(id="card-title")
        yield Markdown(id="card-question")
        yield Static(id="card-predict", classes="card-heading")
        yield Markdown(id="card-prompt")
        yield OptionList(id="card-choices", compact=True)
        yield Static(id="card-verdict")
        yield Markdown(id="card-answer")
        yield Static("See it live", classes="card-heading -later")
        yield OptionList(id="card-shows", compact=True)

    async def show_card(self, card: Card, prediction: int | None) -> None:
        """Show a question, with its answer if it was predicted before."""
        self.card, self.prediction, self.is_whole = card, prediction, False
        self.query_one("#card-title", Static).update(Text(f"{card.number}  {self._spell(card.title)}"))
        shows = self.query_one("#card-shows", OptionList)
        shows.clear_options()
        shows.add_options([_show_option(self._spell(show.label), show, i) for i, show in enumerate(card.shows)])
        self._show_choices()
        self._show_verdict()
        await self.query_one("#card-question", Markdown).update(self._spell(card.question))
        await self.query_one("#card-prompt", Markdown).update(self._spell(card.prompt))
        await self.query_one("#card-answer", Markdown).update(self._spell(card.answer))
        self.is_whole = True
        self.scroll_home(animate=False)

    @property
    def is_answered(self) -> bool:
        return self.prediction is not None

    def focus_first(self) -> None:
        """The choices; once one is made, the text."""
        target: Widget = self if self.is_answered else self.query_one("#card-choices")
        target.focus(scroll_visible=not self.is_answered)

    def predict(self, choice: int) -> None:
        """Take a prediction, and show the answer from there on."""
        if self.card is None or self.is_answered:
            return
        self.prediction = choice
        self._show_choices()
        self._show_verdict()
        self.focus(scroll_visible=False)
        choices = self.query_one("#card-choices")
        self.call_after_refresh(self.scroll_to_widget, choices, top=True, animate=False)
        self.post_message(self.Predicted(self.card, choice))

    def action_look(self) -> None:
        """To what shows the answer."""
        shows = self.query_one("#card-shows", OptionList)
        if self.is_answered and shows.option_count:
            if shows.highlighted is None:
                shows.highlighted = 0
            shows.focus()

    def action_choose(self) -> None:
        """The choice under the cursor, as enter takes it."""
        choices = self.query_one("#card-choices", OptionList)
        if choices.has_focus:
            choices.action_select()

    @on(OptionList.OptionSelected, "#card-choices")
    def _choose(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.predict(event.option_index)

    @on(OptionList.OptionSelected, "#card-shows")
    def _want(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.card is not None:
            self.post_message(self.Wanted(self.card, self.card.shows[event.option_index]))

    @on(OptionList.OptionHighlighted)
    def _pass_over(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()

    def _show_choices(self) -> None:
        card = self.card
        assert card is not None
        choices = self.query_one("#card-choices", OptionList)
        choices.clear_options()
        choices.add_options([self._choice_text(i) for i in range(len(card.choices))])
        choices.can_focus = not self.is_answered
        choices.highlighted = None if self.is_answered else 0

    def _choice_text(self, i: int) -> Text:
        """A choice; once the answer is known, with its mark, and what was predicted."""
        assert self.card is not None
        choice = self.card.choices[i]
        text = inline(self._spell(choice.text))
        if not self.is_answered:
            return Text.assemble("○ ", text)
        is_mine = i == self.prediction
        mark, style = ("✓ ", "bold") if choice.is_right else ("✕ " if is_mine else "  ", "" if is_mine else "dim")
        text.stylize(style)
        return Text.assemble((mark, style), text, ("   your prediction", "italic dim") if is_mine else "")

    def _show_verdict(self) -> None:
        self.set_class(not self.is_answered, "-asking")
        how = "" if self.is_answered else "   up or down, then enter"
        self.query_one("#card-predict", Static).update(Text.assemble("Predict", (how, "dim not bold")))
        verdict = self.query_one("#card-verdict", Static)
        if self.card is None or self.prediction is None:
            return
        if self.prediction == LOOKED_UP:
            is_right, text = False, "Answer"
        else:
            is_right = self.card.choices[self.prediction].is_right
            text = "✓ Right" if is_right else "✕ Not so"
        verdict.set_class(is_right, "-right")
        verdict.update(Text(text))


def inline(text: str) -> Text:
    """Markdown of one line: code, bold and emphasis."""
    made, end = Text(), 0
    for match in INLINE.finditer(text):
        made.append(text[end : match.start()])
        code, strong, emphasis = match.groups()
        made.append(code or strong or emphasis, "bold" if code or strong else "italic")
        end = match.end()
    return made.append(text[end:])


def _show_option(label: str, show: Show, i: int) -> Option:
    what = KINDS[show.kind].format(show.name)
    return Option(Text.assemble("▸ ", label, (f"   {what}", "dim")), id=f"show-{i}")
