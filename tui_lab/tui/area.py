"""What the screens of the areas share: first and last line, sizes, and how they hear of runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer

from tui_lab.tui.topbar import TopBar

if TYPE_CHECKING:
    from tui_lab.runs.index import Changes
    from tui_lab.tui.app import LabApp
    from tui_lab.tui.workspace import Workspace


class Area(Screen[None]):
    """One of the places of the app. A subclass names itself in `AREA` and composes its content in `compose_area`.

    By size it has the classes -narrow (below 110 columns) or -wide, -low (below 34 rows) or -high, and -tiny where no
    layout makes sense.
    """

    AREA: ClassVar[str]
    JUMPS: ClassVar[Mapping[str, str]] = {}  # the key of jump mode for each selector worth jumping to
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (40, "-narrow"), (110, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (34, "-high")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        # Textual would read every sheet again and style the area that is left, twice, as if the theme had changed;
        # the widgets of a new screen get their styles as they are mounted.
        self._css_update_count = self.app._css_update_count

    def compose(self) -> ComposeResult:
        yield TopBar(self.AREA)
        yield from self.compose_area()
        yield Footer(show_command_palette=False)

    def compose_area(self) -> ComposeResult:
        raise NotImplementedError

    @property
    def lab(self) -> LabApp:
        """The app."""
        return cast("LabApp", self.app)

    @property
    def workspace(self) -> Workspace:
        """What the app works on."""
        return self.lab.workspace

    @property
    def is_wide(self) -> bool:
        return self.size.width >= 110

    def _update_focus_styles(self, focused: Widget | None = None, blurred: Widget | None = None) -> None:
        """Style anew what a move of the focus can change: the widgets with a rule about the focus within.

        Textual styles every widget of the pane, which each move from field to field of a form waits for.
        """
        entered = focused.ancestors_with_self if focused is not None else []
        left = blurred.ancestors_with_self if blurred is not None else []
        tops = [*[w for w in entered if w not in left][-1:], *[w for w in left if w not in entered][-1:]]
        changed = {w for top in tops for w in top.walk_children(with_self=True) if w._has_focus_within}
        self.app.stylesheet.update_nodes(changed, animate=True)

    def runs_changed(self, changes: Changes) -> None:
        """The runs of the home folder have changed; called while the screen is shown, and when it is shown again."""

    @on(TopBar.Chosen)
    def _go(self, event: TopBar.Chosen) -> None:
        self.lab.action_area(event.area)
