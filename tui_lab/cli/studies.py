"""`tui-lab studies [NAME]`: the studies there are, how far they have come, and what their findings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import AsJson
from tui_lab.cli.completion import complete_preset
from tui_lab.cli.context import Places, places

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tui_lab.presets import Preset
    from tui_lab.studies.cost import Speeds
    from tui_lab.studies.findings import Judged
    from tui_lab.studies.results import StudyResult
    from tui_lab.studies.shelf import Shelf
    from tui_lab.studies.start import Plan


def studies(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A name, a figure number or a file.",
            autocompletion=complete_preset,
            show_default=False,
        ),
    ] = None,
    is_timed: Annotated[
        bool, typer.Option("--time", help="Measure for some seconds what the missing runs would take here.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Every study with its arms, runs and verdicts; with a name, its table, verdicts and cost. Nothing is run."""
    from dataclasses import asdict

    from tui_lab.cli.output import data_console, print_json, say
    from tui_lab.cli.study import show_study, study_json
    from tui_lab.errors import UsageError
    from tui_lab.labs.catalogue import LABS
    from tui_lab.presets import find_preset
    from tui_lab.studies.cost import Speeds
    from tui_lab.studies.plan import trials
    from tui_lab.studies.start import plan

    where = places(context)
    if name is not None:
        preset = find_preset(name, where.home)
        shelf = shelf_of(where, [preset])
        found = shelf.studies(preset)
        if len(found) > 1 and not any(arm.entries for arm in found[0].arms):
            found = found[1:]
        asked = [plan(preset, trials(preset, overrides=study.overrides), shelf.known) for study in found]
        speeds = timed(asked, where) if is_timed else Speeds(where.store.list())
        costs = [speeds.estimate(one) for one in asked]
        if as_json:
            pairs = zip(found, costs, strict=True)
            print_json([{**study_json(study, shelf.judged(study)), "cost": asdict(cost)} for study, cost in pairs])
            return
        for study, one, cost in zip(found, asked, costs, strict=True):
            show_study(study, shelf.judged(study))
            if cost.runs:
                hint = where.command("studies", preset.name, "--time") if speeds.untold(one) else ""
                say(f"{cost.sentence}{f' To measure it: {hint}' if hint else ''}")
        return
    if is_timed:
        raise UsageError("--time measures what one study would take.", "Name it: tui-lab studies NAME --time")
    shelf = shelf_of(where)
    listed = [(study, shelf.judged(study)) for preset in shelf.presets for study in shelf.studies(preset)]
    if as_json:
        print_json([_summary(study, judged) for study, judged in listed])
        return
    console = data_console()
    for number, title in LABS.items():
        of_lab = [(study, judged) for study, judged in listed if study.preset.exercise.lab == number]
        if of_lab:
            console.print(f"[bold]Lab {number}: {title}[/]")
            console.print(_table(of_lab))
            console.print()
    say("Look into one: tui-lab studies NAME; run it: tui-lab run NAME")


def timed(asked: Sequence[Plan], where: Places) -> Speeds:
    """What the runs of this machine tell of speeds; of what they do not, a process with torch measures it now.

    Raises what `check_launch` does, before anything is measured.
    """
    from tui_lab.cli.output import say
    from tui_lab.jobs.launch import check_launch
    from tui_lab.previews.client import PreviewProcess
    from tui_lab.studies.cost import Kind, Speeds, kind_of
    from tui_lab.training.timing import Timing

    timings: dict[Kind, Timing] = {}
    runs = where.store.list()
    speeds = Speeds(runs)
    for one in asked:
        for trial in speeds.untold(one):
            check_launch(one.preset.exercise, trial.hyperparameters, where.data)
    with PreviewProcess() as process:
        for one in asked:
            exercise = one.preset.exercise
            for trial in Speeds(runs, timings).untold(one):
                say(f"Measuring {trial.arm.name or exercise.name} for some seconds ...")
                values = trial.hyperparameters.model_dump()
                timings[kind_of(exercise, values)] = process.ask("timing", exercise.name, values, where.data)
    return Speeds(runs, timings)


def shelf_of(where: Places, more: Iterable[Preset] = ()) -> Shelf:
    """Every study of a home with its runs; `more`: presets that lie elsewhere."""
    from tui_lab.presets import list_presets
    from tui_lab.studies.shelf import Shelf

    presets = [listed.preset for listed in list_presets(where.home) if listed.preset]
    return Shelf([*presets, *more], where.store.list())


def _table(found: list[tuple[StudyResult, list[Judged]]]) -> Any:
    from rich.text import Text

    from tui_lab.charts.text import printable
    from tui_lab.cli.output import is_ascii, table
    from tui_lab.studies.findings import MARKS, counts

    marks = [f">{pair[is_ascii()]}" for pair in MARKS.values()]
    made = table("study", "", ">arms", ">seeds", ">runs", ">findings", *marks)
    for study, judged in found:
        answers = counts(judged)
        title = Text(printable(study.preset.title, ascii=is_ascii()))
        if study.scaled:
            title.append(f"  scaled: {_sizes(study)}", "dim")
        made.add_row(
            Text(study.preset.name),
            title,
            str(len(study.arms)),
            _seeds(study),
            f"{study.finished}/{study.planned}",
            str(len(judged) or ""),
            *(str(answers[answer] or "") for answer in MARKS),
        )
    made.columns[0].no_wrap = True
    return made


def _seeds(study: StudyResult) -> str:
    """`3`, or `1-3` where some arms share runs with other studies."""
    least, most = (bound(arm.planned for arm in study.arms) for bound in (min, max))
    return str(most) if least == most else f"{least}-{most}"


def _sizes(study: StudyResult) -> str:
    from tui_lab.studies.results import value_text

    return ", ".join(f"{name} {value_text(now, name)}" for name, (_, now) in study.scaled.items())


def _summary(study: StudyResult, judged: list[Judged]) -> dict[str, Any]:
    from tui_lab.cli.study import scaled_json
    from tui_lab.studies.findings import counts

    return {
        "study": study.preset.name,
        "title": study.preset.title,
        "exercise": study.preset.exercise.name,
        "arms": len(study.arms),
        "seeds": max(arm.planned for arm in study.arms),
        "planned": study.planned,
        "finished": study.finished,
        "scaled": scaled_json(study),
        "findings": {"claims": len(judged), **counts(judged)},
    }
