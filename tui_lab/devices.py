"""What this machine can train on, found without importing torch."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tui_lab.errors import MissingDeviceError


@dataclass(frozen=True)
class Device:
    """A device by its name in torch ("cpu", "cuda:0", "mps"); memory in bytes."""

    name: str
    title: str
    memory_total: int
    memory_free: int

    @property
    def title_line(self) -> str:
        """`cuda:0, NVIDIA H100, 77 GiB free`."""
        return f"{self.name}, {self.title}, {self.memory_free / 2**30:.0f} GiB free"


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_devices() -> list[Device]:
    """Every device, the CPU first."""
    memory = psutil.virtual_memory()
    found = [Device("cpu", f"{cpu_title()}, {cores()} cores", memory.total, memory.available)]
    found += _cuda_devices()
    if sys.platform == "darwin" and platform.machine() == "arm64":
        found.append(Device("mps", "Apple GPU", memory.total, memory.available))
    return found


def check_device(name: str) -> None:
    """Raises MissingDeviceError when `name` ("auto", "cpu", "cuda", "cuda:1", "mps") is not in this machine."""
    names = [device.name for device in available_devices()]
    wanted = "cuda:0" if name == "cuda" else name
    if name.startswith("cuda") and _names_gpus_otherwise():
        return  # by UUID, as cluster schedulers do: torch will tell
    if wanted != "auto" and wanted not in names:
        raise MissingDeviceError(
            f"This machine has no device {name!r}; it has {', '.join(names)}.",
            "Use --device auto to take the best one.",
        )


def gpu_usage(device: str) -> dict[str, float]:
    """Load in percent and memory in bytes of a CUDA device; empty for every other."""
    match = re.fullmatch(r"cuda:(\d+)", device)
    nvml = _nvml() if match else None
    if match is None or nvml is None:
        return {}
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(_visible_gpus(nvml)[int(match[1])])
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        return {
            "gpu_percent": nvml.nvmlDeviceGetUtilizationRates(handle).gpu,
            "gpu_memory_bytes": memory.used,
            "gpu_memory_free_bytes": memory.free,
        }
    except (nvml.NVMLError, IndexError):
        return {}


def _cuda_devices() -> list[Device]:
    nvml = _nvml()
    if nvml is None:
        return []
    found = []
    try:
        for i, gpu in enumerate(_visible_gpus(nvml)):
            handle = nvml.nvmlDeviceGetHandleByIndex(gpu)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            found.append(Device(f"cuda:{i}", str(nvml.nvmlDeviceGetName(handle)), memory.total, memory.free))
    except nvml.NVMLError:
        return found
    return found


def _visible_gpus(nvml: Any) -> list[int]:
    """The driver's numbers of the GPUs that torch will see as cuda:0, cuda:1, ..."""
    gpus = list(range(nvml.nvmlDeviceGetCount()))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return gpus
    chosen = [part.strip() for part in visible.split(",")]
    return [int(part) for part in chosen if part.isdigit() and int(part) in gpus]


def _names_gpus_otherwise() -> bool:
    """Whether CUDA_VISIBLE_DEVICES names GPUs by something else than the driver's numbers."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return any(part.strip() and not part.strip().lstrip("-").isdigit() for part in visible.split(","))


def _nvml() -> Any:
    """NVIDIA's management library, initialised, or None where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def cpu_title() -> str:
    """The processor's name, as its maker writes it."""
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        match = None
    return match[1].strip() if match else platform.processor() or platform.machine()
