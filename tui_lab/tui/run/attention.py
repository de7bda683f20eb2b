"""The tabs of a vision transformer: where it looks, what it would say on the way, and how alike its weights are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType

from tui_lab.charts.attention import attention_page, rollout_page
from tui_lab.charts.class_token import class_token_page
from tui_lab.inspections.content import AttentionMaps, Rollout, TokenPath
from tui_lab.tui.run.views import Contents, Draw, Frame, PagedView

NONE = "This run has none of these."


class AttentionView(PagedView):
    """The attention of one image after another: a block and a head of it, or the rollout up to a block.

    Attributes:
        block: place among the blocks that are shown; None = the last.
        head: from 1 on; 0 = the mean of all.
    """

    HELP = (
        "**Attention.** `n` and `p` choose the image, `b` the block, `h` the head; `m` changes to the rollout, which "
        "follows attention through the blocks."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "block", "Block", key_display="b h"),
        Binding("h", "head", "Head", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.block: int | None = None
        self.head = 0

    @property
    def state(self) -> object:
        return super().state, self.block, self.head

    def forget(self) -> None:
        super().forget()
        self.block, self.head = None, 0

    def count(self, contents: Contents, mode: int) -> int:
        found = contents.get("rollout" if mode else "attention")
        return len(found.samples) if isinstance(found, AttentionMaps | Rollout) else 1

    def action_mode(self) -> None:
        """The same image in the other way."""
        mode = (self.mode + 1) % self.MODES
        self._go_to(min(self.page, self.count(self._contents, mode) - 1), mode)

    def action_block(self) -> None:
        """The next block, and after the last one the first."""
        found = self._contents.get("rollout" if self.mode else "attention")
        if isinstance(found, AttentionMaps | Rollout):
            last = len(found.blocks) - 1
            self.block = ((last if self.block is None else min(self.block, last)) + 1) % (last + 1)
            self.post_message(self.Changed())

    def action_head(self) -> None:
        """The next head, and after the last one the mean of all."""
        found = self._contents.get("attention")
        if isinstance(found, AttentionMaps) and not self.mode:
            self.head = (self.head + 1) % (found.shown_heads + 1)
            self.post_message(self.Changed())

    def drawing(self) -> Draw:
        return partial(_attention, page=self.page, mode=self.mode, block=self.block, head=self.head)


def _attention(contents: Contents, frame: Frame, *, page: int, mode: int, block: int | None, head: int) -> Text:
    found = contents.get("rollout" if mode else "attention")
    keys = "n p: image   b: block" if mode else "n p: image   b: block   h: head"
    head_line = _choices(("attention", "rollout"), mode, f"m: the other   {keys}")
    rows = frame.height + 1  # a frame leaves two lines free, and the choices take one
    options = {"width": frame.width, "rows": rows, "sample": page}
    if isinstance(found, AttentionMaps):
        body = attention_page(found, block=block, head=head, look=frame.look, **options)
    elif isinstance(found, Rollout):
        body = rollout_page(found, block=block, look=frame.look, **options)
    else:
        body = Text(NONE, "dim")
    return Text("\n").join([head_line, body])


class ClassTokenView(PagedView):
    """What the model would say after each block, of one image after another."""

    HELP = "**Class token.** What the head would say after each block; `n` and `p` choose the image."
    MODES = 1

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "mode" and super().check_action(action, parameters)  # there is one order

    def count(self, contents: Contents, mode: int) -> int:
        found = contents.get("class-token")
        return len(found.samples) if isinstance(found, TokenPath) else 1

    def drawing(self) -> Draw:
        return partial(_class_token, page=self.page)


def _class_token(contents: Contents, frame: Frame, *, page: int) -> Text:
    found = contents.get("class-token")
    if not isinstance(found, TokenPath):
        return Text(NONE, "dim")
    return class_token_page(found, width=frame.width, sample=page, look=frame.look)


def _choices(names: Sequence[str], chosen: int, keys: str) -> Text:
    made = Text("  ").join(Text(name, "reverse" if i == chosen else "") for i, name in enumerate(names))
    return made.append(f"   {keys}", "dim")
