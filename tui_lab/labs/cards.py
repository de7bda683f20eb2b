"""The questions of the practical as cards: one Markdown file each, with a small TOML header.

    +++
    title = "Why squash between layers"
    exercises = ["mlp"]

    [[show]]                                # any number of them: what shows it live
    label = "Without a hidden layer"
    exercise = "mlp"                        # or tool = "...", preset = "...", inspection = "..."
    hyperparameters = {hidden = []}         # of a tool: inputs = {...}
    +++

    ## Question
    ## Predict
    A prompt, and what to choose from; the right ones are ticked.
    - [ ] this
    - [x] that
    ## Answer

The number is the file's name, `1.03.md`, or `number = "1.18"` in the header. Those that come with tui_lab lie in
`questions/` beside this module, a teacher's own in `<home>/questions/`; there, one may replace ours of the same number.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tui_lab.errors import UsageError, nearest
from tui_lab.hyperparameters import Mistake, refusal

Kind = Literal["preset", "tool", "exercise", "inspection"]
VALUES: Mapping[str, Kind] = {"inputs": "tool", "hyperparameters": "exercise"}  # the kind that takes them
KEYS: Mapping[str, type] = {"title": str, "exercises": list, "number": str, "show": list}
SECTIONS = ("Question", "Predict", "Answer")
CHOICES = range(2, 10)  # how many there can be
NUMBER = re.compile(r"([0-9]{1,2})\.([0-9]{1,3})")
FENCE = re.compile(r" {0,3}(```|~~~)")
HEADING = re.compile(r"##(?!#)\s*(.*?)\s*#*\s*")
TASK = re.compile(r" {0,3}[-*+] \[([ xX])\] +(.*)")


@dataclass(frozen=True)
class Choice:
    """One of the answers that a reader can predict; `text` is Markdown of one line."""

    text: str
    is_right: bool


@dataclass(frozen=True)
class Show:
    """What shows an answer live.

    Attributes:
        label: a few words.
        kind: what it is.
        name: of the preset, tool, exercise or inspection. Whether there is one is not looked up.
        values: inputs of the tool, or hyperparameters of the exercise.
    """

    label: str
    kind: Kind
    name: str
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Card:
    """A question; `question`, `prompt` and `answer` are Markdown.

    `number` is chapter and question, as the practical counts them: `1.2`, `1.12`.
    """

    number: str
    title: str
    exercises: tuple[str, ...]
    question: str
    prompt: str
    choices: tuple[Choice, ...]
    answer: str
    shows: tuple[Show, ...] = ()

    @property
    def lab(self) -> int:
        """The chapter."""
        return self.key[0]

    @property
    def key(self) -> tuple[int, int]:
        """Chapter and question, to sort by."""
        chapter, _, question = self.number.partition(".")
        return int(chapter), int(question)

    @property
    def text(self) -> str:
        """Everything a search looks at."""
        words = (*self.exercises, *(c.text for c in self.choices), *(f"{s.label} {s.name}" for s in self.shows))
        return "\n".join((self.number, self.title, self.question, self.prompt, self.answer, *words))


@dataclass(frozen=True)
class Problem:
    """Why a file is no card: one sentence."""

    file: Path
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}: {self.sentence}"


@dataclass(frozen=True)
class Cards:
    """Every card, by number, and the files that are none."""

    cards: tuple[Card, ...]
    problems: tuple[Problem, ...] = ()

    def find(self, number: str) -> tuple[Card, ...]:
        """Those that `number` stands for: `1.12`, `1.2` or `1.02`, or `12` for that of every lab.

        Raises a UsageError with the nearest number when there is none.
        """
        wanted = number.strip()
        if wanted.isascii() and wanted.isdigit():
            found = tuple(card for card in self.cards if card.key[1] == int(wanted))
        else:
            found = tuple(card for card in self.cards if card.number == canonical(wanted))
        if not found:
            raise UsageError(f"There is no question {number!r}.", self._nearest(wanted))
        return found

    def of_exercise(self, exercise: str) -> tuple[Card, ...]:
        """Those that belong to an exercise."""
        return tuple(card for card in self.cards if exercise in card.exercises)

    def search(self, words: str) -> tuple[Card, ...]:
        """Those that have each of the `words`, as parts of words, in whatever case."""
        wanted = words.casefold().split()
        return tuple(card for card in self.cards if all(word in card.text.casefold() for word in wanted))

    def _nearest(self, wanted: str) -> str:
        """The question that was meant: the closest number of the same lab, or else one that is written alike."""
        numbers = [card.number for card in self.cards]
        match = NUMBER.fullmatch(wanted)
        same_lab = [card for card in self.cards if match and card.lab == int(match[1])]
        if match and same_lab:
            closest = min(same_lab, key=lambda card: abs(card.key[1] - int(match[2])))
            return f"Did you mean {closest.number!r}?"
        if wanted.isascii() and wanted.isdigit() and numbers:
            return f"Did you mean {max(self.cards, key=lambda card: card.key[1]).number!r}?"
        return nearest(wanted, numbers) or "`tui-lab questions` lists them; --search finds them by their words."


def canonical(number: str) -> str:
    """`1.02` as `1.2`; what is no number as it is."""
    match = NUMBER.fullmatch(number)
    return f"{int(match[1])}.{int(match[2])}" if match else number


def shipped_dir() -> Path:
    """The folder of the cards that come with tui_lab."""
    return Path(__file__).parent / "questions"


def user_dir(home: Path) -> Path:
    return home / "questions"


def load_cards(home: Path) -> Cards:
    """The cards that come with tui_lab and the user's own in `<home>/questions/`.

    A file that is no card is one of the `problems`; it raises nothing.
    """
    found: dict[str, Card] = {}
    problems: list[Problem] = []
    for folder in (shipped_dir(), user_dir(home)):
        files: dict[str, Path] = {}
        for path in _files(folder, problems):
            try:
                card = load_card(path)
            except UsageError as error:
                problems.append(Problem(path, str(error)))
                continue
            if card.number in files:
                problems.append(Problem(path, f"Has the number {card.number} as {files[card.number].name} has."))
                continue
            files[card.number] = path
            found[card.number] = card
    return Cards(tuple(sorted(found.values(), key=lambda card: card.key)), tuple(problems))


def _files(folder: Path, problems: list[Problem]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".md" and path.is_file())
    except FileNotFoundError:
        return []
    except OSError as error:
        problems.append(Problem(folder, f"Cannot be read: {error.strerror}."))
        return []


def load_card(path: Path) -> Card:
    """The card in a file. Raises a UsageError of one sentence, which does not name the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"Cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"Is not UTF-8 text: line {line} has a byte that cannot be read.") from error
    return parse_card(text, path.stem)


def parse_card(text: str, stem: str) -> Card:
    """The card that `text` is, of a file called `stem`. Raises a UsageError of one sentence."""
    header, body = _split(text)
    mistakes = list(_mistakes(header, stem))
    if mistakes:
        raise refusal(mistakes)
    sections = _sections(body)
    prompt, choices = _prediction(sections["Predict"])
    return Card(
        number=canonical(header.get("number", stem)),
        title=header["title"].strip(),
        exercises=tuple(header["exercises"]),
        question=sections["Question"],
        prompt=prompt,
        choices=choices,
        answer=sections["Answer"],
        shows=tuple(map(_show, header.get("show", []))),
    )


# The header


def _split(text: str) -> tuple[dict[str, Any], list[str]]:
    """The header as a table, and the lines of the body."""
    lines = text.strip("\n").split("\n")
    marks = [i for i, line in enumerate(lines) if line.rstrip() == "+++"]
    if len(marks) < 2 or marks[0] != 0:
        raise UsageError("Must begin with a header between two lines of +++.")
    try:
        header = tomllib.loads("\n".join(lines[1 : marks[1]]))
    except (ValueError, RecursionError) as error:  # tomllib's error is a ValueError; so is a number too long to read
        raise UsageError(f"The header is not valid TOML: {error}.") from error
    return header, lines[marks[1] + 1 :]


def _mistakes(header: Mapping[str, Any], stem: str) -> Iterator[Mistake]:
    for key, value in header.items():
        if key not in KEYS:
            yield Mistake(key, value, f"no such key; a card has {', '.join(KEYS)}", nearest(key, KEYS))
        elif not isinstance(value, KEYS[key]):
            yield Mistake(key, value, "must be text" if KEYS[key] is str else "must be a list")
    title, exercises, shows = header.get("title"), header.get("exercises"), header.get("show")
    if title is None or (isinstance(title, str) and not (title.strip() and title.isprintable())):
        yield Mistake("title", title, "must be one line of text")
    if exercises is None or (isinstance(exercises, list) and not _are_names(exercises)):
        yield Mistake("exercises", exercises, 'must be names of exercises, such as ["mlp"]')
    number = header.get("number", stem)
    if isinstance(number, str) and not NUMBER.fullmatch(number):
        where = "" if "number" in header else "the file's name is none: call it 1.18.md, or "
        yield Mistake("number", header.get("number"), f'{where}write number = "1.18": chapter and question')
    for i, show in enumerate(shows if isinstance(shows, list) else [], start=1):
        yield from _mistakes_in_show(f"show.{i}", show)


def _are_names(values: list[Any]) -> bool:
    return bool(values) and all(isinstance(value, str) and value.strip() and value.isprintable() for value in values)


def _mistakes_in_show(key: str, show: Any) -> Iterator[Mistake]:
    kinds = get_args(Kind)
    if not isinstance(show, dict):
        yield Mistake(key, show, "must be a table, [[show]]")
        return
    for name, value in show.items():
        if name in VALUES:
            if not isinstance(value, dict) or VALUES[name] not in show:
                yield Mistake(f"{key}.{name}", value, f"must be a table of values, beside {VALUES[name]}")
        elif name not in (*kinds, "label"):
            known = ("label", *kinds, *VALUES)
            yield Mistake(f"{key}.{name}", value, f"no such key; it has {', '.join(known)}", nearest(name, known))
        elif not (isinstance(value, str) and value.strip() and value.isprintable()):
            yield Mistake(f"{key}.{name}", value, "must be one line of text")
    if "label" not in show:
        yield Mistake(f"{key}.label", None, "is missing")
    if sum(kind in show for kind in kinds) != 1:
        yield Mistake(key, None, f"must have exactly one of {', '.join(kinds)}")


def _show(show: Mapping[str, Any]) -> Show:
    kind: Kind = next(kind for kind in get_args(Kind) if kind in show)
    values: dict[str, Any] = next((show[name] for name, takes in VALUES.items() if takes == kind and name in show), {})
    return Show(show["label"].strip(), kind, show[kind].strip(), values)


# The body


def _sections(lines: list[str]) -> dict[str, str]:
    """The three sections by name, each with something in it."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    fence = ""
    for line in lines:
        mark = FENCE.match(line)
        if mark:
            fence = "" if mark[1] == fence else fence or mark[1]
        heading = None if fence else HEADING.fullmatch(line)
        if heading:
            current = found.setdefault(_section(heading[1], found), [])
        elif current is not None:
            current.append(line)
        elif line.strip():
            raise UsageError("Has text before its first section, ## Question.")
    texts = {name: "\n".join(found.get(name, [])).strip() for name in SECTIONS}
    missing = [f"## {name}" for name, text in texts.items() if not text]
    if missing:
        raise UsageError(f"Has nothing below {' and '.join(missing)}.")
    return texts


def _section(heading: str, known: Mapping[str, object]) -> str:
    name = next((name for name in SECTIONS if name.casefold() == heading.casefold()), None)
    if name is None:
        hint = nearest(heading.capitalize(), SECTIONS) or "Headings inside a section have three #."
        raise UsageError(f"Has a section {heading[:60]!r}; a card has {', '.join(SECTIONS)}.", hint)
    if name in known:
        raise UsageError(f"Has two sections {name}.")
    return name


def _prediction(section: str) -> tuple[str, tuple[Choice, ...]]:
    """The prompt, and the choices of the list below it; their further lines are indented."""
    prompt: list[str] = []
    tasks: list[tuple[bool, list[str]]] = []
    for line in section.split("\n"):
        task = TASK.fullmatch(line)
        if task:
            tasks.append((task[1] != " ", [task[2].strip()]))
        elif not tasks:
            prompt.append(line)
        elif line.strip() and not line.startswith(" "):
            raise UsageError("Has text after the choices of its prediction; that belongs below ## Answer.")
        else:
            tasks[-1][1].append(line.strip())
    choices = tuple(Choice(" ".join(filter(None, words)), is_right) for is_right, words in tasks)
    if not "".join(prompt).strip():
        raise UsageError("Asks for no prediction: ## Predict begins with a prompt.")
    if len(choices) not in CHOICES:
        raise UsageError(f"Has {len(choices)} choices, - [ ] ... or - [x] ...; {CHOICES[0]} to {CHOICES[-1]} can be.")
    if not any(choice.is_right for choice in choices):
        raise UsageError("Has no right choice: tick one, - [x] ...")
    if not all(choice.text for choice in choices):
        raise UsageError("Has a choice without words.")
    return "\n".join(prompt).strip(), choices
