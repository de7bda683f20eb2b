"""What models timm has, as JSON on stdout: `python -m tui_lab.models.timm_list [MODEL...]`.

A process of its own, for those that must not import torch; `tui_lab.labs.timm_models` starts it and keeps what it
says. Without a MODEL that is a list of all of them; with some, an object with what only building each of them tells.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg

from tui_lab.models.timm_model import blocks_in


def main(names: list[str]) -> None:
    """Write one line."""
    with redirect_stdout(sys.stderr):  # whatever a library prints is no answer
        answer: Any = sizes(names) if names else all_models()
    print(json.dumps(answer))


def all_models() -> list[dict[str, Any]]:
    """Of each model: its name, the side of its images, the tags of its weights, and where the usual ones are."""
    tags: dict[str, list[str]] = {}
    for full in timm.list_models(pretrained=True):
        name, _, tag = full.partition(".")
        tags.setdefault(name, []).append(tag)
    return [_summary(name, tags.get(name, [])) for name in timm.list_models()]


def _summary(name: str, tags: list[str]) -> dict[str, Any]:
    config = get_pretrained_cfg(name)
    usual = config.to_dict() if config is not None and config.has_weights else {}
    return {
        "name": name,
        "side": int(config.input_size[-1]) if config is not None else 0,
        "tags": tags,
        "hub_id": usual.get("hf_hub_id") or "",
        "hub_file": usual.get("hf_hub_filename") or "",
    }


def sizes(names: list[str]) -> dict[str, dict[str, int]]:
    """The number of parameters and of blocks of each, built without memory for its values."""
    found = {}
    for name in names:
        try:
            with torch.device("meta"):
                network = timm.create_model(name)
        except Exception as error:  # whatever keeps one of a thousand models from being built
            print(f"{name}: {error}", file=sys.stderr)
            continue
        parameters = sum(parameter.numel() for parameter in network.parameters())
        found[name] = {"parameters": parameters, "blocks": blocks_in(network)}
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
