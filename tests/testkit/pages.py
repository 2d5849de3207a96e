"""A real web server on loopback whose pages a test writes itself, for a browser to visit: well-behaved or not."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_BETWEEN_DRIPS = 0.05


class Gone(Exception):
    """Who was to be answered has hung up."""


class Wire:
    """A connection whose request was read: whatever is to be answered is written here, byte by byte."""

    def __init__(self, transport: asyncio.Transport, leaving: asyncio.Event) -> None:
        self._transport = transport
        self._leaving = leaving

    def send(self, data: str | bytes) -> None:
        if self._transport.is_closing():
            raise Gone
        self._transport.write(data.encode() if isinstance(data, str) else data)

    async def drip(self, data: str | bytes) -> None:
        """The same piece again and again, until the server stops."""
        while not self._leaving.is_set():
            self.send(data)
            await asyncio.sleep(_BETWEEN_DRIPS)

    async def stall(self) -> None:
        """Nothing more, and no end either, until the server stops."""
        await self._leaving.wait()

    async def reset(self) -> None:
        """RST instead of FIN, once what was sent has had its time to arrive."""
        await asyncio.sleep(_BETWEEN_DRIPS)
        plug: socket.socket = self._transport.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


class PageServer:
    """Serves what was put at a path; anything else is 404. `async with` starts and stops it on a free port."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._runner: web.ServerRunner | None = None
        self.port = 0
        self.hits: Counter[str] = Counter()
        self.requests: list[web.BaseRequest] = []
        self._leaving = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        address = self._runner.addresses[0]
        assert isinstance(address, tuple)
        self.port = address[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        self._leaving.set()
        await self._runner.cleanup()

    @property
    def host_port(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host_port}{path}"

    def page(
        self,
        path: str,
        body: str,
        *,
        title: str = "A shop",
        head: str = "",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> str:
        """An HTML page; returns its URL."""
        html = (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width">{head}</head><body>{body}</body></html>'
        )
        return self.document(path, html, status=status, headers=headers)

    def document(
        self,
        path: str,
        content: str | bytes,
        *,
        content_type: str = "text/html",
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> str:
        data = content.encode() if isinstance(content, str) else content

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=data, content_type=content_type, charset="utf-8", status=status, headers=headers)

        return self.handler(path, answer)

    def raw_document(self, path: str, data: bytes, headers: dict[str, str]) -> str:
        """These bytes under exactly these headers."""

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=data, headers=headers)

        return self.handler(path, answer)

    def redirect(self, path: str, target: str, *, status: int = 302) -> str:
        return self.document(path, "", status=status, headers={"Location": target})

    def in_turn(self, path: str, *handlers: Handler) -> str:
        """The first hit gets the first handler, and so on; the last one stays."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return await handlers[min(self.hits[path], len(handlers)) - 1](request)

        return self.handler(path, answer)

    def served(self, path: str) -> Handler:
        """What was put at a path, to be put elsewhere."""
        return self._handlers[path]

    def silence(self, path: str) -> str:
        """Accepts the request and never answers, until the server stops."""

        async def answer(_: web.Request) -> web.StreamResponse:
            await self._leaving.wait()
            return web.Response(status=503)

        return self.handler(path, answer)

    def wire(self, path: str, script: Callable[[Wire], Awaitable[None]]) -> str:
        """Answers with what the script writes to the connection, and closes it."""

        async def answer(request: web.Request) -> web.StreamResponse:
            assert isinstance(request.transport, asyncio.Transport)
            with suppress(Gone):
                await script(Wire(request.transport, self._leaving))
            if request.transport is not None:
                request.transport.close()
            return web.Response()

        return self.handler(path, answer)

    def handler(self, path: str, handler: Handler) -> str:
        self._handlers[path] = handler
        return self.url(path)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.hits[request.path] += 1
        self.requests.append(request)
        handler = self._handlers.get(request.path)
        if handler is None:
            return web.Response(status=404, text="not found")
        return await handler(request)  # type: ignore[arg-type]
