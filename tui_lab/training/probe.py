"""What torch sees of this machine, as JSON on stdout: `python -m tui_lab.training.probe`.

A process of its own, because whoever asks need not import torch, and because a broken installation may fail in any
way, even by taking its process down.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import torch

CHANNELS_LAST_CAPABILITY = (7, 0)  # of a GPU: from Volta on, tensor cores want channels last


def probe() -> dict[str, Any]:
    """Versions, devices, and what torch warned of while looking for them.

    Each of `devices` has `name` as torch spells it, `title`, and whether bf16 and channels-last convolutions have
    hardware or kernels of their own (`bf16`, `channels_last`).
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        devices = [_cpu(), *_cuda(), *_mps()]
    return {
        "torch": torch.__version__,
        "cuda_build": torch.version.cuda,  # None: built for CPUs only
        "cuda_available": torch.cuda.is_available(),
        "mps_available": torch.backends.mps.is_available(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "mkldnn": _has_mkldnn(),
        "mkldnn_bf16": _has_mkldnn_bf16(),
        "threads": torch.get_num_threads(),
        "devices": devices,
        "warnings": [str(warning.message).splitlines()[0] for warning in caught],
    }


def _cpu() -> dict[str, Any]:
    capability = torch.backends.cpu.get_cpu_capability()
    return {"name": "cpu", "title": capability, "bf16": _has_mkldnn_bf16(), "channels_last": _has_mkldnn()}


def _has_mkldnn() -> bool:
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def _has_mkldnn_bf16() -> bool:
    """Whether oneDNN computes bf16 natively here: AVX512-BF16, AMX, or Arm's BF16."""
    return _has_mkldnn() and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _cuda() -> list[dict[str, Any]]:
    if not torch.cuda.is_available():
        return []
    has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return [
        {
            "name": f"cuda:{i}",
            "title": torch.cuda.get_device_name(i),
            "bf16": has_bf16,
            "channels_last": torch.cuda.get_device_capability(i) >= CHANNELS_LAST_CAPABILITY,
        }
        for i in range(torch.cuda.device_count())
    ]


def _mps() -> list[dict[str, Any]]:
    if not torch.backends.mps.is_available():
        return []
    return [{"name": "mps", "title": "Apple GPU", "bf16": False, "channels_last": False}]


if __name__ == "__main__":
    json.dump(probe(), sys.stdout)
