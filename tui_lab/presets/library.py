"""The presets there are: those that come with tui_lab, and the user's own in `<home>/presets/`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tui_lab.errors import UsageError, nearest
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.presets.preset import Preset, load_preset

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
FIGURE = re.compile(r"(?:fig-?)?([0-9]{1,2})\.([0-9]{1,2})(-.*)?")


@dataclass(frozen=True)
class ListedPreset:
    """A preset in a list. One that cannot be used has no `preset`, and an `error` that says why."""

    name: str
    path: Path
    is_shipped: bool
    preset: Preset | None = None
    error: UsageError | None = None


def shipped_dir() -> Path:
    """The folder of the presets that come with tui_lab: in the wheel, otherwise in the checkout."""
    package = Path(__file__).parents[1]
    packaged = package / "shipped_presets"
    return packaged if packaged.is_dir() else package.parent / "presets"


def user_dir(home: Path) -> Path:
    return home / "presets"


def check_name(name: str) -> None:
    """Raises UsageError for what cannot be the name of a preset."""
    if not SAFE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a preset.",
            "Up to 100 letters, digits and . _ - with a letter or a digit first.",
        )


def list_presets(home: Path) -> list[ListedPreset]:
    """Every preset by name; one of the user's takes the place of a shipped one. Broken files are listed as such."""
    return [_listed(path, home) for paths in _paths(home).values() for path in paths]


def find_preset(name: str, home: Path) -> Preset:
    """The preset that `name` stands for.

    Args:
        name: a path to a file, a name, the number of a figure ("2.5" is fig-2.05), or a unique part of a name.
        home: the folder with the user's `presets/`.

    Raises:
        UsageError: none or several fit, or the file has mistakes.
    """
    if os.sep in name or name.endswith(".toml"):
        return load_preset(_expanded(name))
    paths = _paths(home)
    wanted = _normalized(name)
    fitting = {wanted} & paths.keys() or {known for known in paths if wanted and wanted in known}
    candidates = [path for known in sorted(fitting) for path in paths[known]]
    if len(candidates) == 1:
        return load_preset(candidates[0])
    if len(fitting) == 1:
        raise UsageError(f"{name!r} is the name of {len(candidates)} files: {_some(map(str, candidates))}.")
    if name in EXERCISES:
        raise UsageError(f"{name} is an exercise, not a preset.", f"Train it with: tui-lab train {name}")
    if fitting:
        raise UsageError(f"{name!r} fits {len(fitting)} presets: {_some(sorted(fitting))}.")
    close = "" if FIGURE.fullmatch(wanted) else nearest(wanted, paths)  # another figure is not meant
    raise UsageError(f"There is no preset {name!r}.", close or "`tui-lab presets list` shows what there is.")


def is_preset(name: str, home: Path) -> bool:
    """Whether `name` is the whole name of a preset, the number of a figure that has one, or the path of a file."""
    if os.sep in name or name.endswith(".toml"):
        return _expanded(name).is_file()
    return _normalized(name) in _paths(home)


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # `~somebody` whom this machine does not know
        return Path(name)


def _paths(home: Path) -> dict[str, list[Path]]:
    """The files by name, sorted; several files of the user's may share one."""
    own, shipped = _files(user_dir(home)), _files(shipped_dir())
    return dict(sorted({**shipped, **own}.items()))


def _files(folder: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.toml")):
        if not path.name.startswith("."):
            found.setdefault(path.stem, []).append(path)
    return found


def _listed(path: Path, home: Path) -> ListedPreset:
    is_shipped = not path.is_relative_to(user_dir(home))
    try:
        return ListedPreset(path.stem, path, is_shipped, load_preset(path))
    except UsageError as error:
        return ListedPreset(path.stem, path, is_shipped, error=error)


def _normalized(name: str) -> str:
    """`2.5`, `fig-2.5` and `2.05` as `fig-2.05`; any other name as it is."""
    figure = FIGURE.fullmatch(name)
    return f"fig-{figure[1]}.{int(figure[2]):02d}{figure[3] or ''}" if figure else name


def _some(names: Iterable[str], most: int = 8) -> str:
    found = list(names)
    more = len(found) - most
    return ", ".join(found[:most]) + (f" and {more} more" if more > 0 else "")
