"""`tui-lab presets`, and what the shell completes."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from typer.testing import CliRunner, Result

from tests.cli.terminal import Terminal
from tui_lab.cli import launch
from tui_lab.cli.main import app
from tui_lab.errors import USAGE, TuiLabError, UsageError
from tui_lab.jobs import launch as jobs_launch
from tui_lab.labs.mlp import MLPHyperparameters
from tui_lab.paths import HOME_VARIABLE
from tui_lab.presets import find_preset, json_schema, list_presets, load_preset
from tui_lab.presets.library import shipped_dir
from tui_lab.runs.store import RunStore

VALID = 'title = "Mine [bold]"\nexercise = "mlp"\n[hyperparameters]\nlr = 0.5\n'
SHIPPED = sorted(path.stem for path in shipped_dir().rglob("*.toml"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "presets").mkdir()
    return tmp_path


def tui_lab(home: Path, *arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), *arguments], env=environment)


def output(home: Path, *arguments: str) -> str:
    result = tui_lab(home, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def error(home: Path, *arguments: str) -> TuiLabError:
    result = tui_lab(home, *arguments)
    assert isinstance(result.exception, TuiLabError), result.output
    return result.exception


# list


def test_list_groups_presets_by_lab(home: Path) -> None:
    lines = output(home, "presets", "list").splitlines()
    first, second = lines.index("Lab 1: Networks by hand"), lines.index("Lab 2: Convolutional networks")
    assert any(line.split()[:2] == ["circles-quick", "mlp"] for line in lines[first:second])
    assert any(line.split() == ["fig-2.05", "convnet", "Baseline"] for line in lines[second:])


def test_list_marks_the_users_own_and_names_broken_files(home: Path) -> None:
    (home / "presets" / "mine.toml").write_text(VALID)
    broken = home / "presets" / "broken.toml"
    broken.write_text("title = ")
    text = output(home, "presets", "list")
    assert "Mine [bold]  (yours)" in text
    assert f"tui-lab presets validate {broken}" in text.partition("Cannot be used")[2]


@pytest.mark.parametrize("filter", ["batch NORM", "fig-2.17", "2.17"])
def test_list_filters_by_name_exercise_or_title(filter: str, home: Path) -> None:
    names = [entry["name"] for entry in json.loads(output(home, "presets", "list", "--json", filter))]
    assert "fig-2.17" in names
    assert "fig-2.05" not in names


def test_list_as_json_has_every_preset_and_the_errors_of_broken_ones(home: Path) -> None:
    (home / "presets" / "broken.toml").write_text("title = ")
    listed = {entry["name"]: entry for entry in json.loads(output(home, "presets", "list", "--json"))}
    assert listed.keys() == {*SHIPPED, "broken"}
    assert (listed["fig-2.05"]["lab"], listed["fig-2.05"]["exercise"]) == (2, "convnet")
    assert listed["fig-2.05"]["error"] is None
    assert "not valid TOML" in listed["broken"]["error"]
    assert listed["broken"]["lab"] is None


def test_a_filter_that_fits_nothing_says_so_on_stderr(home: Path) -> None:
    result = tui_lab(home, "presets", "list", "xyz")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "No preset fits 'xyz'.\n"


# show


def test_show_tells_text_settings_published_values_and_commands(home: Path) -> None:
    text = output(home, "presets", "show", "2.10")
    assert text.startswith("fig-2.10  Exponential decay of the learning rate\n")
    assert "below" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["gamma", "0.95"] in [row[:2] for row in rows]
    assert ["test", "accuracy", "59.89", "%"] in rows
    assert ["test", "loss", "1.133"] in rows
    assert "momentum 0," in text.partition("By default: ")[2]
    assert "total_iters" not in text  # has no effect with this scheduler
    assert f"\ntui-lab --home {home} run fig-2.10\n" in text


def test_show_of_a_study_lists_its_arms_beside_what_is_published(home: Path) -> None:
    text = output(home, "presets", "show", "3.3")
    rows = [line.split() for line in text.splitlines()]
    assert ["patch_size=28", "96.16", "%"] in rows
    assert "patch_size 7" not in text.partition("By default: ")[2]  # it is swept
    assert f"\ntui-lab --home {home} run fig-3.03\n" in text
    assert "tui-lab --home" in text and " train vit" not in text
    shown = json.loads(output(home, "presets", "show", "3.3", "--json"))
    assert [arm["hyperparameters"] for arm in shown["arms"]] == [{"patch_size": side} for side in (2, 4, 7, 14, 28)]
    assert shown["arms"][0]["published"] == {"test_accuracy": 0.9553}
    assert "patch_size" not in shown["configuration"] and shown["configuration"]["embed_dim"] == 32


def test_show_of_a_study_whose_default_fits_nothing(home: Path) -> None:
    study = (
        'title = "Heads"\nexercise = "vit"\nseeds = 2\n[hyperparameters]\nembed_dim = 30\n[[arms]]\nname = "three"\n'
    )
    (home / "presets" / "heads.toml").write_text(study + "hyperparameters = { num_heads = 3 }\n")
    text = output(home, "presets", "show", "heads")
    assert ["three", "num_heads=3"] in [line.split() for line in text.splitlines()]
    assert "2 seeds of each arm" in text


def test_show_as_json_has_the_whole_configuration(home: Path) -> None:
    shown = json.loads(output(home, "presets", "show", "fig-2.06", "--json"))
    assert shown["hyperparameters"]["standardize"] == "channel-published"
    assert shown["configuration"]["momentum"] == 0
    assert shown["published"] == {"train_accuracy": 1.0, "test_accuracy": 0.7406}


def test_names_and_titles_are_shown_literally(home: Path) -> None:
    (home / "presets" / "[red]x.toml").write_text(VALID)
    assert output(home, "presets", "show", "[red]").startswith("[red]x  Mine [bold]\n")
    assert "[red]x  " in output(home, "presets", "list")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_command_that_show_prints_trains_the_same_configuration(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[Any, Any]] = []
    monkeypatch.setattr(jobs_launch, "create_run", lambda store, exercise, values, *_: made.append((exercise, values)))
    monkeypatch.setattr(jobs_launch, "check_launch", lambda *_: None)
    monkeypatch.setattr(launch, "follow", lambda *_, **__: None)
    command = shlex.split(json.loads(output(home, "presets", "show", name, "--json"))["command"])
    assert command[:3] == ["tui-lab", "--home", str(home)]
    output(home, *command[3:])
    preset = find_preset(name, home)
    assert made == [(preset.exercise, preset.configuration())]


def test_show_of_an_unknown_name_names_the_nearest(home: Path) -> None:
    assert error(home, "presets", "show", "digits-convnt").hint == "Did you mean 'digits-convnet'?"


# save


@pytest.fixture
def run_id(home: Path) -> str:
    values = MLPHyperparameters(lr=0.5, hidden=[20], seed=7).model_dump()
    return RunStore(home).create("mlp", values).id


def test_save_keeps_the_configuration_of_a_run(home: Path, run_id: str) -> None:
    path = Path(output(home, "presets", "save", "last", "mine", "--title", "Wider").strip())
    assert path == home / "presets" / "mine.toml"
    preset = load_preset(path)
    assert (preset.title, preset.exercise.name) == ("Wider", "mlp")
    assert preset.hyperparameters == {"lr": 0.5, "hidden": [20], "seed": 7}
    assert [entry.name for entry in list_presets(home) if not entry.is_shipped] == ["mine"]


def test_save_without_a_title_names_the_run(home: Path, run_id: str) -> None:
    output(home, "presets", "save", run_id, "v1.5.toml")
    assert load_preset(home / "presets" / "v1.5.toml").title == f"From {run_id}"


def test_save_overwrites_only_when_told(home: Path, run_id: str) -> None:
    path = home / "presets" / "mine.toml"
    path.write_text(VALID)
    assert "exists already" in error(home, "presets", "save", "last", "mine").message
    assert path.read_text() == VALID
    output(home, "presets", "save", "last", "mine", "--force")
    assert load_preset(path).hyperparameters["seed"] == 7


@pytest.mark.parametrize("name", ["../escape", "/tmp/x", "", ".hidden", "a b", "a\nb", "-x", "é", "a" * 101, "a/b"])
def test_save_refuses_names_that_are_unsafe_as_files(name: str, home: Path, run_id: str) -> None:
    before = sorted(home.rglob("*"))
    caught = error(home, "presets", "save", "last", "--", name)
    assert isinstance(caught, UsageError)
    assert "cannot be the name of a preset" in caught.message
    assert sorted(home.rglob("*")) == before


def test_save_of_a_run_that_is_not_there_is_told(home: Path) -> None:
    assert "There is no run 'last'" in error(home, "presets", "save", "last", "mine").message


# validate


def test_validate_finds_nothing_wrong_with_what_is_shipped(home: Path) -> None:
    result = tui_lab(home, "presets", "validate")
    assert result.exit_code == 0
    assert all(line.endswith(": ok") for line in result.stdout.splitlines())
    assert result.stderr == f"{len(SHIPPED)} checked, 0 with mistakes\n"


def test_validate_tells_every_mistake_of_every_file_and_exits_with_two(home: Path, tmp_path: Path) -> None:
    good, bad, worse = (tmp_path / f"{name}.toml" for name in ("good", "bad", "worse"))
    good.write_text(VALID)
    bad.write_text(VALID + "epochs = 0\nlr_ = 1\n")
    worse.write_text("title = ")
    result = tui_lab(home, "presets", "validate", str(good), str(bad), str(worse), str(tmp_path / "none.toml"))
    assert result.exit_code == USAGE
    assert result.stdout.splitlines() == [
        f"{good}: ok",
        f"{bad} has 2 mistakes:",
        "  epochs = 0: must be 1 <= epochs <= 100,000",
        "  lr_ = 1: no such hyperparameter (Did you mean 'lr'?)",
        f"{worse} is not valid TOML: Invalid value (at end of document).",
        f"There is no file {tmp_path / 'none.toml'}.",
    ]
    assert result.stderr == "4 checked, 3 with mistakes\n"


def test_validate_takes_folders_and_speaks_json(home: Path) -> None:
    (home / "presets" / "deep").mkdir()
    for path in (home / "presets" / "a.toml", home / "presets" / "deep" / "b.toml"):
        path.write_text(VALID)
    verdicts = json.loads(output(home, "presets", "validate", "--json", str(home / "presets")))
    assert [(Path(verdict["path"]).name, verdict["error"]) for verdict in verdicts] == [
        ("a.toml", None),
        ("b.toml", None),
    ]


def test_validate_without_paths_also_checks_the_users_own(home: Path) -> None:
    (home / "presets" / "broken.toml").write_text("title = ")
    assert tui_lab(home, "presets", "validate").exit_code == USAGE


def test_schema_prints_the_schema(home: Path) -> None:
    assert json.loads(output(home, "presets", "schema")) == json_schema()


# Completion


def completions(home: Path, *words: str) -> list[str]:
    line = shlex.join(["tui-lab", "--home", str(home), *words[:-1]]) + f" {words[-1]}"
    environment = {"_TUI_LAB_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(2 + len(words))}
    return CliRunner().invoke(app, [], env=environment, prog_name="tui-lab").stdout.split()


def test_names_of_presets_are_completed(home: Path) -> None:
    (home / "presets" / "fig-2.99-mine.toml").write_text(VALID)
    (home / "presets" / "fig-2.98-broken.toml").write_text("title = ")
    assert completions(home, "presets", "show", "fig-2.1") == [name for name in SHIPPED if name.startswith("fig-2.1")]
    assert completions(home, "presets", "show", "fig-2.9") == ["fig-2.99-mine"]
    assert completions(home, "run", "digits-c") == ["digits-convnet"]


def test_ids_of_runs_are_completed(home: Path, run_id: str) -> None:
    assert completions(home, "presets", "save", run_id[:5]) == [run_id]
    assert completions(home, "presets", "save", "la") == ["last"]


def test_exercises_are_completed(home: Path) -> None:
    assert completions(home, "describe", "con") == ["convnet"]


def test_completion_says_nothing_about_a_home_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file, not a folder")
    assert completions(tmp_path, "presets", "save", "la") == []


# The whole program


def test_at_80_columns_no_line_is_longer(home: Path) -> None:
    with Terminal("presets", "list", columns=80, environment={HOME_VARIABLE: str(home)}) as terminal:
        terminal.wait()
    lines = Text.from_ansi(terminal.output.replace("\r", "")).plain.splitlines()
    assert any("fig-2.05" in line for line in lines)
    assert max(map(len, lines)) <= 80


def test_listing_and_showing_never_import_torch(home: Path) -> None:
    program = f"""
import sys
from typer.testing import CliRunner
from tui_lab.cli.main import app
for arguments in (["presets", "list"], ["presets", "show", "2.5"], ["presets", "validate"], ["presets", "schema"],
                  ["exercises"], ["describe", "mlp"]):
    result = CliRunner().invoke(app, ["--home", {str(home)!r}, *arguments])
    assert result.exit_code == 0, result.output
print(sorted({{"torch", "torchvision", "timm", "sklearn", "textual"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
