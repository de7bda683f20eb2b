"""Markdown to read, in one widget.

Textual's own Markdown makes a widget of every paragraph and four of every point of a list. A page that changes with
every key in a tree then costs more than all else on the screen.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.syntax import Syntax
from rich.text import Text
from rich.theme import Theme
from textual.widgets import Static


class LeftHeading(Heading):
    """Headings at the left, without rich's box around the first one."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        if self.tag == "h2":
            yield Text()
        yield self.text


class PlainCode(CodeBlock):
    """Code with nothing but an indent: most of it are lines for a shell."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip()
        yield Syntax(code, self.lexer_name, theme="ansi_dark", background_color="default", padding=(0, 2))


class _Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": LeftHeading,
        "fence": PlainCode,
        "code_block": PlainCode,
    }

    def __init__(self, text: str, styles: Theme) -> None:
        super().__init__(text, hyperlinks=False)
        self._styles = styles

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        with console.use_theme(self._styles):
            yield from super().__rich_console__(console, options)


class Reading(Static):
    """Shows Markdown in the colours of the theme."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""

    @property
    def text(self) -> str:
        """The Markdown that is shown."""
        return self._text

    def show(self, text: str) -> None:
        """Another page."""
        if text != self._text:
            self._text = text
            self._draw()

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, self._draw)  # the colours are the new ones by then

    def _draw(self, *_: Any) -> None:
        colors = self.app.theme_variables
        title, code = colors["primary"], colors["accent"]
        styles = {
            "markdown.h1": f"bold {title}",
            "markdown.h2": f"bold {code}",
            "markdown.h3": "bold",
            "markdown.code": f"{code}",
            "markdown.code_block": f"{code}",
            "markdown.item.bullet": title,
            "markdown.item.number": title,
            "markdown.link": f"underline {title}",
            "markdown.table.header": "bold",
            "markdown.table.border": "dim",
        }
        self.update(_Page(self._text, Theme(styles)))
