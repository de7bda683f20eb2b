"""The process that trains one run: `python -m tui_lab.worker RUN_DIRECTORY`.

Run directory in, events out. Its standard output and error go to the run's log.txt; its exit code is that of the
command line (0 finished or stopped, 1 failed, 2 unusable request, 3 missing data or device).

With --standby in place of a directory it imports what every run needs, and waits to be told its run: see `stand_by`.
With --series it is told one run after another: see `work_in_series`.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from tui_lab import paths
from tui_lab.devices import cores
from tui_lab.errors import DONE, FAILED, DivergedError, TuiLabError
from tui_lab.hyperparameters import GradientHyperparameters, Hyperparameters, build
from tui_lab.labs.catalogue import EXERCISES, find_exercise
from tui_lab.labs.exercise import Exercise
from tui_lab.processes import SERIES_FLAG, STANDBY_FLAG, THREADS_VARIABLE
from tui_lab.runs.directory import Request, RunDirectory
from tui_lab.runs.recorder import Recorder
from tui_lab.runs.store import RunStore

if TYPE_CHECKING:
    from torch import nn

    from tui_lab.data.dataset import Dataset
    from tui_lab.training.fit import FitSession
    from tui_lab.training.plan import Plan
    from tui_lab.training.session import Session

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def main(arguments: list[str] | None = None) -> int:
    """Train the run in the directory given, or the one that is told to a stand-by. Returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) != 1:
        print(f"usage: python -m tui_lab.worker RUN_DIRECTORY | {STANDBY_FLAG} | {SERIES_FLAG}", file=sys.stderr)
        return FAILED
    if given == [STANDBY_FLAG]:
        return stand_by()
    if given == [SERIES_FLAG]:
        return work_in_series()
    return work(RunDirectory(Path(given[0]).absolute()))


def stand_by() -> int:
    """Import everything, say so with a line on stdout, and work on the run that a line on stdin then names.

    That line is JSON, `{"run": PATH, "threads": N}`, with N as in the executor's variable. Without one, nobody needs
    this process any more. Returns the exit code.
    """
    warm_up()
    with suppress(BrokenPipeError):  # whoever started it may have given it a run and be gone
        print("ready", flush=True)
    line = sys.stdin.readline()
    if not line:
        return DONE
    return work(_take_order(line))


def work_in_series() -> int:
    """Work on the runs that lines on stdin name, as `stand_by` is told its own, and say so on stdout after each.

    Ends with the first that fails, whose process may not be fit for another; without more lines; or when nobody
    listens. Returns the exit code of the last run.
    """
    with os.fdopen(os.dup(0)) as orders, os.fdopen(os.dup(1), "wb", buffering=0) as talk:
        while line := orders.readline():
            code = work(_take_order(line))
            _on_signals(signal.SIG_DFL)  # of that run
            if code != DONE:
                return code
            try:
                talk.write(b"done\n")
            except BrokenPipeError:
                return DONE
    return DONE


def _take_order(line: str) -> RunDirectory:
    """The run that a line names; from here on, what this process says goes into its log."""
    order = json.loads(line)
    run = RunDirectory(Path(order["run"]))
    os.environ[THREADS_VARIABLE] = str(order["threads"])
    with run.log.open("ab") as log, Path(os.devnull).open("rb") as nothing:
        for source, stream in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source.fileno(), stream)
    return run


def warm_up() -> None:
    """Train a tiny run in a temporary folder: whatever the next one needs is then imported, and has been used once."""
    exercise = find_exercise("mlp")
    tiny = {"dataset": "circles", "train_size": 10, "test_size": 10, "epochs": 1}
    plain = {"device": "cpu", "threads": cores(), "precision": "fp32", "channels_last": "off"}
    with TemporaryDirectory(prefix="tui-lab-") as home:
        hyperparameters = build(exercise.hyperparameters, {**tiny, **plain})
        work(RunStore(Path(home)).create(exercise.name, hyperparameters.model_dump()))
    _on_signals(signal.SIG_DFL)  # of the tiny run
    for other in EXERCISES.values():
        if not other.is_imported_late:
            importlib.import_module(other.model.partition(":")[0])


def work(run: RunDirectory) -> int:
    """Train the run, unless another process does. Returns the exit code."""
    try:
        with run.held(), Recorder(run) as recorder:
            return _train(run, recorder)
    except TuiLabError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:  # not even the run directory can be written
        print(f"{run.path}: {error}", file=sys.stderr)
        return FAILED


def _train(run: RunDirectory, recorder: Recorder) -> int:
    """Train, and whatever happens leave a last record that says how it ended."""
    try:
        request = run.read_request()
        exercise = find_exercise(request.exercise)
        hyperparameters = build(exercise.hyperparameters, request.hyperparameters)
        threads = choose_threads(exercise, hyperparameters, recorder.status.threads)
        settle_process(threads)
    except TuiLabError as error:
        recorder.finish("failed", error.message, error.hint, error.exit_code)
        return error.exit_code

    from tui_lab.training.failures import explain
    from tui_lab.training.session import Stopped

    def stop_now(*_: object) -> None:
        raise Stopped

    try:
        _on_signals(stop_now)  # while nothing is trained yet
        session = open_session(run, recorder, request, exercise, hyperparameters, threads)
        _on_signals(lambda *_: session.interrupt())
        message = session.run()
    except Stopped:
        again = "Fit it from the start" if exercise.is_fitted else "Go on"
        recorder.finish("stopped", "Stopped by the user.", f"{again} with: tui-lab runs resume {run.id}")
        return DONE
    except Exception as error:
        failure = explain(error)
        if isinstance(error, DivergedError):
            recorder.event("warning", message=failure.message)
        if not failure.is_known:
            traceback.print_exc()
        recorder.finish("failed", failure.message, failure.hint, failure.exit_code)
        return failure.exit_code
    recorder.finish("finished", message)
    return DONE


def _on_signals(handler: Callable[..., None] | signal.Handlers) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def choose_threads(exercise: Exercise, hyperparameters: Hyperparameters, earlier: int = 0) -> int:
    """CPU threads: those of an `earlier` worker of the same run (other threads give other bits), else what was
    asked for, else what suits the exercise within the executor's share."""
    share = int(os.environ.get(THREADS_VARIABLE) or 0)
    suitable = exercise.suitable_threads()
    return earlier or hyperparameters.threads or (min(suitable, share) if share else suitable)


def settle_process(threads: int) -> None:
    """Set up this process for training: threads and allocator before torch is imported, then torch itself. In a process
    that has it already, the threads of whatever is loaded are set to the new number."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    # libgomp's threads wait spinning, long by default: beside other work that makes training several times slower. This
    # is long enough for the gaps within a step and too short to hold a core that somebody else needs.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from tui_lab.training.memory import keep_freed_memory

    keep_freed_memory()
    were_loaded = "torch" in sys.modules

    import torch

    torch.set_num_threads(threads)
    if were_loaded:  # libraries look at the variables only when they are loaded
        from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

        threadpool_limits(threads)


def open_session(
    run: RunDirectory,
    recorder: Recorder,
    request: Request,
    exercise: Exercise,
    hyperparameters: Hyperparameters,
    threads: int,
) -> Session | FitSession:
    """Data, model and position: at the start, or where the run's checkpoint stands. A fit has only a start."""
    from tui_lab.data.load import load_dataset

    dataset = load_dataset(hyperparameters, paths.data_dir(request.data_dir))
    if isinstance(hyperparameters, GradientHyperparameters):
        return _open_training(run, recorder, exercise, hyperparameters, dataset, threads)
    return _open_fit(recorder, exercise, hyperparameters, dataset, threads)


def _open_training(
    run: RunDirectory,
    recorder: Recorder,
    exercise: Exercise,
    hyperparameters: GradientHyperparameters,
    dataset: Dataset,
    threads: int,
) -> Session:
    from tui_lab.inspections.inspector import Inspector
    from tui_lab.training.checkpoint import load_checkpoint
    from tui_lab.training.plan import Plan
    from tui_lab.training.prepare import prepare
    from tui_lab.training.session import Session

    checkpoint = load_checkpoint(run.checkpoint) if run.checkpoint.exists() else None
    try:
        prepared = prepare(
            hyperparameters,
            dataset,
            lambda shape, classes: exercise.build_model(hyperparameters, shape, classes),
            cache=paths.cache_dir(),
            threads=threads,
            plan=Plan(**checkpoint["plan"]) if checkpoint else None,
            tell=partial(_go_on, recorder),
            say=partial(_log, recorder),
        )
    finally:
        recorder.note(doing="")
    engine = prepared.engine
    inspector = Inspector(recorder, dataset, prepared.evaluations["test"])
    session = Session(engine, prepared.evaluations, recorder, dataset.classes, inspector)
    if checkpoint:
        session.load_state(checkpoint)
    position = {"epoch": engine.epoch, "step": engine.step, "total_step": engine.total_step}
    _announce(
        recorder,
        exercise,
        dataset,
        engine.plan,
        epochs=hyperparameters.epochs,
        steps_per_epoch=engine.steps_per_epoch,
        sizes=_sizes(engine.model),
        resumed_from=position if checkpoint else None,
    )
    recorder.update(
        epoch=engine.epoch, step=engine.step, elapsed=session.watch.elapsed, best=dict(session.selection.best)
    )
    return session


def _sizes(model: nn.Module) -> dict[str, int]:
    """The number of `parameters`, and of those that are trained, where these are fewer."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return (
        {"parameters": parameters}
        if trained in (0, parameters)
        else {"parameters": parameters, "trained_parameters": trained}
    )


def _go_on(recorder: Recorder, doing: str) -> None:
    """Say what is done before the first step. Raises Stopped when the user has had enough of it."""
    from tui_lab.training.session import Stopped

    recorder.note(doing=doing)
    control = recorder.poll_control()
    if control is not None and control.command == "stop":
        raise Stopped


def _log(recorder: Recorder, sentence: str) -> None:
    recorder.event("log", message=sentence)


def _open_fit(
    recorder: Recorder, exercise: Exercise, hyperparameters: Hyperparameters, dataset: Dataset, threads: int
) -> FitSession:
    from tui_lab.inspections.inspector import Inspector
    from tui_lab.training.fit import FitSession, prepare_fit

    engine, evaluations = prepare_fit(
        hyperparameters,
        dataset,
        lambda shape, classes: exercise.build_model(hyperparameters, shape, classes),
        cache=paths.cache_dir(),
        threads=threads,
    )
    inspector = Inspector(recorder, dataset, evaluations["test"])
    _announce(recorder, exercise, dataset, engine.plan, epochs=1, steps_per_epoch=0, sizes=engine.fittable.sizes)
    # An earlier worker may have fitted it, and not come to its last word
    recorder.update(is_fitted=True, epoch=0, elapsed=0.0, expected=0.0, last={}, best={})
    return FitSession(engine, evaluations, recorder, dataset, inspector)


def _announce(
    recorder: Recorder,
    exercise: Exercise,
    dataset: Dataset,
    plan: Plan,
    *,
    epochs: int,
    steps_per_epoch: int,
    sizes: Mapping[str, int],
    resumed_from: dict[str, int] | None = None,
) -> None:
    """Say in the log and in the status what is about to be trained, on what, and from where on.

    `steps_per_epoch` of a fit is 0; `sizes` are the numbers of `parameters`, as far as they are known yet.
    """
    import torch

    recorder.event(
        "started",
        exercise=exercise.name,
        resumed_from=resumed_from,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        **sizes,
        dataset=dataset.name,
        classes=list(dataset.class_names),
        train_samples=len(dataset.train),
        validation_samples=len(dataset.validation) if dataset.validation else 0,
        test_samples=len(dataset.test),
        pid=os.getpid(),
        host=recorder.status.host,
        torch=str(torch.__version__),
        **asdict(plan),
    )
    recorder.note(epochs=epochs, steps_per_epoch=steps_per_epoch, **asdict(plan))


def _leave(code: int) -> NoReturn:
    """End the process. A fit that was stopped may still be computing in its thread: it is not waited for."""
    if threading.active_count() == 1:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
