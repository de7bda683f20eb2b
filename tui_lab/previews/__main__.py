"""The process that makes previews: `python -m tui_lab.previews`, for `tui_lab.previews.client`.

A line of JSON on stdin is a request, a line of JSON on stdout its answer:

    {"id": 1, "kind": "layers", "exercise": "mlp", "hyperparameters": {...}, "data_dir": "/...", "draw": 0}
    {"id": 2, "kind": "tool", "tool": "augment", "inputs": {...}, "measure": false, "home": "/...", "data_dir": "/..."}
    {"id": 1, "content": {...}}    or    {"id": 1, "error": "...", "hint": "...", "exit_code": 2}

It imports torch on the first request, works on one thread (for what trains on more) and steps back behind everything
else, because a run may be training beside it. It ends when stdin does.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tui_lab.data.catalogue import DATASETS, sample_shape
from tui_lab.errors import FAILED, TuiLabError, UsageError
from tui_lab.hyperparameters import Declared, GradientHyperparameters, Hyperparameters, build
from tui_lab.labs.catalogue import find_exercise
from tui_lab.labs.check import check_configuration
from tui_lab.tools.catalogue import find_tool
from tui_lab.tools.tool import Folders, Result, WithTorch

if TYPE_CHECKING:
    from tui_lab.labs.exercise import Exercise
    from tui_lab.previews.content import Content, LayerTable
    from tui_lab.previews.samples import SamplePreviews
    from tui_lab.training.range_test import RangeTest
    from tui_lab.training.timing import Timing

NICENESS = 10
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main() -> None:
    """Answer until stdin ends."""
    os.nice(NICENESS)
    for variable in THREAD_VARIABLES:
        os.environ[variable] = "1"
    with os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8") as answers:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
        serve(sys.stdin, answers)


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answer every line of `requests` with a line of `answers`."""
    for line in requests:
        answers.write(json.dumps(answer(line)) + "\n")
        answers.flush()


def answer(line: str) -> dict[str, Any]:
    """What one request is answered with, whatever happens."""
    number = None
    try:
        request = json.loads(line)
        number = request["id"]
        return {"id": number, "content": content(request).to_json()}
    except TuiLabError as error:
        return {"id": number, "error": error.message, "hint": error.hint, "exit_code": error.exit_code}
    except Exception as error:  # the next request must find this process alive
        traceback.print_exc()
        reason = next(iter(str(error).splitlines()), "")
        return {"id": number, "error": f"{type(error).__name__}: {reason}", "hint": "", "exit_code": FAILED}


def content(request: dict[str, Any]) -> Content | Result:
    """The preview that is asked for. Raises TuiLabError with a sentence for the user."""
    if request["kind"] == "tool":
        return tool_result(request)
    exercise = find_exercise(request["exercise"])
    hyperparameters = build(exercise.hyperparameters, request["hyperparameters"])
    check_configuration(exercise, hyperparameters)
    if request["kind"] == "layers" and exercise.is_fitted:
        raise UsageError(f"{exercise.name} has no layers: what it is made of depends on the samples.")
    if request["kind"] == "layers":
        return layers(exercise, hyperparameters)
    if request["kind"] == "rates":
        return rates(exercise, hyperparameters, Path(request["data_dir"]))
    if request["kind"] == "timing":
        return timing(exercise, hyperparameters, Path(request["data_dir"]))
    return _sample_previews().grid(hyperparameters, Path(request["data_dir"]), request["draw"])


def tool_result(request: dict[str, Any]) -> Result:
    """What a tool works out with torch."""
    tool = find_tool(request["tool"])
    work = tool.measure if request["measure"] else tool.calculate
    if not isinstance(work, WithTorch):
        raise UsageError(f"The tool {tool.name} needs no torch, and is not answered here.")
    module, _, name = work.function.partition(":")
    function: Callable[[Declared, Folders], Result] = getattr(importlib.import_module(module), name)
    folders = Folders(Path(request["home"]), Path(request["data_dir"]))
    return function(build(tool.inputs, request["inputs"]), folders)


def layers(exercise: Exercise, hyperparameters: Hyperparameters) -> LayerTable:
    """The layers of the model for this configuration; of the data, only the shape and the classes are needed."""
    from tui_lab.data.augment import Augmentation
    from tui_lab.previews.layers import layer_table

    shape = Augmentation.of(hyperparameters).output_shape(sample_shape(hyperparameters))
    classes = len(_class_names(hyperparameters))
    return layer_table(lambda: exercise.build_model(hyperparameters, shape, classes), shape)


def rates(exercise: Exercise, hyperparameters: Hyperparameters, data_dir: Path) -> RangeTest:
    """The learning-rate range test. Raises UsageError where nothing is trained by gradients."""
    if not isinstance(hyperparameters, GradientHyperparameters):
        raise UsageError(f"{exercise.name} is not trained by gradients, and has no learning rate.")
    from tui_lab.previews.rates import find_rates

    return find_rates(exercise, hyperparameters, data_dir)


def timing(exercise: Exercise, hyperparameters: Hyperparameters, data_dir: Path) -> Timing:
    """How long an epoch takes. Raises UsageError where nothing is trained by gradients."""
    if not isinstance(hyperparameters, GradientHyperparameters):
        raise UsageError(f"{exercise.name} is fitted at once, and has no steps to be timed.")
    from tui_lab.previews.timing import time_configuration

    return time_configuration(exercise, hyperparameters, data_dir)


def _class_names(hyperparameters: Hyperparameters) -> tuple[str, ...]:
    from tui_lab.data.folder import list_folder

    if hyperparameters.dataset != "folder":
        return DATASETS[hyperparameters.dataset].class_names
    return list_folder(Path(hyperparameters.folder).expanduser(), hyperparameters.seed)[0]


@cache
def _sample_previews() -> SamplePreviews:
    from tui_lab.previews.samples import SamplePreviews

    return SamplePreviews()


if __name__ == "__main__":
    main()
