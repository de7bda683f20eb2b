"""Checkpoints and weights on disk.

A checkpoint is read with `weights_only`: tensors, numbers, strings, lists and dicts. A pickle with code in it is
refused before anything in it runs.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from tui_lab.errors import CheckpointError
from tui_lab.runs.files import replacing

FORMAT = 1


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Write atomically and durably: after a power cut there is the old checkpoint or the new one."""
    buffer = io.BytesIO()  # torch's own writer hides a full disk behind an error of its own
    torch.save({"format": FORMAT, **content}, buffer)
    with replacing(path, durable=True) as file:
        file.write(buffer.getbuffer())


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The content given to `save_checkpoint`, on the CPU. Raises CheckpointError, naming the file."""
    start_again = "Delete the file to train from the start."
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint {path}.") from error
    except pickle.UnpicklingError as error:
        message = f"{path} is not a checkpoint of tui_lab: it holds more than numbers, and was not opened."
        raise CheckpointError(message, start_again) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged and cannot be read.", start_again) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint that this version can read.", start_again)
    return content


def save_weights(path: Path, weights: dict[str, Tensor]) -> None:
    """Write a state dict as safetensors, atomically."""
    content = to_safetensors({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
    with replacing(path) as file:
        file.write(content)
