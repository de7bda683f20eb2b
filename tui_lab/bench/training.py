"""The engine beside the plain loop and the bare loop, and the memory that it takes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from tui_lab.bench.child import Facts
from tui_lab.bench.interleave import in_turns
from tui_lab.bench.page import Line, Section, Settings, Target, Tell
from tui_lab.bench.process import Child
from tui_lab.bench.rivals import RIVALS
from tui_lab.bench.workload import BARE_TARGET, PLAIN_WORKERS, WORKLOADS, LoopRequest, Workload

MEMORY_STEPS = 50
MEMORY_TARGET = Target("<", 1.5)


def compare_loops(name: str, settings: Settings, tell: Tell) -> Section:
    """Images a second of the three loops of a workload, interleaved.

    Every loop lives in a process of its own. Of the plain loop there are several, by DataLoader workers and threads;
    the one that is fastest in a block of its own takes part. The steps of a block are fixed for each loop when it is
    warmed up, so that a block takes about `settings.block_s`.
    """
    workload = WORKLOADS[name]
    request = _request(workload, settings)
    with ExitStack() as stack:
        tell(f"{name}: starting the engine")
        engine = stack.enter_context(Child("loop", request.to_json()))
        request = replace(request, plan=engine.facts["plan"])
        plain, plain_request = _fastest_plain(workload, request, settings, stack, tell)
        tell(f"{name}: starting the bare loop")
        bare = stack.enter_context(Child("loop", replace(request, loop="bare").to_json()))
        blocks = {}
        for title, loop in {"plain": plain, "engine": engine, "bare": bare}.items():
            tell(f"{name}: warming up the {title} loop")
            blocks[title] = partial(_images_per_second, loop, steps_a_block(loop, settings.block_s))
        rates = in_turns(blocks, settings.rounds, lambda i: tell(f"{name}: round {i} of {settings.rounds}"))
    is_promised = engine.facts["has_bf16"] or not workload.needs_bf16
    target = Target(">=", workload.target) if is_promised else None
    lines = [
        Line.comparing("beside the plain loop", rates["engine"], rates["plain"], target),
        Line.comparing("beside the bare loop", rates["engine"], rates["bare"], Target(">=", BARE_TARGET)),
    ]
    how = f"{_how(workload, engine.facts)}. Plain loop: {_how_plain(plain_request, plain.facts)}."
    if not is_promised:
        how += f" The target of {workload.target:g} times the plain loop is for CPUs that compute in bf16."
    if workload.rival:
        how += f" The other loops train {RIVALS[workload.rival].title} of the same size."
    return Section(name, "training", "images/s", lines, how)


def measure_memory(settings: Settings, tell: Tell) -> Section:
    """The most memory resident while a process loads all data, trains some steps, and evaluates the test split."""
    tell("memory: training on the whole data set")
    workload = WORKLOADS["convnet"]
    with Child("loop", _request(workload, settings).to_json()) as engine:
        engine.ask("train", steps=MEMORY_STEPS)
        peak = engine.ask("evaluate")["peak_bytes"]
    how = f"{_how(workload, engine.facts)}: all samples in memory, {MEMORY_STEPS} steps, and the test split."
    return Section("memory", "largest resident set", "GB", [Line("convnet", peak / 1e9, target=MEMORY_TARGET)], how)


def steps_a_block(loop: Child, seconds: float) -> int:
    """The steps that take `loop` about `seconds`, at least one. Finding out warms it up."""
    steps = 1
    while True:
        took = float(loop.ask("train", steps=steps)["seconds"])
        if took >= seconds / 2:
            return max(1, round(steps * seconds / took))
        steps *= 2


def _request(workload: Workload, settings: Settings) -> LoopRequest:
    return LoopRequest(workload.name, "engine", str(settings.data_dir), settings.device, settings.samples)


def _fastest_plain(
    workload: Workload, request: LoopRequest, settings: Settings, stack: ExitStack, tell: Tell
) -> tuple[Child, LoopRequest]:
    """The plain loop in its best setting, running, and that setting. The others have ended."""
    speeds: list[float] = []
    children: list[Child] = []
    candidates = [
        replace(request, loop="plain", workers=workers, threads=threads)
        for threads in workload.plain_threads
        for workers in PLAIN_WORKERS
    ]
    for candidate in candidates:
        threads = f", {candidate.threads} threads" if candidate.threads else ""
        tell(f"{workload.name}: trying the plain loop with {candidate.workers} DataLoader workers{threads}")
        child = stack.enter_context(Child("loop", candidate.to_json()))
        speeds.append(_images_per_second(child, steps_a_block(child, settings.block_s)))
        children.append(child)
    best = speeds.index(max(speeds))
    for i, child in enumerate(children):
        if i != best:
            child.close()
    return children[best], candidates[best]


def _images_per_second(loop: Child, steps: int) -> float:
    answer = loop.ask("train", steps=steps)
    return float(answer["samples"] / answer["seconds"])


def _how(workload: Workload, facts: Facts) -> str:
    plan = facts["plan"]
    layout = ", channels_last" if plan["channels_last"] else ""
    batch = workload.hyperparameters().batch_size
    return f"{facts['data']}, batch {batch}, {plan['device']}, {plan['precision']}{layout}, {_threads(facts)}"


def _how_plain(request: LoopRequest, facts: Facts) -> str:
    return f"fp32, {_threads(facts)}, {request.workers} DataLoader workers"


def _threads(facts: Facts) -> str:
    return "1 thread" if facts["threads"] == 1 else f"{facts['threads']} threads"
