"""Time and memory of a training step of the vision transformer, for the tool `attention-cost`."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tui_lab.errors import TuiLabError
from tui_lab.models.vit import ViT
from tui_lab.tools.attention_cost import AttentionCostInputs, Cost, growth, millions, times
from tui_lab.tools.tool import Cell, Chart, Curve, Folders, Result, Table
from tui_lab.training.failures import explain
from tui_lab.training.plan import choose_device

BUDGET_S = 10.0  # for a step; a larger configuration is left out
MOST_BYTES = 4e9
LEAST_S, LEAST_STEPS = 0.2, 2  # of repetitions, of which the shortest counts
GUESS_S = 3e-10  # of one multiply-add, before any was timed


@dataclass(frozen=True)
class Step:
    """What one training step of a batch took: seconds, and the most bytes of tensors at a time."""

    seconds: float
    peak_bytes: int


class PeakMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it, what tensors take at most, in bytes: `peak`. Those made before it count with what is `held`.

    What an operation needs only while it works, inside its kernel, is not seen.
    """

    def __init__(self, held: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._live = held
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {leaf.untyped_storage()._cdata for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.untyped_storage()._cdata not in given | self._known:
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        self._known.add(key)
        self._live += size
        self.peak = max(self.peak, self._live)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self._live -= size


def measured(inputs: AttentionCostInputs, _: Folders) -> Result:
    """A step of each patch size, from few tokens to many; those that would take too long are left out.

    Raises TuiLabError where there is not memory enough.
    """
    device = choose_device("auto")
    done: list[tuple[Cost, Step]] = []
    rows: list[tuple[Cell, ...]] = []
    seconds_each = GUESS_S
    for cost in inputs.costs:
        work = 3 * cost.multiply_adds * inputs.batch_size  # forward, and twice as much backward
        kept = cost.weights_bytes + cost.other_bytes + cost.state_bytes
        if work * seconds_each > BUDGET_S or kept > MOST_BYTES:
            rows.append((cost.patch_size, cost.tokens, "too large", "", "", millions(kept)))
            continue
        step = _step(cost, device)
        seconds_each = step.seconds / work
        done.append((cost, step))
        image = 1e6 * step.seconds / inputs.batch_size
        rate = inputs.batch_size / step.seconds
        memory = millions(step.peak_bytes), millions(kept)
        rows.append((cost.patch_size, cost.tokens, float(f"{image:.3g}"), float(f"{rate:.3g}"), *memory))
    columns = ("patch", "tokens", "µs an image", "images/s", "peak, MB", "kept, MB")
    return Result(tuple(_sentences(inputs, done, device)), Table(columns, tuple(rows)), _charts(done))


def network(cost: Cost) -> ViT:
    """The transformer that the cost is of, untrained."""
    i = cost.inputs
    return ViT(
        (i.channels, i.image_side, i.image_side),
        i.classes,
        embed_dim=i.embed_dim,
        patch_size=cost.patch_size,
        depth=i.depth,
        num_heads=i.num_heads,
        mlp_ratio=i.mlp_ratio,
        attention=i.attention,
        position=i.position,
        class_token=i.class_token,
    )


def _step(cost: Cost, device: str) -> Step:
    i = cost.inputs
    torch.manual_seed(0)
    try:
        model = network(cost).to(device)
        optimizer = torch.optim.Adam(model.parameters(), foreach=False)
        x = torch.rand(i.batch_size, i.channels, i.image_side, i.image_side, device=device)
        y = torch.randint(i.classes, (i.batch_size,), device=device)

        def step() -> None:
            _train(model, optimizer, x, y)

        step()  # makes the optimizer's state, and is slower than others
        return Step(_seconds(step, device), _peak(step, model, optimizer, device))
    except (RuntimeError, MemoryError) as error:  # torch's, of which running out of memory is the usual one
        failure = explain(error)
        raise TuiLabError(failure.message, failure.hint if failure.is_known else "") from error


def _train(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> None:
    F.cross_entropy(model(x), y).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    optimizer.zero_grad()


def _seconds(step: Callable[[], None], device: str) -> float:
    """The shortest of several steps."""
    found: list[float] = []
    while len(found) < LEAST_STEPS or sum(found) < LEAST_S:
        _finish(device)
        began = time.perf_counter()
        step()
        _finish(device)
        found.append(time.perf_counter() - began)
    return min(found)


def _finish(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def _peak(step: Callable[[], None], model: nn.Module, optimizer: torch.optim.Optimizer, device: str) -> int:
    """The most memory of a step, with parameters and the optimizer's state, in bytes."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        step()
        return int(torch.cuda.max_memory_allocated(device))
    state = [value for values in optimizer.state.values() for value in values.values() if isinstance(value, Tensor)]
    held = sum(tensor.untyped_storage().nbytes() for tensor in (*model.parameters(), *model.buffers(), *state))
    memory = PeakMemory(held)
    with memory:
        step()
    return memory.peak


def _sentences(inputs: AttentionCostInputs, done: list[tuple[Cost, Step]], device: str) -> list[str]:
    where = device if device != "cpu" else f"cpu, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"
    lines = [f"One step of Adam on {inputs.batch_size:,} random images in float32, {inputs.attention} ({where})."]
    if len(done) > 1:
        (few, quick), (many, slow) = done[0], done[-1]
        lines.append(
            f"{many.tokens:,} tokens instead of {few.tokens:,}, {times(many.tokens / few.tokens)} as many, take "
            f"{times(slow.seconds / quick.seconds)} as long and {times(slow.peak_bytes / quick.peak_bytes)} the memory."
        )
    if len(done) > 2:
        (some, first), (more, second) = done[-2:]
        lengths = (some.tokens, more.tokens)
        lines.append(
            f"From {some.tokens:,} to {more.tokens:,} tokens, time grows as "
            f"tokens^{growth((first.seconds, second.seconds), lengths):.1f}, "
            f"memory as tokens^{growth((first.peak_bytes, second.peak_bytes), lengths):.1f}."
        )
    return [*lines, "kept: what was calculated, without what the backward pass makes meanwhile."]


def _charts(done: list[tuple[Cost, Step]]) -> tuple[Chart, ...]:
    if len(done) < 2:
        return ()
    xs = tuple(float(cost.tokens) for cost, _ in done)
    times = tuple(1e6 * step.seconds / cost.inputs.batch_size for cost, step in done)
    peaks = tuple(step.peak_bytes / 1e6 for _, step in done)
    return (
        Chart("Microseconds an image, a training step", "tokens", (Curve("time", xs, times),), y_log=True, x_log=True),
        Chart("Peak memory of a step, MB", "tokens", (Curve("memory", xs, peaks),), y_log=True, x_log=True),
    )
