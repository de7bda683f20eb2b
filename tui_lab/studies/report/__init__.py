"""The report on studies, as Markdown and as one HTML page: pure functions from what is known of them to text."""

from __future__ import annotations

from tui_lab.studies.report.chapter import Chapter, Made, chapter
from tui_lab.studies.report.html import to_html
from tui_lab.studies.report.markdown import pictures, to_markdown

__all__ = ["Chapter", "Made", "chapter", "pictures", "to_html", "to_markdown"]
