"""The app in a browser: textual-serve's server, behind a door.

Whoever reaches the page can start processes as the user. So it listens on loopback; a page of another origin cannot
open the websocket, a name that was pointed at this machine is not answered, and where a token is set, nothing is given
without it.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import shlex
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.server import Server

from tui_lab.processes import module_command

# What is started by a page is ended by the server: ctrl-c in its terminal would stop an app amid its imports
DEAF_TO_CTRL_C = "trap '' INT; exec "
LOOPBACK = ("127.0.0.1", "::1", "localhost")
FOREIGN_FONT = re.compile(r"<link[^>]*googleapis[^>]*>")  # the page must not need another machine
PAGE_HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",  # inside another page, its clicks could be the user's
    "Referrer-Policy": "no-referrer",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LabServer(Server):
    """Serves `tui-lab ARGUMENTS`.

    Args:
        arguments: of the root command, such as --home.
        host: address to listen on.
        port: to listen on.
        token: what every request must bring; empty for none.
    """

    def __init__(self, arguments: list[str], host: str, port: int, token: str = "") -> None:
        command = shlex.join([*module_command("tui_lab"), *arguments])
        super().__init__(DEAF_TO_CTRL_C + command, host, port, title="tui_lab")
        self._token = token
        self._pages: set[asyncio.Task[Any]] = set()  # that are open in a browser
        self.cookie = f"tui-lab-token-{port}"  # browsers keep one jar for all ports of a host

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._door())
        return app

    def initialize_logging(self) -> None:
        """Only what goes wrong, on stderr: a log of requests would repeat the token."""
        logging.basicConfig(level=logging.WARNING, format="%(message)s")

    async def on_startup(self, app: web.Application) -> None:
        """Says nothing: the command has said where the page is."""

    async def on_shutdown(self, app: web.Application) -> None:
        """Let the apps of all pages leave; aiohttp would wait a minute for the browsers to go away."""
        for page in self._pages:
            page.cancel()
        await asyncio.gather(*self._pages, return_exceptions=True)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        page = asyncio.current_task()
        assert page is not None
        self._pages.add(page)
        page.add_done_callback(self._pages.discard)
        response: web.WebSocketResponse = await super().handle_websocket(request)
        return response

    def _door(self) -> Any:
        @web.middleware
        async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
            self._check_origin(request)
            if self._check_token(request):
                raise self._with_cookie(request)
            self.public_url = f"{request.scheme}://{request.host}"  # however the browser reached it, a tunnel for one
            response = await handler(request)
            if isinstance(response, web.Response) and response.content_type == "text/html" and response.text:
                response.text = FOREIGN_FONT.sub("", response.text)
                response.headers.update(PAGE_HEADERS)
            return response

        return door

    def _check_origin(self, request: web.Request) -> None:
        """A page of another site, or a name that leads here by design of somebody else, is turned away."""
        origin = request.headers.get("Origin")
        if origin and urlsplit(origin).netloc != request.host:
            raise web.HTTPForbidden(text="Requests from another page are not answered.")
        if not self._token and _name_of(request.host) not in LOOPBACK:
            raise web.HTTPForbidden(text="Without a token, only this machine's own names are answered.")

    def _check_token(self, request: web.Request) -> bool:
        """Whether the address carries the token, and the cookie does not yet. Raises HTTPForbidden without either."""
        if not self._token:
            return False
        given, kept = request.query.get("token", ""), request.cookies.get(self.cookie, "")
        if hmac.compare_digest(kept.encode(), self._token.encode()):
            return False
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return True
        raise web.HTTPForbidden(text="The address must end with ?token=, and the token that tui-lab serve has shown.")

    def _with_cookie(self, request: web.Request) -> web.HTTPSeeOther:
        """To the same page, with the token in a cookie instead of the address, which is shown and remembered."""
        query = {name: value for name, value in request.query.items() if name != "token"}
        there = web.HTTPSeeOther(request.rel_url.with_query(query))
        there.set_cookie(self.cookie, self._token, httponly=True, samesite="Strict")
        return there


def _name_of(host: str) -> str:
    """The name in a Host header, without the port; empty for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
