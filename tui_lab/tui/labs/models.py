"""Finding one of timm's models: a list that is filtered while one types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui_lab.errors import TuiLabError
from tui_lab.labs.timm_models import Size, TimmModel, find_models, known_size, sizes_of, timm_models

SIZED = 20  # models that are built to count their parameters, once so few are left
REST_S = 0.5  # that typing rests before they are
NAME_WIDTHS = (34, 52)  # where the screen is narrow, and where it is not
WIDE = 110


class FindModel(ModalScreen[str | None]):
    """Gives the name of a model, or None when the user leaves it. `value`: the name to begin with."""

    HELP = """**A model of timm.** Type words of its name; ↑ ↓ choose, enter takes it into the form, escape leaves the
form as it is. *side* is that of the images it was made for. Parameters and blocks are counted once few models are
left."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave it"),
        Binding("down", "move('cursor_down')", "Next", show=False),
        Binding("up", "move('cursor_up')", "Previous", show=False),
        Binding("pagedown", "move('page_down')", "Next page", show=False),
        Binding("pageup", "move('page_up')", "Previous page", show=False),
    ]

    def __init__(self, value: str = "") -> None:
        super().__init__(classes="dialog")
        self._value = value
        self._models: Mapping[str, TimmModel] = {}
        self._found: list[TimmModel] = []
        self._problem = ""  # that sizes could not be counted
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog-box", id="models-box") as box:
            box.border_title = "Models of timm"
            box.border_subtitle = "enter takes it   escape leaves it"
            yield Input(placeholder="words of the name: vit tiny", compact=True, id="models-search")
            yield Static(id="models-head")
            yield OptionList(id="models-list", compact=True)
            yield Static(Content("Asking timm which models there are ..."), id="models-said")

    def on_mount(self) -> None:
        self.query_one(OptionList).can_focus = False
        self.query_one(Input).focus()
        self.query_one("#models-head", Static).update(_row("model", "side", "", "params", "blocks", self._name_width))
        self.run_worker(self._list, thread=True, exit_on_error=False)

    def _list(self) -> None:
        """On a thread of its own: the first time, a process is asked."""
        try:
            models = timm_models()
        except (TuiLabError, OSError) as error:
            self.app.call_from_thread(self._say, str(error))
        else:
            self.app.call_from_thread(self._show, models)

    def _show(self, models: Mapping[str, TimmModel]) -> None:
        self._models = models
        self._filter()
        names = [model.name for model in self._found]
        name = self._value.partition(".")[0]
        if name in names:
            self.query_one(OptionList).highlighted = names.index(name)

    @on(Input.Changed)
    def _filter(self) -> None:
        """Show the models that have the words in their names, and count their parameters soon."""
        if not self._models:
            return
        self._found = find_models(self.query_one(Input).value, self._models)
        count = len(self._found)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([_option(model, self._name_width, is_sized=count <= SIZED) for model in self._found])
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._problem = ""
        if 0 < count <= SIZED and any(known_size(model.name) is None for model in self._found):
            self._timer = self.set_timer(REST_S, self._count)
        options.highlighted = 0 if self._found else None
        self._tell()

    @property
    def _name_width(self) -> int:
        return NAME_WIDTHS[self.app.size.width >= WIDE]

    def _count(self) -> None:
        names = [model.name for model in self._found]
        self.run_worker(partial(self._sizes, names), thread=True, group="sizes", exclusive=True, exit_on_error=False)

    def _sizes(self, names: list[str]) -> None:
        """On a thread of its own."""
        try:
            sizes_of(names)
        except (TuiLabError, OSError) as error:
            self.app.call_from_thread(self._show_sizes, names, str(error))
        else:
            self.app.call_from_thread(self._show_sizes, names)

    def _show_sizes(self, names: list[str], problem: str = "") -> None:
        if not self.is_mounted or names != [model.name for model in self._found]:
            return  # others are looked at now
        self._timer, self._problem = None, problem
        options = self.query_one(OptionList)
        for i, model in enumerate(self._found):
            options.replace_option_prompt_at_index(i, _line(model, self._name_width, known_size(model.name)))
        self._tell()

    def _say(self, sentence: str) -> None:
        if self.is_mounted:
            self.query_one("#models-said", Static).update(Content(sentence))

    @on(OptionList.OptionHighlighted)
    def _tell(self) -> None:
        """How many there are, and which pretrained weights the chosen one has: a line each."""
        if not self._found:
            self._say("No model has these words in its name.")
            return
        counting = "; counting parameters ..." if self._timer is not None else ""
        model = self._found[self.query_one(OptionList).highlighted or 0]
        tags = f"pretrained: {', '.join(model.tags)}" if model.tags else "no pretrained weights"
        count = self._problem or f"{len(self._found):,} of {len(self._models):,} models{counting}"
        self._say(f"{count}\n{tags}")

    def action_move(self, action: str) -> None:
        """Of the list, while the keyboard stays with the search."""
        getattr(self.query_one(OptionList), f"action_{action}")()

    @on(Input.Submitted)
    def _take(self) -> None:
        chosen = self.query_one(OptionList).highlighted
        if chosen is not None and chosen < len(self._found):
            self.dismiss(self._found[chosen].name)

    @on(OptionList.OptionSelected)
    def _take_clicked(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_leave(self) -> None:
        self.dismiss(None)


def _option(model: TimmModel, width: int, *, is_sized: bool) -> Option:
    return Option(_line(model, width, known_size(model.name) if is_sized else None), id=model.name)


def _line(model: TimmModel, width: int, size: Size | None) -> Content:
    """`vit_tiny_patch16_224    224                 5.7 M      12`, the name in `width` cells."""
    weights = "" if model.is_pretrained else "no weights"
    counted = (f"{size.parameters / 1e6:,.1f} M", f"{size.blocks}") if size else ("", "")
    row = _row(model.name, f"{model.side}", weights, *counted, width)
    return Content.assemble((row[:width], "bold"), (row[width:], "dim"))


def _row(name: str, side: str, weights: str, parameters: str, blocks: str, width: int) -> str:
    return f"{name:<{width}} {side:>4}  {weights:<10} {parameters:>9} {blocks:>7}"
