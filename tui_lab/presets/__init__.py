"""Presets: TOML files that name an exercise, its hyperparameters, and what the practical published for them."""

from tui_lab.presets.library import ListedPreset, find_preset, list_presets
from tui_lab.presets.preset import Preset, load_preset, save_preset
from tui_lab.presets.schema import json_schema

__all__ = ["ListedPreset", "Preset", "find_preset", "json_schema", "list_presets", "load_preset", "save_preset"]
