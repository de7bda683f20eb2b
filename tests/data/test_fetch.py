"""Fetching, against a server on the loopback interface that behaves as badly as the real ones do."""

from __future__ import annotations

import errno
import hashlib
import io
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from torchvision import datasets
from torchvision.datasets import utils

from tui_lab.data.catalogue import DATASETS
from tui_lab.data.fetch import fetch, main
from tui_lab.errors import MissingDataError

FILES = {Path(file).name: f"the content of {file}".encode() * 5000 for file in DATASETS["mnist"].files}
BATCHES = {Path(file).name: f"the content of {file}".encode() * 5000 for file in DATASETS["cifar10"].files}
ARCHIVE = "cifar-10-python.tar.gz"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def archive() -> bytes:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w:gz") as tar:
        for name, content in {**BATCHES, "batches.meta": b"names"}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stored.getvalue()


@dataclass
class Server:
    """What is served, how each path misbehaves, and what was asked for."""

    url: str
    content: dict[str, bytes]
    answer: dict[str, Callable[[BaseHTTPRequestHandler, bytes], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # twice for each download: to follow redirects, and for the content


def whole(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


def half(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])


def corrupt(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    whole(handler, content[:-1] + bytes([content[-1] ^ 1]))


def absent(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    handler.send_error(404)


class LoopbackServer(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients that leave early are no news
            super().handle_error(request, client_address)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            state.asked.append(self.path.removeprefix("/"))
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            name = self.path.removeprefix("/")
            state.asked.append(name)
            state.answer.get(name, whole)(self, state.content[Path(name).name])

        def log_message(self, *_: object) -> None:
            pass

    with LoopbackServer(("127.0.0.1", 0), Handler) as running:
        state = Server(f"http://127.0.0.1:{running.server_port}/", {**FILES, ARCHIVE: archive()})
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(datasets.MNIST, "mirrors", [state.url + "first/", state.url + "second/"])
        monkeypatch.setattr(datasets.CIFAR10, "url", state.url + ARCHIVE)
        monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", md5(state.content[ARCHIVE]))
        for name, contents in (("mnist", FILES), ("cifar10", BATCHES)):
            checksums = {file: md5(contents[Path(file).name]) for file in DATASETS[name].files}
            monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], checksums=checksums))
        yield state
        running.shutdown()
        thread.join()


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


EXPECTED = {
    "mnist": {f"MNIST/raw/{name}": content for name, content in FILES.items()},
    "cifar10": {f"cifar-10-batches-py/{name}": content for name, content in BATCHES.items()}
    | {"cifar-10-batches-py/batches.meta": b"names"},
}


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_what_arrives_is_laid_out_as_torchvision_does_and_nothing_else_is_left(
    name: str, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, str(tmp_path / "new")]) == 0
    assert everything_in(tmp_path / "new") == EXPECTED[name]
    assert [path for path in (tmp_path / "new").iterdir() if path.name.startswith(".")] == []
    out, err = capsys.readouterr()
    assert out == ""
    assert "100%" in err  # the progress bar
    assert err.splitlines()[-1] == f"{name} is complete in {tmp_path / 'new'}."


def test_fetching_again_asks_the_server_for_nothing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch("mnist", tmp_path)
    server.asked.clear()
    assert main(["mnist", str(tmp_path)]) == 0
    assert server.asked == []
    assert capsys.readouterr().err.endswith(f"mnist is already complete and intact in {tmp_path}.\n")


def test_only_what_is_damaged_or_missing_is_fetched(server: Server, tmp_path: Path) -> None:
    fetch("mnist", tmp_path)
    first, second, *_ = DATASETS["mnist"].files
    (tmp_path / first).write_bytes(b"damaged")
    (tmp_path / second).unlink()
    server.asked.clear()
    assert fetch("mnist", tmp_path)
    assert set(server.asked) == {f"first/{Path(first).name}", f"first/{Path(second).name}"}
    assert everything_in(tmp_path) == EXPECTED["mnist"]


def test_force_fetches_everything(server: Server, tmp_path: Path) -> None:
    fetch("mnist", tmp_path)
    server.asked.clear()
    assert main(["mnist", str(tmp_path), "--force"]) == 0
    assert set(server.asked) == {f"first/{name}" for name in FILES}


def test_a_damaged_batch_of_cifar10_is_replaced(server: Server, tmp_path: Path) -> None:
    fetch("cifar10", tmp_path)
    (tmp_path / DATASETS["cifar10"].files[2]).write_bytes(b"damaged")
    assert fetch("cifar10", tmp_path)
    assert everything_in(tmp_path) == EXPECTED["cifar10"]


@pytest.mark.parametrize("fault", [half, corrupt, absent])
def test_the_second_mirror_makes_up_for_the_first(
    fault: Callable[[BaseHTTPRequestHandler, bytes], None], server: Server, tmp_path: Path
) -> None:
    for name in FILES:
        server.answer[f"first/{name}"] = fault
    assert fetch("mnist", tmp_path)
    assert everything_in(tmp_path) == EXPECTED["mnist"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (half, "what arrived has the wrong checksum"),
        (corrupt, "what arrived has the wrong checksum"),
        (absent, "HTTP Error 404: Not Found"),
    ],
)
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_failed_fetch_leaves_what_was_there_before(
    name: str,
    fault: Callable[[BaseHTTPRequestHandler, bytes], None],
    reason: str,
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = tmp_path / DATASETS[name].files[0]
    before.parent.mkdir(parents=True)
    before.write_bytes(b"an old file")
    last = list(FILES)[-1]
    server.answer = dict.fromkeys([f"first/{last}", f"second/{last}", ARCHIVE], fault)
    assert main([name, str(tmp_path)]) == 3
    assert everything_in(tmp_path) == {DATASETS[name].files[0]: b"an old file"}
    assert [path.name for path in tmp_path.iterdir()] == [Path(DATASETS[name].files[0]).parts[0]]
    assert capsys.readouterr().err.splitlines()[-1] == f"{name} could not be fetched into {tmp_path}: {reason}."


def test_an_archive_of_something_else_is_not_moved_into_place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksums = dict.fromkeys(DATASETS["cifar10"].files, md5(b"what was expected"))
    monkeypatch.setitem(DATASETS, "cifar10", replace(DATASETS["cifar10"], checksums=checksums))
    with pytest.raises(MissingDataError, match="wrong checksum"):
        fetch("cifar10", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_half_way_leaves_nothing(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    second = f"first/{list(FILES)[1]}"

    def interrupt_the_download(handler: BaseHTTPRequestHandler, content: bytes) -> None:
        half(handler, content)
        if server.asked.count(second) == 2:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            handler.connection.recv(1)  # until the client has gone

    server.answer[second] = interrupt_the_download
    assert main(["mnist", str(tmp_path)]) == 130
    assert server.asked.count(second) == 2
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err.splitlines()[-1] == "Interrupted: mnist was not fetched."


def test_no_server_is_one_sentence(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as closed:
        port = closed.server_port
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{port}/"])
    with pytest.raises(MissingDataError, match=r"mnist could not be fetched into .*: Connection refused\."):
        fetch("mnist", tmp_path)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(OSError(errno.ENOSPC, "No space left on device"), "the disk is full"), (TimeoutError("timed out"), "timed out")],
)
def test_a_full_disk_and_a_silent_server_are_named(
    error: OSError, reason: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(utils, "_urlretrieve", fail)
    with pytest.raises(MissingDataError, match=f": {reason}."):
        fetch("cifar10", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MissingDataError, match=r"could not be fetched into .*/file"):
        fetch("mnist", tmp_path / "file")


def test_verify_names_every_bad_file_and_fetches_nothing(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch("mnist", tmp_path)
    assert main(["mnist", str(tmp_path), "--verify"]) == 0
    assert capsys.readouterr().out == ""
    first, second, *_ = (tmp_path / file for file in DATASETS["mnist"].files)
    first.write_bytes(b"damaged")
    second.unlink()
    server.asked.clear()
    assert main(["mnist", str(tmp_path), "--verify"]) == 3
    assert capsys.readouterr().out.splitlines() == [f"{first} has the wrong MD5 checksum", f"{second} is missing"]
    assert server.asked == []


def test_generated_sets_need_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["circles", str(tmp_path)]) == 0
    assert capsys.readouterr().err == "circles needs no files.\n"
    assert list(tmp_path.iterdir()) == []


def test_the_module_runs_as_a_program_and_refuses_unknown_names(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tui_lab.data.fetch", "cifar11", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "invalid choice: 'cifar11'" in done.stderr
