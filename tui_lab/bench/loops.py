"""A training loop in a process of its own, set up as such a loop is in real life.

The engine and the bare loop get what the worker gives a run before torch is imported: thread variables, and the
allocator that keeps freed memory. The plain loop gets neither: whoever writes it has not heard of them.
"""

from __future__ import annotations

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
from tui_lab.bench.rivals import RIVALS
from tui_lab.bench.workload import WORKLOADS, LoopRequest
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.store import RunStore
from tui_lab.seeding import stream_seed
from tui_lab.worker import choose_threads, settle_process

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
        settle_process(choose_threads(WORKLOADS[request.workload].exercise, request.hyperparameters))

    import torch

    from tui_lab.bench.bare import BareLoop
    from tui_lab.bench.engine import EngineLoop
    from tui_lab.bench.plain import PlainLoop
    from tui_lab.bench.tensors import load
    from tui_lab.data.augment import Augmentation
    from tui_lab.training.plan import Plan, has_bf16
    from tui_lab.training.prepare import prepare

    hp, workload = request.hyperparameters, WORKLOADS[request.workload]
    dataset, title = load(request)
    build = partial(workload.exercise.build_model, hp)
    facts: Facts = {
        "data": title,
        "threads": torch.get_num_threads(),
        "has_bf16": has_bf16("cpu"),
    }
    with ExitStack() as stack:
        if request.loop == "engine":
            recorder = stack.enter_context(_recorder_for_nobody(request))
            prepared = prepare(hp, dataset, build, cache=paths.cache_dir(), threads=facts["threads"])
            engine = EngineLoop(prepared, recorder)
            facts["plan"] = asdict(engine.plan)
            yield facts, {"train": partial(_train, engine, engine.plan.device), "evaluate": partial(_evaluate, engine)}
            return
        torch.manual_seed(stream_seed(hp.seed, "init"))
        make = partial(RIVALS[workload.rival].build, hp) if workload.rival else build
        model = make(Augmentation.of(hp).output_shape(dataset.sample_shape), dataset.classes)
        plan = Plan(**request.plan)
        loop: Loop
        if request.loop == "bare":
            loop = BareLoop(hp, dataset, model, plan)
        else:
            loop = PlainLoop(hp, dataset, model, device=plan.device, workers=request.workers)
        yield facts, {"train": partial(_train, loop, plan.device)}


def _as_anybody_would(threads: int) -> None:
    import torch

    if threads:
        torch.set_num_threads(threads)


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
