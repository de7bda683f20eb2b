"""`tui-lab preview EXERCISE`: what a configuration looks like before it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import AsJson
from tui_lab.cli.configuration import FromPreset, settle
from tui_lab.cli.context import places
from tui_lab.cli.groups import exercise_group

if TYPE_CHECKING:
    from tui_lab.errors import TuiLabError
    from tui_lab.hyperparameters import GradientHyperparameters, Hyperparameters
    from tui_lab.labs.exercise import Exercise
    from tui_lab.previews.content import LayerTable, SampleGrid


class What(StrEnum):
    ALL = "all"
    SAMPLES = "samples"
    LAYERS = "layers"
    SCHEDULE = "schedule"


def _command(exercise: Exercise) -> Callable[..., None]:
    def preview(
        context: typer.Context,
        given: dict[str, Any],
        preset: FromPreset = None,
        what: Annotated[What, typer.Option(help="What to show.")] = What.ALL,
        draw: Annotated[int, typer.Option(min=0, help="Another number draws the samples anew.")] = 0,
        as_json: AsJson = False,
    ) -> None:
        preview_exercise(context, exercise, given, preset, what, draw, as_json=as_json)

    return preview


app = exercise_group("Look at a configuration before it is trained: samples, layers, learning rates.", _command)


@dataclass(frozen=True)
class Preview:
    """What there is to show, None for what was not asked for. `missing` says why there are no samples."""

    samples: SampleGrid | None
    missing: TuiLabError | None
    layers: LayerTable | None
    schedule: GradientHyperparameters | None


def preview_exercise(
    context: typer.Context,
    exercise: Exercise,
    given: dict[str, Any],
    preset: str | None,
    what: What,
    draw: int,
    *,
    as_json: bool,
) -> None:
    """Settle the hyperparameters, and show what they mean. Data that are missing do not hide the rest."""
    from tui_lab.cli.output import print_json
    from tui_lab.labs.check import check_configuration

    where = places(context)
    hyperparameters, preset_name = settle("preview", exercise, given, preset, where.home)
    check_configuration(exercise, hyperparameters)
    preview = _ask(exercise, hyperparameters, where.data, what, draw)
    if as_json:
        print_json({"exercise": exercise.name, "preset": preset_name, **_as_json(preview)})
    else:
        _show(preview, hyperparameters)
    if preview.missing is not None:
        raise preview.missing


def _ask(exercise: Exercise, hyperparameters: Hyperparameters, data: Path, what: What, draw: int) -> Preview:
    from tui_lab.errors import TuiLabError, UsageError
    from tui_lab.hyperparameters import GradientHyperparameters
    from tui_lab.previews.client import PreviewProcess

    if exercise.is_fitted and what in (What.LAYERS, What.SCHEDULE):
        raise UsageError(f"{exercise.name} is fitted at once: it has no {what}.", "It has samples.")
    samples = layers = missing = None
    values = hyperparameters.model_dump()
    with PreviewProcess() as process:
        if what in (What.ALL, What.SAMPLES):
            try:
                samples = process.ask("samples", exercise.name, values, data, draw)
            except TuiLabError as error:
                missing = error
        if what in (What.ALL, What.LAYERS) and not exercise.is_fitted:
            layers = process.ask("layers", exercise.name, values, data)
    schedule = hyperparameters if isinstance(hyperparameters, GradientHyperparameters) else None
    return Preview(samples, missing, layers, schedule if what in (What.ALL, What.SCHEDULE) else None)


def _as_json(preview: Preview) -> dict[str, Any]:
    from tui_lab.training.schedules import schedule_curve

    shown: dict[str, Any] = {}
    if preview.samples is not None:
        shown["samples"] = preview.samples.to_json()
    if preview.layers is not None:
        shown["layers"] = preview.layers.to_json()
    if preview.schedule is not None:
        epochs, rates = schedule_curve(preview.schedule)
        shown["schedule"] = {"epochs": epochs, "learning_rates": rates}
    return shown


def _show(preview: Preview, hyperparameters: Hyperparameters) -> None:
    if preview.samples is not None:
        _show_samples(preview.samples, hyperparameters)
    if preview.layers is not None:
        _show_layers(preview.layers)
    if preview.schedule is not None:
        from tui_lab.charts.calculated import schedule_series
        from tui_lab.cli.drawing import print_chart

        print_chart((schedule_series(preview.schedule),), title="Learning rate", x_label="epoch")


def _show_samples(grid: SampleGrid, hyperparameters: Hyperparameters) -> None:
    from tui_lab.charts.previews import preview_samples
    from tui_lab.cli.drawing import look_of
    from tui_lab.cli.output import data_console

    console = data_console()
    look = look_of(console)

    def show(heading: str, *, seen: bool) -> None:
        drawn = preview_samples(grid, width=console.width, seen=seen, look=look)
        console.print(f"[bold]{heading}[/]", drawn, "", sep="\n")

    show(f"{grid.dataset}: {grid.train_size:,} training samples, {grid.test_size:,} test samples", seen=False)
    if grid.seen_range is not None:
        low, high = grid.seen_range
        name = hyperparameters.standardize
        show(f"As the network sees them, standardize = {name}: black is {low:.3g}, white {high:.3g}", seen=True)


def _show_layers(layers: LayerTable) -> None:
    from tui_lab.charts.previews import LAYER_COLUMNS, layer_rows
    from tui_lab.cli.drawing import print_table

    print_table(LAYER_COLUMNS, layer_rows(layers))
