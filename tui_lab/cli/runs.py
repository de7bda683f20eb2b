"""`tui-lab runs`: list runs and look into them; `runs_control.py` has what is done to them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli import runs_control
from tui_lab.cli.arguments import AsJson, OneRun, SomeRuns
from tui_lab.cli.context import places

if TYPE_CHECKING:
    from tui_lab.runs.status import Status
    from tui_lab.runs.store import Listed

USUAL_LIMIT = 50
LABEL_WIDTH, RUN_WIDTH = 24, 14  # columns of a comparison
WIDE = 100  # columns from which a list shows presets and learning rates

app = typer.Typer(
    help="Your runs: list, watch, compare, resume, pause, stop, export, delete.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command("list")
def list_runs(
    context: typer.Context,
    exercise: Annotated[str | None, typer.Option(help="Only runs of this exercise.")] = None,
    state: Annotated[str | None, typer.Option(help="Only runs that are queued, running, finished, ...")] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="At most so many, the newest; 0 = all. Default: 50, as JSON all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every run, newest first."""
    from tui_lab.cli.output import data_console, print_json, say
    from tui_lab.errors import UsageError, nearest
    from tui_lab.labs.catalogue import find_exercise
    from tui_lab.runs.status import STATES

    if exercise is not None:
        find_exercise(exercise)
    if state not in (None, *STATES):
        raise UsageError(f"There is no state {state!r}; there are {', '.join(STATES)}.", nearest(str(state), STATES))
    matching = (
        entry
        for entry in places(context).store.newest_first()
        if exercise in (None, entry.status.exercise) and state in (None, entry.state)
    )
    most = limit if limit is not None else 0 if as_json else USUAL_LIMIT
    found = list(islice(matching, most or None))
    if as_json:
        print_json([_summary(entry) for entry in found])
    elif found:
        console = data_console()
        console.print(_list_table(found, is_narrow=console.width < WIDE))
        if next(matching, None) is not None:
            say(f"These are the newest {most}; --limit 0 lists all.")
    elif exercise or state:
        say("No run is like that; `tui-lab runs list` shows all there are.")
    else:
        say("No runs yet. Start one: tui-lab run digits-convnet")


def _list_table(found: list[Listed], *, is_narrow: bool) -> Any:
    from rich.text import Text

    from tui_lab.cli.output import age, percent, table
    from tui_lab.cli.sentences import marked

    titles = ["state", "run", *([] if is_narrow else ["preset", ">lr", ">batch"]), ">epochs", ">best test %", ">age"]
    made = table(*titles)
    for entry in found:
        s, hp = entry.status, entry.status.hyperparameters
        at = f" @{int(s.best['epoch'])}" if "epoch" in s.best else ""
        lr = f"{hp['lr']:g}" if isinstance(hp.get("lr"), int | float) else "-"
        lr += f"→{s.changed_lr:g}" if s.changed_lr else ""
        cells: list[Any] = [
            marked(entry.state),
            Text(entry.run.id),
            *([] if is_narrow else [Text(s.preset or "-"), lr, str(hp.get("batch_size", "-"))]),
            f"{s.epoch}/{s.epochs}" if s.epoch < s.epochs else str(s.epochs),
            percent(s.best.get("test_accuracy")) + at,
            age(s.created),
        ]
        made.add_row(*cells)
    return made


def _summary(entry: Listed) -> dict[str, Any]:
    from dataclasses import asdict

    return {"id": entry.run.id, "path": str(entry.run.path), **asdict(entry.status), "state": entry.state}


@app.command()
def show(context: typer.Context, run: OneRun, as_json: AsJson = False) -> None:
    """How a run was made and how it stands."""
    from rich.text import Text

    from tui_lab.cli.output import data_console, print_json
    from tui_lab.cli.sentences import marked
    from tui_lab.runs.history import HistoryReader
    from tui_lab.runs.store import listed

    found = places(context).store.find(run)
    entry = listed(found)
    reader = HistoryReader(found)
    reader.update()
    if as_json:
        print_json({**_summary(entry), "started": reader.history.started, "skipped_lines": reader.skipped})
        return
    console = data_console()
    console.print(Text.assemble((found.id, "bold"), "  ", marked(entry.state)))
    for line in _story(entry.status):
        console.print(line, markup=False)
    if reader.skipped:
        console.print(f"{reader.skipped} unreadable lines of the log were skipped", markup=False)
    for event in reader.history.recent:
        console.print(f"{event['kind']}: {event.get('message', '')}", markup=False)
    if entry.status.last:
        console.print(_metrics_table(entry.status, _published(entry.status.preset, places(context).home)))
    console.print(_settings_table(entry.status))
    console.print(str(found.path), markup=False, style="dim")


def _story(status: Status) -> list[str]:
    from tui_lab.cli.output import duration
    from tui_lab.cli.sentences import execution

    how = f"{status.exercise}" + (f" from preset {status.preset}" if status.preset else "")
    lines = [
        f"{how} on {execution(status)}" if status.device else f"{how}, not started yet",
        f"{status.epoch} of {status.epochs} epochs in {duration(status.elapsed)}",
    ]
    if status.message:
        lines.append(f"{status.message} {status.hint}".strip())
    return lines


def _metrics_table(status: Status, published: Mapping[str, float]) -> Any:
    from tui_lab.cli.output import percent, table

    made = table(
        "metric", ">last", f">best (epoch {int(status.best.get('epoch', 0))})", *([">published"] if published else [])
    )
    for name, value in status.last.items():
        cells = [value, status.best.get(name), *([published.get(name)] if published else [])]
        if name.endswith("_accuracy"):
            made.add_row(f"{name.replace('_', ' ')} %", *map(percent, cells))
        else:
            made.add_row(name.replace("_", " "), *("-" if cell is None else f"{cell:.4f}" for cell in cells))
    return made


def _published(name: str, home: Path) -> Mapping[str, float]:
    """What the practical reports for the preset that a run was made from; empty when there is no such preset."""
    from tui_lab.errors import UsageError
    from tui_lab.presets import find_preset

    try:
        return find_preset(name, home).published if name else {}
    except UsageError:
        return {}


def _settings_table(status: Status) -> Any:
    """The hyperparameters that differ from the exercise's defaults; an unknown exercise's are shown whole."""
    from rich.text import Text

    from tui_lab.cli.output import table
    from tui_lab.hyperparameters import written
    from tui_lab.labs.catalogue import EXERCISES

    made = table("changed", "to", "default")
    if status.exercise not in EXERCISES:
        for name, value in status.hyperparameters.items():
            made.add_row(name, Text(written(value)), "")
        return made
    if status.changed_lr:
        made.add_row("lr", Text(f"{status.changed_lr:g}, while it trained", "bold"), "")
    for name, declared in EXERCISES[status.exercise].declarations.items():
        value = status.hyperparameters.get(name, declared.default)
        if value != declared.default:
            made.add_row(name, Text(written(value), "bold"), Text(written(declared.default), "dim"))
    return made


@app.command()
def watch(
    context: typer.Context,
    run: OneRun,
    log_loss: Annotated[bool, typer.Option("--log-loss", help="Logarithmic axis for the loss.")] = False,
    smooth: Annotated[float, typer.Option(min=0, max=0.99, help="Smoothing of the training curves.")] = 0.6,
    once: Annotated[bool, typer.Option("--once", help="Draw once and leave.")] = False,
) -> None:
    """Live charts of loss and accuracy, of any run, from any terminal. Leaving them leaves the run alone."""
    from tui_lab.cli.watch import watch as watch_run

    watch_run(places(context).store.find(run), log_loss=log_loss, smoothing=smooth, once=once)


@app.command()
def compare(context: typer.Context, runs: SomeRuns, as_json: AsJson = False) -> None:
    """Runs side by side: their metrics, and only the hyperparameters that differ."""
    from tui_lab.cli.output import data_console, print_json
    from tui_lab.runs.store import listed

    store = places(context).store
    entries = [listed(store.find(name)) for name in runs]
    values = [entry.status.hyperparameters for entry in entries]
    names = list(dict.fromkeys(name for one in values for name in one))
    differing = [name for name in names if len({str(one.get(name)) for one in values}) > 1]
    if as_json:
        print_json(
            [
                {**_summary(e), "differing": {name: e.status.hyperparameters.get(name) for name in differing}}
                for e in entries
            ]
        )
        return
    console = data_console()
    at_once = max(1, (console.width - LABEL_WIDTH) // RUN_WIDTH)
    for start in range(0, len(entries), at_once):
        console.print(_comparison(entries[start : start + at_once], differing))


def _comparison(entries: list[Listed], differing: list[str]) -> Any:
    from tui_lab.cli.output import table

    made = table("", *(f">{_short_name(entry, entries)}" for entry in entries))
    made.columns[0].no_wrap = True
    made.add_row("state", *(entry.state for entry in entries))
    for name in differing:
        made.add_row(name, *(str(entry.status.hyperparameters.get(name, "-")) for entry in entries))
    made.add_section()
    for label, cells in _compared_metrics([entry.status for entry in entries]):
        made.add_row(label, *cells)
    return made


def _short_name(entry: Listed, others: list[Listed]) -> str:
    """The word that ends the id, or the whole id where another run shares it."""
    word = entry.run.id.rsplit("-", 1)[-1]
    is_unique = sum(other.run.id.endswith(f"-{word}") for other in others) == 1
    return word if is_unique else entry.run.id


def _compared_metrics(statuses: list[Status]) -> list[tuple[str, list[str]]]:
    from tui_lab.cli.output import duration, percent

    rows = [
        ("best test %", [percent(s.best.get("test_accuracy")) for s in statuses]),
        ("at epoch", [str(int(s.best.get("epoch", 0))) for s in statuses]),
        ("last test %", [percent(s.last.get("test_accuracy")) for s in statuses]),
        ("last train %", [percent(s.last.get("train_accuracy")) for s in statuses]),
        ("epochs", [f"{s.epoch}/{s.epochs}" for s in statuses]),
        ("trained for", [duration(s.elapsed) for s in statuses]),
    ]
    if any(s.changed_lr for s in statuses):
        rows.append(("changed lr", [f"{s.changed_lr:g}" if s.changed_lr else "-" for s in statuses]))
    return rows


app.command()(runs_control.resume)
app.command()(runs_control.stop)
app.command()(runs_control.pause)
app.command()(runs_control.step)
app.command("continue")(runs_control.continue_)
app.command()(runs_control.export)
app.command()(runs_control.delete)
