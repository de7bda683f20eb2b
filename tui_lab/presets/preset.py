"""One preset file: reading it with every mistake at once, and writing it.

title = "Baseline"
exercise = "convnet"
text = \"\"\"Markdown: what it shows and what to look for.\"\"\"

[hyperparameters]  # what differs from the defaults of the exercise
batch_size = 128

[published]  # what the practical reports: shares from 0 to 1, losses in nats
test_accuracy = 0.6771
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from tui_lab.errors import TuiLabError, UsageError, nearest
from tui_lab.hyperparameters import LARGEST, Hyperparameters, Mistake, build, mistakes_in, refusal
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.labs.check import mistakes_for
from tui_lab.labs.exercise import Exercise
from tui_lab.runs.files import write_atomically

KEYS: dict[str, type] = {"title": str, "exercise": str, "text": str, "hyperparameters": dict, "published": dict}
REQUIRED = ("title", "exercise")
SPLITS = ("train", "train_eval", "validation", "test")
METRICS = tuple(f"{split}_{metric}" for split in SPLITS for metric in ("loss", "accuracy"))


@dataclass(frozen=True)
class Preset:
    """A preset as written: `hyperparameters` holds what the file sets, `published` what the practical reports.

    `name` is the file's without its suffix; `text` is Markdown.
    """

    name: str
    path: Path
    exercise: Exercise
    title: str
    text: str = ""
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    published: Mapping[str, float] = field(default_factory=dict)

    def configuration(self, **overrides: Any) -> Hyperparameters:
        """Defaults < preset < `overrides`. Raises UsageError for values that are not allowed."""
        return build(self.exercise.hyperparameters, {**self.hyperparameters, **overrides})


def load_preset(path: Path) -> Preset:
    """Read a preset file.

    Raises one UsageError that names the file and every mistake in it. Combinations of hyperparameters, and whether
    they fit the data set, are judged when each value by itself is one that is allowed.
    """
    content = _read(path)
    mistakes = list(_mistakes(content))
    if mistakes:
        raise _refusal(path, mistakes)
    return Preset(
        name=path.stem,
        path=path,
        exercise=EXERCISES[content["exercise"]],
        title=content["title"],
        text=content.get("text", ""),
        hyperparameters=content.get("hyperparameters", {}),
        published={name: float(value) for name, value in content.get("published", {}).items()},
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


def _mistakes(content: dict[str, Any]) -> Iterator[Mistake]:
    name = content.get("exercise")
    exercise = EXERCISES.get(name) if isinstance(name, str) else None
    for key, value in content.items():
        if key not in KEYS:
            yield _unknown_key(key, value, exercise)
        elif not isinstance(value, KEYS[key]):
            yield Mistake(key, value, "must be a table" if KEYS[key] is dict else "must be text")
    for key in REQUIRED:
        if key not in content:
            yield Mistake(key, None, "is missing")
    title = content.get("title")
    if isinstance(title, str):
        yield from _mistakes_in_title(title)
    if isinstance(name, str) and exercise is None:
        yield Mistake("exercise", name, f"must be {' | '.join(EXERCISES)}", nearest(name, EXERCISES))
    if exercise is not None and isinstance(content.get("hyperparameters", {}), dict):
        yield from _mistakes_in_hyperparameters(exercise, content.get("hyperparameters", {}))
    if isinstance(content.get("published", {}), dict):
        yield from _mistakes_in_published(content.get("published", {}))


def _mistakes_in_title(title: str) -> Iterator[Mistake]:
    if not (title.strip() and title.isprintable()):
        yield Mistake("title", title, "must be one line of text")


def _unknown_key(key: str, value: Any, exercise: Exercise | None) -> Mistake:
    if exercise is not None and key in exercise.declarations:
        return Mistake(key, value, "is a hyperparameter", "Write it below [hyperparameters].")
    return Mistake(key, value, f"no such key; a preset has {', '.join(KEYS)}", nearest(key, KEYS))


def _mistakes_in_hyperparameters(exercise: Exercise, values: dict[str, Any]) -> list[Mistake]:
    model = exercise.hyperparameters
    pointless = [name for name in values if name in model.model_fields and name not in exercise.declarations]
    mistakes = [Mistake(name, values[name], f"has no effect in {exercise.name}") for name in pointless]
    for mistake in mistakes_in(model, {name: value for name, value in values.items() if name not in pointless}):
        if mistake.key in KEYS:
            mistakes.append(
                Mistake(mistake.key, mistake.value, "no hyperparameter", "Write it above the first [table].")
            )
        else:
            mistakes.append(mistake)
    return mistakes or mistakes_for(exercise, build(model, values))


def _mistakes_in_published(values: dict[str, Any]) -> Iterator[Mistake]:
    for name, value in values.items():
        key = f"published.{name}"
        if name not in METRICS:
            yield Mistake(key, value, f"must be {' | '.join(METRICS)}", nearest(name, METRICS))
        elif isinstance(value, bool) or not isinstance(value, int | float):
            yield Mistake(key, value, "must be a number")
        elif name.endswith("accuracy") and not 0 <= value <= 1:
            yield Mistake(key, value, f"must be 0 <= {name} <= 1", "Accuracy is a share here, not percent.")
        elif not 0 <= value <= LARGEST:
            yield Mistake(key, value, f"must be 0 <= {name}")
