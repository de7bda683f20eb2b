"""Which cluster is meant, and whether it may be talked to. Nothing here imports Ray."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tui_lab.errors import MissingDataError, UsageError

ADDRESS_VARIABLE = "RAY_ADDRESS"
MODE_VARIABLE, TOKEN_VARIABLE, TOKEN_FILE_VARIABLE = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"
CONNECT_S = 0.5  # that a cluster on this machine may take to answer
ANSWER_S = 10.0  # the same of one elsewhere
MOST_PORT = 65535
LOST_S = 30  # after which a driver that cannot reach the head gives up; another one tries
SEE = "See what there is with: tui-lab doctor --on ray"
CORRECT = f"Correct or unset {ADDRESS_VARIABLE}."
START = "`ray get-auth-token --generate && ray start --head`"
HINT = f"Start one with {START}, or give its address: --on ray://HOST:10001."


def is_installed() -> bool:
    return importlib.util.find_spec("ray") is not None


def running_here() -> str:
    """HOST:PORT of the cluster that was started on this machine last, if it still answers; else empty."""
    folder = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    try:
        address = (Path(folder) / "ray" / "ray_current_cluster").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, ValueError):
        return ""
    return address


def find(on: str) -> str:
    """The address of the cluster that `--on` names.

    Args:
        on: "ray" for the one of $RAY_ADDRESS, else the one on this machine; or `ray://HOST:PORT`, or HOST:PORT.

    Raises:
        MissingDataError: Ray is not installed.
        UsageError: there is none, or it is no address.
    """
    if not is_installed():
        raise MissingDataError("Ray is not installed.", "Install it with: uv sync --extra ray")
    address = os.environ.get(ADDRESS_VARIABLE, "") if on == "ray" else on
    if on == "ray" and address in ("", "auto"):
        address = running_here()
        if not address:
            raise UsageError("No Ray cluster runs on this machine.", HINT)
    found = re.fullmatch(r"(?:ray://)?(?:\[[0-9A-Fa-f:]+\]|[^\s:/\[\]]+):(\d{1,5})", address)
    if not found or int(found[1]) > MOST_PORT:
        if on == "ray":
            raise UsageError(f"${ADDRESS_VARIABLE} is {address!r}, which is no address of a Ray cluster.", CORRECT)
        raise UsageError(
            f"{address!r} is no address of a Ray cluster.", "Give local, ray, auto or an address: ray://gpubox:10001."
        )
    return address


def check_answers(address: str) -> None:
    """Raises UsageError when nothing listens at the address: Ray itself would try for a minute."""
    found = urlsplit(address if "//" in address else f"//{address}")
    try:
        socket.create_connection((found.hostname or "", found.port or 0), ANSWER_S).close()
    except OSError as error:
        hint = CORRECT if os.environ.get(ADDRESS_VARIABLE) == address else HINT
        raise UsageError(f"No Ray cluster answers at {address}: {error.strerror or error}.", hint) from error


def environment(address: str) -> Mapping[str, str]:
    """The variables for a process that talks to the cluster at `address`: with a token, where there is one.

    Raises UsageError for a cluster that other machines reach, and no token: any of them could run programs there.
    """
    chosen = {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0", "RAY_gcs_rpc_server_reconnect_timeout_s": str(LOST_S)}
    if os.environ.get(MODE_VARIABLE):
        return chosen  # whoever sets it has decided
    if has_token():
        return {**chosen, MODE_VARIABLE: "token"}
    if not is_loopback(_host(address)):
        again = f"Here: `ray stop`, and then {START}."
        make = (
            "Make one with `ray get-auth-token --generate` before it starts, and copy ~/.ray/auth_token to every node."
        )
        raise UsageError(
            f"There is no token for the cluster at {address}, and without one anybody on the network could use it.",
            f"{again if address == running_here() else make} If the network is safe, set {MODE_VARIABLE}=disabled.",
        )
    return chosen


def has_token() -> bool:
    """Whether there is a token where Ray looks for one."""
    if os.environ.get(TOKEN_VARIABLE):
        return True
    file = os.environ.get(TOKEN_FILE_VARIABLE)
    return (Path(file) if file else Path.home() / ".ray" / "auth_token").is_file()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host in ("localhost", "::1") or host.startswith("127.")


def _host(address: str) -> str:
    return urlsplit(address if "//" in address else f"//{address}").hostname or ""
