"""What the tabs of inspections show: plain drawings, and views with keys of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from tui_lab.charts.boundary import decision_boundary
from tui_lab.charts.inspections import draw_inspection
from tui_lab.charts.look import Look
from tui_lab.charts.maps import feature_map_grid
from tui_lab.charts.matrix import class_bars, confused_pairs, confusion_matrix, shown_classes
from tui_lab.charts.samples import loss_gallery, pages, sample_grid
from tui_lab.charts.units import unit_grid
from tui_lab.inspections.content import Boundary, Confusion, Content, FeatureMaps, Samples, TopLoss, UnitMaps
from tui_lab.tui.dialogs import Page
from tui_lab.tui.texts import put

if TYPE_CHECKING:
    from tui_lab.tui.app import LabApp

BESIDE = 44  # cells that the most confused pairs need at the right of the matrix
GAP = "    "
HINT = "Arrows choose a cell, enter opens its samples."

Contents = Mapping[str, Content]  # by the name of the inspection; at least one


@dataclass(frozen=True)
class Frame:
    """The room there is for a drawing, in cells, and how it is drawn."""

    width: int
    height: int
    look: Look


Draw = Callable[[Contents, Frame], Text]


class View(Static):
    """The content of a tab, drawn whole. One with keys of its own overrides `drawing` and `state`."""

    class Changed(Message):
        """A key asks for another drawing of the same contents."""

    @property
    def state(self) -> object:
        """What keys have chosen: with another one, another drawing is made."""
        return None

    def drawing(self) -> Draw:
        """What draws it now; called on the background thread."""
        return _whole

    def show(self, contents: Contents, text: Text) -> None:
        """Show what was drawn of the contents."""
        put(self, text)

    def forget(self) -> None:
        """Another run is shown from now on."""


def _whole(contents: Contents, frame: Frame) -> Text:
    drawn = (draw_inspection(content, width=frame.width, look=frame.look) for content in contents.values())
    return Text("\n\n").join(drawn)


class PlaneView(View):
    """What is square, and fitted into the height that is seen."""

    def drawing(self) -> Draw:
        return _fitted


def _fitted(contents: Contents, frame: Frame) -> Text:
    content = next(iter(contents.values()))
    if isinstance(content, Boundary):
        return decision_boundary(content, columns=frame.width, rows=frame.height, look=frame.look)
    return unit_grid(cast(UnitMaps, content), width=frame.width, rows=frame.height, look=frame.look)


class PagedView(View, can_focus=True):
    """Something with pages, and an order or a choice that `m` changes.

    Attributes:
        page: from 0 on.
        mode: number of the order or choice, from 0 on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,right", "turn(1)", "Next", key_display="n p"),
        Binding("p,left", "turn(-1)", "Previous", show=False),
        Binding("m", "mode", "Other view"),
    ]
    MODES = 2

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.page = 0
        self.mode = 0
        self._contents: Contents = {}

    @property
    def state(self) -> object:
        return self.page, self.mode

    def show(self, contents: Contents, text: Text) -> None:
        self._contents = contents
        super().show(contents, text)

    def forget(self) -> None:
        self.page, self.mode, self._contents = 0, 0, {}

    def count(self, contents: Contents, mode: int) -> int:
        """How many pages there are, at least 1."""
        raise NotImplementedError

    def action_turn(self, by: int) -> None:
        count = self.count(self._contents, self.mode)
        self._go_to((min(self.page, count - 1) + by) % count, self.mode)

    def action_mode(self) -> None:
        self._go_to(0, (self.mode + 1) % self.MODES)

    def _go_to(self, page: int, mode: int) -> None:
        if (page, mode) != (self.page, self.mode):
            self.page, self.mode = page, mode
            self.post_message(self.Changed())


class SamplesView(PagedView):
    """The dozen samples that are always the same; those with the highest loss; and the misclassified ones."""

    HELP = "**Samples.** `m` goes on to those with the highest loss, and to the misclassified; `n` and `p` turn pages."
    MODES = 3

    def count(self, contents: Contents, mode: int) -> int:
        found = contents.get("top-loss")
        return pages(found, misclassified=mode == 2) if mode and isinstance(found, TopLoss) else 1

    def drawing(self) -> Draw:
        return partial(_gallery, page=self.page, mode=self.mode)


def _gallery(contents: Contents, frame: Frame, *, page: int, mode: int) -> Text:
    chosen, worst = contents.get("samples"), contents.get("top-loss")
    names = ("the same dozen", "highest loss", "misclassified")
    choices = Text("  ").join(Text(name, "reverse" if i == mode else "") for i, name in enumerate(names))
    keys = Text("   m: next choice" + ("   n p: pages" if mode else ""), "dim")
    if mode and isinstance(worst, TopLoss):
        body = loss_gallery(worst, width=frame.width, page=page, misclassified=mode == 2, look=frame.look)
    elif not mode and isinstance(chosen, Samples):
        body = sample_grid(chosen.chosen, chosen.class_names, width=frame.width, look=frame.look)
    else:
        body = Text("This run has none of these.", "dim")
    return Text("\n").join([choices.append_text(keys), Text(), body])


class MapsView(PagedView):
    """The feature maps of one image after another."""

    HELP = "**Feature maps.** `n` and `p` choose the image; `m` sorts by mean, or by channel."

    def count(self, contents: Contents, mode: int) -> int:
        found = contents.get("feature-maps")
        return len(found.samples) if isinstance(found, FeatureMaps) else 1

    def action_mode(self) -> None:
        self._go_to(self.page, (self.mode + 1) % self.MODES)  # of the same image

    def drawing(self) -> Draw:
        return partial(_maps, page=self.page, mode=self.mode)


def _maps(contents: Contents, frame: Frame, *, page: int, mode: int) -> Text:
    found = cast(FeatureMaps, contents["feature-maps"])
    keys = Text("n p: other images   m: by mean or by channel", "dim")
    grid = feature_map_grid(found, width=frame.width, sample=page, by_channel=mode == 1, look=frame.look)
    return Text("\n").join([keys, grid])


class ConfusionView(View, can_focus=True):
    """A confusion matrix with a cell to move: enter opens its misclassified samples."""

    HELP = "**Confusion matrix.** Rows are true classes, columns predicted ones. The arrows move, enter opens a cell."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1, 0)", "Row above", show=False),
        Binding("down", "move(1, 0)", "Row below", show=False),
        Binding("left", "move(0, -1)", "Column before", show=False),
        Binding("right", "move(0, 1)", "Column after", show=False),
        Binding("enter", "open", "Open cell", show=True),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._content: Confusion | None = None
        self._cell: tuple[int, int] | None = None

    @property
    def _look(self) -> Look:
        return cast("LabApp", self.app).look

    def drawing(self) -> Draw:
        return _nothing  # it is drawn here, at once, whenever the cell moves

    def show(self, contents: Contents, text: Text) -> None:
        content = contents.get("confusion")
        if isinstance(content, Confusion):
            self.show_content(content)
        else:
            super().show(contents, text)

    def show_content(self, content: Confusion) -> None:
        if self._content is None or self._content.class_names != content.class_names:
            self._cell = None
        self._content = content
        self._draw()

    def on_focus(self) -> None:
        if self._cell is None and self._content is not None and self._shown_classes:
            pairs = self._content.most_confused(1)
            self._cell = pairs[0][:2] if pairs else (self._shown_classes[0], self._shown_classes[0])
        self._draw()

    def on_click(self, event: events.Click) -> None:
        """Choose the cell below the mouse; a second click opens it."""
        cell = event.style.meta.get("cell")
        if cell is None:
            return
        is_chosen, self._cell = self._cell == cell, cell
        self._draw()
        if is_chosen:
            self.action_open()

    def on_resize(self) -> None:
        self._draw()

    @property
    def _shown_classes(self) -> list[int]:
        return shown_classes(self._content, self.size.width) if self._content else []

    def action_move(self, rows: int, columns: int) -> None:
        classes = self._shown_classes
        if self._cell is None or not classes:
            return
        at = [classes.index(i) if i in classes else 0 for i in self._cell]
        row, column = (min(max(p + by, 0), len(classes) - 1) for p, by in zip(at, (rows, columns), strict=True))
        self._cell = classes[row], classes[column]
        self._draw()

    def action_open(self) -> None:
        """The samples of the cell, as many as were kept."""
        if self._content is None or self._cell is None:
            return
        true, predicted = self._cell
        names = self._content.class_names
        count = self._content.counts[true][predicted]
        title = f"{names[true]}, taken for {names[predicted]}: {count:,}"
        kept = self._content.mistakes.get(self._cell, ())
        if true == predicted:
            body = Text("Right answers are not kept; choose a cell off the diagonal.", "dim")
        elif not kept:
            body = Text("No sample of this cell was kept." if count else "No sample is in this cell.", "dim")
        else:
            body = sample_grid(kept, names, width=90, look=self._look)
        self.app.push_screen(Page(title, Static(body)))

    def _draw(self) -> None:
        width, look = self.size.width, self._look
        if self._content is None or width < 20:
            return
        cell = self._cell if self.has_focus else None
        matrix = confusion_matrix(self._content, width=width, selected=cell, look=look)
        room = width - max(line.cell_len for line in matrix.split()) - len(GAP)
        is_beside = room >= BESIDE
        pairs = confused_pairs(self._content, width=room if is_beside else width, most=8, look=look)
        notes = Text("\n").join([pairs, Text(), Text(HINT, "dim")])
        upper = _beside(matrix, notes) if is_beside else Text("\n\n").join([matrix, notes])
        bars = class_bars(self._content, width=width, look=look)
        put(self, Text("\n\n").join([upper, bars]))

    def on_blur(self) -> None:
        self._draw()


def _nothing(contents: Contents, frame: Frame) -> Text:
    return Text()


def _beside(left: Text, right: Text) -> Text:
    """Two blocks of lines side by side, the left one as wide as its longest line."""
    lefts, rights = left.split(), right.split()
    width = max(line.cell_len for line in lefts)
    lines = []
    for first, second in zip_longest(lefts, rights, fillvalue=Text()):
        line = first.copy()
        line.append(" " * (width - line.cell_len) + GAP if second else "").append_text(second)
        lines.append(line)
    return Text("\n").join(lines)
