"""`tui-lab data`: which data sets are there, and fetching those that are not."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.context import places
from tui_lab.errors import DONE, INTERRUPTED, MISSING
from tui_lab.processes import module_command

if TYPE_CHECKING:
    from rich.table import Table

    from tui_lab.data.catalogue import DatasetInfo

app = typer.Typer(help="Data sets: what is there, and fetching the rest.", no_args_is_help=True, add_completion=False)

CLEAN_UP_S = 10.0  # that an interrupted download gets to remove what has arrived


def complete_name(incomplete: str) -> list[tuple[str, str]]:
    """Names of data sets that can be fetched, with their titles."""
    from tui_lab.data.catalogue import DATASETS

    return [(info.name, info.title) for info in DATASETS.values() if info.files and info.name.startswith(incomplete)]


@app.command()
def status(
    context: typer.Context,
    verify: Annotated[bool, typer.Option("--verify", help="Read every file and compare its checksum.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
) -> None:
    """Every data set: what it is, and whether it is there."""
    from tui_lab.cli.output import data_console, print_json, say
    from tui_lab.data.catalogue import DATASETS

    folder = places(context).data
    found = {name: _found(info, folder, verify) for name, info in DATASETS.items()}
    if as_json:
        print_json([_summary(info, found[name]) for name, info in DATASETS.items()])
    else:
        console = data_console()
        console.print(_presence_table(found))
        console.print()
        console.print(_descriptions())
        console.print(f"\nFiles lie in {folder}", markup=False, soft_wrap=True)
        for one in found.values():
            for path, problem in one["damaged"].items():
                console.print(f"{path} {problem}", markup=False, soft_wrap=True)
        if missing := [name for name, one in found.items() if not one["present"]]:
            say(f"Fetch what is missing: tui-lab data fetch {' '.join(missing)}")
    if any(one["damaged"] for one in found.values()):
        raise typer.Exit(MISSING)


def _found(info: DatasetInfo, folder: Path, verify: bool) -> dict[str, Any]:
    """Where a data set lies, what of it is missing and, after `verify`, what is damaged."""
    from tui_lab.data.catalogue import missing_files
    from tui_lab.data.integrity import bad_files

    missing = missing_files(info.name, folder)
    bad = bad_files(info.name, folder) if verify else {}
    return {
        "present": not missing,
        "path": str(folder / Path(info.files[0]).parent) if info.files else None,
        "missing": [str(path) for path in missing],
        "damaged": {str(path): problem for path, problem in bad.items() if path not in missing},
        "verified": verify,
    }


def _summary(info: DatasetInfo, found: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": info.name,
        "title": info.title,
        "kind": info.kind,
        "shape": info.shape,
        "class_names": info.class_names,
        "train_size": info.train_size,
        "test_size": info.test_size,
        "download_bytes": info.download_bytes,
        "licence": info.licence,
        "source": info.source,
        **found,
    }


def _presence_table(found: dict[str, dict[str, Any]]) -> Table:
    from tui_lab.cli.output import table
    from tui_lab.data.catalogue import DATASETS

    made = table("data set", ">train", ">test", "shape", ">classes", ">size", "there")
    for name, one in found.items():
        info = DATASETS[name]
        made.add_row(
            f"[bold]{name}[/]",
            f"{info.train_size:,}" if info.train_size else "-",
            f"{info.test_size:,}" if info.test_size else "-",
            "×".join(map(str, info.shape)) if info.shape else "any",
            str(len(info.class_names) or "any"),
            f"{info.download_bytes / 1e6:.1f} MB" if info.download_bytes else "-",
            _presence(info, one),
        )
    return made


def _presence(info: DatasetInfo, found: dict[str, Any]) -> str:
    if info.name == "folder":
        return "yours"
    if not info.files:
        return "generated" if info.kind == "points" else "built in"
    if found["missing"]:
        count = len(found["missing"])
        some = f", {count} file{'' if count == 1 else 's'} missing" if count < len(info.files) else ""
        return f"[yellow]no{some}[/]"
    if found["damaged"]:
        return "[red]damaged[/]"
    return "yes, intact" if found["verified"] else "yes"


def _descriptions() -> Table:
    """What each data set is, its licence and its source; addresses are folded, never cut."""
    from rich.table import Table

    from tui_lab.data.catalogue import DATASETS

    made = Table.grid("", "", padding=(0, 3, 0, 0))
    made.columns[1].overflow = "fold"
    for info in DATASETS.values():
        made.add_row(f"[bold]{info.name}[/]", f"{info.title}\n[dim]{info.licence}; {info.source}[/]")
    return made


@app.command()
def fetch(
    context: typer.Context,
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Data sets.", autocompletion=complete_name)],
    force: Annotated[bool, typer.Option("--force", help="Fetch also what is there and intact.")] = False,
) -> None:
    """Download data sets; only files whose checksum is right are kept."""
    from tui_lab.cli.output import say

    infos = [_find(name) for name in names]
    code = DONE
    for info in infos:
        if not info.files:
            say(f"{info.name} needs no fetching: {_origin(info)}.")
            continue
        failed = _fetch(info.name, places(context).data, force)
        code = code or failed
        if failed == INTERRUPTED:
            break
    if code:
        raise typer.Exit(code)


def _find(name: str) -> DatasetInfo:
    """Raises UsageError with the nearest name when there is no such data set."""
    from tui_lab.data.catalogue import DATASETS
    from tui_lab.errors import UsageError, nearest

    if name not in DATASETS:
        known = ", ".join(DATASETS)
        raise UsageError(f"There is no data set {name!r}; there are {known}.", nearest(name, DATASETS))
    return DATASETS[name]


def _origin(info: DatasetInfo) -> str:
    if info.name == "folder":
        return "it is your own images, in the folder that --folder names"
    return "it is generated" if info.kind == "points" else "it comes with an installed package"


def _fetch(name: str, folder: Path, force: bool) -> int:
    """Fetch one data set in a process of its own, which talks and draws its progress on stderr. Returns its code."""
    command = module_command("tui_lab.data.fetch", name, str(folder), *(["--force"] if force else []))
    process = subprocess.Popen(command)
    try:
        return process.wait()
    except KeyboardInterrupt:  # the terminal's ctrl-c has reached the process too
        try:
            process.wait(CLEAN_UP_S)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
        return INTERRUPTED
