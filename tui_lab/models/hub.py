"""Whether pretrained weights are here, or could be fetched from timm's hub. Imports neither torch nor timm."""

from __future__ import annotations

import os
import socket
import threading
import urllib.parse
import urllib.request
from pathlib import Path

from tui_lab.errors import MissingWeightsError

GIVE_A_FILE = "Download them elsewhere and give the file with --weights FILE, or train from scratch: --no-pretrained."
WHAT_FILE = "It must be a .safetensors file, or a .pth file with a state dict."
PATIENCE_S = 5.0
FILES = ("model.safetensors", "pytorch_model.bin")
_ANSWERS = ("1", "ON", "YES", "TRUE")  # as huggingface_hub reads its variables


def cached_file(hub_id: str | None, filename: str | None = None) -> Path | None:
    """The weights `hub_id`, "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k", in the hub's cache; None = not there."""
    if not hub_id:
        return None
    repository = _cache() / f"models--{hub_id.replace('/', '--')}"
    try:
        revision = (repository / "refs" / "main").read_text().strip()
    except OSError:
        return None
    found = (repository / "snapshots" / revision / name for name in ([filename] if filename else FILES))
    return next((path for path in found if path.is_file()), None)


def check_file(weights: str) -> None:
    """Raise MissingWeightsError unless there is a file of this name with something in it."""
    path = Path(weights).expanduser()
    if path.is_dir():
        raise MissingWeightsError(f"{weights} is a folder.", "`weights` names one file, .safetensors or .pth.")
    if not path.is_file():
        raise MissingWeightsError(f"There is no file {weights}.", "`weights` names a .safetensors or .pth file.")
    if not path.stat().st_size:
        raise MissingWeightsError(f"{weights} is empty.", WHAT_FILE)


def check_hub(model: str) -> None:
    """Raise MissingWeightsError when the hub is switched off, or does not answer within five seconds.

    huggingface_hub would try for most of a minute.
    """
    if any(os.environ.get(name, "").upper() in _ANSWERS for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")):
        raise MissingWeightsError(
            f"The weights of {model} are not here, and $HF_HUB_OFFLINE forbids to fetch them.", GIVE_A_FILE
        )
    url = urllib.parse.urlsplit(os.environ.get("HF_ENDPOINT") or "https://huggingface.co")
    host, port = url.hostname or "huggingface.co", url.port or (80 if url.scheme == "http" else 443)
    if urllib.request.getproxies().get(url.scheme) and not urllib.request.proxy_bypass(host):
        return  # the proxy's to say
    if not _answers(host, port):
        raise MissingWeightsError(f"The weights of {model} are not here, and {host} cannot be reached.", GIVE_A_FILE)


def _answers(host: str, port: int) -> bool:
    """Whether a connection can be made. In a thread, because looking up a name has no time limit of its own."""
    is_there = threading.Event()

    def connect() -> None:
        try:
            socket.create_connection((host, port), PATIENCE_S).close()
        except OSError:
            return
        is_there.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(PATIENCE_S)
    return is_there.is_set()


def _cache() -> Path:
    """The hub's cache folder, found as huggingface_hub finds it."""
    given = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    if given:
        return Path(given).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"
