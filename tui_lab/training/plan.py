"""How a run is executed on this machine: what `auto` came to mean.

The plan belongs to a run's identity: other threads, another precision or another device give other bits. It is
decided once, kept in the checkpoint, and a resumed run keeps to it.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_lab.devices import cpu_title
from tui_lab.errors import MissingDeviceError
from tui_lab.hyperparameters import GradientHyperparameters
from tui_lab.models.stepping import TakesOwnSteps
from tui_lab.models.ways import HasWays
from tui_lab.runs.files import write_atomically

SELF_TEST_S = 0.05  # per candidate, on average
LEAST_PASSES = 3
VERDICTS = "self-test.json"
WORTHWHILE = 1.1  # what beats the expected by less may be noise


@dataclass(frozen=True)
class Plan:
    """`precision` is "fp32", "bf16" (autocast: weights and optimiser stay fp32), or on CUDA "tf32" (fp32 whose matrix
    products are rounded to ten bits of mantissa). `way` is one of the model's ways to compute the same; "" = it has
    one."""

    device: str = "cpu"
    threads: int = 1
    precision: str = "fp32"
    channels_last: bool = False
    way: str = ""

    def autocast(self) -> AbstractContextManager[Any]:
        """The context of a forward pass."""
        if self.precision != "bf16":
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)

    def place(self, model: nn.Module) -> nn.Module:
        """The model on the plan's device, in its memory layout, with matrix products as precise as it says."""
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = self.precision != "fp32"
        model = model.to(self.device)
        if self.way and isinstance(model, HasWays):
            model.use(self.way)
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
    hyperparameters: GradientHyperparameters, threads: int, build: Callable[[], nn.Module], sample: Tensor, cache: Path
) -> Plan:
    """Decide device, precision, memory layout, and among the ways of the model.

    A model without convolutions gains nothing from another layout of its images, and one that takes its own steps is
    fp32 everywhere: neither is tested.

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
    model = build()
    if isinstance(model, TakesOwnSteps):  # with its own arithmetic, which is to be what its source says
        return Plan(device, threads)
    has_layouts = sample.dim() == 4 and any(parameter.dim() == 4 for parameter in model.parameters())
    # In the order of what is usually fastest: the first is taken unless the self-test clearly says otherwise
    full = "tf32" if device.startswith("cuda") else "fp32"
    precisions = (hp.precision,) if hp.precision != "auto" else ("bf16", full) if has_bf16(device) else (full,)
    layouts = {"on": (True,), "off": (False,)}.get(hp.channels_last, (True, False)) if has_layouts else (False,)
    ways = (isinstance(model, HasWays) and model.ways) or ("",)
    candidates = [
        Plan(device, threads, precision, layout, way) for precision in precisions for layout in layouts for way in ways
    ]
    if len(candidates) == 1:
        return candidates[0]
    key = _machine_key(candidates, model, sample)
    with _one_at_a_time(cache):  # two tests at once would disturb each other, and seeds of one study disagree
        kept = _verdicts(cache).get(key)
        best = next((plan for plan in candidates if _how(plan) == kept), None)
        if best is None:
            best = _fastest(candidates, build, sample)
            _keep_verdict(cache, key, best)
    return best


def has_bf16(device: str) -> bool:
    """Whether bf16 has hardware of its own; on a CPU without it, autocast is several times slower than fp32."""
    if device == "cpu":
        # builds without oneDNN do not even have the question
        has_onednn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        return bool(has_onednn and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    if not device.startswith("cuda"):
        return False
    return bool(torch.version.hip) or torch.cuda.get_device_capability(device) >= (8, 0)


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
    elif device == "mps":
        torch.mps.synchronize()


def _machine_key(candidates: list[Plan], model: nn.Module, sample: Tensor) -> str:
    first = candidates[0]
    name = torch.cuda.get_device_name(first.device) if first.device.startswith("cuda") else cpu_title()
    capability = torch.backends.cpu.get_cpu_capability()
    shapes = "x".join(map(str, sample.shape))
    size = sum(parameter.numel() for parameter in model.parameters())
    options = "|".join(map(_how, candidates))
    model_name = f"{type(model).__name__}-{size}"
    kind = first.device.partition(":")[0]
    return "/".join([torch.__version__, kind, name, capability, str(first.threads), model_name, shapes, options])


def _how(plan: Plan) -> str:
    """A verdict: what the self-test decides, without where."""
    return ", ".join(filter(None, (plan.precision, "channels_last" if plan.channels_last else "", plan.way)))


def _keep_verdict(cache: Path, key: str, plan: Plan) -> None:
    with suppress(OSError):  # a cache that cannot be written costs the self-test again, nothing else
        write_atomically(cache / VERDICTS, json.dumps({**_verdicts(cache), key: _how(plan)}, indent=1))


def _verdicts(cache: Path) -> dict[str, Any]:
    """Empty when the file is missing or garbled."""
    try:
        content = json.loads((cache / VERDICTS).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


@contextmanager
def _one_at_a_time(cache: Path) -> Iterator[None]:
    """Wait for other workers' self-tests; where the folder cannot be written, go on without."""
    with ExitStack() as stack:
        with suppress(OSError):
            cache.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((cache / f"{VERDICTS}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
