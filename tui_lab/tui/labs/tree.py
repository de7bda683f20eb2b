"""The tree of the practical: lab, exercise, presets and figures, and the user's own presets."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from tui_lab.labs.catalogue import EXERCISES, LABS
from tui_lab.labs.exercise import Exercise
from tui_lab.presets import Arm, ListedPreset, Preset

FIGURE = re.compile(r"fig-(\d+)\.(\d+)(-.*)?")
SECTION = re.compile(r"(.*) \((\d+\.\d+\.\d+)\)")  # a title that ends with the section of the practical


@dataclass(frozen=True)
class Entry:
    """What a leaf or a branch of the tree stands for: an exercise, or one of its presets.

    `arms` are those of a study, and `is_study` says that it asks for more than one run. `error` says why a preset
    cannot be used.
    """

    exercise: Exercise | None
    preset: str = ""
    title: str = ""
    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)
    arms: tuple[Arm, ...] = ()
    is_study: bool = False
    error: str = ""

    @property
    def key(self) -> str:
        """What tells it from the others, also after the tree was made anew."""
        return f"{self.exercise.name if self.exercise else ''}/{self.preset}"


def entry_of(listed: ListedPreset) -> Entry:
    """A preset as an entry."""
    preset = listed.preset
    if preset is None:
        return Entry(None, listed.name, listed.name, error=str(listed.error))
    return entry_of_preset(preset)


def entry_of_preset(preset: Preset) -> Entry:
    """A preset that can be used, as an entry."""
    return Entry(
        preset.exercise,
        preset.name,
        preset.title,
        preset.text,
        preset.hyperparameters,
        preset.published,
        preset.arms,
        preset.is_study,
    )


def families(entries: Sequence[Entry]) -> Iterator[tuple[Entry, list[Entry]]]:
    """Each preset with its versions, which are named after it: `fig-2.07` has `fig-2.07-corrected`.

    In the order given. A version of a version is one of the first, so that no branch is deeper than two.
    """
    names = {entry.preset for entry in entries}
    bases = {
        entry.preset: min((n for n in names if entry.preset.startswith(f"{n}-")), key=len, default="")
        for entry in entries
    }
    for entry in entries:
        if not bases[entry.preset]:
            yield entry, [other for other in entries if bases[other.preset] == entry.preset]


class PracticalTree(Tree[Entry]):
    """Moving the cursor shows an entry; enter goes to it.

    At first only the first lab is open, and no versions of a preset: so that what there is fits on a screen.
    """

    HELP = """**The practical.** ↑ ↓ choose an exercise or a figure, → opens and ← closes a branch, enter goes to its
text and settings, `r` trains it as it is."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "shut", "Close branch", show=False),
        Binding("right", "unfold", "Open branch", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__("Practical", id=id)
        self.show_root = False
        self.auto_expand = False
        self.guide_depth = 2
        self._finished: frozenset[str] = frozenset()

    def fill(self, presets: Iterable[ListedPreset]) -> None:
        """Make the tree anew; what was open stays open, and the cursor where it was."""
        open_keys = {self._identity(node) for node in self._walk(self.root) if node.is_expanded}
        is_first = not self.root.children
        cursor = self.cursor_node
        wanted = self._identity(cursor) if cursor else ""
        listed = list(presets)
        self.clear()
        mine = [e for e in listed if not e.is_shipped or e.preset is None]
        if mine:
            branch = self.root.add(Text("My presets", "bold"), expand=True)
            for preset in mine:
                self._add(branch, entry_of(preset))
        for number, lab in LABS.items():
            exercises = [exercise for exercise in EXERCISES.values() if exercise.lab == number]
            if not exercises:
                continue
            is_open = number == min(LABS) if is_first else str(number) in open_keys
            branch = self.root.add(Text(f"{number} {lab}", "bold"), expand=is_open)
            for exercise in exercises:
                shipped = [e.preset for e in listed if e.is_shipped and e.preset]
                own = [entry_of_preset(preset) for preset in shipped if preset.exercise.name == exercise.name]
                entry = Entry(exercise, title=exercise.title, text=exercise.text)
                node = branch.add(exercise.title, entry, expand=is_first or entry.key in open_keys)
                for base, versions in families(own):
                    self._add(node, base, versions, open_keys)
        found = next((node for node in self._walk(self.root) if self._identity(node) == wanted), None)
        first = next((node for node in self._walk(self.root) if node.data and node.data.exercise), None)
        self.call_after_refresh(self.move_cursor, found if wanted and found else first)

    def _add(
        self,
        branch: TreeNode[Entry],
        entry: Entry,
        versions: Sequence[Entry] = (),
        open_keys: Container[str] = (),
    ) -> None:
        if not versions:
            branch.add_leaf(self._text(entry), entry)
            return
        node = branch.add(self._text(entry), entry, expand=entry.key in open_keys)
        for version in versions:
            node.add_leaf(self._text(version), version)

    def mark_finished(self, presets: frozenset[str]) -> None:
        """Put a tick behind the presets that a run was finished of."""
        if presets == self._finished:
            return
        self._finished = presets
        for node in self._walk(self.root):
            if node.data and node.data.preset:
                node.set_label(self._text(node.data))

    def select(self, key: str) -> bool:
        """Move the cursor to the entry with this key."""
        for node in self._walk(self.root):
            if node.data and node.data.key == key:
                parent = node.parent
                while parent is not None:
                    parent.expand()
                    parent = parent.parent
                self.call_after_refresh(self.move_cursor, node)
                return True
        return False

    @on(Tree.NodeExpanded)
    def _show_branch(self, event: Tree.NodeExpanded[Entry]) -> None:
        if event.node is self.cursor_node:
            self.call_after_refresh(self._reveal, event.node)

    def _reveal(self, node: TreeNode[Entry]) -> None:
        """Scroll until what a branch holds is seen, or as much of it as there is room for below its name."""
        last = max([node.line, *(child.line for child in self._walk(node))])
        lowest = node.line + self.scrollable_content_region.height - 1
        self.scroll_to_line(min(last, lowest), animate=False)

    def action_shut(self) -> None:
        node = self.cursor_node
        if node is None:
            return
        if node.is_expanded and node.children:
            node.collapse()
        elif node.parent is not None and node.parent is not self.root:
            self.move_cursor(node.parent)

    def action_unfold(self) -> None:
        if self.cursor_node is not None:
            self.cursor_node.expand()

    def _text(self, entry: Entry) -> Text:
        """`2.5 Baseline ✓`, `1.2.2 Learning rate ×5`: by its number, a study with its arms; with a cross what cannot be
        used."""
        if entry.error:
            return Text.assemble("✕ ", entry.preset)
        figure, section = FIGURE.fullmatch(entry.preset), SECTION.fullmatch(entry.title)
        number, title = "", entry.title
        if figure:
            number = f"{figure[1]}.{int(figure[2])}{(figure[3] or '').replace('-', ' ')}"
        elif section:
            title, number = section[1], section[2]
        text = Text.assemble((f"{number} " if number else "", "dim"), title)
        if entry.arms:
            text.append(f" ×{len(entry.arms)}", "dim")
        if entry.preset in self._finished:
            text.append(" ✓", "dim")
        return text

    def _walk(self, node: TreeNode[Entry]) -> Iterable[TreeNode[Entry]]:
        for child in node.children:
            yield child
            yield from self._walk(child)

    def _identity(self, node: TreeNode[Entry]) -> str:
        return node.data.key if node.data else str(node.label).split(" ")[0]
