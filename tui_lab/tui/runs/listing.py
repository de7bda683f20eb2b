"""Which runs the table shows, in which order, and which of them are marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count

from tui_lab.runs.fields import sorted_by
from tui_lab.runs.query import Query
from tui_lab.runs.store import Listed

NEWEST_FIRST = "age"


class Listing:
    """The runs of a home folder as the user wants to see them.

    Attributes:
        entries: every run by id.
        rows: those that the filter lets through, in order.
        query: the filter.
        order: the field by which they are sorted, with a dash before it for the other direction.
        marks: of each marked run its number, which decides its colour and stays while it is marked.
    """

    def __init__(self) -> None:
        self.entries: Mapping[str, Listed] = {}
        self.rows: list[Listed] = []
        self.query = Query()
        self.order = NEWEST_FIRST
        self.marks: dict[str, int] = {}

    def update(self, entries: Mapping[str, Listed]) -> None:
        """Take over what runs there are now. Marks of those that are gone are gone."""
        self.entries = entries
        self.marks = {run_id: number for run_id, number in self.marks.items() if run_id in entries}
        self._arrange()

    def filter(self, query: Query) -> None:
        """Show only the runs that `query` lets through. Marked ones stay marked."""
        self.query = query
        self._arrange()

    def sort(self, order: str) -> None:
        """Sort by a field; by the same one again: the other way round."""
        if order.removeprefix("-") == self.order.removeprefix("-"):
            self.order = self.order[1:] if self.order.startswith("-") else f"-{self.order}"
        else:
            self.order = order
        self._arrange()

    def _arrange(self) -> None:
        newest_first = reversed(list(self.entries.values()))
        self.rows = sorted_by([entry for entry in newest_first if self.query.matches(entry)], self.order)

    # Marks

    def toggle(self, run_id: str) -> None:
        """Mark a run, or take its mark away."""
        if self.marks.pop(run_id, None) is None:
            self._mark([run_id])

    def toggle_all(self) -> None:
        """Mark every run that is shown; when all of them are marked, none."""
        shown = [entry.run.id for entry in self.rows]
        if all(run_id in self.marks for run_id in shown):
            self.marks.clear()
        else:
            self._mark(run_id for run_id in shown if run_id not in self.marks)

    def _mark(self, run_ids: Iterable[str]) -> None:
        taken = set(self.marks.values())
        free = (number for number in count() if number not in taken)
        self.marks.update(zip(run_ids, free, strict=False))

    @property
    def marked(self) -> list[Listed]:
        """The marked runs by their numbers, whether the filter shows them or not."""
        return [self.entries[run_id] for run_id, _ in sorted(self.marks.items(), key=lambda pair: pair[1])]

    @property
    def summary(self) -> str:
        """`42 runs, 7 shown, 2 marked`."""
        every = len(self.entries)
        parts = [f"{every:,} run{'' if every == 1 else 's'}"]
        if self.query.terms:
            parts.append(f"{len(self.rows):,} shown")
        if self.marks:
            parts.append(f"{len(self.marks):,} marked")
        return ", ".join(parts)
