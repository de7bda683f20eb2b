"""What the user has chosen for the app, kept between sessions in `<home>/settings.toml`."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args, get_type_hints

from tui_lab.runs.files import write_atomically

FILE = "settings.toml"
MAX_SMOOTHING = 0.99
MOST_JOBS = 64

Marker = Literal["braille", "blocks"]
Axis = Literal["epoch", "total_step", "elapsed"]


@dataclass(frozen=True)
class Settings:
    """Choices of the user.

    Attributes:
        theme: name of a theme of the app.
        marker: what curves are drawn with; not every font has braille.
        ascii: 7-bit characters only, on the whole screen.
        smoothing: of training curves, 0 to 0.99.
        axis: what x is in charts of runs.
        log_loss: logarithmic axis for the loss.
        jobs: runs at a time.
    """

    theme: str = "tui-lab-dark"
    marker: Marker = "braille"
    ascii: bool = False
    smoothing: float = 0.6
    axis: Axis = "epoch"
    log_loss: bool = False
    jobs: int = 1

    @classmethod
    def load(cls, home: Path) -> Self:
        """The kept choices; what is missing or cannot be is as by default."""
        try:
            content = tomllib.loads((home / FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls()
        hints = get_type_hints(cls)
        fitting = {name: value for name, value in content.items() if name in hints and _fits(hints[name], value)}
        settings = cls(**fitting)
        return dataclasses.replace(
            settings,
            smoothing=min(max(settings.smoothing, 0.0), MAX_SMOOTHING),
            jobs=min(max(settings.jobs, 1), MOST_JOBS),
        )

    def save(self, home: Path) -> None:
        """Raises OSError when they cannot be kept."""
        import tomlkit  # the first paint reads, and does not write

        home.mkdir(parents=True, exist_ok=True)
        write_atomically(home / FILE, tomlkit.dumps(dataclasses.asdict(self)))


def _fits(kind: Any, value: Any) -> bool:
    choices = get_args(kind)
    if choices:
        return value in choices
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return type(value) is kind
