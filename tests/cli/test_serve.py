"""`tui-lab serve`: who is let in, and that the app arrives in a real browser."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
from aiohttp.test_utils import TestClient, TestServer
from typer.testing import CliRunner

from tests.waiting import wait_until
from tui_lab.cli.main import app
from tui_lab.cli.web import LabServer
from tui_lab.errors import UsageError

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1400,900",
)


async def statuses(server: LabServer, *requests: dict) -> list[int]:
    async with TestClient(TestServer(await server._make_app())) as client:
        found = []
        for request in requests:
            async with client.get(request.pop("path", "/"), **request) as response:
                found.append(response.status)
        return found


async def test_loopback_answers_its_own_page_only():
    server = LabServer([], "127.0.0.1", 8000)
    found = await statuses(
        server,
        {},
        {"headers": {"Origin": "http://elsewhere.example"}},
        {"path": "/ws", "headers": {"Origin": "http://elsewhere.example"}},
        {"headers": {"Origin": "null"}},
        {"headers": {"Host": "elsewhere.example"}},
        {"headers": {"Host": "[::1"}},
    )
    assert found == [200, 403, 403, 403, 403, 403]


async def test_with_a_token_nothing_is_given_without_it():
    server = LabServer([], "127.0.0.1", 8000, "secret")
    found = await statuses(
        server,
        {},
        {"path": "/?token=wrong"},
        {"path": "/static/js/textual.js"},
        {"path": "/ws"},
        {"path": "/?token=secret"},
        {"path": "/static/js/textual.js"},  # the cookie is there now
    )
    assert found == [403, 403, 403, 403, 200, 200]


async def test_the_token_goes_from_the_address_into_a_cookie_kept_from_scripts_and_other_sites():
    server = LabServer([], "127.0.0.1", 8000, "secret")
    address = "/?token=secret&fontsize=20"
    async with (
        TestClient(TestServer(await server._make_app())) as client,
        client.get(address, allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (303, "/?fontsize=20")
        cookie = response.cookies[server.cookie]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")


async def test_the_page_needs_no_other_machine_and_lets_no_other_page_hold_it():
    server = LabServer([], "127.0.0.1", 8000)
    async with TestClient(TestServer(await server._make_app())) as client, client.get("/") as response:
        page = await response.text()
        here = f"{client.host}:{client.port}"
        assert "css/xterm.css" in page
        assert {urlsplit(address).netloc for address in re.findall(r"""["'(]((?:https?|wss?)://[^"')]*)""", page)} <= {
            here,
            "www.w3.org",  # the name of SVG
        }
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_another_address_is_refused_without_a_token(host):
    ended = CliRunner().invoke(app, ["serve", "--host", host])
    assert isinstance(ended.exception, UsageError)
    assert "--token" in ended.exception.hint


@dataclass(frozen=True)
class Served:
    """`tui-lab serve` in a process group of its own, what it says in a file, and its address."""

    process: subprocess.Popen[bytes]
    said: Path
    address: str


@pytest.fixture
def served(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "TUI_LAB_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "tui_lab", "serve", "--port", str(port)]
    said = tmp_path / "said.txt"
    with said.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)
    address = f"http://127.0.0.1:{port}/"
    try:
        wait_until(lambda: answers(address))
        yield Served(process, said, address)
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("is_ready", [False, True])
async def test_ctrl_c_ends_it_with_its_pages_and_without_a_traceback(served, is_ready):
    """A terminal sends ctrl-c to the server and to the apps of its pages alike, the ones that only start too."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.address}ws") as page:
        started = partial(psutil.Process(served.process.pid).children, recursive=True)
        if is_ready:
            await page.receive()
        else:
            wait_until(lambda: any(app.cpu_times().user >= 0.1 for app in started()))  # it imports
        apps = started()
        os.killpg(served.process.pid, signal.SIGINT)
        async for _ in page:  # as a browser reads on
            pass
        assert await asyncio.to_thread(served.process.wait) == 0
    psutil.wait_procs(apps, timeout=60)
    assert not any(app.is_running() for app in apps)
    assert "Traceback" not in served.said.read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here (Debian's package of that name)")
async def test_the_app_arrives_in_a_browser(served, tmp_path):
    """Over the browser's own debugging protocol: its terminal sends what a key does to the app, and back."""
    browser = subprocess.Popen(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path}", "--remote-debugging-port=0", served.address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port_file = tmp_path / "DevToolsActivePort"
        wait_until(lambda: port_file.exists() and len(port_file.read_text().split()) == 2)
        port = port_file.read_text().split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as response:
                pages = [page for page in await response.json() if page["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as devtools:
                shown = await bytes_shown(devtools)
        assert "Labs" in shown
    finally:
        browser.terminate()
        browser.wait()


async def bytes_shown(devtools: aiohttp.ClientWebSocketResponse) -> str:
    """What the page's websocket has received, once the names of the areas are in it."""
    await devtools.send_json({"id": 1, "method": "Network.enable"})
    await devtools.send_json({"id": 2, "method": "Page.enable"})
    await devtools.send_json({"id": 3, "method": "Page.reload"})
    text = ""
    async with asyncio.timeout(60):
        async for message in devtools:
            event = json.loads(message.data)
            frame = event.get("params", {}).get("response", {})
            if event.get("method") == "Network.webSocketFrameReceived" and frame["opcode"] == 2:  # binary
                text += base64.b64decode(frame["payloadData"]).decode(errors="replace")
                if "Labs" in text and "Tools" in text:
                    return text
    return text
