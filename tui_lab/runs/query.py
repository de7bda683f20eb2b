"""The filter language of lists of runs.

    exercise=convnet lr<0.1 test_accuracy>=70% optimizer=adam|sgd "free text" -crashed

Terms stand side by side, and all must hold. A comparison is a field, one of = != < <= > >= ~ (contains), and a value,
or several with | between them. A word or a "quoted text" is looked for in id, exercise, preset, name, note and state.
A leading - turns a term around. A run without a value for a field does not fulfil a comparison with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tui_lab.errors import UsageError
from tui_lab.runs.fields import FIELDS, Field, find_field
from tui_lab.runs.literals import OPERATORS, comparison
from tui_lab.runs.store import Listed

SEARCHED = ("id", "exercise", "preset", "name", "note", "state")

_OPERATOR = "|".join(OPERATORS)
_COMPARED = re.compile(rf"([A-Za-z_][\w-]*)\s*({_OPERATOR})\s*")
_PLAIN = re.compile(r'[^\s"|=!<>~]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_OR = re.compile(r"\s*\|\s*")
_BLANK = re.compile(r"\s*")
_TYPED = re.compile(rf'(?:^|(?<=\s))-?([A-Za-z_][\w-]*)(?:({_OPERATOR})([^\s"]*))?\Z')

Test = Callable[[Listed], bool]


@dataclass(frozen=True)
class Term:
    """One condition: a comparison, or, without field and operator, words to look for."""

    field: str
    operator: str
    values: tuple[str, ...]
    is_negated: bool = False

    def __str__(self) -> str:
        values = "|".join(map(_written, self.values))
        return f"{'-' if self.is_negated else ''}{self.field}{self.operator}{values}"


@dataclass(frozen=True)
class Query:
    """What a list is filtered by. Two are equal when they say the same; `str()` of one parses to the same again."""

    terms: tuple[Term, ...] = ()
    _tests: tuple[Test, ...] = field(default=(), compare=False, repr=False)

    @classmethod
    def parse(cls, text: str, known: Mapping[str, Field] | None = None) -> Query:
        """The query that `text` says; nothing at all matches every run.

        Args:
            text: as typed.
            known: every field there is, to find mistyped names and values by. Without it, a name that not every run
                has is taken for a hyperparameter.

        Raises UsageError that tells where, what, and the nearest name.
        """
        terms, tests = [], []
        at = _skip(_BLANK, text, 0)
        while at < len(text):
            start = at
            try:
                term, at = _term(text, start)
                tests.append(_test(term, known))
            except UsageError as error:
                raise UsageError(f"Filter, at {_shown(text[start:])}: {error.message}", error.hint) from error
            terms.append(term)
            at = _skip(_BLANK, text, at)
        return cls(tuple(terms), tuple(tests))

    @property
    def text(self) -> str:
        """The query in its plainest form."""
        return " ".join(map(str, self.terms))

    def __str__(self) -> str:
        return self.text

    def matches(self, entry: Listed) -> bool:
        """Whether the run fulfils every term."""
        return all(test(entry) for test in self._tests)


def suggest(text: str, known: Mapping[str, Field] | None = None) -> list[str]:
    """What `text` may become when the word at its end is completed: names of fields, or the values one can have."""
    found = _TYPED.search(text)
    if found is None or text.count('"') % 2:
        return []
    fields = FIELDS if known is None else known
    typed, operator, values = found.groups()
    if operator is None:
        names = [
            f"{name}=" if one.kind == "text" or one.choices else name
            for name, one in fields.items()
            if name.startswith(typed.replace("-", "_"))
        ]
        return [text[: found.start(1)] + name for name in names if name != typed]
    one = fields.get(typed.replace("-", "_"))
    if one is None or operator not in ("=", "==", "!="):
        return []
    last = values.rpartition("|")[2]
    before = text[: len(text) - len(last)]
    return [before + choice for choice in one.choices if choice.startswith(last) and choice != last]


def _term(text: str, at: int) -> tuple[Term, int]:
    """The term that begins at `at`, and where it ends."""
    is_negated = text[at] == "-"
    at += is_negated
    compared = _COMPARED.match(text, at)
    name, operator = compared.groups() if compared else ("", "")
    values, at = _values(text, compared.end() if compared else at, f"after {name}{operator}" if compared else "")
    if at < len(text) and not text[at].isspace():
        raise UsageError(f"{text[at]!r} cannot follow {_written(values[-1])}.", 'Put such text in quotes: "a=b".')
    return Term(name.replace("-", "_"), "=" if operator == "==" else operator, values, is_negated), at


def _values(text: str, at: int, where: str) -> tuple[tuple[str, ...], int]:
    """Values with | between them."""
    values = []
    while True:
        value, at = _value(text, at, where)
        values.append(value)
        bar = _OR.match(text, at)
        if bar is None:
            return tuple(values), at
        at, where = bar.end(), "after |"


def _value(text: str, at: int, where: str) -> tuple[str, int]:
    if quoted := _QUOTED.match(text, at):
        return re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), quoted.end()
    if plain := _PLAIN.match(text, at):
        return plain[0], plain.end()
    if text.startswith('"', at):
        raise UsageError("the quote is not closed.")
    if at >= len(text) or text[at].isspace():
        raise UsageError(f"a value is missing {where}." if where else "- stands before what a run must not be.")
    raise UsageError(f"a value cannot begin with {text[at]!r}." if where else f"nothing stands before {text[at]!r}.")


def _test(term: Term, known: Mapping[str, Field] | None) -> Test:
    if not term.operator:
        words = [value.casefold() for value in term.values]

        def holds(entry: Listed) -> bool:
            texts = [str(FIELDS[name].read(entry)).casefold() for name in SEARCHED]
            return any(word in text for word in words for text in texts)

    else:
        found = find_field(term.field, known)
        compare = comparison(found, term.operator, term.values)

        def holds(entry: Listed) -> bool:
            value = found.read(entry)
            return value is not None and compare(value)

    return (lambda entry: not holds(entry)) if term.is_negated else holds


def _written(value: str) -> str:
    """A value as it is typed: in quotes where it would be read as something else without."""
    if _PLAIN.fullmatch(value) and not value.startswith("-"):
        return value
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _shown(text: str, most: int = 20) -> str:
    line = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return repr(line if len(text) <= most else line[:most] + "...")
