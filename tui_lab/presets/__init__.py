"""Presets: TOML files that name an exercise, its hyperparameters, and what the practical published for them."""

from tui_lab.presets.arms import Arm
from tui_lab.presets.library import ListedPreset, check_name, find_preset, is_preset, list_presets, user_dir
from tui_lab.presets.preset import Preset, load_preset, save_preset
from tui_lab.presets.schema import json_schema

__all__ = [
    "Arm",
    "ListedPreset",
    "Preset",
    "check_name",
    "find_preset",
    "is_preset",
    "json_schema",
    "list_presets",
    "load_preset",
    "save_preset",
    "user_dir",
]
