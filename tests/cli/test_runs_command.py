"""`tui-lab runs`: filters, orders, names and notes, comparisons, exports."""

from __future__ import annotations

import csv
import json
import shlex
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tui_lab.cli.main import app
from tui_lab.cli.output import begin_commands_with, with_folders
from tui_lab.errors import TuiLabError
from tui_lab.labs.catalogue import EXERCISES
from tui_lab.paths import DATA_VARIABLE, HOME_VARIABLE
from tui_lab.runs.events import EventWriter
from tui_lab.runs.store import RunStore

IDS = [f"20260101-12000{i}-mlp-{word}" for i, word in enumerate(("fern", "fox", "moss", "oak"))]


def make_run(store: RunStore, name: str, *, accuracy: float, curve: list[float], **values: Any) -> None:
    """A finished run of the MLP with this best test accuracy."""
    run = store.create("mlp", EXERCISES["mlp"].hyperparameters(**values).model_dump(), preset="circles-quick")
    run = type(run)(run.path.rename(store.root / name))
    status = run.read_status()
    status.state, status.epoch, status.curve = "finished", status.epochs, curve
    status.created = time.time() - 7200
    status.best = {"epoch": 7, "test_accuracy": accuracy, "test_loss": 1 - accuracy}
    status.last = {"test_accuracy": accuracy - 0.1, "test_loss": 1.1 - accuracy}
    status.write(run.status)
    writer = EventWriter(run.events)
    writer.write("epoch", epoch=1, total_step=20, elapsed=1.0, test_accuracy=accuracy)
    writer.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three seeds of one configuration, and a fourth run with another learning rate; the usual home."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    store = RunStore(tmp_path)
    for i, accuracy in enumerate((0.7, 0.8, 0.9)):
        make_run(store, IDS[i], accuracy=accuracy, curve=[0.1, 0.5, accuracy], lr=0.05, seed=i)
    make_run(store, IDS[3], accuracy=0.6, curve=[], lr=0.5, weight_decay=0.001)
    return tmp_path


def tui_lab(*arguments: str, columns: int = 80) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(columns)}, terminal_width=columns)


def output(*arguments: str) -> str:
    result = tui_lab(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def error(*arguments: str) -> TuiLabError:
    result = tui_lab(*arguments)
    assert isinstance(result.exception, TuiLabError), result.output
    return result.exception


def listed(*arguments: str) -> list[str]:
    """The words that end the ids of the runs that are listed."""
    found = [run["id"].rsplit("-", 1)[-1] for run in json.loads(output("runs", "list", "--json", *arguments))]
    table = output("runs", "list", "--limit", "0", *arguments) if found else ""
    assert [line.split()[2].rsplit("-", 1)[-1] for line in table.splitlines()[2:]] == found
    return found


# list


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], "oak moss fox fern"),
        (["lr<0.1"], "moss fox fern"),
        (["lr<0.1", "test_accuracy>=80%"], "moss fox"),
        (["fern"], "fern"),
        (["-fern"], "oak moss fox"),
        (["-fern", "-oak"], "moss fox"),
        (["-hazel", "fern"], "fern"),  # -h by itself would ask for help
        (["--", "-oak", "seed>0"], "moss fox"),
        (["seed>0", "--", "-fox"], "moss"),
        (["seed=0|2", "exercise=mlp"], "oak moss fern"),
        (["lr", "<", "0.1", "seed", "=", "1"], "fox"),
        (["--sort", "test_accuracy"], "oak fern fox moss"),
        (["--sort", "-test_accuracy"], "moss fox fern oak"),
        (["--sort=-seed"], "moss fox oak fern"),
        (["--sort", "-seed", "-moss", "--state", "finished"], "fox oak fern"),
        (["--sort", "-weight-decay", "seed=0"], "oak fern"),
        (["--exercise", "mlp", "--state", "finished", "fox"], "fox"),
        (["moss", "--exercise", "convnet"], ""),
    ],
)
def test_a_list_has_what_the_filter_lets_through_in_the_order_asked_for(
    home: Path, arguments: list[str], found: str
) -> None:
    assert listed(*arguments) == found.split()


def test_a_list_that_is_cut_says_so(home: Path) -> None:
    newest = tui_lab("runs", "list", "seed>=0", "--limit", "2")
    assert "oak" in newest.stdout and "fox" not in newest.stdout
    assert "These are the newest 2; --limit 0 lists all." in newest.stderr
    assert "These are the first 3;" in tui_lab("runs", "list", "--sort", "lr", "--limit", "3").stderr
    assert "These are" not in tui_lab("runs", "list", "fern", "--limit", "1").stderr


def test_a_filter_that_no_run_fulfils_says_so(home: Path) -> None:
    result = tui_lab("runs", "list", "lr>1")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No run is like that" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lrr<0.1"], ["'lrr'", "Did you mean 'lr'?"]),
        (["state=done"], ["'done'", "queued, running"]),
        (["--sort", "acuracy"], ["no field 'acuracy'"]),
        (["-"], ["- stands before"]),
    ],
)
def test_a_mistake_is_named(home: Path, arguments: list[str], words: list[str]) -> None:
    assert all(word in str(error("runs", "list", *arguments)) for word in words)


def test_a_mistyped_option_is_no_filter(home: Path) -> None:
    result = tui_lab("runs", "list", "--exercize", "mlp")
    assert result.exit_code == 2 and "--exercise" in result.output


def test_there_is_help(home: Path) -> None:
    for flag in ("-h", "--help"):
        assert "FILTER" in output("runs", "list", flag)


def test_curves_and_names_are_shown_where_there_is_room(home: Path) -> None:
    output("runs", "rename", "fern", "Best so far, and by quite a bit at that")
    lines = output("runs", "list", "--sort", "weight_decay").splitlines()  # not a terminal: 200 columns
    assert " ".join(lines[0].split()) == "state run name preset lr batch epochs best test % weight_decay curve age"
    row = next(line for line in lines if "fern" in line)
    assert "Best so far, and by…" in row and "▁▆█" in row and "70.00 @7" in row
    assert next(line for line in lines if "oak" in line).split()[-4:] == ["0.001", "-", "2", "h"]


# rename and note


def test_a_name_and_a_note_are_shown_and_find_the_run(home: Path) -> None:
    assert f"{IDS[0]} is now called 'The best [one]'." in tui_lab("runs", "rename", "fern", "The best", "[one]").stderr
    assert tui_lab("runs", "note", "The best [one]", "for", "the", "report").exit_code == 0
    shown = output("runs", "show", "The best [one]").splitlines()
    assert [line.strip() for line in shown[:3]] == [f"{IDS[0]}  ◆ finished", "The best [one]", "for the report"]
    assert listed("report") == ["fern"]
    assert listed("name~best") == ["fern"]
    (told,) = json.loads(output("runs", "list", "report", "--json"))
    assert (told["name"], told["note"], told["state"]) == ("The best [one]", "for the report", "finished")
    assert "The best [one]" in output("runs", "compare", "fern", "fox")
    tui_lab("runs", "rename", "fern", "")
    tui_lab("runs", "note", "fern", "")
    assert "best" not in output("runs", "show", "fern").splitlines()[1]
    assert listed('name=""', 'note=""') == ["oak", "moss", "fox", "fern"]


def test_a_bad_name_is_refused(home: Path) -> None:
    assert "the newest run" in str(error("runs", "rename", "fern", "last"))
    assert "at most 60" in str(error("runs", "rename", "fern", "x" * 61))
    assert "no run" in str(error("runs", "note", "birch", "x"))


# compare


def test_what_differs_and_what_the_seeds_agree_on_is_compared(home: Path) -> None:
    rows = [line.split() for line in output("runs", "compare", "fern", "fox", "moss", "oak").splitlines()]
    assert ["lr", "0.05", "0.05", "0.05", "0.5"] in rows
    assert ["seed", "0", "1", "2", "0"] in rows
    assert ["weight_decay", "0", "0", "0", "0.001"] in rows
    assert not any(row[:1] == ["batch_size"] for row in rows)
    assert ["over", "seeds", "lr=0.05", "weight_decay=0", "lr=0.5", "weight_decay=0.001"] in rows
    found = [" ".join(row) for row in rows]
    assert "best test % 80.00 ± 10.00 (3) 60.00 (1)" in found
    assert "last test % 70.00 ± 10.00 (3) 50.00 (1)" in found
    assert "best test loss 0.2000 ± 0.1000 (3) 0.4000 (1)" in found


def test_runs_without_a_second_seed_have_no_spread(home: Path) -> None:
    assert "±" not in output("runs", "compare", "fern", "oak")


def test_a_comparison_as_json(home: Path) -> None:
    compared = json.loads(output("runs", "compare", "fern", "fox", "oak", "fern", "--json"))
    assert [run["id"] for run in compared["runs"]] == [IDS[0], IDS[1], IDS[3]]
    assert compared["differing"] == {"lr": [0.05, 0.05, 0.5], "seed": [0, 1, 0], "weight_decay": [0.0, 0.0, 0.001]}
    seeds, single = compared["groups"]
    assert (seeds["runs"], seeds["seeds"], seeds["best_epochs"]) == ([IDS[0], IDS[1]], [0, 1], [7, 7])
    assert seeds["best"]["test_accuracy"] == {
        "n": 2,
        "mean": pytest.approx(0.75),
        "deviation": pytest.approx(0.0707106781),
    }
    assert (single["hyperparameters"]["lr"], single["last"]["test_accuracy"]["deviation"]) == (0.5, None)


# show and export


def test_show_prints_the_command_that_trains_the_same(home: Path) -> None:
    command = "tui-lab train mlp --lr 0.5 --weight-decay 0.001"
    assert f"\nAgain: {command}\n" in output("runs", "show", "oak")
    assert json.loads(output("runs", "show", "oak", "--json"))["command"] == command


def test_several_runs_are_exported_into_one_file_or_into_a_folder(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "all.csv"
    assert f"wrote {target}" in tui_lab("runs", "export", "fern", "fox", "-o", str(target)).stderr.replace("\n", "")
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert [(row["run"], row["test_accuracy"]) for row in rows] == [(IDS[0], "0.7"), (IDS[1], "0.8")]
    output("runs", "export", "fern", "fox", "--format", "json", "-o", str(tmp_path / "all.json"))
    assert [run["id"] for run in json.loads((tmp_path / "all.json").read_text())] == IDS[:2]
    output("runs", "export", "fern", "fox", "-o", str(tmp_path / "folder"))
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == [f"{IDS[0]}.csv", f"{IDS[1]}.csv"]
    assert "folder of its own" in str(error("runs", "export", "fern", "fox", "-f", "tensorboard", "-o", str(target)))


# Commands that are printed


def test_commands_that_are_printed_name_the_folders_given_to_this_one(home: Path, tmp_path: Path) -> None:
    other, data = tmp_path / "my runs", tmp_path / "sets"
    said = tui_lab("--home", str(other), "--data", str(data), "runs", "list").stderr
    assert said == f"No runs yet. Start one: tui-lab --home '{other}' --data {data} run digits-convnet\n"
    assert tui_lab("--home", str(other), "runs", "list").stderr.endswith(f"--home '{other}' run digits-convnet\n")
    assert tui_lab("--home", str(home), "runs", "list", "lr>1").stderr.count("tui-lab runs list") == 1
    run = RunStore(other).create("mlp", {})
    run.withdraw()
    shown = output("--home", str(other), "runs", "show", run.id)
    assert f"Start it with: tui-lab --home '{other}' runs resume {run.id}" in shown
    (command,) = [line.removeprefix("Again: ") for line in shown.splitlines() if line.startswith("Again: ")]
    assert shlex.split(command) == ["tui-lab", "--home", str(other), "train", "mlp"]


@pytest.mark.parametrize(
    "text",
    ["pip install 'tui-lab[tensorboard]'", "/srv/tui-lab runs", "tui-lab", "my-tui-lab runs", "tui-lab --home /x"],
)
def test_what_is_no_command_stays_as_it_is(text: str) -> None:
    begin_commands_with("tui-lab --home /elsewhere")
    try:
        assert with_folders(text) == text
        assert with_folders("`tui-lab runs list`, tui-lab data") == (
            "`tui-lab --home /elsewhere runs list`, tui-lab --home /elsewhere data"
        )
    finally:
        begin_commands_with("tui-lab")
