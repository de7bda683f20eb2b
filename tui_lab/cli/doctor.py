"""`tui-lab doctor`: what this machine offers, what is missing, and what to do about it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_lab.cli.context import Places, places
from tui_lab.errors import FAILED
from tui_lab.processes import module_command

if TYPE_CHECKING:
    from rich.table import Table

PACKAGES = ("torch", "torchvision", "timm", "scikit-learn", "safetensors", "textual", "rich", "plotext", "typer")
OPTIONAL_PACKAGES = ("textual-serve", "tensorboard", "ray")
PROBE = "tui_lab.training.probe"
PROBE_TIMEOUT_S = 120.0  # a first import of torch from a slow disk takes a minute
LITTLE_SPACE = 2**30
COLUMNS, ROWS = 80, 24  # what every screen fits into


@dataclass(frozen=True)
class Problem:
    """Something that is wrong and what to do about it; `is_fatal` when training cannot work."""

    message: str
    remedy: str
    is_fatal: bool = False


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout.")] = False,
    on: Annotated[
        str, typer.Option("--on", metavar="WHERE", help="ray or ray://HOST:PORT: the nodes of a cluster instead.")
    ] = "local",
) -> None:
    """Check versions, devices, data, folders and the terminal. Exits with 1 when training cannot work."""
    from tui_lab.cli.output import data_console, is_ascii, print_json, talk_console

    if on != "local":
        from tui_lab.cli.doctor_cluster import show_cluster

        show_cluster(on, as_json=as_json)
        return
    with talk_console().status("Asking torch what it sees", spinner="line" if is_ascii() else "dots"):
        report = examine(places(context))
    problems = find_problems(report)
    if as_json:
        print_json({**report, "problems": [asdict(problem) for problem in problems]})
    else:
        console = data_console()
        console.print(_summary(report))
        console.print(_verdict(problems))
    if any(problem.is_fatal for problem in problems):
        raise typer.Exit(FAILED)


# Looking


def examine(where: Places) -> dict[str, Any]:
    """Everything that can be found out, ready for JSON."""
    return {
        "versions": versions(),
        "cores": cores(),
        "devices": devices(),
        "torch": ask_torch(),
        "home": home(where),
        "data": data(where),
        "terminal": terminal(),
    }


def versions() -> dict[str, str | None]:
    """Of Python and the packages; None for what is not installed."""
    import importlib.metadata  # slow to import, and only this needs it

    from tui_lab import __version__

    found: dict[str, str | None] = {"tui_lab": __version__, "python": platform.python_version()}
    for package in (*PACKAGES, *OPTIONAL_PACKAGES):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = None
    return found


def cores() -> dict[str, int]:
    """CPU cores: those that this process may use, and all of them."""
    from tui_lab import devices

    return {"usable": devices.cores(), "all": os.cpu_count() or 1}


def devices() -> list[dict[str, Any]]:
    """What the drivers list, torch not asked; memory in bytes."""
    from tui_lab.devices import available_devices

    return [asdict(device) for device in available_devices()]


def ask_torch(timeout: float = PROBE_TIMEOUT_S) -> dict[str, Any]:
    """What `tui_lab.training.probe` prints; only `error`, a sentence, when it fails."""
    command = module_command(PROBE)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"error": f"torch could not be imported within {timeout:g} s."}
    except OSError as error:
        return {"error": f"{sys.executable} could not be started: {error.strerror}."}
    if done.returncode:
        *_, last = done.stderr.strip().splitlines() or [f"its process ended with exit code {done.returncode}"]
        return {"error": f"torch cannot be imported: {last.rstrip('.')}."}
    try:
        return dict(json.loads(done.stdout.splitlines()[-1]))  # whatever an import prints comes before
    except (IndexError, ValueError, TypeError):
        return {"error": f"torch cannot be asked: {PROBE} printed no JSON but {done.stdout[:80]!r}."}


def home(where: Places) -> dict[str, Any]:
    """The folder of the runs: whether it can be written to (it is not made), free bytes, number of runs."""
    trouble = _trouble_with(where.home)
    return {
        "path": str(where.home),
        "writable": not trouble,
        "trouble": trouble,
        "free_bytes": shutil.disk_usage(_existing(where.home)).free,
        "runs": len(where.store.runs()) if where.store.root.is_dir() else 0,
    }


def _trouble_with(folder: Path) -> str:
    """Why nothing can be written into `folder`, or into where it would be made; empty if something can."""
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _existing(path: Path) -> Path:
    """`path`, or the nearest of its parents that is there."""
    return next(folder for folder in (path, *path.parents) if os.access(folder, os.F_OK))


def data(where: Places) -> dict[str, Any]:
    """The folder of the data sets, and which of those that need files are in it."""
    from tui_lab.data.catalogue import DATASETS, is_present

    present = {name: is_present(name, where.data) for name, info in DATASETS.items() if info.files}
    return {"path": str(where.data), "present": present}


def terminal() -> dict[str, Any]:
    """What stdout can show, and what says so."""
    from tui_lab.cli.output import data_console, is_ascii

    size = shutil.get_terminal_size((COLUMNS, ROWS))
    variables = ("TERM", "COLORTERM", "NO_COLOR", "TUI_LAB_ASCII", "LANG", "LC_ALL")
    console = data_console()
    return {
        "is_terminal": sys.stdout.isatty(),
        "columns": size.columns,
        "rows": size.lines,
        "colors": None if console.no_color else console.color_system,
        "ascii": is_ascii(),
        "multiplexer": next((name for name, key in (("tmux", "TMUX"), ("screen", "STY")) if os.environ.get(key)), None),
        "remote": bool(os.environ.get("SSH_CONNECTION")),
        "variables": {name: os.environ[name] for name in variables if name in os.environ},
    }


# Judging


def find_problems(report: dict[str, Any]) -> list[Problem]:
    """What is wrong in a report of `examine`, the fatal first."""
    found = [
        *_problems_with_versions(report["versions"]),
        *_problems_with_torch(report),
        *_problems_with_home(report["home"]),
        *_problems_with_terminal(report["terminal"]),
    ]
    return sorted(found, key=lambda problem: not problem.is_fatal)


def _problems_with_versions(found: dict[str, str | None]) -> list[Problem]:
    missing = [package for package in PACKAGES if found[package] is None and package != "torch"]  # torch: see there
    remedy = "Install tui_lab again with everything it depends on, for example with: uv sync"
    return [Problem(f"Not installed: {', '.join(missing)}.", remedy)] if missing else []


def _problems_with_torch(report: dict[str, Any]) -> list[Problem]:
    torch = report["torch"]
    if "error" in torch:
        remedy = f"See the whole error with: {sys.executable} -m {PROBE}"
        return [Problem(torch["error"], remedy, is_fatal=True)]
    found = [
        Problem(f"torch warns: {warning}", "Training works, but not on that device.") for warning in torch["warnings"]
    ]
    seen = {device["name"] for device in torch["devices"]}
    unseen = [device["title"] for device in report["devices"] if device["name"] not in seen]
    if unseen:
        built = f"for CUDA {torch['cuda_build']}" if torch["cuda_build"] else "without CUDA"
        remedy = f"torch {torch['torch']} is built {built}; install one that fits the driver."
        found.append(Problem(f"The driver lists {', '.join(unseen)}, but torch cannot use it.", remedy))
    return found


def _problems_with_home(found: dict[str, Any]) -> list[Problem]:
    if found["trouble"]:
        remedy = "Choose another folder with --home or $TUI_LAB_HOME."
        return [Problem(f"{found['path']} cannot be written to: {found['trouble']}.", remedy, is_fatal=True)]
    if found["free_bytes"] < LITTLE_SPACE:
        remedy = "Delete runs with `tui-lab runs delete`, or choose another disk with --home."
        return [Problem(f"Only {_size(found['free_bytes'])} are free in {found['path']}.", remedy)]
    return []


def _problems_with_terminal(found: dict[str, Any]) -> list[Problem]:
    if not found["is_terminal"]:
        return []
    problems = []
    if found["variables"].get("TERM", "dumb") == "dumb":
        problems.append(
            Problem("The terminal does not say what it can do.", "Set TERM, for example to xterm-256color.")
        )
    if found["columns"] < COLUMNS or found["rows"] < ROWS:
        size = f"{found['columns']}x{found['rows']}"
        problems.append(Problem(f"The terminal is only {size}.", f"Enlarge it to {COLUMNS}x{ROWS} or more."))
    if found["ascii"] and "TUI_LAB_ASCII" not in found["variables"]:
        problems.append(Problem("The locale is not UTF-8: charts are coarse.", "Set LANG, for example to C.UTF-8."))
    return problems


# Showing


def _summary(report: dict[str, Any]) -> Table:
    """The report as labels and values, in groups."""
    from rich.table import Table
    from rich.text import Text

    made = Table.grid("", "", padding=(0, 2, 0, 0))
    made.columns[1].overflow = "fold"
    for group in (
        _version_rows(report),
        _device_rows(report),
        _folder_rows(report),
        _terminal_rows(report["terminal"]),
    ):
        for label, value in group:
            made.add_row(Text(label, "bold"), Text(value))
        made.add_row()
    return made


Rows = list[tuple[str, str]]


def _version_rows(report: dict[str, Any]) -> Rows:
    found = report["versions"]
    optional = [f"{name} {found[name] or '(not installed)'}" for name in OPTIONAL_PACKAGES]
    return [
        ("tui_lab", f"{found['tui_lab']} with Python {found['python']}"),
        ("packages", ", ".join(f"{name} {found[name] or '(not installed)'}" for name in PACKAGES)),
        ("optional", ", ".join(optional)),
    ]


def _device_rows(report: dict[str, Any]) -> Rows:
    torch, cores = report["torch"], report["cores"]
    seen = {device["name"]: device for device in torch.get("devices", [])}
    rows = [("cores", f"{cores['usable']} usable of {cores['all']}")]
    for device in report["devices"]:
        memory = f"{_size(device['memory_free'])} of {_size(device['memory_total'])} free"
        able = _abilities(seen.get(device["name"])) if seen else "torch could not be asked"
        rows.append((device["name"], f"{device['title']}\n{memory}; {able}"))
    if seen:
        built = f"built for CUDA {torch['cuda_build']}" if torch["cuda_build"] else "built without CUDA"
        rows.append(("torch", f"{torch['torch']}, {built}; {torch['cpu_capability']}, {torch['threads']} threads"))
    return rows


def _abilities(device: dict[str, Any] | None) -> str:
    if device is None:
        return "torch cannot use it"
    bf16 = "fast bf16" if device["bf16"] else "no fast bf16"
    return f"{bf16}, {'channels last' if device['channels_last'] else 'no channels last'}"


def _folder_rows(report: dict[str, Any]) -> Rows:
    home, data = report["home"], report["data"]
    count = f"{home['runs']} run{'' if home['runs'] == 1 else 's'}"
    state = home["trouble"] or f"writable, {_size(home['free_bytes'])} free, {count}"
    missing = [name for name, is_there in data["present"].items() if not is_there]
    there = [name for name, is_there in data["present"].items() if is_there]
    sets = f"there: {', '.join(there) or 'none'}"
    if missing:
        sets += f"\nmissing: {', '.join(missing)}; fetch with: tui-lab data fetch {' '.join(missing)}"
    return [("home", f"{home['path']}\n{state}"), ("data", f"{data['path']}\n{sets}")]


def _terminal_rows(found: dict[str, Any]) -> Rows:
    if not found["is_terminal"]:
        return [("terminal", "none: the output goes to a file or a pipe")]
    colors = {None: "no colours", "standard": "16 colours", "256": "256 colours", "truecolor": "all colours"}
    parts = [
        f"{found['columns']}x{found['rows']}",
        colors.get(found["colors"], found["colors"]),
        "ASCII only" if found["ascii"] else "Unicode",
        f"in {found['multiplexer']}" if found["multiplexer"] else "",
        "over ssh" if found["remote"] else "",
    ]
    said = " ".join(f"{name}={value}" for name, value in found["variables"].items())
    return [("terminal", f"{', '.join(filter(None, parts))}\n{said}")]


def _verdict(problems: list[Problem]) -> Table | str:
    """The problems and their remedies."""
    from rich.table import Table
    from rich.text import Text

    if not problems:
        return "Nothing is wrong."
    made = Table.grid("", "", padding=(0, 2, 0, 0))
    for problem in problems:
        label, style = ("error", "bold red") if problem.is_fatal else ("warning", "bold yellow")
        made.add_row(Text(label, style), Text(f"{problem.message}\n").append(problem.remedy, "dim"))
    return made


def _size(count: float) -> str:
    """Bytes as `1.2 GiB`."""
    return f"{count / 2**30:.1f} GiB"
