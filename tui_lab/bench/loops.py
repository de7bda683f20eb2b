"""A training loop in a process of its own, set up as such a loop is in real life.

The engine and the bare loop get what the worker gives a run before torch is imported: the thread variables and the
allocator that keeps freed memory. The plain loop gets neither: whoever writes it has not heard of them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tui_lab import paths
from tui_lab.bench.child import Commands, Facts, peak_bytes
from tui_lab.bench.workload import WORKLOADS, LoopRequest
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.store import RunStore
from tui_lab.worker import THREAD_VARIABLES, choose_threads

if TYPE_CHECKING:
    from torch import nn

    from tui_lab.bench.engine import EngineLoop
    from tui_lab.data.dataset import Dataset


class Loop(Protocol):
    def train(self, steps: int) -> int:
        """Take `steps` gradient steps. Returns the samples that they used."""
        ...


@contextmanager
def opened_loop(request: LoopRequest) -> Iterator[tuple[Facts, Commands]]:
    """The loop that is asked for, ready to train: what it is, and what it can be told.

    train(steps): gradient steps, from where the last ones ended. Answers samples, seconds and peak_bytes.
    evaluate(): the test split, by the engine only. Answers seconds and peak_bytes.
    """
    workload = WORKLOADS[request.workload]
    if request.loop != "plain":
        _before_torch(choose_threads(workload.exercise, request.hyperparameters))

    import torch

    from tui_lab.bench.tensors import load

    if request.loop == "plain" and request.threads:
        torch.set_num_threads(request.threads)
    torch.manual_seed(0)
    dataset, title = load(request)
    facts: Facts = {"data": title, "torch": torch.__version__, "threads": torch.get_num_threads()}
    with ExitStack() as stack:
        commands: Commands
        if request.loop == "engine":
            engine = stack.enter_context(_engine_loop(request, dataset))
            facts |= _facts_of(engine)
            commands = {"train": _timed(engine, engine.engine.plan.device), "evaluate": _evaluation(engine)}
        else:
            device = str(request.plan["device"])
            commands = {"train": _timed(_following_loop(request, dataset), device)}
        yield facts, commands


def _before_torch(threads: int) -> None:
    from tui_lab.training.memory import keep_freed_memory

    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    keep_freed_memory()


@contextmanager
def _engine_loop(request: LoopRequest, dataset: Dataset) -> Iterator[EngineLoop]:
    """The engine with a real recorder, in a home that is thrown away."""
    import torch

    from tui_lab.bench.engine import EngineLoop

    exercise, hp = WORKLOADS[request.workload].exercise, request.hyperparameters
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    with tempfile.TemporaryDirectory(prefix="tui-lab-bench-") as home:
        run = RunStore(Path(home)).create(exercise.name, hp.model_dump())
        with run.held(), Recorder(run) as recorder:
            threads = torch.get_num_threads()
            yield EngineLoop(hp, exercise, dataset, threads=threads, cache=paths.cache_dir(), recorder=recorder)


def _facts_of(loop: EngineLoop) -> Facts:
    from dataclasses import asdict

    from tui_lab.bench.engine import has_bf16

    return {"plan": asdict(loop.plan), "has_bf16": has_bf16()}


def _following_loop(request: LoopRequest, dataset: Dataset) -> Loop:
    """The bare or the plain loop, on the device where the engine trains."""
    import torch

    from tui_lab.bench.bare import BareLoop
    from tui_lab.bench.plain import PlainLoop
    from tui_lab.training.plan import Plan

    plan, hp = Plan(**request.plan), request.hyperparameters
    model = _model(request, dataset)
    if request.loop == "plain":
        return PlainLoop(hp, dataset, model, device=plan.device, workers=request.workers)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    return BareLoop(hp, dataset, model, plan)
