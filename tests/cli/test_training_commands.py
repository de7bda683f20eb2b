"""`train`, `run` and `runs`, as a script and as a person would use them."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.waiting import wait_until

QUICK = ["--epochs", "3", "--threads", "1"]


def tui_lab(home, *arguments, **settings):
    command = [sys.executable, "-m", "tui_lab", "--home", str(home), "--data", str(home / "data"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **settings)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A home folder with one finished run of the MLP on circles, and what its command printed as JSON."""
    home = tmp_path_factory.mktemp("home")
    done = tui_lab(home, "train", "mlp", *QUICK, "--lr", "0.05", "--json")
    assert done.returncode == 0, done.stderr
    return home, done


def test_json_gives_one_event_a_line_and_nothing_else_on_stdout(trained):
    _, done = trained
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [event["kind"] for event in events]
    assert "started" in kinds and kinds[-1] == "finished" and kinds.count("epoch") == 3
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert "Finished in" in done.stderr


def test_typed_flags_are_what_the_run_was_made_with(trained):
    home, _ = trained
    (run,) = json.loads(tui_lab(home, "runs", "list", "--json").stdout)
    assert run["hyperparameters"]["lr"] == 0.05
    assert (run["state"], run["exercise"], run["epoch"]) == ("finished", "mlp", 3)


def test_a_pipe_gets_a_row_an_epoch_without_escape_codes(tmp_path):
    done = tui_lab(tmp_path, "run", "circles-quick", "--epochs", "2", "--set", "threads=1")
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()
    assert len(rows) == 2 and all("epoch" in row and "train" in row for row in rows)
    assert "\x1b" not in done.stdout + done.stderr


def test_several_seeds_end_with_a_table_in_place_of_rows_and_are_not_run_twice(tmp_path):
    asked = ("run", "circles-quick", "--epochs", "2", "--set", "threads=1", "--seeds", "2", "--jobs", "2")
    done = tui_lab(tmp_path, *asked)
    assert done.returncode == 0, done.stderr
    assert "epoch " not in done.stdout and "2/2" in done.stdout and "±" in done.stdout
    assert done.stderr.count("Finished in") == 2
    assert "\x1b" not in done.stdout + done.stderr
    assert "2 done already" in tui_lab(tmp_path, *asked).stderr
    runs = json.loads(tui_lab(tmp_path, "runs", "list", "--json").stdout)
    assert sorted(run["hyperparameters"]["seed"] for run in runs) == [0, 1]
    assert {run["preset"] for run in runs} == {"circles-quick"}


def test_show_compare_export_and_delete(trained):
    home, _ = trained
    assert "finished" in tui_lab(home, "runs", "show", "last").stdout
    compared = tui_lab(home, "runs", "compare", "last", "mlp").stdout
    assert "best test %" in compared
    rows = list(csv.DictReader(io.StringIO(tui_lab(home, "runs", "export", "last").stdout)))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    whole = json.loads(tui_lab(home, "runs", "export", "last", "--format", "json").stdout)
    assert whole["events"][-1]["kind"] == "finished"
    copy = tui_lab(home, "train", "mlp", *QUICK, "--detach")
    name = copy.stdout.strip()
    assert name.count("-") >= 3
    assert tui_lab(home, "runs", "delete", "no-such-run", "--yes").returncode == 2


def test_a_finished_run_is_not_resumed_or_stopped(trained):
    home, _ = trained
    (run,) = [
        r for r in json.loads(tui_lab(home, "runs", "list", "--json").stdout) if r["hyperparameters"]["lr"] == 0.05
    ]
    for command in ("resume", "stop"):
        refused = tui_lab(home, "runs", command, run["id"])
        assert refused.returncode == 2
        assert "finished" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "mlp", "--lr", "-1"], 2, ["lr", "-1", "0 < lr"]),
        (["train", "mlp", "--batch-size", "0"], 2, ["batch_size", "1 <= batch_size"]),
        (["train", "mlp", "--lr", "fast"], 2, ["lr", "fast", "number"]),
        (["train", "mlp", "--optimizer", "adamm"], 2, ["adamm", "Did you mean 'adam"]),
        (["train", "mlp", "--hidden", "10,0"], 2, ["hidden"]),
        (["train", "mlp", "--lr", "-1", "--epochs", "0"], 2, ["lr", "epochs"]),
        (["train", "convnet", "--dataset", "digits", "--crop", "28"], 2, ["crop", "8×8"]),
        (["train", "convnet", "--dataset", "mnist", "--standardize", "pca-published"], 2, ["three channels"]),
        (["train", "mlp", "--device", "cuda:7"], 3, ["cuda:7", "cpu"]),
        (["train", "mlp", "--device", "tpu"], 2, ["tpu", "cuda"]),
        (["train", "convnet"], 3, ["data fetch cifar10", "digits"]),
        (["train", "mlpp"], 2, ["mlp"]),
        (["train", "mlp", "--preset", "digits-convnet"], 2, ["convnet"]),
        (["run", "no-such-preset"], 2, ["no-such-preset"]),
        (["run", "circles-quick", "--set", "lrr=1"], 2, ["lrr", "Did you mean 'lr'"]),
        (["run", "circles-quick", "--set", "lr"], 2, ["name=value"]),
        (["runs", "show", "nothing"], 2, ["nothing"]),
        (["runs", "export", "nothing", "--format", "xls"], 2, ["xls", "csv"]),
    ],
)
def test_bad_usage_gets_a_sentence_and_its_exit_code(tmp_path, arguments, code, words):
    # No GPU is visible, whatever the machine has
    done = tui_lab(tmp_path, *arguments, env=_environment(CUDA_VISIBLE_DEVICES=""))
    assert done.returncode == code, done.stderr
    for word in words:
        assert word in " ".join(done.stderr.split()), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists(), "nothing is written for a run that cannot start"


def _environment(**settings):
    import os

    return {**os.environ, **settings}


def test_ctrl_c_stops_cleanly_says_how_to_resume_and_resume_finishes(tmp_path):
    places = ["--home", str(tmp_path), "--data", str(tmp_path / "data")]
    # a deadline of epochs that is out of reach before the key arrives, and near enough to be finished after it
    with Terminal(
        *places, "train", "mlp", "--epochs", "800", "--threads", "1", "--validation-fraction", "0.1"
    ) as terminal:
        terminal.until("epoch    5")
        terminal.send("\x03")
        terminal.until(f"tui-lab {' '.join(places)} runs resume")
        assert terminal.wait() == 130
    (run,) = json.loads(tui_lab(tmp_path, "runs", "list", "--json").stdout)
    assert run["state"] == "stopped" and 0 < run["epoch"] < 800
    resumed = tui_lab(tmp_path, "runs", "resume", "last", "--json")
    assert resumed.returncode == 0, resumed.stderr
    events = [json.loads(line) for line in resumed.stdout.splitlines()]
    start = next(event for event in events if event["kind"] == "started" and event["resumed_from"])
    assert start["resumed_from"]["total_step"] > 0
    assert json.loads(tui_lab(tmp_path, "runs", "list", "--json").stdout)[0]["state"] == "finished"


def test_a_run_outlives_its_terminal_and_is_watched_and_stopped_from_another(tmp_path):
    places = ["--home", str(tmp_path), "--data", str(tmp_path / "data")]
    with Terminal(*places, "train", "mlp", "--epochs", "100000", "--threads", "1") as terminal:
        terminal.until("epoch    3")
    # leaving the block has killed the command, as closing the terminal would
    (run,) = json.loads(tui_lab(tmp_path, "runs", "list", "--json").stdout)
    assert run["state"] == "running"
    busy = tui_lab(tmp_path, "runs", "resume", "last")
    assert busy.returncode == 2
    assert f"pid {run['pid']} on {run['host']}" in busy.stderr
    assert tui_lab(tmp_path, "runs", "stop", "last").returncode == 0
    with Terminal(*places, "runs", "watch", "last") as watcher:
        watcher.until("stopped")
        watcher.send("q")
        assert watcher.wait() == 0


def test_a_module_in_the_current_folder_does_not_get_into_the_worker(tmp_path):
    folder = tmp_path / "homework"
    folder.mkdir()
    (folder / "random.py").write_text("raise SystemExit('this is not the random you want')")
    script = Path(sys.executable).parent / "tui-lab"
    command = [script, "--home", tmp_path, "train", "mlp", *QUICK]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_waiting_run_of_a_queue_can_be_stopped_before_it_begins(tmp_path):
    first, second = tui_lab(
        tmp_path, "run", "circles-quick", "--seeds", "2", "--epochs", "20000", "--set", "threads=1", "--detach"
    ).stdout.split()
    assert "taken out of the queue" in tui_lab(tmp_path, "runs", "stop", second).stderr
    wait_until(lambda: json.loads(tui_lab(tmp_path, "runs", "show", first, "--json").stdout)["epoch"] > 0)
    assert tui_lab(tmp_path, "runs", "stop", first).returncode == 0
    wait_until(lambda: json.loads(tui_lab(tmp_path, "runs", "show", first, "--json").stdout)["state"] == "stopped")
    assert json.loads(tui_lab(tmp_path, "runs", "show", second, "--json").stdout)["epoch"] == 0


def test_no_command_that_trains_nothing_imports_torch(trained):
    home, _ = trained
    commands = [["--help"], ["exercises"], ["describe", "convnet"], ["train", "mlp", "--help"], ["runs", "list"],
                ["runs", "show", "last"], ["runs", "export", "last"], ["presets", "list"], ["presets", "show", "2.5"],
                ["data", "status"]]  # fmt: skip
    script = (
        "import sys\n"
        "from tui_lab.cli.main import main\n"
        "arguments = sys.argv[1:]\n"
        "sys.argv[0] = 'tui-lab'\n"
        "try:\n    main()\nexcept SystemExit as end:\n    code = end.code or 0\nelse:\n    code = 0\n"
        "heavy = {'torch', 'torchvision', 'sklearn', 'timm', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'{arguments} imported {heavy}' if heavy else code)\n"
    )
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-c", script, "--home", str(home), *command], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, (command, done.stderr)
