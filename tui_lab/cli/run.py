"""`tui-lab run PRESET...`: train presets, with seeds, several at a time."""

from __future__ import annotations

from typing import Annotated

import typer

from tui_lab.cli.completion import complete_preset
from tui_lab.cli.context import places


def run(
    context: typer.Context,
    presets: Annotated[
        list[str], typer.Argument(help="Names, figure numbers (2.5) or files.", autocompletion=complete_preset)
    ],
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each preset: with its seed, and the next ones.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at a time; they share the cores.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training samples.")] = None,
    train_size: Annotated[int | None, typer.Option(min=0, help="Training samples; 0 = all.")] = None,
    test_size: Annotated[int | None, typer.Option(min=0, help="Test samples; 0 = all.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda:N or mps.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other hyperparameter; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One event a line on stdout.")] = False,
    detached: Annotated[bool, typer.Option("--detach", help="Start the runs, print their ids, and leave.")] = False,
) -> None:
    """Train presets: [bold]tui-lab run digits-convnet[/bold], [bold]tui-lab run 2.5 2.6 --seeds 3 --jobs 2[/bold]."""
    from tui_lab.cli.flags import assignments
    from tui_lab.cli.launch import detach, follow
    from tui_lab.hyperparameters import build
    from tui_lab.jobs.launch import check_launch, create_run
    from tui_lab.presets import find_preset

    where = places(context)
    typed = {"epochs": epochs, "train_size": train_size, "test_size": test_size, "device": device}
    flags = {name: value for name, value in typed.items() if value is not None}
    configurations = []
    for name in presets:
        preset = find_preset(name, where.home)
        settled = assignments(settings or [], preset.exercise.declarations)
        hyperparameters = build(preset.exercise.hyperparameters, {**preset.hyperparameters, **flags, **settled})
        configurations += [
            (preset, hyperparameters.model_copy(update={"seed": hyperparameters.seed + i})) for i in range(seeds)
        ]
    for preset, values in configurations:
        check_launch(preset.exercise, values, where.data)
    runs = [
        create_run(where.store, preset.exercise, values, where.data, preset.name) for preset, values in configurations
    ]
    if detached:
        detach(runs, jobs)
    else:
        follow(runs, jobs=jobs, as_json=as_json)
