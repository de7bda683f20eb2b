"""`tui-lab presets`: list, show, save and check preset files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import AsJson
from tui_lab.cli.completion import complete_preset, complete_run
from tui_lab.cli.context import places
from tui_lab.errors import USAGE, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from tui_lab.presets import ListedPreset, Preset

app = typer.Typer(
    help="Ready-made configurations: the figures of the practical, and your own.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
)


@app.command("list")
def list_presets(
    context: typer.Context,
    filter: Annotated[str, typer.Argument(metavar="FILTER", help="Part of a name, an exercise or a title.")] = "",
    as_json: AsJson = False,
) -> None:
    """Every preset, by lab."""
    from tui_lab.cli.output import data_console, print_json, say
    from tui_lab.labs.catalogue import LABS
    from tui_lab.presets import list_presets

    found = [listed for listed in list_presets(places(context).home) if _fits(listed, filter)]
    if as_json:
        print_json([_summary(listed) for listed in found])
        return
    groups = {f"Lab {number}: {title}": [e for e in found if _lab(e) == number] for number, title in LABS.items()}
    groups["Cannot be used"] = [listed for listed in found if listed.preset is None]
    console = data_console()
    for title, group in groups.items():
        if group:
            console.print(f"[bold]{title}[/]")
            console.print(_list_table(group))
            console.print()
    say("Look into one: tui-lab presets show NAME" if found else f"No preset fits {filter!r}.")


def _fits(listed: ListedPreset, wanted: str) -> bool:
    about = f"{listed.preset.exercise.name} {listed.preset.title}" if listed.preset else ""
    return wanted.casefold() in f"{listed.name} {about}".casefold()


def _lab(listed: ListedPreset) -> int | None:
    return listed.preset.exercise.lab if listed.preset else None


def _summary(listed: ListedPreset) -> dict[str, Any]:
    preset, error = listed.preset, listed.error
    return {
        "name": listed.name,
        "exercise": preset.exercise.name if preset else None,
        "lab": _lab(listed),
        "title": preset.title if preset else None,
        "path": str(listed.path),
        "is_shipped": listed.is_shipped,
        "error": str(error) if error else None,
    }


def _list_table(group: list[ListedPreset]) -> Table:
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, show_header=False, padding=(0, 2, 0, 2), pad_edge=False)
    made.add_column(min_width=18, no_wrap=True)
    made.add_column(min_width=7)
    for listed in group:
        if listed.preset:
            mine = Text("" if listed.is_shipped else "  (yours)", style="dim")
            made.add_row(Text(listed.name), listed.preset.exercise.name, Text(listed.preset.title) + mine)
        else:
            made.add_row(Text(listed.name, style="red"), Text(f"tui-lab presets validate {listed.path}"))
    return made


@app.command()
def show(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="A name, a figure number (2.5), or a file.", autocompletion=complete_preset)
    ],
    as_json: AsJson = False,
) -> None:
    """What a preset is about, what it sets and, of a study, its arms, and what the practical published for it."""
    from tui_lab.cli.output import data_console, print_json
    from tui_lab.labs.command import train_command
    from tui_lab.presets import find_preset

    where = places(context)
    preset = find_preset(name, where.home)
    known_as = preset.name if preset.name == name or not Path(name).exists() else name
    run = where.command("run", known_as)
    spelled_out = train_command(preset.exercise, preset.hyperparameters, home=where.home, data=where.data)
    if as_json:
        print_json({**_as_json(preset), "command": spelled_out})
        return
    console = data_console()
    console.print(f"{preset.name}  {preset.title}", markup=False, style="bold")
    console.print(f"{preset.exercise.name}, lab {preset.exercise.lab}, {preset.path}", markup=False, style="dim")
    if preset.text.strip():
        from rich.markdown import Markdown

        console.print()
        console.print(Markdown(preset.text), width=min(console.width, 100), soft_wrap=False)
    if preset.hyperparameters:
        console.print()
        console.print(_settings_table(preset))
    console.print()
    console.print(f"By default: {_defaults(preset)}", markup=False, style="dim")
    if preset.arms:
        console.print()
        console.print(_arms_table(preset))
    if preset.seeds > 1:
        console.print()
        console.print(f"{preset.seeds} seeds{' of each arm' if preset.arms else ''}", markup=False)
    if preset.published:
        console.print()
        console.print(_published_table(preset))
    console.print()
    console.print(run, markup=False, soft_wrap=True)
    if preset.arms:
        if preset.seeds == 1:
            seeds = where.command("run", known_as, "--seeds", "3")
            console.print(f"With the spread over seeds: {seeds}", markup=False, soft_wrap=True)
        return
    change = where.command("train", preset.exercise.name, "--preset", known_as, *_something_to_change(preset))
    console.print(f"Change something: {change}", markup=False, soft_wrap=True)
    console.print(f"Spelled out: {spelled_out}", markup=False, soft_wrap=True)


def _something_to_change(preset: Preset) -> list[str]:
    """The flag of the learning rate, or else of the first setting of the model, with the value that it has."""
    declared = preset.exercise.declarations
    chosen = declared.get("lr") or next(d for d in declared.values() if d.topic == "Model")
    return chosen.arguments(getattr(preset.configuration(), chosen.name))


def _values(preset: Preset) -> dict[str, Any]:
    """Every hyperparameter with its value; of a study in its first arm."""
    first = preset.arms[0].hyperparameters if preset.arms else {}
    return preset.configuration(**first).model_dump()


def _swept(preset: Preset) -> list[str]:
    """What the arms of a study set, in the order of the exercise."""
    return [name for name in preset.exercise.declarations if any(name in arm.hyperparameters for arm in preset.arms)]


def _as_json(preset: Preset) -> dict[str, Any]:
    swept = _swept(preset)
    return {
        "name": preset.name,
        "exercise": preset.exercise.name,
        "lab": preset.exercise.lab,
        "title": preset.title,
        "text": preset.text,
        "path": str(preset.path),
        "hyperparameters": dict(preset.hyperparameters),
        "configuration": {name: value for name, value in _values(preset).items() if name not in swept},
        "published": dict(preset.published),
        "seeds": preset.seeds,
        "arms": [
            {"name": arm.name, "hyperparameters": dict(arm.hyperparameters), "published": dict(arm.published)}
            for arm in preset.arms
        ],
    }


def _settings_table(preset: Preset) -> Table:
    """What the preset sets, in the order of the exercise."""
    from rich.text import Text

    from tui_lab.cli.output import table

    values, swept = _values(preset), _swept(preset)
    made = table("sets", "to", "")
    for name, declaration in preset.exercise.declarations.items():
        if name in preset.hyperparameters and name not in swept:
            made.add_row(name, Text(_written(values[name]), "bold"), Text(declaration.help, "dim"))
    return made


def _defaults(preset: Preset) -> str:
    """The other hyperparameters that have an effect here, each with its value."""
    values = _values(preset)
    said = {*preset.hyperparameters, *_swept(preset)}
    others = [d for name, d in preset.exercise.declarations.items() if name not in said]
    return ", ".join(f"{d.name} {_written(values[d.name])}" for d in others if d.has_effect(values))


def _written(value: Any) -> str:
    from tui_lab.hyperparameters import written

    return f"{value:.6g}" if isinstance(value, float) else written(value).strip('"') or "-"


def _arms_table(preset: Preset) -> Table:
    """An arm a row: its name, what it sets where the name does not say it, and what the practical published of it."""
    from rich.text import Text

    from tui_lab.cli.output import table

    settings = [" ".join(f"{k}={_written(v)}" for k, v in arm.hyperparameters.items()) for arm in preset.arms]
    has_names = [arm.name for arm in preset.arms] != settings
    metrics = list(dict.fromkeys(metric for arm in preset.arms for metric in arm.published))
    titles = [f">published {metric.replace('_', ' ')}" for metric in metrics]
    made = table(f"{len(preset.arms)} arms", *(["sets"] if has_names else []), *titles)
    for arm, sets in zip(preset.arms, settings, strict=True):
        published = [_reported(metric, arm.published[metric]) if metric in arm.published else "" for metric in metrics]
        made.add_row(Text(arm.name), *([Text(sets, "dim")] if has_names else []), *published)
    return made


def _published_table(preset: Preset) -> Table:
    from tui_lab.cli.output import table

    made = table("published", ">")
    for name, value in preset.published.items():
        made.add_row(name.replace("_", " "), _reported(name, value))
    return made


def _reported(metric: str, value: float) -> str:
    from tui_lab.runs.sentences import percent

    return f"{percent(value)} %" if metric.endswith("accuracy") else f"{value:g}"


@app.command()
def save(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(help="An id, a unique part of one, a path, or last.", autocompletion=complete_run)
    ],
    name: Annotated[str, typer.Argument(help="Of the preset: letters, digits, and . _ -")],
    title: Annotated[str, typer.Option(help="One line about it.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Overwrite a preset of yours with this name.")] = False,
) -> None:
    """Keep the configuration of a run as a preset of yours."""
    from tui_lab.cli.output import say
    from tui_lab.hyperparameters import build
    from tui_lab.labs.catalogue import find_exercise
    from tui_lab.presets import check_name, list_presets, save_preset

    check_name(name)
    where = places(context)
    found = where.store.find(run)
    request = found.read_request()
    exercise = find_exercise(request.exercise)
    hyperparameters = build(exercise.hyperparameters, request.hyperparameters)
    changed_lr = found.read_status().changed_lr
    if changed_lr:
        hyperparameters = hyperparameters.model_copy(update={"lr": changed_lr})
        say(f"The learning rate was changed while the run trained: the preset has lr = {changed_lr:g}.")
    path = where.home / "presets" / f"{name.removesuffix('.toml')}.toml"
    if not force and any(listed.is_shipped and listed.name == path.stem for listed in list_presets(where.home)):
        raise UsageError(f"{path.stem!r} comes with tui_lab.", "Choose another name, or hide that one with --force.")
    save_preset(path, exercise, hyperparameters, title=title or f"From {found.id}", overwrite=force)
    print(path)
    say(f"Train it: tui-lab run {path.stem}")


@app.command()
def validate(
    context: typer.Context,
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files or folders; none = every preset there is.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check preset files and tell every mistake. Exits with 2 when there is one."""
    from tui_lab.cli.output import data_console, print_json, say

    verdicts = {path: _mistake(path) for path in _files(context, paths or [])}
    if as_json:
        print_json([{"path": str(path), "error": error} for path, error in verdicts.items()])
    else:
        console = data_console()
        for path, error in verdicts.items():
            console.print(error or f"{path}: ok", markup=False, soft_wrap=True)
    mistaken = sum(error is not None for error in verdicts.values())
    say(f"{len(verdicts)} checked, {mistaken} with mistakes")
    if mistaken:
        raise typer.Exit(USAGE)


def _files(context: typer.Context, given: list[Path]) -> list[Path]:
    from tui_lab.presets import list_presets

    if not given:
        return [listed.path for listed in list_presets(places(context).home)]
    return [file for path in given for file in (sorted(path.rglob("*.toml")) if path.is_dir() else [path])]


def _mistake(path: Path) -> str | None:
    from tui_lab.presets import load_preset

    try:
        load_preset(path)
    except UsageError as error:
        return str(error)
    return None


@app.command()
def schema() -> None:
    """Print the JSON Schema of preset files, for editors that complete and check TOML."""
    from tui_lab.cli.output import print_json
    from tui_lab.presets import json_schema

    print_json(json_schema())
