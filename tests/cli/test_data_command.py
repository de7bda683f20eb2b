"""`data status` and `data fetch`."""

import hashlib
import json
import socket
from dataclasses import replace

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from tests.cli.terminal import Terminal
from tui_lab.cli.main import app
from tui_lab.data.catalogue import DATASETS
from tui_lab.errors import UsageError

CONTENT = b"content"


def invoke(folder, *arguments):
    return CliRunner().invoke(app, ["--data", str(folder), "data", *arguments], catch_exceptions=False)


def status_of(folder, *options):
    """The exit code, and what is said of each data set by its name."""
    result = invoke(folder, "status", "--json", *options)
    return result.exit_code, {one["name"]: one for one in json.loads(result.stdout)}


@pytest.fixture
def small_mnist(monkeypatch, tmp_path):
    """A folder with an MNIST whose files are all CONTENT."""
    checksums = dict.fromkeys(DATASETS["mnist"].files, hashlib.md5(CONTENT).hexdigest())
    monkeypatch.setitem(DATASETS, "mnist", replace(DATASETS["mnist"], checksums=checksums))
    for file in DATASETS["mnist"].files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(CONTENT)
    return tmp_path


def test_every_data_set_is_described(tmp_path):
    code, found = status_of(tmp_path)
    assert code == 0 and list(found) == list(DATASETS)
    cifar10 = found["cifar10"]
    assert cifar10["shape"] == [3, 32, 32] and cifar10["train_size"] == 50_000 and len(cifar10["class_names"]) == 10
    assert all(one["licence"] and one["source"] and one["title"] for one in found.values())
    assert {name for name, one in found.items() if one["present"]} == {
        "circles",
        "moons",
        "spirals",
        "gaussians",
        "xor",
        "digits",
        "folder",
    }


def test_the_table_says_what_is_there_and_how_to_fetch_the_rest(small_mnist):
    result = invoke(small_mnist, "status")
    rows = {line.split()[0]: line for line in result.stdout.splitlines()[:12] if line}
    assert rows["mnist"].split()[-1] == "yes"
    assert rows["cifar10"].split() == ["cifar10", "50,000", "10,000", "3×32×32", "10", "170.5", "MB", "no"]
    assert rows["circles"].split()[-1] == "generated"
    assert str(small_mnist) in result.stdout and "CC BY-SA 3.0" in result.stdout
    assert f"tui-lab --data {small_mnist} data fetch fashion-mnist cifar10" in result.stderr


def test_an_incomplete_data_set_is_missing(small_mnist):
    (small_mnist / DATASETS["mnist"].files[0]).unlink()
    _, found = status_of(small_mnist)
    assert not found["mnist"]["present"] and len(found["mnist"]["missing"]) == 1
    assert "no, 1 files missing" not in invoke(small_mnist, "status").stdout
    assert "no, 1 file missing" in invoke(small_mnist, "status").stdout


def test_verify_finds_a_damaged_file_and_exits_with_3(small_mnist):
    code, found = status_of(small_mnist, "--verify")
    assert code == 0 and found["mnist"]["damaged"] == {}
    assert "yes, intact" in invoke(small_mnist, "status", "--verify").stdout
    damaged = small_mnist / DATASETS["mnist"].files[1]
    damaged.write_bytes(b"other")
    assert status_of(small_mnist)[0] == 0  # nobody has looked
    code, found = status_of(small_mnist, "--verify")
    assert code == 3 and found["mnist"]["damaged"] == {str(damaged): "has the wrong MD5 checksum"}
    result = invoke(small_mnist, "status", "--verify")
    assert result.exit_code == 3 and f"{damaged} has the wrong MD5 checksum" in result.stdout


def test_what_is_missing_is_not_damaged(tmp_path):
    code, found = status_of(tmp_path, "--verify")
    assert code == 0 and all(one["damaged"] == {} for one in found.values())


def test_the_status_fits_80_columns_and_cuts_no_address(tmp_path):
    with Terminal("--data", str(tmp_path), "data", "status", environment={"TERM": "dumb"}) as terminal:
        assert terminal.wait() == 0
    shown = [line for line in terminal.output.splitlines() if str(tmp_path) not in line]
    assert all(cell_len(line) <= 80 for line in shown) and "…" not in terminal.output


def test_an_unknown_name_is_refused_with_the_nearest_before_anything_is_fetched(tmp_path):
    with pytest.raises(UsageError, match="Did you mean 'mnist'") as raised:
        invoke(tmp_path, "fetch", "cifar10", "mnits")
    assert raised.value.exit_code == 2 and list(tmp_path.iterdir()) == []


def test_what_needs_no_files_needs_no_fetching(tmp_path):
    result = invoke(tmp_path, "fetch", "circles", "digits", "folder")
    assert result.exit_code == 0 and result.stdout == ""
    first, second, third = result.stderr.splitlines()
    assert first == "circles needs no fetching: it is generated."
    assert second.startswith("digits needs no fetching") and "--folder" in third


def test_a_failed_fetch_passes_its_exit_code_on(tmp_path, capfd):
    (tmp_path / "file").touch()
    result = invoke(tmp_path / "file", "fetch", "mnist", "circles")
    assert result.exit_code == 3
    assert "mnist could not be fetched into" in capfd.readouterr().err
    assert "circles needs no fetching" in result.stderr


def test_ctrl_c_interrupts_a_download_and_leaves_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {name: proxy for kind in ("http_proxy", "https_proxy") for name in (kind, kind.upper())}
        environment |= {"no_proxy": "", "NO_PROXY": ""}
        with Terminal("--data", str(tmp_path), "data", "fetch", "mnist", environment=environment) as terminal:
            silent.settimeout(60)
            silent.accept()
            terminal.send("\x03")
            assert terminal.wait() == 130
    assert "Interrupted: mnist was not fetched." in terminal.output and "Traceback" not in terminal.output
    assert list(tmp_path.iterdir()) == []
