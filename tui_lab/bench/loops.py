"""A training loop in a process of its own, set up as such a loop is in real life.

The engine and the bare loop get what the worker gives a run before torch is imported: thread variables, and the
allocator that keeps freed memory. The plain loop gets neither: whoever writes it has not heard of them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tui_lab import paths
from tui_lab.bench.child import Commands, Facts, peak_bytes
from tui_lab.bench.workload import WORKLOADS, LoopRequest
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.store import RunStore
from tui_lab.worker import THREAD_VARIABLES, choose_threads

if TYPE_CHECKING:
    from tui_lab.bench.engine import EngineLoop


class Loop(Protocol):
    def train(self, steps: int) -> int:
        """Take `steps` gradient steps. Returns the samples that they used."""
        ...


@contextmanager
def opened_loop(request: LoopRequest) -> Iterator[tuple[Facts, Commands]]:
    """The loop that is asked for, ready to train: its facts, and what it can be told.

    Facts: data (a title), threads, has_bf16 (of the CPU), plan (the engine's).
    train(steps): gradient steps on from the last ones. Answers samples, seconds, peak_bytes.
    evaluate(): the test split, by the engine only. Answers seconds, peak_bytes.
    """
    if request.loop == "plain":
        _as_anybody_would(request.threads)
    else:
        _as_the_worker_does(choose_threads(WORKLOADS[request.workload].exercise, request.hyperparameters))

    import torch

    from tui_lab.bench.bare import BareLoop
    from tui_lab.bench.engine import EngineLoop
    from tui_lab.bench.plain import PlainLoop
    from tui_lab.bench.tensors import load
    from tui_lab.data.augment import Augmentation
    from tui_lab.training.plan import Plan

    hp, exercise = request.hyperparameters, WORKLOADS[request.workload].exercise
    dataset, title = load(request)
    shape = Augmentation.of(hp).output_shape(dataset.sample_shape)
    build = partial(exercise.build_model, hp, shape, dataset.classes)
    facts: Facts = {
        "data": title,
        "threads": torch.get_num_threads(),
        "has_bf16": bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()),
    }
    torch.manual_seed(0)
    with ExitStack() as stack:
        if request.loop == "engine":
            recorder = stack.enter_context(_recorder_for_nobody(request))
            engine = EngineLoop(hp, dataset, build, facts["threads"], paths.cache_dir(), recorder)
            facts["plan"] = asdict(engine.plan)
            yield facts, {"train": partial(_train, engine, engine.plan.device), "evaluate": partial(_evaluate, engine)}
            return
        plan = Plan(**request.plan)
        loop: Loop
        if request.loop == "bare":
            loop = BareLoop(hp, dataset, build(), plan)
        else:
            loop = PlainLoop(hp, dataset, build(), device=plan.device, workers=request.workers)
        yield facts, {"train": partial(_train, loop, plan.device)}


def _as_anybody_would(threads: int) -> None:
    import torch

    if threads:
        torch.set_num_threads(threads)


def _as_the_worker_does(threads: int) -> None:
    from tui_lab.training.memory import keep_freed_memory

    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    keep_freed_memory()

    import torch

    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True


@contextmanager
def _recorder_for_nobody(request: LoopRequest) -> Iterator[Recorder]:
    """A real one, on a run in a home that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home:
        run = RunStore(Path(home)).create(request.workload, request.hyperparameters.model_dump())
        with run.held(), Recorder(run) as recorder:
            yield recorder


def _train(loop: Loop, device: str, steps: int) -> Facts:
    start = time.perf_counter()
    samples = loop.train(steps)
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)
    return {"samples": samples, "seconds": time.perf_counter() - start, "peak_bytes": peak_bytes()}


def _evaluate(engine: EngineLoop) -> Facts:
    start = time.perf_counter()
    engine.evaluate()
    return {"seconds": time.perf_counter() - start, "peak_bytes": peak_bytes()}
