"""One preset file: reading it with every mistake at once, and writing it.

title = "Baseline"
exercise = "convnet"
text = \"\"\"Markdown: what it shows and what to look for.\"\"\"

[hyperparameters]  # what differs from the defaults of the exercise
batch_size = 128

[published]  # what the practical reports: shares from 0 to 1, losses in nats
test_accuracy = 0.6771

A preset with a sweep or a list of arms is a study: see `tui_lab.presets.arms`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from tui_lab.errors import TuiLabError, UsageError, nearest
from tui_lab.hyperparameters import Hyperparameters, Mistake, build, mistakes_in, refusal
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.check import mistakes_for
from tui_lab.labs.exercise import Exercise
from tui_lab.presets.arms import Arm, mistakes_in_arms, read_arms
from tui_lab.runs.files import write_atomically

KEYS: dict[str, type] = {
    "title": str,
    "exercise": str,
    "text": str,
    "seeds": int,
    "hyperparameters": dict,
    "sweep": dict,
    "arms": list,
    "published": dict,
}
KINDS = {dict: "a table", list: "a list of tables", str: "text", int: "a whole number"}
REQUIRED = ("title", "exercise")
MOST_SEEDS = 1000
MOST_NAMED = 3  # arms with mistakes


@dataclass(frozen=True)
class Preset:
    """A preset as written.

    Attributes:
        name: the file's, without its suffix.
        path: of the file.
        exercise: what is trained.
        title: one line.
        text: Markdown.
        hyperparameters: what the file sets; for a study, what its arms share.
        published: what the practical reports; empty for a study, whose arms have values of their own.
        arms: of a study, in the order of the file; empty for a preset that is one configuration.
        seeds: runs of each configuration, unless a user asks for another number.
    """

    name: str
    path: Path
    exercise: Exercise
    title: str
    text: str = ""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)
    arms: tuple[Arm, ...] = ()
    seeds: int = 1

    @property
    def is_study(self) -> bool:
        """Whether it asks for more than one run."""
        return bool(self.arms) or self.seeds > 1

    def configuration(self, **overrides: Any) -> Hyperparameters:
        """Defaults < preset < `overrides`. Raises UsageError for values that are not allowed."""
        return build(self.exercise.hyperparameters, {**self.hyperparameters, **overrides})

    def published_for(self, hyperparameters: Mapping[str, Any]) -> Mapping[str, float]:
        """What the practical reports for a run with these hyperparameters; of a study, for the arm that it is of."""
        if not self.arms:
            return self.published
        declared = self.exercise.declarations
        swept = {name for arm in self.arms for name in arm.hyperparameters}
        default = {name: self.hyperparameters.get(name, declared[name].default) for name in swept}
        return next(
            (
                arm.published
                for arm in self.arms
                if all(hyperparameters.get(k) == v for k, v in {**default, **arm.hyperparameters}.items())
            ),
            {},
        )


def load_preset(path: Path) -> Preset:
    """Read a preset file.

    Raises one UsageError that names the file and every mistake in it. Combinations of hyperparameters, and whether
    they fit the data set, are judged when each value by itself is one that is allowed.
    """
    content = _read(path)
    mistakes = _mistakes(content)
    if mistakes:
        raise _refusal(path, mistakes)
    arms = read_arms(content)
    return Preset(
        name=path.stem,
        path=path,
        exercise=EXERCISES[content["exercise"]],
        title=content["title"],
        text=content.get("text", ""),
        hyperparameters=content.get("hyperparameters", {}),
        published={} if arms else {name: float(value) for name, value in content.get("published", {}).items()},
        arms=arms,
        seeds=content.get("seeds", 1),
    )


def save_preset(
    path: Path,
    exercise: Exercise,
    hyperparameters: Hyperparameters,
    *,
    title: str,
    text: str = "",
    published: Mapping[str, float] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a preset with the hyperparameters that differ from the defaults, atomically.

    Raises UsageError for a title of no or several lines, and when the file exists and may not be overwritten;
    TuiLabError when it cannot be written.
    """
    for mistake in _mistakes_in_title(title):
        raise refusal([mistake])
    document = tomlkit.document()
    document["title"] = title
    document["exercise"] = exercise.name
    if text:
        is_multiline = "\n" in text and "\r" not in text  # TOML may read \r\n in such a string as \n
        document["text"] = tomlkit.string(text, multiline=is_multiline)
    chosen = {name: getattr(hyperparameters, name) for name in exercise.declarations}
    document["hyperparameters"] = {
        name: value for name, value in chosen.items() if value != exercise.declarations[name].default
    }
    if published:
        document["published"] = dict(published)
    try:
        if path.exists() and not overwrite:
            raise UsageError(f"{path} exists already.", "Choose another name, or overwrite it with --force.")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, tomlkit.dumps(document))
    except OSError as error:
        raise TuiLabError(f"{path} cannot be written: {error.strerror}.") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder, not a preset.") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path} is not UTF-8 text: line {line} has a byte that cannot be read.") from error
    except (ValueError, RecursionError) as error:  # tomllib's error is a ValueError; so is a number too long to read
        raise UsageError(f"{path} is not valid TOML: {error}.") from error


def _refusal(path: Path, mistakes: list[Mistake]) -> UsageError:
    if len(mistakes) == 1:
        return UsageError(f"{path}: {mistakes[0].sentence}.", mistakes[0].hint)
    lines = "".join(f"\n  {mistake}" for mistake in mistakes)
    return UsageError(f"{path} has {len(mistakes)} mistakes:{lines}")


def _mistakes(content: dict[str, Any]) -> list[Mistake]:
    """Of every part of the file; whether the parts go together is judged when each by itself is one that is allowed."""
    name = content.get("exercise")
    exercise = EXERCISES.get(name) if isinstance(name, str) else None
    found = list(_mistakes_in_parts(content, exercise))
    return found if found or exercise is None else list(_mistakes_in_combinations(exercise, content))


def _mistakes_in_parts(content: dict[str, Any], exercise: Exercise | None) -> Iterator[Mistake]:
    name = content.get("exercise")
    for key, value in content.items():
        if key not in KEYS:
            yield _unknown_key(key, value, exercise)
        elif not isinstance(value, KEYS[key]) or isinstance(value, bool):
            yield Mistake(key, value, f"must be {KINDS[KEYS[key]]}")
    for key in REQUIRED:
        if key not in content:
            yield Mistake(key, None, "is missing")
    title = content.get("title")
    if isinstance(title, str):
        yield from _mistakes_in_title(title)
    if isinstance(name, str) and exercise is None:
        yield Mistake("exercise", name, f"must be {' | '.join(EXERCISES)}", nearest(name, EXERCISES))
    seeds = content.get("seeds", 1)
    if isinstance(seeds, int) and not 1 <= seeds <= MOST_SEEDS:
        yield Mistake("seeds", seeds, f"must be 1 <= seeds <= {MOST_SEEDS:,}")
    if exercise is not None and isinstance(content.get("hyperparameters", {}), dict):
        is_study = "sweep" in content or "arms" in content
        yield from _mistakes_in_hyperparameters(exercise, content.get("hyperparameters", {}), is_study)
    yield from mistakes_in_arms(content, exercise)


def _mistakes_in_title(title: str) -> Iterator[Mistake]:
    if not (title.strip() and title.isprintable()):
        yield Mistake("title", title, "must be one line of text")


def _unknown_key(key: str, value: Any, exercise: Exercise | None) -> Mistake:
    if exercise is not None and key in exercise.declarations:
        return Mistake(key, value, "is a hyperparameter", "Write it below [hyperparameters].")
    return Mistake(key, value, f"no such key; a preset has {', '.join(KEYS)}", nearest(key, KEYS))


def _mistakes_in_hyperparameters(exercise: Exercise, values: dict[str, Any], is_study: bool) -> list[Mistake]:
    """Of a study each value by itself: what goes with it, the arms say."""
    model = exercise.hyperparameters
    pointless = [name for name in values if name in model.model_fields and name not in exercise.declarations]
    mistakes = [Mistake(name, values[name], f"has no effect in {exercise.name}") for name in pointless]
    rest = {name: value for name, value in values.items() if name not in pointless}
    for mistake in mistakes_in(model, rest, by_themselves=is_study):
        if mistake.key in KEYS:
            mistakes.append(
                Mistake(mistake.key, mistake.value, "no hyperparameter", "Write it above the first [table].")
            )
        else:
            mistakes.append(mistake)
    return mistakes if mistakes or is_study else mistakes_for(exercise, build(model, values))


def _mistakes_in_combinations(exercise: Exercise, content: dict[str, Any]) -> Iterator[Mistake]:
    """What does not go together in every arm, once; else the arms in which something does not, the first three."""
    shared, arms = content.get("hyperparameters", {}), read_arms(content)
    key = "arms" if "arms" in content else "sweep"
    found = {arm.name: _mistakes_together(exercise, {**shared, **arm.hyperparameters}) for arm in arms}
    everywhere = [m for m in next(iter(found.values()), []) if all(m in mistakes for mistakes in found.values())]
    yield from everywhere
    wrong = [name for name, mistakes in found.items() if any(m not in everywhere for m in mistakes)]
    for name in wrong[:MOST_NAMED]:
        for mistake in found[name]:
            if mistake not in everywhere:
                yield Mistake(key, None, f"with {name}, {mistake.sentence}", mistake.hint)
    if len(wrong) > MOST_NAMED:
        yield Mistake(key, None, f"{len(wrong) - MOST_NAMED} more of {len(arms)} have mistakes like these")


def _mistakes_together(exercise: Exercise, values: dict[str, Any]) -> list[Mistake]:
    mistakes = mistakes_in(exercise.hyperparameters, values)
    return mistakes or mistakes_for(exercise, build(exercise.hyperparameters, values))
