"""How a run is executed on this machine: what `auto` came to mean.

The plan belongs to a run's identity: other threads, another precision or another device give other bits. It is
decided once, kept in the checkpoint, and a resumed run keeps to it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.devices import cpu_title
from tui_lab.errors import MissingDeviceError
from tui_lab.hyperparameters import Hyperparameters
from tui_lab.runs.files import write_atomically

SELF_TEST_S = 0.05  # per candidate, on average
LEAST_PASSES = 3
WORTHWHILE = 1.1  # what beats the expected by less may be noise


@dataclass(frozen=True)
class Plan:
    """`precision` is "fp32" or "bf16" (autocast: weights and optimiser stay fp32)."""

    device: str = "cpu"
    threads: int = 1
    precision: str = "fp32"
    channels_last: bool = False

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of a forward pass."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)

    def place(self, model: nn.Module) -> nn.Module:
        """The model on the plan's device, in its memory layout."""
        model = model.to(self.device)
        if self.channels_last:
            model = model.to(memory_format=torch.channels_last)
        return model


def choose_device(name: str) -> str:
    """torch's name of the device asked for; "auto" is the first GPU, else the CPU.

    Raises MissingDeviceError when torch cannot use it.
    """
    if name == "auto":
        return "cuda:0" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name.startswith("cuda"):
        index = int(name.partition(":")[2] or 0)
        if not torch.cuda.is_available() or index >= torch.cuda.device_count():
            raise MissingDeviceError(
                f"torch {torch.__version__} sees no device {name!r} here.", "tui-lab doctor lists what it sees."
            )
        return f"cuda:{index}"
    if name == "mps" and not torch.backends.mps.is_available():
        raise MissingDeviceError("torch sees no device 'mps' here.", "tui-lab doctor lists what it sees.")
    return name


def make_plan(
    hyperparameters: Hyperparameters, threads: int, build: Callable[[], nn.Module], sample: Tensor, cache: Path
) -> Plan:
    """Decide device, precision and memory layout.

    Args:
        hyperparameters: `device`, `precision`, `channels_last`; what is not "auto" is taken as it is.
        threads: CPU threads of this process.
        build: makes an untrained model.
        sample: one batch as the model will get it, float, on the CPU.
        cache: folder of the self-test's verdicts. They are kept by machine, torch version, model and batch shape, so
            that the same configuration runs the same way tomorrow, and noise is asked only once.
    """
    hp = hyperparameters
    device = choose_device(hp.device)
    is_image = sample.dim() == 4
    # In the order of what is usually fastest: the first is taken unless the self-test clearly says otherwise
    precisions = {"auto": ("bf16", "fp32") if has_bf16(device) else ("fp32",)}.get(hp.precision, (hp.precision,))
    layouts = {"on": (True,), "off": (False,)}.get(hp.channels_last, (True, False)) if is_image else (False,)
    candidates = [Plan(device, threads, precision, layout) for precision in precisions for layout in layouts]
    if len(candidates) == 1:
        return candidates[0]
    key = _machine_key(candidates, build(), sample)
    kept = _read_verdict(cache / "self-test.json", key)
    if kept in candidates:
        return kept
    best = _fastest(candidates, build, sample)
    _keep_verdict(cache / "self-test.json", key, best)
    return best


def has_bf16(device: str) -> bool:
    """Whether bf16 has hardware of its own; on a CPU without it, autocast is several times slower than fp32."""
    if device == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False)


def _fastest(candidates: list[Plan], build: Callable[[], nn.Module], sample: Tensor) -> Plan:
    """The plan with the shortest training step, if it beats the first by a worthwhile margin."""
    steps = [_training_step(plan, build, sample) for plan in candidates]
    seconds = _shortest(steps, [plan.device for plan in candidates])
    best = min(range(len(candidates)), key=seconds.__getitem__)
    return candidates[best] if seconds[0] > WORTHWHILE * seconds[best] else candidates[0]


def _training_step(plan: Plan, build: Callable[[], nn.Module], sample: Tensor) -> Callable[[], None]:
    """Forward and backward pass of a fresh model on the plan's device."""
    model = plan.place(build())
    layout = torch.channels_last if plan.channels_last else torch.contiguous_format
    x = sample.to(plan.device).contiguous(memory_format=layout)
    y = torch.zeros(len(x), dtype=torch.long, device=plan.device)

    def step() -> None:
        with plan.autocast():
            output = model(x)
        F.cross_entropy(output.float(), y).backward()  # type: ignore[no-untyped-call]

    return step


def _shortest(steps: list[Callable[[], None]], devices: list[str]) -> list[float]:
    """Seconds of the shortest of several passes of each step, taken in turns after one to warm up."""
    for step in steps:
        step()
    shortest = [float("inf")] * len(steps)
    passes, end = 0, time.perf_counter() + SELF_TEST_S * len(steps)
    while passes < LEAST_PASSES or time.perf_counter() < end:
        passes += 1
        for i, (step, device) in enumerate(zip(steps, devices, strict=True)):
            _synchronize(device)
            start = time.perf_counter()
            step()
            _synchronize(device)
            shortest[i] = min(shortest[i], time.perf_counter() - start)
    return shortest


def _synchronize(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _machine_key(candidates: list[Plan], model: nn.Module, sample: Tensor) -> str:
    first = candidates[0]
    name = torch.cuda.get_device_name(first.device) if first.device.startswith("cuda") else cpu_title()
    capability = torch.backends.cpu.get_cpu_capability()
    shapes = "x".join(map(str, sample.shape))
    size = sum(parameter.numel() for parameter in model.parameters())
    options = ",".join(f"{plan.precision}{'+cl' if plan.channels_last else ''}" for plan in candidates)
    model_name = f"{type(model).__name__}-{size}"
    return "/".join([torch.__version__, name, capability, str(first.threads), model_name, shapes, options])


def _read_verdict(path: Path, key: str) -> Plan | None:
    try:
        return Plan(**_verdicts(path)[key])
    except (KeyError, TypeError):
        return None


def _keep_verdict(path: Path, key: str, plan: Plan) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({**_verdicts(path), key: asdict(plan)}, indent=1))
    except OSError:
        return  # a cache that cannot be written costs the self-test again, nothing else


def _verdicts(path: Path) -> dict[str, Any]:
    """Empty when the file is missing or garbled."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
