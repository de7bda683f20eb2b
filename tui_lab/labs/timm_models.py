"""The models of timm, known to processes without torch: listed once for each version of timm, and kept on disk."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from tui_lab import paths
from tui_lab.errors import TuiLabError, UsageError
from tui_lab.models.timm_names import did_you_mean
from tui_lab.processes import module_command
from tui_lab.runs.files import write_atomically

PATIENCE_S = 600.0  # for a process that usually takes seconds: all models are built in minutes


@dataclass(frozen=True)
class TimmModel:
    """What is known of a model without building it.

    Attributes:
        name: of its architecture, as timm has it.
        side: of the images that it was made for, in pixels.
        tags: of its pretrained weights, the usual one among them; none where it has none.
        hub_id, hub_file: where the usual ones are in the hub; the file is empty where its name is the usual one.
    """

    name: str
    side: int
    tags: tuple[str, ...]
    hub_id: str
    hub_file: str

    @property
    def is_pretrained(self) -> bool:
        """Whether timm has weights of it."""
        return bool(self.tags)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError or ValueError for what is no such content."""
        return cls(
            str(content["name"]),
            int(content["side"]),
            tuple(map(str, content["tags"])),
            str(content["hub_id"] or ""),
            str(content["hub_file"] or ""),
        )


@dataclass(frozen=True)
class Size:
    """What only building a model tells: its parameters with a classifier for 1,000 classes, and its blocks."""

    parameters: int
    blocks: int


def timm_models() -> Mapping[str, TimmModel]:
    """Every model by name, in alphabetical order. The first time, a process of its own lists them, in some seconds.

    Raises TuiLabError when that process fails.
    """
    known = known_models()
    if known is None:
        listed = _ask()
        _keep(_list_file(), listed)
        known = _by_name(listed)
    return known


def known_models() -> Mapping[str, TimmModel] | None:
    """The same, or None when nobody has listed them yet."""
    file = _list_file()
    try:
        return _read(file, file.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def sizes_of(names: Sequence[str]) -> dict[str, Size]:
    """The sizes of models that there are, by name. A process of its own builds those that nobody has asked for yet.

    What cannot be built by itself, because it needs a package that is not here, is left out. Raises TuiLabError when
    that process fails.
    """
    found = {name: known_size(name) for name in names}
    unknown = {name: name.partition(".")[0] for name, size in found.items() if size is None}
    if unknown:
        asked = _ask(*unknown.values())
        for name, size in asked.items():
            _keep(_size_file(name), size)
        found |= {name: Size(**asked[short]) for name, short in unknown.items() if short in asked}
    return {name: size for name, size in found.items() if size is not None}


def known_size(name: str) -> Size | None:
    """The same, or None when nobody has asked yet."""
    try:
        content = json.loads(_size_file(name).read_bytes())
        return Size(int(content["parameters"]), int(content["blocks"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def find_models(pattern: str, models: Mapping[str, TimmModel]) -> list[TimmModel]:
    """Those whose name has every word of `pattern` in it, the best first: its beginning, then shorter names.

    A word may be a name with a tag, as the hub has it: `vit_tiny_patch16_224.augreg_in21k`.
    """
    words = [word.partition(".") for word in pattern.casefold().replace("*", " ").replace("-", "_").split()]
    found = [
        model
        for model in models.values()
        if all(name in model.name.casefold() and _has_tag(model, tag) for name, _, tag in words)
    ]
    if not words:
        return found
    first = words[0][0]
    return sorted(found, key=lambda model: (not model.name.startswith(first), len(model.name), model.name))


def _has_tag(model: TimmModel, beginning: str) -> bool:
    return not beginning or any(tag.startswith(beginning) for tag in model.tags)


def check_model(model: str, models: Mapping[str, TimmModel]) -> TimmModel:
    """The one that `model`, with or without a tag, names. Raises UsageError with the nearest names."""
    name, _, tag = model.partition(".")
    if name not in models:
        close = did_you_mean(name, models)
        raise UsageError(f"timm {timm_version()} has no model {model!r}.", close or "tui-lab models lists them.")
    found = models[name]
    if tag and tag not in found.tags:
        known = f"There are {', '.join(found.tags)}." if found.tags else "There are none of this model."
        raise UsageError(f"timm {timm_version()} has no weights {model!r}.", known)
    return found


@cache
def timm_version() -> str:
    """Of what is installed."""
    return importlib.metadata.version("timm")


def _list_file() -> Path:
    return paths.cache_dir() / f"timm-{timm_version()}" / "models.json"


def _size_file(name: str) -> Path:
    return _list_file().with_name(f"size-{name.partition('.')[0]}.json")


@cache
def _read(file: Path, _changed: int) -> Mapping[str, TimmModel]:
    return _by_name(json.loads(file.read_bytes()))


def _by_name(listed: Sequence[Mapping[str, Any]]) -> Mapping[str, TimmModel]:
    return {model.name: model for model in map(TimmModel.of, listed)}


def _ask(*names: str) -> Any:
    """What a process with timm says: of all models, or the sizes of some.

    Raises TuiLabError with the last line of its complaint.
    """
    command = module_command("tui_lab.models.timm_list", *names)
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE_S)
    except subprocess.TimeoutExpired as error:
        raise TuiLabError(f"timm has not answered within {PATIENCE_S:.0f} s.", "Try again.") from error
    if done.returncode:
        said = (["", *done.stderr.splitlines()])[-1]
        raise TuiLabError(f"The process that asks timm ended with {done.returncode}.", said)
    return json.loads(done.stdout)


def _keep(file: Path, content: Any) -> None:
    with contextlib.suppress(OSError):  # a full disk costs the next one the time again
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(content))
