"""New text in a part of the screen, without a new layout where the text takes as many lines as before."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static


def put(part: Static, text: Text) -> None:
    """Show `text` in a part whose height follows its text. A layout of the screen costs several times what drawing the
    text does, and what is watched while a model trains is taken from its training."""
    part.update(text, layout=_rows(text, part.size.width) != part.size.height and _is_displayed(part))


def _rows(text: Text, width: int) -> int:
    """Lines that `text` takes where it is wrapped at `width` cells, if it can be broken at every cell."""
    return sum(max(1, -(-line.cell_len // max(width, 1))) for line in text.split(allow_blank=True))


def _is_displayed(part: Widget) -> bool:
    return all(node.display for node in part.ancestors_with_self if isinstance(node, Widget))
