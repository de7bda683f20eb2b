"""As a person would: `ray start` on two machines, `tui-lab doctor`, `tui-lab run`.

The machines are two loopback addresses in a network of the test's own, whose processes end with it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.jobs.test_ray import alone_on_the_machine
from tui_lab.runs.store import RunStore

pytest.importorskip("ray")

APART = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
HEAD, OTHER, PORT = "127.0.0.2", "127.0.0.3", 6379
LOOPBACK_UP = """
import fcntl, socket, struct
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))
"""
SCRIPT = f"""
set -e
"$PYTHON" -c "$LOOPBACK_UP"
share="--num-cpus 1 --object-store-memory 100000000 --disable-usage-stats"
ray get-auth-token --generate
ray start --head --node-ip-address {HEAD} --port {PORT} --include-dashboard false $share
ray start --address {HEAD}:{PORT} --node-ip-address {OTHER} $share
"$PYTHON" -m tui_lab doctor --on {HEAD}:{PORT} --json > "$HOME/doctor.json"
"$PYTHON" -m tui_lab run circles-quick --seeds 2 --epochs 2 --on {HEAD}:{PORT}
"""


def apart() -> list[str]:
    """The command that runs another in a network and among processes of its own. Skips where that is not allowed."""
    for command in (APART, [*APART, "--map-root-user"]):
        try:
            done = subprocess.run([*command, "true"], capture_output=True, text=True, timeout=60)
        except FileNotFoundError:
            pytest.skip("there is no `unshare` here, which gives the test a network of its own")
        if done.returncode == 0:
            return command
    pytest.skip(f"a network of the test's own is not allowed here: {done.stderr.strip()}")


def test_two_machines_started_by_hand_train_what_is_asked_for(tmp_path_factory):
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # sockets need a short path
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "LOOPBACK_UP": LOOPBACK_UP,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "RAY_TMPDIR": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_worker_niceness": "0",
        "TUI_LAB_HOME": str(folder / "home"),
        "TUI_LAB_DATA": str(folder / "data"),
    }
    try:
        with alone_on_the_machine(tmp_path_factory):
            done = subprocess.run(
                [*apart(), "bash", "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=400
            )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        report = json.loads((folder / "doctor.json").read_text())
        assert report["token"] is True
        assert {(node["address"], node["cpus"], node["problem"]) for node in report["nodes"]} == {
            (HEAD, 1.0, ""),
            (OTHER, 1.0, ""),
        }
        runs = RunStore(folder / "home").list()
        assert [entry.state for entry in runs] == ["finished"] * 2
        assert len({entry.status.node for entry in runs}) == 2
    finally:
        shutil.rmtree(folder, ignore_errors=True)
