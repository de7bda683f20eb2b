"""Where things lie: `home` for runs and the user's presets, `data` for data sets.

Precedence for both: the command line's option, then the environment variable, then platformdirs' folder.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "TUI_LAB_HOME"
DATA_VARIABLE = "TUI_LAB_DATA"


def home_dir(given: str | Path | None = None) -> Path:
    """The folder with `runs/` and `presets/`: `given`, else $TUI_LAB_HOME, else the user's data directory."""
    chosen = given or os.environ.get(HOME_VARIABLE) or platformdirs.user_data_dir("tui-lab", appauthor=False)
    return Path(chosen).expanduser().absolute()


def data_dir(given: str | Path | None = None) -> Path:
    """The folder with data sets in torchvision's layout: `given`, else $TUI_LAB_DATA, else the user's cache."""
    default = Path(platformdirs.user_cache_dir("tui-lab", appauthor=False)) / "data"
    return Path(given or os.environ.get(DATA_VARIABLE) or default).expanduser().absolute()


def cache_dir() -> Path:
    """Files that can be computed again: whitening matrices, the verdicts of the precision self-test."""
    return Path(platformdirs.user_cache_dir("tui-lab", appauthor=False)) / "computed"
