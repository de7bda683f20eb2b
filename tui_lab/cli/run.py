"""`tui-lab run PRESET...`: train presets and studies, with seeds, several runs at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import CpusPerRun, GpusPerRun, Jobs, On
from tui_lab.cli.completion import complete_preset
from tui_lab.cli.context import Places, places

if TYPE_CHECKING:
    from tui_lab.presets import Preset
    from tui_lab.runs.directory import RunDirectory
    from tui_lab.studies.plan import Trial


def run(
    context: typer.Context,
    presets: Annotated[
        list[str],
        typer.Argument(metavar="PRESET", help="Names, figure numbers (2.5) or files.", autocompletion=complete_preset),
    ],
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Runs of each preset or arm: with its seed, and the next ones.")
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Run only these arms of a study, by their names in its table."),
    ] = None,
    on: On = "local",
    jobs: Jobs = None,
    cpus_per_run: CpusPerRun = None,
    gpus_per_run: GpusPerRun = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the training samples.")] = None,
    train_size: Annotated[int | None, typer.Option(min=0, help="Training samples; 0 = all.")] = None,
    test_size: Annotated[int | None, typer.Option(min=0, help="Test samples; 0 = all.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda:N or mps.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Any other hyperparameter; repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One event a line on stdout.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Of a study, also run what is done already.")] = False,
    detached: Annotated[bool, typer.Option("--detach", help="Start the runs, print their ids, and leave.")] = False,
) -> None:
    """Train presets and studies: [bold]tui-lab run digits-convnet[/bold], [bold]tui-lab run 2.5 2.6 --seeds 3[/bold].

    Of a study (several arms, or several seeds) what is finished already is not run again, what was interrupted goes on,
    and a table of measured beside published values ends it, with what its findings say.
    """
    from tui_lab.cli.flags import assignments
    from tui_lab.cli.launch import detach, exit_with, follow
    from tui_lab.jobs.choosing import choose
    from tui_lab.jobs.launch import check_launch
    from tui_lab.presets import find_preset
    from tui_lab.studies.plan import choose_arms, trials

    where = places(context)
    placement = choose(on, jobs, cpus_per_run, gpus_per_run)
    typed = {"epochs": epochs, "train_size": train_size, "test_size": test_size, "device": device}
    flags = {name: value for name, value in typed.items() if value is not None}
    planned: list[tuple[Preset, list[Trial]]] = []
    told: list[tuple[Preset, list[Trial], Mapping[str, Any]]] = []  # of all arms: other runs may have measured some
    for name in presets:
        preset = find_preset(name, where.home)
        changed = {**flags, **assignments(settings or [], preset.exercise.declarations)}
        chosen = None if arms is None else choose_arms(preset, arms)
        planned.append((preset, trials(preset, seeds=seeds, overrides=changed, arms=chosen)))
        told.append((preset, trials(preset, seeds=seeds, overrides=changed), changed))
    for preset, found in planned:  # all of them, before anything is written
        for trial in found:
            check_launch(preset.exercise, trial.hyperparameters, where.data)
    runs: list[RunDirectory] = []
    for preset, found in planned:  # a configuration that two studies share is trained once
        runs += _runs(where, preset, found, again=again, waiting={run.id for run in runs})
    if detached:
        detach(runs, placement)
        return
    is_brief = any(len(found) > 1 for _, found in planned)
    code = follow(runs, placement, as_json=as_json, brief=is_brief) if runs else 0
    _tell(where, told, as_json=as_json)
    exit_with(code)


def is_study(preset: Preset, planned: Sequence[Trial]) -> bool:
    """Whether what is there already counts: of a single configuration, a new run is wanted."""
    return bool(preset.arms) or len(planned) > 1


def _runs(where: Places, preset: Preset, planned: list[Trial], *, again: bool, waiting: set[str]) -> list[RunDirectory]:
    """The runs to be trained: new ones, and of a study those that can go on. Says what is left out."""
    from tui_lab.cli.output import say
    from tui_lab.studies.cost import Speeds
    from tui_lab.studies.start import plan, start

    if not is_study(preset, planned):
        return start(plan(preset, planned, [], again=True), where.store, where.data)
    entries = where.store.list()
    asked = plan(preset, planned, entries, again=again, waiting=waiting)
    time = Speeds(entries).estimate(asked).time
    say(f"{preset.name}: {asked.sentence}{f'; {time}' if time else ''}.")
    return start(asked, where.store, where.data)


def _tell(where: Places, asked: list[tuple[Preset, list[Trial], Mapping[str, Any]]], *, as_json: bool) -> None:
    """The table and the verdicts of every study, and the verdicts of a single configuration that a finding is about."""
    import json

    from tui_lab.cli.studies import shelf_of
    from tui_lab.cli.study import show_study, study_json
    from tui_lab.runs.events import finite
    from tui_lab.studies.findings import findings_of
    from tui_lab.studies.results import results

    told = [one for one in asked if is_study(*one[:2]) or findings_of(one[0].name)]
    if not told:
        return
    shelf = shelf_of(where, [preset for preset, *_ in told])
    for preset, planned, overrides in told:
        study = results(preset, planned, shelf.known)
        judged = shelf.judged(study, overrides)
        if as_json:
            print(json.dumps(finite(study_json(study, judged))))
        else:
            show_study(study, judged)
