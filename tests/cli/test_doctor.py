"""`doctor`: what it reports of this machine, and what it makes of machines where something is wrong."""

import copy
import importlib.metadata
import json
import os
import subprocess
import sys

import pytest
import torch
from rich.cells import cell_len
from typer.testing import CliRunner

from tests.cli.terminal import Terminal
from tui_lab.cli import doctor
from tui_lab.cli.context import Places
from tui_lab.cli.main import app
from tui_lab.runs.store import RunStore


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The report as JSON, from a process of its own, with one run in the home folder and no data."""
    folder = tmp_path_factory.mktemp("places")
    RunStore(folder / "home").create("mlp", {"epochs": 1})
    command = [sys.executable, "-m", "tui_lab", "--home", str(folder / "home"), "--data", str(folder / "data")]
    done = subprocess.run([*command, "doctor", "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == ""
    return json.loads(done.stdout)


def test_versions_are_those_that_are_installed(report):
    assert report["versions"]["python"] == sys.version.split()[0]
    for package in doctor.PACKAGES:
        assert report["versions"][package] == importlib.metadata.version(package)


def test_torch_is_asked_what_it_sees(report):
    seen = report["torch"]
    assert seen["torch"] == torch.__version__ and seen["cuda_build"] == torch.version.cuda
    assert seen["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    assert seen["cuda_available"] == torch.cuda.is_available()
    cpu, *others = seen["devices"]
    assert cpu["name"] == "cpu" and cpu["bf16"] == torch.ops.mkldnn._is_mkldnn_bf16_supported()
    assert len(others) == torch.cuda.device_count() + torch.backends.mps.is_available()


def test_the_machine_and_the_folders_are_described(report):
    cpu = report["devices"][0]
    assert cpu["name"] == "cpu" and 0 < cpu["memory_free"] <= cpu["memory_total"]
    assert 1 <= report["cores"]["usable"] <= report["cores"]["all"] == os.cpu_count()
    assert report["home"]["writable"] and report["home"]["runs"] == 1 and report["home"]["free_bytes"] > 0
    assert report["data"]["present"] == {"mnist": False, "fashion-mnist": False, "cifar10": False}
    assert not report["terminal"]["is_terminal"]


def test_nothing_is_made_by_looking(tmp_path):
    where = Places(tmp_path / "home", tmp_path / "data")
    assert doctor.home(where)["writable"] and doctor.home(where)["runs"] == 0
    doctor.data(where)
    assert list(tmp_path.iterdir()) == []


HEALTHY = {"is_terminal": True, "columns": 80, "rows": 24, "ascii": False, "variables": {"TERM": "xterm-256color"}}
GIB = 2**30
GPU = {"name": "cuda:0", "title": "NVIDIA H200", "memory_total": 139 * GIB, "memory_free": 130 * GIB}


def without_scikit_learn(report):
    report["versions"]["scikit-learn"] = None


def with_a_gpu_that_torch_cannot_use(report):
    report["devices"].append(GPU)
    report["torch"].update(cuda_build=None, torch="2.9.0+cpu")


def with_an_old_driver(report):
    report["torch"]["warnings"] = ["The NVIDIA driver on your system is too old."]


def with_a_full_disk(report):
    report["home"]["free_bytes"] = 100 << 20


def with_a_small_terminal(report):
    report["terminal"] = {**HEALTHY, "columns": 60}


def with_a_terminal_without_a_name(report):
    report["terminal"] = {**HEALTHY, "variables": {}}


def with_an_old_locale(report):
    report["terminal"] = {**HEALTHY, "ascii": True}


def with_ascii_on_purpose(report):
    report["terminal"] = {**HEALTHY, "ascii": True, "variables": {"TERM": "vt100", "TUI_LAB_ASCII": "1"}}


@pytest.mark.parametrize(
    ("harm", "problem", "remedy"),
    [
        (without_scikit_learn, "Not installed: scikit-learn.", "uv sync"),
        (with_a_gpu_that_torch_cannot_use, "The driver lists NVIDIA H200, but torch cannot", "built without CUDA"),
        (with_an_old_driver, "torch warns: The NVIDIA driver on your system is too old.", "not on that device"),
        (with_a_full_disk, "Only 0.1 GiB are free in", "tui-lab runs delete"),
        (with_a_small_terminal, "The terminal is only 60x24.", "80x24"),
        (with_a_terminal_without_a_name, "The terminal does not say what it can do.", "TERM"),
        (with_an_old_locale, "The locale is not UTF-8", "LANG"),
        (with_ascii_on_purpose, None, None),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(report, harm, problem, remedy):
    healthy = doctor.find_problems(report)
    harmed = copy.deepcopy(report)
    harm(harmed)
    found = [one for one in doctor.find_problems(harmed) if one not in healthy]
    if problem is None:
        assert found == []
        return
    (only,) = found
    assert problem in only.message and remedy in only.remedy and not only.is_fatal


def test_a_gpu_that_torch_sees_is_no_problem_and_is_described(report):
    with_gpu = copy.deepcopy(report)
    with_gpu["devices"].append(GPU)
    with_gpu["torch"]["devices"].append({"name": "cuda:0", "title": "NVIDIA H200", "bf16": True, "channels_last": True})
    assert doctor.find_problems(with_gpu) == doctor.find_problems(report)
    rows = dict(doctor._device_rows(with_gpu))
    assert rows["cuda:0"] == "NVIDIA H200\n130.0 GiB of 139.0 GiB free; fast bf16, channels last"


# Too broken to train


def test_a_torch_that_cannot_be_imported_is_fatal_and_names_the_reason(tmp_path, monkeypatch):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text('raise ImportError("libcudart.so.99 is missing")')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    result = CliRunner().invoke(app, ["--home", str(tmp_path), "doctor"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "error  torch cannot be imported: ImportError: libcudart.so.99 is missing." in result.output
    assert "python" in result.output.splitlines()[-1] and "-m tui_lab.training.probe" in result.output
    assert "torch could not be asked" in result.output


def test_a_torch_that_takes_its_process_down_is_told_from_one_that_does_not_answer(tmp_path, monkeypatch):
    (tmp_path / "torch.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert doctor.ask_torch() == {"error": "torch cannot be imported: its process ended with exit code -9."}
    (tmp_path / "torch.py").write_text("import signal; signal.pause()")
    assert doctor.ask_torch(timeout=0.1) == {"error": "torch could not be imported within 0.1 s."}
    (tmp_path / "torch.py").write_text("print('hello'); raise SystemExit")
    assert doctor.ask_torch()["error"].endswith("printed no JSON but 'hello\\n'.")


def test_a_home_that_cannot_be_written_to_is_fatal(tmp_path, monkeypatch, report):
    monkeypatch.setattr(doctor, "ask_torch", lambda: report["torch"])
    (tmp_path / "file").touch()
    result = CliRunner().invoke(app, ["--home", str(tmp_path / "file" / "home"), "doctor"], catch_exceptions=False)
    assert result.exit_code == 1
    assert "cannot be written to: Not a directory." in result.output and "--home" in result.output


def test_in_a_terminal_of_80_columns_no_line_is_longer(tmp_path):
    plain = {"NO_COLOR": "1", "TERM": "dumb"}
    with Terminal("--home", str(tmp_path), "--data", str(tmp_path), "doctor", environment=plain) as terminal:
        assert terminal.wait() == 0
    shown = terminal.output.splitlines()
    assert all(cell_len(line) <= 80 for line in shown)
    assert any(line.startswith("terminal  80x24, no colours, Unicode") for line in shown)
    assert any("missing: mnist, fashion-mnist, cifar10; fetch with: tui-lab data fetch" in line for line in shown)
    assert any(line.startswith("warning  The terminal does not say what it can do.") for line in shown)
