"""`tui-lab serve`: the app in a browser."""

from __future__ import annotations

import secrets
import signal
from typing import Annotated

import typer

from tui_lab.cli.context import places


def serve(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to listen on; others than this machine's own need --token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    token: Annotated[
        str, typer.Option(help="What the address in the browser must carry; [bold]auto[/bold] makes one.")
    ] = "",
) -> None:
    """The app in a browser, for this machine alone unless a token is given (extra [bold]serve[/bold])."""
    from tui_lab.cli.output import say
    from tui_lab.errors import UsageError

    try:
        from tui_lab.cli.web import LOOPBACK, LabServer
    except ImportError as error:
        raise UsageError(
            "textual-serve is not installed.", "Install the extra: pip install 'tui-lab[serve]'"
        ) from error
    if host not in LOOPBACK and not token:
        raise UsageError(
            f"Whoever reaches {host}:{port} could start processes as you.",
            f"Ask for it with --token auto, or keep to this machine and use a tunnel: ssh -L {port}:127.0.0.1:{port}",
        )
    secret = secrets.token_urlsafe(24) if token == "auto" else token
    where = places(context)
    server = LabServer(["--home", str(where.home), "--data", str(where.data)], host, port, secret)
    shown = f"[{host}]" if ":" in host else host
    say(f"http://{shown}:{port}/{f'?token={secret}' if secret else ''}")
    say("ctrl-c ends it; runs go on.")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # an app that has ended must not take the others along
    server.serve()
