"""`tui-lab exercises` and `tui-lab describe`: what can be trained, and every hyperparameter of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.arguments import AsJson
from tui_lab.cli.completion import complete_exercise

if TYPE_CHECKING:
    from rich.table import Table

    from tui_lab.hyperparameters import Declaration
    from tui_lab.labs.exercise import Exercise

WIDE = 120  # from here on the allowed values have a column of their own
ALLOWED_WIDTH = 42


def list_exercises(as_json: AsJson = False) -> None:
    """What can be trained."""
    from tui_lab.cli.output import data_console, print_json, say, table
    from tui_lab.labs.catalogue import EXERCISES, LABS

    if as_json:
        print_json([_summary(exercise) for exercise in EXERCISES.values()])
        return
    made = table("exercise", "", ">lab", "", "data set")
    for exercise in EXERCISES.values():
        dataset = exercise.declarations["dataset"].default
        made.add_row(f"[bold]{exercise.name}[/]", exercise.title, str(exercise.lab), LABS[exercise.lab], dataset)
    data_console().print(made)
    say("Every hyperparameter of one: tui-lab describe EXERCISE")


def describe(
    exercise: Annotated[str, typer.Argument(help="Its name.", autocompletion=complete_exercise)],
    as_json: AsJson = False,
) -> None:
    """Every hyperparameter of an exercise: flag, default, allowed values, help, and the question of the report."""
    from tui_lab.cli.groups import exercise_called
    from tui_lab.cli.output import data_console, print_json
    from tui_lab.hyperparameters import TOPICS
    from tui_lab.labs.catalogue import LABS

    found = exercise_called(exercise)
    declared = found.declarations.values()
    if as_json:
        print_json({**_summary(found), "hyperparameters": [_as_json(declaration) for declaration in declared]})
        return
    console = data_console()
    console.print(f"[bold]{found.name}[/]  {found.title}, lab {found.lab}: {LABS[found.lab]}")
    flag_width = max(len(declaration.flag) for declaration in declared)
    for topic in TOPICS:
        of_topic = [declaration for declaration in declared if declaration.topic == topic]
        if of_topic:
            console.print()
            console.print(_table(topic, of_topic, flag_width, is_wide=console.width >= WIDE))


def _summary(exercise: Exercise) -> dict[str, Any]:
    return {"name": exercise.name, "lab": exercise.lab, "title": exercise.title}


def _as_json(declaration: Declaration) -> dict[str, Any]:
    d = declaration
    return {
        "name": d.name,
        "flag": d.flag,
        "type": d.type.__name__,
        "default": d.default,
        "allowed": d.allowed,
        "choices": list(d.choices),
        "bounds": dict(d.bounds),
        "help": d.help,
        "topic": d.topic,
        "question": d.question,
        "only_if": {name: list(values) for name, values in d.only_if.items()},
    }


def _table(topic: str, declarations: list[Declaration], flag_width: int, *, is_wide: bool) -> Table:
    """One row each: flag, default, help. The allowed values have a column where there is room, else a line."""
    from rich.text import Text

    from tui_lab.cli.output import table

    made = table(topic, "default", *(["allowed"] if is_wide else []), "")
    for column, width in zip(made.columns, (flag_width, 9, ALLOWED_WIDTH if is_wide else 0), strict=False):
        column.min_width = width  # so that the tables of all topics line up
    made.columns[0].no_wrap = made.columns[1].no_wrap = True
    if is_wide:
        made.columns[2].max_width = ALLOWED_WIDTH
    for d in declarations:
        remarks = Text("; ".join(_remarks(d) if is_wide else [d.allowed, *_remarks(d)]), style="dim")
        about = Text("; " if is_wide else "\n").join([Text(d.help), remarks] if remarks else [Text(d.help)])
        cells = [Text(d.allowed), about] if is_wide else [about]
        made.add_row(Text(d.flag, style="bold"), Text(_default(d)), *cells)
    return made


def _default(declaration: Declaration) -> str:
    from tui_lab.hyperparameters import written

    value = declaration.default
    return f"{value:.4g}" if isinstance(value, float) else written(value).strip('"') or "-"


def _remarks(declaration: Declaration) -> list[str]:
    condition = f"only if {declaration.condition}" if declaration.only_if else ""
    question = f"question {declaration.question}" if declaration.question else ""
    return [remark for remark in (condition, question) if remark]
